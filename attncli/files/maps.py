"""Files that are mapped: they are read while they are computed with, and so must not change meanwhile."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from weakref import WeakKeyDictionary

from attncli.errors import InputError

Origins = WeakKeyDictionary[mmap.mmap, tuple[Path, os.stat_result]]

# The maps that are in use, each with the path of its file and what was known of that when it was mapped. They are those
# of the run that is under way; one process may run several commands, one after the other, or none.
_runs: list[Origins] = []


@contextmanager
def watched() -> Iterator[None]:
    """Watch the files that are mapped in this block.

    Raises:
        InputError: as `check_unchanged`, when the block ends without another error.
    """
    _runs.append(WeakKeyDictionary())
    try:
        yield
        check_unchanged()
    finally:
        _runs.pop()


def mapped(path: Path) -> memoryview:
    """Return the bytes of a file. What points into them keeps them alive; the file itself is closed again."""
    with path.open("rb") as stream:
        whole = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        watch(whole, path, stream)
    return memoryview(whole)


def watch(whole: mmap.mmap, path: Path, stream: IO[bytes]) -> None:
    """Remember what a map was made of: the file of this path, which is open."""
    for run in _runs[-1:]:
        run[whole] = path, os.fstat(stream.fileno())


def check_unchanged() -> None:
    """See whether all files that are mapped are as they were, so that what was computed of them holds.

    Raises:
        InputError: with the first that is not. One that was replaced or removed is kept by the system, and is.
    """
    for path, then in [each for run in _runs[-1:] for each in run.values()]:
        try:
            now = path.stat()
        except OSError:
            continue
        if os.path.samestat(then, now) and (then.st_size, then.st_mtime_ns) != (now.st_size, now.st_mtime_ns):
            hint = "inputs must stay as they are until attn is done"
            raise InputError("changed while it was read", place=str(path), hint=hint)
