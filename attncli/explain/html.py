"""Explanations as HTML: every text escaped, tables with the colours of the heat maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from attncli.explain.blocks import Block, Drawing, Formula, Points, Table, Working
from attncli.show import heat
from attncli.show.blocks import Heading, Paragraph
from attncli.show.html import text
from attncli.show.lines import bound
from attncli.show.plain import columns_of
from attncli.show.tables import GAP, Grid, Texts, fit_columns
from attncli.show.view import View

# Wider tables, in characters, leave out their middle columns; the page scrolls sideways.
WIDTH = 200
# Paper does not scroll: there a table is cut into parts that fit. In pixels: a sheet of A4 without its margins, a
# character of a table, and what is blank in a cell.
SHEET, CHARACTER, BLANK = 660, 8, 16


def lesson(blocks: Iterable[Block], view: View) -> str:
    """Return an explanation as a section of a page."""
    return '<section class="lesson">\n' + "\n".join(_html(block, view) for block in blocks) + "\n</section>"


def _html(block: Block, view: View) -> str:
    match block:
        case Heading(content, level):
            return f"<h{level}>{text(content)}</h{level}>"
        case Paragraph(content):
            return f"<p>{text(bound(content))}</p>"
        case Formula(content):
            return f'<p class="formula">{text(bound(content))}</p>'
        case Working(lines):
            return '<ul class="working">' + _items(lines) + "</ul>"
        case Table(title, grid):
            return f'<p class="soft">{text(title)}</p>\n{table(grid, view)}'
        case Drawing(title, lines):
            return f'<p class="soft">{text(title)}</p>\n<pre>{chr(10).join(map(text, lines))}</pre>'
        case Points(title, points):
            return f"<p><strong>{text(title)}</strong></p>\n<ul>{_items(points)}</ul>"


def _items(lines: Sequence[str]) -> str:
    return "".join(f"<li>{text(bound(line))}</li>" for line in lines)


def table(grid: Grid, view: View) -> str:
    """Return a grid as a table; the marked element has a frame. What is too wide for paper is there in parts, too."""
    marker = "\N{NO-BREAK SPACE}{}"  # marks the cell here, and is taken off again below
    texts = fit_columns(grid, view.digits, WIDTH, view.most_columns(grid.numbers.shape[1]), marker)
    colors, parts = _colors(grid, texts), list(_parts(texts))
    whole = _part(texts, colors, range(len(texts.head)))
    if len(parts) == 1:
        return whole
    cut = "\n".join(_part(texts, colors, part) for part in parts)
    return f'<div class="screen">{whole}</div>\n<div class="print">{cut}</div>'


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
    shown = [at for at, name in enumerate(texts.head) if name != GAP or not texts.columns.gaps]
    lines = [at for at, name in enumerate(texts.side) if name != GAP or not grid.rows.gaps]
    for row, line in enumerate(lines):
        for column, index in zip(shown, texts.columns.indices.tolist(), strict=False):
            color = heat.background(float(grid.numbers[row, index]) / most)
            if color is not None:
                found[line, column] = f"background:rgb{color};color:{heat.foreground(color)}"
    return found
