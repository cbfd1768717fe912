"""Matrices as HTML: every text escaped, with the colours of the heat maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from attncli.show import heat
from attncli.show.html import text
from attncli.show.plain import columns_of
from attncli.show.tables import Grid, Texts, fit_columns, shifted
from attncli.show.view import View

# Wider tables, in characters, leave out their middle columns; the page scrolls sideways.
WIDTH = 200
# Paper does not scroll: there a table is cut into parts that fit. In pixels: a sheet of A4 without its margins, a
# character of a table, and what is blank in a cell.
SHEET, CHARACTER, BLANK = 660, 8, 16


def table(grid: Grid, view: View, width: int = WIDTH) -> str:
    """Return a grid as a table; the marked element has a frame.

    Args:
        grid: the numbers.
        view: how much of them is shown.
        width: so many characters fit beside each other.
    """
    texts = _texts(grid, view, width)
    return _part(texts, _colors(grid, texts), range(len(texts.head)))


def in_parts(grid: Grid, view: View) -> str:
    """Return a grid as a table; what is too wide for paper is there once more in parts, and only these are printed."""
    texts = _texts(grid, view, WIDTH)
    colors, parts = _colors(grid, texts), list(_parts(texts))
    whole = _part(texts, colors, range(len(texts.head)))
    if len(parts) == 1:
        return whole
    cut = "\n".join(_part(texts, colors, part) for part in parts)
    return f'<div class="screen">{whole}</div>\n<div class="print">{cut}</div>'


def _texts(grid: Grid, view: View, width: int) -> Texts:
    marker = "\N{NO-BREAK SPACE}{}"  # marks the cell here, and is taken off again below
    return fit_columns(grid, view.digits, width, view.most_columns(grid.numbers.shape[1]), marker)


def _parts(texts: Texts) -> Iterator[range]:
    """Yield the columns that stand side by side on paper, beside the names of the rows."""
    side, *widths = (
        max(map(columns_of, column)) * CHARACTER + BLANK
        for column in (["", *texts.side], *map(list, zip(texts.head, *texts.body, strict=True)))
    )
    start, taken = 0, side
    for at, width in enumerate(widths):
        if at > start and taken + width > SHEET:
            yield range(start, at)
            start, taken = at, side
        taken += width
    yield range(start, len(widths))


def _part(texts: Texts, colors: Mapping[tuple[int, int], str], columns: range) -> str:
    """Return some columns as a table."""
    head = "".join(f'<th dir="auto">{text(name)}</th>' for name in ("", *(texts.head[at] for at in columns)))
    rows = []
    for at, (side, cells) in enumerate(zip(texts.side, texts.body, strict=True)):
        line = [f'<th dir="auto">{text(side)}</th>']
        for column in columns:
            cell = cells[column]
            marked = ' class="mark"' if cell.startswith("\N{NO-BREAK SPACE}") else ""
            style = f' style="{colors[at, column]}"' if (at, column) in colors else ""
            line.append(f"<td{marked}{style}>{text(cell.strip())}</td>")
        rows.append(f"<tr>{''.join(line)}</tr>")
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _colors(grid: Grid, texts: Texts) -> dict[tuple[int, int], str]:
    """Return the style of each coloured cell by its place in the table, where gaps take places too."""
    if not grid.heated:
        return {}
    most = float(np.nanmax(np.where(np.isfinite(grid.numbers), grid.numbers, np.nan), initial=0.0)) or 1.0
    found = {}
    for row, line in enumerate(grid.numbers[:, texts.columns.indices].tolist()):
        for column, number in enumerate(line):
            color = heat.background(float(number) / most)
            if color is not None:
                place = (shifted(row, grid.rows.gaps), shifted(column, texts.columns.gaps))
                found[place] = f"background:rgb{color};color:{heat.foreground(color)}"
    return found
