"""Lines of text without colours, printed without Rich, which takes longer to load than a small table to compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class PlainConsole:
    """The part of a Rich console that lines without colours need.

    Args:
        write: what takes them.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write

    def print(self, line: object = "", **how: object) -> None:
        """Print one line; how Rich would fit it to the screen does not matter to text that fits."""
        self.write(f"{line}\n")


def print_pieces(pieces: Iterable[tuple[str, str]], console: Console | PlainConsole, *, trimmed: bool = False) -> None:
    """Print one line, made of pieces of text with their styles.

    Args:
        pieces: text and style of each; the style may be empty.
        console: where to.
        trimmed: whether blanks at the end are left out.
    """
    if isinstance(console, PlainConsole):
        line = "".join(text for text, _ in pieces)
        console.print(line.rstrip() if trimmed else line)
        return
    from rich.text import Text

    styled = Text()
    for text, style in pieces:
        styled.append(text, style or None)
    if trimmed:
        styled.rstrip()
    console.print(styled, no_wrap=True, overflow="ignore", crop=False)


def columns_of(text: str) -> int:
    """Return how many columns of a screen a text takes.

    >>> columns_of("key"), columns_of("键")
    (3, 2)
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
