"""Whether an observed error is what a kernel explains, in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from attncli.check.simulate.measure import Measured
from attncli.said import Said
from attncli.text import plain

# Rounding in another order gives another error of the same size: so many times that of the kernel is normal, …
NORMAL = 2.0
# …and so many times its largest, which scatters more.
NORMAL_LARGEST = 4.0
# Below this share of it the observed output is more precise than the kernel.
BETTER = 0.5
# Digits of a factor.
DIGITS = 2


@dataclass(frozen=True)
class Verdict:
    """How an observed error compares with that of a kernel.

    Attributes:
        times: the root mean square of the observed error, in units of that of the kernel.
        times_largest: its largest, likewise.
    """

    times: float
    times_largest: float

    @classmethod
    def of(cls, measured: Measured) -> Verdict:
        """Compare; an output must have been observed."""
        assert measured.observed is not None
        theirs, ours = measured.observed.error, measured.together
        return cls(_times(theirs.typical, ours.typical), _times(theirs.largest, ours.largest))

    @property
    def is_normal(self) -> bool:
        """Whether the kernel's rounding explains as large an error."""
        return self.times <= NORMAL and self.times_largest <= NORMAL_LARGEST

    def words(self) -> str:
        """Say it."""
        if not self.is_normal and self.times <= NORMAL:
            return Said(
                "your error is {times} times that of such a kernel, but the largest {largest} times: in some rows "
                "rounding like this does not explain it",
                times=_short(self.times),
                largest=_short(self.times_largest),
            )
        times = _short(self.times)
        if not self.is_normal:
            return Said(
                "your error is {times} times that of such a kernel: its rounding does not explain it", times=times
            )
        if self.times < BETTER:
            return Said("your error is {times} times that of such a kernel: yours is more precise", times=times)
        return Said("your error is {times} times that of such a kernel: normal for one", times=times)


def _times(theirs: float, ours: float) -> float:
    """Return how many times as large it is."""
    if math.isfinite(theirs) and math.isfinite(ours) and ours:
        return theirs / ours
    return 1.0 if theirs == ours else math.inf if theirs > ours else 0.0


def _short(value: float) -> str:
    """Write a factor.

    >>> _short(1.0437), _short(3712.6), _short(0.00123), _short(math.inf)
    ('1.0', '3700', '0.0012', '∞')
    """
    if not math.isfinite(value):
        return "∞"
    return f"{value:.1f}" if 0.95 <= value < 9.95 else plain(float(f"{value:.{DIGITS}g}"), DIGITS)
