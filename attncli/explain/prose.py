"""Explanations on a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attncli.explain.blocks import Block, Drawing, Formula, Points, Table, Working
from attncli.show import markdown
from attncli.show.blocks import Heading, Paragraph, joined
from attncli.show.lines import print_lines
from attncli.show.plain import PlainConsole, print_pieces
from attncli.show.tables import print_grid
from attncli.show.view import View

if TYPE_CHECKING:
    from rich.console import Console


def to_terminal(blocks: Iterable[Block], view: View, console: Console | PlainConsole) -> None:
    """Print an explanation."""
    for number, block in enumerate(blocks):
        if number and not isinstance(block, Working):
            console.print()
        _print(block, view, console)


def _print(block: Block, view: View, console: Console | PlainConsole) -> None:
    """Print one block."""

    def say(content: str, **how: str) -> None:
        print_lines(joined(content), view.screen, console, **how)

    match block:
        case Heading(content, level):
            say(content, style="bold" if level == 1 else "bold cyan")
        case Paragraph(content):
            say(content)
        case Formula(content):
            say(content, style="bold", first="    ")
        case Working(lines):
            for line in lines:
                say(line, style="green", first="    ", rest="      ")
        case Table(title, grid):
            say(title, style="dim")
            print_grid(grid, view.screen, console, view.digits, view.most_columns(grid.numbers.shape[1]))
        case Drawing(title, lines):
            say(title, style="dim")
            for line in lines:
                print_pieces([(line, "")], console)
        case Points(title, points):
            say(title, style="bold")
            for point in points:
                say(point, first="  - ", rest="    ")


def to_markdown(blocks: Iterable[Block], view: View) -> str:
    """Return an explanation as Markdown to be pasted into notes, formulas between dollar signs."""
    return "\n\n".join(_markdown(block, view) for block in blocks) + "\n"


def _markdown(block: Block, view: View) -> str:
    match block:
        case Heading(content, level):
            return "#" * level + " " + _text(content)
        case Paragraph(content):
            return _text(content)
        case Formula(_, tex):
            return f"${tex}$"
        case Working(lines):
            return "\n".join(f"- {_text(line)}" for line in lines)
        case Table(title, grid):
            most = view.most_columns(grid.numbers.shape[1])
            return f"*{_text(title)}*\n\n" + markdown.table(grid, view.digits, most).rstrip()
        case Drawing(title, lines):
            return f"*{_text(title)}*\n\n" + "\n".join(["```text", *lines, "```"])
        case Points(title, points):
            return f"**{_text(title)}**\n\n" + "\n".join(f"- {_text(each)}" for each in points)


def _text(content: str) -> str:
    return markdown.escape(joined(content))
