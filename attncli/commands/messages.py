"""Lines on standard error: errors, hints and notices."""

from __future__ import annotations

import os
import sys

from attncli.text import visible


def notice(text: str) -> None:
    """Print a notice on standard error."""
    complain(f"attn: notice: {text}")


def complain(line: str) -> None:
    """Print a line on standard error, if it can be written to; what would break it, or the terminal, is escaped."""
    try:
        print(visible(line), file=sys.stderr, flush=True)
    except OSError:  # full or closed; the program need not fail for that
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
