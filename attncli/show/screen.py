"""The screen that results are shown on: its width, colours, characters and language."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from attncli.languages import DEFAULT, say_in
from attncli.show.plain import PlainConsole

if TYPE_CHECKING:
    from rich.console import Console

Color = Literal["auto", "always", "never"]

# Columns of a screen: those of one that is not known fit almost anywhere.
LEAST_WIDTH, USUAL_WIDTH, MOST_WIDTH = 20, 80, 10_000

# What stands for these characters on a terminal that has only ASCII.
PLAIN = {
    "─": "-",
    "−": "-",
    "∞": "inf",
    "×": "x",
    "√": "sqrt",
    "…": "..",
    "␣": "_",
    "·": "*",
    "→": "->",
    "Σ": "sum",
    "≈": "~",
    "—": "-",
    "–": "-",
    "α": "alpha",
    "δ": "delta",
    "∂": "d",
    "∘": ".*",
    "ᵢ": "_i",
    "ⱼ": "_j",
    "ₖ": "_k",
    "ᵀ": "^T",
    "²": "^2",
}


@dataclass(frozen=True)
class Screen:
    """Where standard output goes.

    Attributes:
        terminal: whether it is a terminal, and not a pipe or a file.
        width: columns.
        color: whether escape sequences for colours may be written.
        unicode: whether it can show more than ASCII.
        lang: the language of those who read it.
    """

    terminal: bool
    width: int
    color: bool
    unicode: bool
    lang: str = DEFAULT

    @classmethod
    def of_stdout(cls, color: Color = "auto", width: int | None = None, lang: str = DEFAULT) -> Screen:
        """Look at standard output and the environment (NO_COLOR, FORCE_COLOR, COLUMNS, TERM).

        Args:
            color: whether to use colours.
            width: columns; None: COLUMNS, or those of the terminal, which may be behind a pipe.
            lang: one of the languages.
        """
        terminal = sys.stdout.isatty()
        encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
        return cls(
            terminal=terminal,
            width=min(max(LEAST_WIDTH, width or _columns()), MOST_WIDTH),
            color=_wants_color(color, terminal),
            unicode=encoding.startswith("utf"),
            lang=lang,
        )

    def console(self) -> Console:
        """Return a Rich console for this screen that takes no text for markup."""
        from rich.console import Console

        return Console(
            width=self.width,
            height=25,  # without a height, Rich assumes 80 columns for dumb terminals
            color_system="auto" if self.color else None,
            force_terminal=self.color,
            no_color=not self.color,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
            soft_wrap=False,
            safe_box=not self.unicode,
        )

    def line_console(self) -> Console | PlainConsole:
        """Return a console for lines alone, as tables of numbers are; without colours it needs no Rich."""
        return self.console() if self.color else PlainConsole(sys.stdout.write)

    def say(self, text: str) -> str:
        """Return the text in the language of the screen, if it is `attncli.said.Said`; else as it is."""
        return say_in(self.lang, text)

    def write(self, text: str) -> str:
        """Return the text in characters that this screen has."""
        if self.unicode:
            return text
        for fine, plain in PLAIN.items():
            text = text.replace(fine, plain)
        return text


def _columns() -> int:
    """Return the width of what shows standard output: COLUMNS, its terminal, or that behind the pipe, as of a pager."""
    piped = sys.stdout is not None and _is_pipe(sys.stdout)
    return shutil.get_terminal_size((_behind_the_pipe() if piped else USUAL_WIDTH, 24)).columns


def _is_pipe(stream: TextIO) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # no file, but something that stands in for one
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _behind_the_pipe() -> int:
    for stream in (sys.stderr, sys.stdin):
        try:
            return os.get_terminal_size(stream.fileno()).columns
        except (AttributeError, OSError, ValueError):  # closed, or no terminal
            continue
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:  # noqa: PTH123
            return os.get_terminal_size(terminal.fileno()).columns
    except OSError:
        return USUAL_WIDTH


def _wants_color(color: Color, terminal: bool) -> bool:
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return os.environ["FORCE_COLOR"] != "0"
    return terminal and os.environ.get("TERM") != "dumb"
