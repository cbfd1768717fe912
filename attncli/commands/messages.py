"""What goes to standard error: errors, hints and notices, one line each."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attncli.text import visible

# A bar is worth its ink when the work takes longer than this, in seconds.
LONG = 1.0


def complain(line: str) -> None:
    """Print a line on standard error, if there is anybody to read it."""
    try:
        print(visible(" ".join(line.splitlines())), file=sys.stderr, flush=True)
    except OSError:  # full, or closed; what the program does does not depend on it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


@contextmanager
def progress_bar() -> Iterator[Callable[[float], None] | None]:
    """Return what shows how far a computation is, on a terminal only and only if it will take long."""
    if not sys.stderr.isatty():
        yield None
        return
    began = time.monotonic()
    bars: list[tuple[Any, Any]] = []

    def show(done: float) -> None:
        passed = time.monotonic() - began
        if not bars and 0 < done < 1 and passed / done > LONG:
            bars.append(_start_bar())
        for bar, task in bars:
            bar.update(task, completed=done)

    try:
        yield show
    finally:
        for bar, _ in bars:
            bar.stop()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on a terminal what takes its time, as long as it does."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(visible(f"{what} …"))):
        yield


def _start_bar() -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = (BarColumn(bar_width=None), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=1.0)
    bar.start()
    return bar, task
