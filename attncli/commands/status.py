"""Exit statuses, and how to handle a closed pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class Exit(IntEnum):
    """The exit statuses; a signal that ends the program adds its number to 128."""

    DONE = 0
    DIFFERENT = 1
    WRONG = 2


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Let a closed pipe, as with ``| head``, end the output quietly without ending the program."""
    try:
        yield
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # Rich and Typer turn a closed pipe into SystemExit.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        forget_output()


def forget_output() -> None:
    """Discard buffered output; otherwise the interpreter would fail again when flushing it at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
