"""Lines on standard error: errors, hints and notices."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar

from attncli.languages import DEFAULT, say_in
from attncli.said import Said
from attncli.text import visible

# Characters of a line, and where what is too much is left out: a name may be a megabyte, and its end is telling too.
MOST = 500
START = 300
# The language of notices: one for all that a command does, as standard error is one. Errors and hints are English.
SPOKEN = ContextVar("SPOKEN", default=DEFAULT)


def notice(text: str) -> None:
    """Print a notice on standard error."""
    complain(say_in(SPOKEN.get(), Said("attn: notice: {text}", text=text)))


def complain(line: str) -> None:
    """Print a line on standard error, if it can be written to; what would break it, or the terminal, is escaped."""
    try:
        print(shortened(visible(line)), file=sys.stderr, flush=True)
    except OSError:  # full or closed; the program need not fail for that
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def shortened(line: str) -> str:
    """Leave out the middle of a line of more than `MOST` characters.

    >>> shortened("short"), len(shortened("n" * 1_000_000))
    ('short', 500)
    """
    return line if len(line) <= MOST else f"{line[:START]}…{line[START + 1 - MOST :]}"
