"""Text broken into the lines of a screen, where its language allows it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attncli.show.plain import PlainConsole, columns_of, print_pieces
from attncli.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

# Chinese may break between any two characters, but no line begins with a closing mark or ends with an opening one.
CLOSING = "，。；：、！？）》」』”’%)]"
OPENING = "（《「『“‘([−"
# These stand in formulas, and hold what is on either side of them together.
OPERATORS = "·×/^=√|_"
FIRST_WIDE = "\u2e80"
NO_BREAK = "\N{NO-BREAK SPACE}"
# Blanks within a formula: those of an index or a shape, [i, j] and (heads, L, E); of an argument, exp(a − b); after Σ.
# Each part is bounded, so that no text takes long.
BOUND = re.compile(
    r"[(\[][^()\[\]\s]{1,12}(?:, [^()\[\]\s]{1,12}){1,4}[)\]]"
    r"|(?<=[\w·])\([^()\s]{1,12}(?: [^()\s]{1,12}){1,4}\)"
    r"|(?<=·)\|[^|\s]{1,12}(?: [^|\s]{1,12}){1,4}\|"
    r"|[Σ∑]\S{0,4} \S"
)


def _pieces(text: str) -> Iterator[str]:
    """Cut a text wherever a line may end; the blanks after a piece belong to it."""
    start = 0
    whole = {at for found in BOUND.finditer(text) for at in range(found.start() + 1, found.end())}
    for at in range(1, len(text)):
        if at not in whole and _breaks(text[at - 1], text[at]):
            yield text[start:at]
            start = at
    yield text[start:]


def _breaks(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters: after a blank, or beside a Chinese one."""
    if after.isspace() or before.isspace():
        return not after.isspace() and before != NO_BREAK
    if not (_is_wide(before) or _is_wide(after)):
        return False
    held = before in OPENING + OPERATORS or after in CLOSING + OPERATORS
    return not held and not unicodedata.combining(after)


def _is_wide(character: str) -> bool:
    return FIRST_WIDE <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or "\uff00" <= character <= "\uffef"


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
    for piece in _pieces(text):
        if line.strip() and columns_of(start + line + piece.rstrip()) > width:
            yield (start + line).rstrip()
            line, start = "", rest
        line += piece if line else piece.lstrip()
    yield (start + line).rstrip()


def bound(text: str) -> str:
    """Return a text with no-break spaces where a line would break within a formula.

    >>> bound("weights[i, j] = a").replace(NO_BREAK, "~")
    'weights[i,~j] = a'
    """
    return BOUND.sub(lambda found: found[0].replace(" ", NO_BREAK), text)


def print_lines(
    text: str,
    screen: Screen,
    console: Console | PlainConsole,
    style: str = "",
    first: str = "",
    rest: str | None = None,
) -> None:
    """Print a text in the language and width of the screen, control characters escaped, in characters that it has."""
    written = screen.write(visible(screen.say(text)))
    for line in wrap(written, screen.width, first, first if rest is None else rest):
        print_pieces([(line, style)], console)
