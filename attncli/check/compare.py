"""Whether two outputs agree, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.rounding import Level

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class Worst:
    """The element that is furthest beyond its tolerance: where it is, and both numbers."""

    batch: int
    head: int
    query: int
    feature: int
    expected: float
    computed: float


@dataclass(frozen=True)
class Comparison:
    """What came of comparing.

    Attributes:
        level: what the tolerance stands for.
        error: the difference of the worst element.
        tolerance: what would have been allowed there.
        excess: (batch, heads, L) the largest difference of each row, in units of its tolerance; ∞ where one of two
            numbers is not finite and the other differs from it.
        nan: how many NaN there are in what was expected, and in what was computed.
        infinite: how many infinities, likewise.
        nonfinite_at: where the first number stands that is not finite and should be, or the other way round, as batch
            item, head, query and output column; None: nowhere.
    """

    level: Level
    error: float
    tolerance: float
    worst: Worst
    excess: NDArray[Any]
    nan: tuple[int, int]
    infinite: tuple[int, int]
    nonfinite_at: tuple[int, ...] | None = None

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(batch, heads, L) which rows differ."""
        return self.excess > 1

    def differing(self, axis: int) -> NDArray[np.bool_]:
        """Return which batch items (axis 0), heads (1) or query rows (2) differ anywhere."""
        others = tuple(each for each in range(3) if each != axis)
        return np.asarray(self.wrong.any(axis=others))

    @property
    def agrees(self) -> bool:
        """Whether no element is beyond its tolerance."""
        return bool((self.excess <= 1).all())


def distance(made: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
    """Return the distance of numbers: 0 where both are the same, NaN and ∞ included, ∞ where only one is NaN.

    >>> distance(np.array([1.0, np.nan, np.inf, np.nan]), np.array([1.5, np.nan, np.inf, 0.0])).tolist()
    [0.5, 0.0, 0.0, inf]
    """
    with np.errstate(all="ignore"):
        difference = np.abs(made - observed)
    same = (made == observed) | (np.isnan(made) & np.isnan(observed))
    return np.where(same, 0, np.where(np.isnan(difference), np.inf, difference))


def compare(expected: NDArray[Any], computed: NDArray[Any], tolerance: NDArray[Any], level: Level) -> Comparison:
    """Compare two outputs (batch, heads, L, Ev).

    Args:
        expected: what another program made.
        computed: what is right, in float64.
        tolerance: (batch, heads, L) or (batch, heads, L, Ev).
        level: see `Comparison`.
    """
    allowed = tolerance if tolerance.ndim == 4 else tolerance[..., None]
    numbers = np.isfinite(expected) & np.isfinite(computed)
    difference = distance(expected.astype(np.float64), computed)
    # Two numbers differ by a number, however large.
    difference = np.where(numbers, np.minimum(difference, LARGEST), difference)
    with np.errstate(all="ignore"):
        ratio = np.where(numbers & (difference > 0), np.minimum(difference / allowed, LARGEST), difference)
    nonfinite = np.argwhere(np.isinf(difference))
    place = np.unravel_index(int(np.where(numbers, ratio, -1).argmax()), ratio.shape)
    batch, head, query, feature = (int(each) for each in place)
    error = float(difference[place]) if np.isfinite(difference[place]) else 0.0
    return Comparison(
        level=level,
        error=error,
        tolerance=float(np.broadcast_to(allowed, ratio.shape)[place]),
        worst=Worst(batch, head, query, feature, float(expected[place]), float(computed[place])),
        excess=ratio.max(axis=-1),
        nan=(int(np.isnan(expected).sum()), int(np.isnan(computed).sum())),
        infinite=(int(np.isinf(expected).sum()), int(np.isinf(computed).sum())),
        nonfinite_at=tuple(nonfinite[0].tolist()) if len(nonfinite) else None,
    )
