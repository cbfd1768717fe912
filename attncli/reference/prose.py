"""Pages of the reference on a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from attncli.reference.blocks import Block, Code, Item, Table
from attncli.show import markdown
from attncli.show.blocks import Heading, Paragraph
from attncli.show.lines import print_lines
from attncli.show.records import print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen


def to_terminal(page: Iterable[Block], screen: Screen, console: Console) -> None:
    """Print a page."""
    for number, block in enumerate(page):
        if number:
            console.print()
        _print(block, screen, console)


def _print(block: Block, screen: Screen, console: Console) -> None:
    say = partial(print_lines, screen=screen, console=console)
    match block:
        case Heading(text, level):
            say(_bare(text), style="bold" if level == 1 else "bold cyan")
        case Paragraph(text):
            say(_bare(text))
        case Code(text):
            for line in text.splitlines():
                console.out(f"    {screen.write(line)}".rstrip(), style="green", highlight=False)
        case Table(headings, rows, folded):
            headings = tuple(map(_bare, headings))
            records = [dict(zip(headings, map(_bare, row), strict=True)) for row in rows]
            print_records(records, screen, console, folded=headings[folded])
        case Item(name, text, remarks):
            say(_bare(name), style="bold")
            say(_bare(text), first="    ")
            for word, remark in remarks:
                say(f"{word}{_bare(remark)}", style="green", first="    ", rest="      ")


def _bare(text: str) -> str:
    return text.replace("`", "")


def to_markdown(page: Iterable[Block]) -> str:
    """Return a page as Markdown."""
    return "\n\n".join(map(_markdown, page)) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return "#" * level + " " + markdown.spans(text)
        case Paragraph(text):
            return markdown.spans(text)
        case Code(text, language):
            return f"```{language}\n{text.rstrip()}\n```"
        case Table(headings, rows):
            kept = [at for at in range(len(headings)) if any(row[at] for row in rows)]
            return markdown.records([headings[at] for at in kept], [[row[at] for at in kept] for row in rows])
        case Item(name, text, remarks):
            lines = [f"**{markdown.spans(name)}**", markdown.spans(text)]
            return "  \n".join(lines + [_remark(word, markdown.spans(remark)) for word, remark in remarks])


def _remark(word: str, remark: str) -> str:
    """Return a remark after its word; the colon, with or without a blank, is not part of the emphasis."""
    head = word.rstrip(":： ")
    return f"*{head}*{word[len(head) :]}{remark}"
