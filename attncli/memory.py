"""The memory that is available: what the machine has free, and what the limits of this process leave of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from attncli import cgroups
from attncli.errors import InputError

# What takes no more than this is not asked about: the interpreter itself takes as much.
LITTLE = 1 << 26


def require(needed: int, what: str, hint: str) -> None:
    """Refuse work that would not fit into memory, before it is begun.

    Args:
        needed: bytes, as a rule those that `attncli.problem.estimate` reckons.
        what: the work, for the message.
        hint: what to do instead.

    Raises:
        InputError: with both numbers.
    """
    if needed <= LITTLE:
        return
    free = available_memory()
    if needed > free:
        raise InputError(f"{what}; {size(needed)} of memory are needed, {size(free)} are available", hint=hint)


def size(count: int) -> str:
    """Write a number of bytes for people.

    >>> size(4_600_000), size(2_310_000_000)
    ('4.6 MB', '2.3 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def available_memory() -> int:
    """Return the number of bytes that this process may still allocate."""
    return max(0, min([_free(), *_left_of_limits(), *cgroups.left()]))


def _free() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):  # not Linux: use the total
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 1 << 62


def _left_of_limits() -> Iterator[int]:
    """Yield what `ulimit` leaves: of the address space, and of the part of it that is data."""
    try:
        import resource
    except ImportError:
        return
    for limit, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY:
            yield most - _taken(field)


def _taken(field: int) -> int:
    """Return how many bytes a field of Linux's statm says that this process takes; 0 on other systems."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[field])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
