"""Explanations as HTML: every text escaped, tables with the colours of the heat maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attncli.explain.blocks import Block, Drawing, Formula, Points, Table, Working
from attncli.show.blocks import Heading, Paragraph
from attncli.show.html import text
from attncli.show.html_tables import in_parts
from attncli.show.lines import bound
from attncli.show.tables import Grid
from attncli.show.view import View


def lesson(blocks: Iterable[Block], view: View, table: Callable[[Grid, View], str] = in_parts) -> str:
    """Return an explanation as a section of a page.

    Args:
        blocks: what is said.
        view: how much tables show.
        table: writes a matrix.
    """
    return '<section class="lesson">\n' + "\n".join(_html(block, view, table) for block in blocks) + "\n</section>"


def _html(block: Block, view: View, table: Callable[[Grid, View], str]) -> str:
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
