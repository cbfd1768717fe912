"""Matrices as tables for a terminal, with labels, gaps and a heat map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.show import heat
from attncli.show.numbers import cells, labels_or_indices
from attncli.show.plain import PlainConsole, columns_of, print_pieces
from attncli.show.window import Axis, around, ends

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.show.screen import Screen

# A line: its texts, each with its style, which may be empty.
Pieces = list[tuple[str, str]]
# No terminal has room for more columns than this; more need not be written to be measured.
MOST_COLUMNS = 200
GAP = "…"


@dataclass(frozen=True, eq=False)
class Grid:
    """A matrix to show.

    Attributes:
        numbers: (shown rows, all columns).
        rows: which of all rows are shown.
        row_labels: labels of all rows.
        column_labels: labels of all columns.
        heated: whether the background of a cell shows how large its number is.
        peak: the number that has the last colour; None: the largest that is shown.
        mark: the row and column of one element to point at.
        gaps: whether NaN is no number but a cell that is left empty.
        narrow: whether tiny numbers have a single digit, so that they take no more room than the others.
    """

    numbers: NDArray[Any]
    rows: Axis
    row_labels: Sequence[str] | None = None
    column_labels: Sequence[str] | None = None
    heated: bool = False
    mark: tuple[int, int] | None = None
    gaps: bool = False
    narrow: bool = False
    peak: float | None = None


@dataclass(frozen=True)
class Texts:
    """A grid as texts, from which every kind of table is made, coloured or not."""

    head: list[str]
    side: list[str]
    body: list[list[str]]
    columns: Axis


def as_texts(grid: Grid, digits: int, columns: Axis, marker: str) -> Texts:
    """Write the chosen columns of a grid; what is left out becomes a column or a row of dots.

    If not all columns are shown, tiny numbers are kept short, so that more columns fit.
    """
    body = cells(grid.numbers[:, columns.indices], digits, narrow=grid.narrow or bool(columns.gaps))
    if grid.gaps:
        body = [
            ["" if np.isnan(value) else text for text, value in zip(line, row, strict=True)]
            for line, row in zip(body, grid.numbers[:, columns.indices], strict=True)
        ]
    head = labels_or_indices(grid.column_labels, columns.indices.tolist())
    side = labels_or_indices(grid.row_labels, grid.rows.indices.tolist())
    if grid.mark is not None:
        row, column = (grid.rows.indices.tolist().index(grid.mark[0]), columns.indices.tolist().index(grid.mark[1]))
        body[row][column] = marker.format(body[row][column])
    # From the last gap to the first, so that inserting one does not move those still to come.
    for gap in reversed(columns.gaps):
        for line in (head, *body):
            line.insert(gap, GAP)
    for gap in reversed(grid.rows.gaps):
        side.insert(gap, GAP)
        body.insert(gap, [GAP] * len(head))
    return Texts(head, side, body, columns)


def fit_columns(grid: Grid, digits: int, width: int, most: int | None, marker: str = "[{}]") -> Texts:
    """Write as many columns as fit the width, or exactly ``most``; the marker goes around the marked element."""
    total = grid.numbers.shape[1]
    count = min(total, most or MOST_COLUMNS)
    while True:
        columns = ends(total, count) if grid.mark is None else around(total, count, grid.mark[1])
        texts = as_texts(grid, digits, columns, marker)
        if most is not None or count <= 2 or sum(widths_of(texts)) <= width:
            return texts
        count = max(2, min(count - 1, count * width // sum(widths_of(texts))))


def widths_of(texts: Texts) -> list[int]:
    """Return the width of each column including its blanks, the row labels first."""
    columns = [texts.side, *zip(texts.head, *texts.body, strict=True)]
    return [max(map(columns_of, column)) + 2 for column in columns]


def print_grid(grid: Grid, screen: Screen, console: Console | PlainConsole, digits: int, most: int | None) -> None:
    """Print a grid as a table that fits the screen, or as wide as the columns that were asked for."""
    texts = written(fit_columns(grid, digits, screen.width, most), screen)
    for line in lines_of(grid, texts, screen, console):
        print_pieces(line, console, trimmed=not screen.color)


def lines_of(grid: Grid, texts: Texts, screen: Screen, console: Console | PlainConsole) -> Iterator[Pieces]:
    """Return the lines of a table, all equally wide, as pieces of text with their styles.

    Args:
        grid: the numbers.
        texts: the same as they are written on this screen.
        screen: where they are shown.
        console: likewise; a plain one has no colours.
    """
    styles = {} if isinstance(console, PlainConsole) else _styles(grid, texts, console.color_system)
    side, *widths = widths_of(texts)

    def line(name: str, cells: Iterable[str], cell_styles: Iterable[str], style: str = "") -> Pieces:
        # The blanks belong to the cells, so that the colours of neighbours touch.
        pieces = [(f" {name}" + " " * (side - 1 - columns_of(name)), "bold")]
        for cell, width, cell_style in zip(cells, widths, cell_styles, strict=True):
            pieces.append((" " * (width - 1 - columns_of(cell)) + f"{cell} ", cell_style or style))
        return pieces

    yield line("", texts.head, [""] * len(widths), "bold")
    yield [(screen.write("─") * (side + sum(widths)), "dim")]
    for i, (name, row) in enumerate(zip(texts.side, texts.body, strict=True)):
        yield line(name, row, [styles.get((i, j), "") for j in range(len(row))])


def written(texts: Texts, screen: Screen) -> Texts:
    """Return the texts in characters that this screen has."""
    return replace(
        texts,
        head=[screen.write(each) for each in texts.head],
        side=[screen.write(each) for each in texts.side],
        body=[[screen.write(each) for each in line] for line in texts.body],
    )


def _styles(grid: Grid, texts: Texts, system: str | None) -> dict[tuple[int, int], str]:
    """Return the style of each cell by its place among the texts, where gaps take places too."""
    styles: dict[tuple[int, int], str] = {}
    shown = grid.numbers[:, texts.columns.indices].astype(np.float64)
    finite = shown[np.isfinite(shown)]
    largest = grid.peak if grid.peak is not None else float(finite.max()) if finite.size else 0.0
    for (i, j), value in np.ndenumerate(shown):
        place = (shifted(i, grid.rows.gaps), shifted(j, texts.columns.gaps))
        if not np.isfinite(value) or value == 0:
            styles[place] = "dim"
        elif grid.heated and largest > 0 and value / largest >= heat.FAINT:
            name, color = heat.paint(float(value / largest), system)
            styles[place] = f"{heat.foreground(color)} on {name}"
        if grid.mark is not None and (int(grid.rows.indices[i]), int(texts.columns.indices[j])) == grid.mark:
            styles[place] = "bold " + styles.get(place, "reverse")
    return styles


def shifted(index: int, gaps: Sequence[int]) -> int:
    """Return the place of what is shown as the row or column of this index, where gaps take places too."""
    return index + sum(gap <= index for gap in gaps)
