"""Measure: interleaved in one process, medians, once all contestants agree."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.bench.contestants import Contestant
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How far apart two right answers may be, in units of the precision, since they add thousands of terms in other orders.
APART = 1e4
# Seconds that a contestant runs before it is timed, and again while it is timed.
WHILE = 0.05


@dataclass(frozen=True)
class Timing:
    """What one contestant took.

    Attributes:
        seconds: median of the rounds.
        rounds: the seconds of each round.
        spread: half of the interquartile range, as a share of the median.
        error: the largest difference from the first contestant's output; None if it makes another one.
        memory: bytes that the first run took at its peak; None if the system does not report it.
    """

    name: str
    seconds: float
    rounds: Sequence[float]
    spread: float
    error: float | None
    memory: int | None


def agree(found: Sequence[Contestant]) -> tuple[dict[str, float | None], dict[str, int | None]]:
    """Let each compute once; return how far each is from the first, and the memory that it took.

    Raises:
        InputError: one disagrees, so that timing it would mean nothing.
    """
    outputs: list[tuple[NDArray[Any], ...]] = []
    errors: dict[str, float | None] = {}
    memory: dict[str, int | None] = {}
    for each in found:
        # The first run counts: later ones may reuse its memory.
        memory[each.name] = peak_of(lambda each=each: outputs.append(as_tuple(each.run())))  # type: ignore[misc]
        output, first = outputs[-1], outputs[0]
        del outputs[1:]
        errors[each.name] = None if each.is_plain else difference(output, first)
        if not (errors[each.name] or 0) <= APART * float(np.finfo(first[0].dtype).eps):
            raise InputError(f"{each.name} does not agree: its output differs by {errors[each.name]:.1e}")
    return errors, memory


def as_tuple(made: NDArray[Any] | tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    """Return what a contestant made as several arrays, even if it is one."""
    return made if isinstance(made, tuple) else (made,)


def difference(some: tuple[NDArray[Any], ...], others: tuple[NDArray[Any], ...]) -> float:
    """Return the largest absolute difference."""
    return max(
        float(np.abs(np.asarray(one, np.float64).reshape(other.shape) - other).max())
        for one, other in zip(some, others, strict=True)
    )


def measure(found: Sequence[Contestant], limit: Callable[[], None], rounds: int) -> tuple[list[Timing], float]:
    """Time all contestants and the limit in turn, round after round.

    Returns:
        The timings, and the seconds of the limit.
    """
    errors, memory = agree(found)
    limit()
    seconds: dict[str, list[float]] = {each.name: [] for each in found}
    limits = []
    for _ in range(rounds):
        for each in found:
            seconds[each.name].append(timed(each.run))
        limits.append(timed(limit))
    timings = [
        Timing(name, median(took), took, spread(took), errors[name], memory[name]) for name, took in seconds.items()
    ]
    return timings, median(limits)


def timed(run: Callable[[], Any]) -> float:
    """Return how many seconds a run takes once warm.

    It first runs for a while: threads of the contestant before may still wait for work, and its data fills the caches.
    Then runs are repeated for the same while, and their median counts.
    """
    _repeat(run)
    return median(_repeat(run))


def _repeat(run: Callable[[], Any]) -> list[float]:
    seconds: list[float] = []
    while sum(seconds) < WHILE:
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return seconds


def spread(seconds: Sequence[float]) -> float:
    """Return half of the interquartile range, as a share of the median."""
    low, high = np.quantile(seconds, [0.25, 0.75])
    return float(high - low) / 2 / median(seconds)


def peak_of(run: Callable[[], Any]) -> int | None:
    """Return how many more bytes than before are resident at the peak of one run; None if that is not known."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # sets the peak to what is resident now
    before = _peak()
    run()
    after = _peak()
    return None if before is None or after is None else after - before


def _peak() -> int | None:
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
        return None if found is None else 1024 * int(found[1])
    return None
