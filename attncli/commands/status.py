"""Exit statuses, and what happens when the reader of the output leaves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class Exit(IntEnum):
    """What the exit status means."""

    DONE = 0
    DIFFERENT = 1
    WRONG = 2
    INTERRUPTED = 130


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Let a closed pipe end the output quietly, as with ``| head``, and not the program."""
    try:
        yield
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # Rich and Typer turn a closed pipe into an exit.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        forget_output()


def forget_output() -> None:
    """Drop what is still buffered, or the interpreter would fail on it once more when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
