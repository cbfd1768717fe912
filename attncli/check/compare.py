"""Whether two outputs agree, and where they do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Worst:
    """The element that is furthest beyond its tolerance: where it stands, and both numbers."""

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
        level: what the tolerance stands for: a precision, ``"half"``, ``"3 decimals"`` or ``"given"``.
        error: the difference of the worst element.
        tolerance: what would have been allowed there.
        badness: (batch, heads, L) the largest difference of each row, in units of its tolerance; ∞ where one of two
            numbers is not finite and the other another one.
        astray: where the first number is that is not finite and should be, or the other way round, as batch item, head,
            query and output column; None: nowhere.
        nan: how many NaN there are in what was expected, and in what was computed; infinite: likewise.
    """

    level: str
    error: float
    tolerance: float
    worst: Worst
    badness: NDArray[Any]
    nan: tuple[int, int]
    infinite: tuple[int, int]
    astray: tuple[int, ...] | None = None

    @property
    def agrees(self) -> bool:
        """Whether no element is beyond its tolerance."""
        return bool((self.badness <= 1).all())


def compare(expected: NDArray[Any], computed: NDArray[Any], tolerance: NDArray[Any], level: str) -> Comparison:
    """Compare two outputs (batch, heads, L, Ev).

    Args:
        expected: what another program made.
        computed: what is right, in float64.
        tolerance: (batch, heads, L) or (batch, heads, L, Ev).
        level: see `Comparison`.
    """
    allowed = tolerance if tolerance.ndim == 4 else tolerance[..., None]
    with np.errstate(all="ignore"):
        apart = np.abs(expected.astype(np.float64) - computed)
        same = (expected == computed) | (np.isnan(expected) & np.isnan(computed))
        ratio = np.where(same, 0, apart / allowed)
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    strays = np.argwhere(~same & ~np.isfinite(apart))
    finite = np.where(np.isfinite(apart) & np.isfinite(ratio), ratio, -1)
    place = np.unravel_index(int(finite.argmax()), ratio.shape)
    batch, head, query, feature = (int(each) for each in place)
    error = float(apart[place]) if np.isfinite(apart[place]) else 0.0
    return Comparison(
        level=level,
        error=error,
        tolerance=float(np.broadcast_to(allowed, ratio.shape)[place]),
        worst=Worst(batch, head, query, feature, float(expected[place]), float(computed[place])),
        badness=ratio.max(axis=-1),
        nan=(int(np.isnan(expected).sum()), int(np.isnan(computed).sum())),
        infinite=(int(np.isinf(expected).sum()), int(np.isinf(computed).sum())),
        astray=tuple(strays[0].tolist()) if len(strays) else None,
    )
