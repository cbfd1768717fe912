"""What a terminal shows of work that takes its time: a bar, or a word that something is under way."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attncli.signals import Undoing
from attncli.text import visible

# Seconds that work must be expected to take before a bar is shown.
LONG = 1.0
# Takes the share of the work that is done.
Progress = Callable[[float], None]


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """Give a callback that shows the share of a computation that is done, on standard error.

    It is None if standard error is not a terminal. The bar appears only once the work is expected to take long.
    """
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

    def hide() -> None:
        if bars:
            _restore_line()

    try:
        with Undoing(hide):
            yield show
    finally:
        for bar, _ in bars:
            bar.stop()


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on standard error what is under way for as long as it lasts, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Undoing(_restore_line), Console(stderr=True).status(Text(visible(f"{what} …"))):
        yield


def part_of(progress: Progress | None, done: int, count: int) -> Progress | None:
    """Return a progress callback for one of ``count`` equal parts, of which ``done`` are finished."""
    return None if progress is None else lambda share: progress((done + share) / count)


def _restore_line() -> None:
    """Remove what is shown, and show the cursor again, when the program has no time for Rich."""
    os.write(sys.stderr.fileno(), b"\r\x1b[K\x1b[?25h")


def _start_bar() -> tuple[Any, Any]:
    import rich.progress
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TimeRemainingColumn

    columns = (BarColumn(bar_width=None), TaskProgressColumn(), TimeRemainingColumn())
    bar = rich.progress.Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=1.0)
    bar.start()
    return bar, task
