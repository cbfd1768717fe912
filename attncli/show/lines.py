"""Text broken into the lines of a screen, where its language allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from attncli.show.plain import PlainConsole, columns_of, print_pieces
from attncli.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

# Chinese may break between any two characters, but no line begins with a closing mark or ends with an opening one.
CLOSING = "，。；：、！？）》」』”’·%"
OPENING = "（《「『“‘"
FIRST_WIDE = "\u2e80"
WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
NARROW = re.compile(r"\s+|\S+")


@cache
def _wide() -> re.Pattern[str]:
    # Compiled only when needed: that takes longer than printing a table.
    return re.compile(rf"[{OPENING}]*(?![{OPENING}])[{WIDE}][{CLOSING}]*|[{OPENING}]*[^\s{WIDE}]+[{CLOSING}]*|\s+|.")


def wrap(text: str, width: int, first: str = "", rest: str = "") -> Iterator[str]:
    """Break a text into lines.

    Args:
        text: without line breaks.
        width: columns of the screen; a word wider than that gets a line of its own.
        first: put before the first line.
        rest: put before the others.

    Example:
        >>> list(wrap("one two three", 9, "- ", "  "))
        ['- one two', '  three']
    """
    line, start = "", first
    pieces = NARROW if max(text, default="") < FIRST_WIDE else _wide()
    for piece in pieces.findall(text):
        if line.strip() and columns_of(start + line + piece.rstrip()) > width:
            yield (start + line).rstrip()
            line, start = "", rest
        line += piece if line else piece.lstrip()
    yield (start + line).rstrip()


def print_lines(
    text: str,
    screen: Screen,
    console: Console | PlainConsole,
    style: str = "",
    first: str = "",
    rest: str | None = None,
) -> None:
    """Print a text in the width of the screen, control characters escaped and in characters that the screen has."""
    written = screen.write(visible(text))
    for line in wrap(written, screen.width, first, first if rest is None else rest):
        print_pieces([(line, style)], console)
