"""Explanations as HTML: every text escaped, tables with the colours of the heat maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from attncli.explain.blocks import Block, Drawing, Formula, Points, Table, Working
from attncli.show import heat
from attncli.show.blocks import Heading, Paragraph
from attncli.show.html import text
from attncli.show.lines import bound
from attncli.show.tables import GAP, Grid, Texts, fit_columns
from attncli.show.view import View

# Wider tables, in characters, leave out their middle columns; the page scrolls sideways.
WIDTH = 200


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
            return f'<p class="soft">{text(title)}</p>\n<pre>{text(chr(10).join(lines))}</pre>'
        case Points(title, points):
            return f"<p><strong>{text(title)}</strong></p>\n<ul>{_items(points)}</ul>"


def _items(lines: Sequence[str]) -> str:
    return "".join(f"<li>{text(bound(line))}</li>" for line in lines)


def table(grid: Grid, view: View) -> str:
    """Return a grid as a table; the marked element has a frame."""
    marker = "\N{NO-BREAK SPACE}{}"  # marks the cell here, and is taken off again below
    texts = fit_columns(grid, view.digits, WIDTH, view.most_columns(grid.numbers.shape[1]), marker)
    head = "".join(f'<th dir="auto">{text(name)}</th>' for name in ("", *texts.head))
    colors = _colors(grid, texts)
    rows = [f"<tr>{head}</tr>"]
    for at, (side, cells) in enumerate(zip(texts.side, texts.body, strict=True)):
        line = [f'<th dir="auto">{text(side)}</th>']
        for column, cell in enumerate(cells):
            marked = ' class="mark"' if cell.startswith("\N{NO-BREAK SPACE}") else ""
            style = f' style="{colors[at, column]}"' if (at, column) in colors else ""
            line.append(f"<td{marked}{style}>{text(cell.strip())}</td>")
        rows.append(f"<tr>{''.join(line)}</tr>")
    return "<table>\n" + "\n".join(rows) + "\n</table>"


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
