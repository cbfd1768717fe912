"""A plane of cells drawn with signs: a line for each query, and the ranges of its keys beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from attncli.mask.signs import Sign, Signs
from attncli.mask.survey import Survey
from attncli.show.axes import column_names, fitted
from attncli.show.numbers import label
from attncli.show.plain import columns_of, print_pieces

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.files.contents import Labels
    from attncli.show.plain import PlainConsole
    from attncli.show.screen import Screen

# The most rows that are drawn, columns of labels, and the least that ranges get.
MOST_ROWS, SIDE, BESIDE = 64, 16, 12
GAP = "   "
Cell = Callable[[int, int], Sign]


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is drawn.

    Attributes:
        survey: what was found in the plane.
        cell: the sign of a row and column of squares.
        labels: names of queries and keys, if there are any.
        heading: stands over the ranges.
        none: stands for ranges where there are none.
    """

    survey: Survey
    cell: Cell
    labels: Mapping[str, Labels]
    heading: str
    none: str


def room(screen: Screen, queries: int) -> tuple[int, int]:
    """Return how many rows and columns there is room for."""
    return min(queries, MOST_ROWS), max(4, screen.width - SIDE - BESIDE - len(GAP) - 1)


def draw(drawing: Drawing, screen: Screen, console: Console | PlainConsole) -> None:
    """Print the lines of a plane, under the names of its keys."""
    survey, signs = drawing.survey, Signs.of(screen)
    rows, columns = survey.shares.shape
    names = _names(drawing.labels.get("query_labels"), rows, survey.run[0], screen)
    side = min(SIDE, max(map(columns_of, names)))
    # A blank between the signs where there is room: then a square looks nearly square.
    width = 2 if side + 1 + 2 * columns + len(GAP) + BESIDE <= screen.width else 1
    margin = " " * (side + 1)
    left = screen.width - side - 1 - width * columns - len(GAP)
    above = list(column_names(_names(drawing.labels.get("key_labels"), columns, survey.run[1], screen), width))
    for at, line in enumerate(above or [""]):
        heading = GAP + drawing.heading if at + 1 == len(above or [""]) else ""
        pieces = [(margin + fitted(line.rstrip(), max(width * columns, columns_of(line.rstrip()))), "bold")]
        print_pieces([*pieces, (heading, "dim")], console, trimmed=True)
    for row in range(rows):
        pieces = [(fitted(names[row], side) + " ", "bold")]
        pieces += _joined(drawing.cell(row, column) for column in range(columns))
        if width == 2:
            pieces = [pieces[0], *((" ".join(text) + " ", style) for text, style in pieces[1:])]
        found = _ranges([signs.range(*each) for each in survey.ranges(row)], left, screen) or drawing.none
        print_pieces([*pieces, (GAP + found, "dim")], console, trimmed=True)


def _joined(signs: Iterator[Sign]) -> Iterator[Sign]:
    """Put neighbours of one style together."""
    for style, group in groupby(signs, key=lambda each: each[1]):
        yield "".join(text for text, _ in group), style


def _ranges(texts: Sequence[str], width: int, screen: Screen) -> str:
    """Return ranges side by side, as many as fit."""
    whole = ", ".join(texts)
    if len(whole) <= width:
        return whole
    more = screen.write("…")
    kept = [text for at, text in enumerate(texts) if len(", ".join(texts[: at + 1])) + 2 + len(more) <= width]
    return ", ".join([*kept, more])


def _names(labels: Labels | None, shown: int, run: int, screen: Screen) -> list[str]:
    """Return the labels of an axis, or the index at which each of its squares begins."""
    if labels is not None and run == 1:
        return [screen.write(label(each)) for each in labels]
    return [str(at * run) for at in range(shown)]
