"""What is worth noticing in one row of logits and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SATURATED = 0.99


@dataclass(frozen=True)
class RowFacts:
    """Facts about one query's weights.

    Attributes:
        ranking: the keys from the largest weight to the smallest.
        effective: how many keys share the weight in effect: the exponential of the entropy of the weights.
        open: how many keys the query may attend to.
        peak: the largest logit.
        runner_up: the second largest logit, −∞ if there is none.
    """

    ranking: NDArray[np.int64]
    effective: float
    open: int
    peak: float
    runner_up: float

    @property
    def gap(self) -> float:
        """How far the largest logit is above the second largest."""
        return self.peak - self.runner_up if np.isfinite(self.runner_up) else np.inf


def of_row(logits: NDArray[Any], weights: NDArray[Any]) -> RowFacts:
    """Look at one row.

    Args:
        logits: (S,)
        weights: (S,) their softmax.
    """
    opened = int((logits > -np.inf).sum())
    ordered = np.sort(logits)[::-1]
    return RowFacts(
        ranking=np.argsort(-weights, kind="stable"),
        effective=effective_keys(weights),
        open=opened,
        peak=float(ordered[0]),
        runner_up=float(ordered[1]) if len(ordered) > 1 else -np.inf,
    )


def effective_keys(weights: NDArray[Any]) -> float:
    """Return exp(−Σ w·ln w): S for S equal weights, 1 for a single one.

    >>> round(effective_keys(np.array([0.5, 0.5, 0.0])), 6)
    2.0
    """
    positive = weights[weights > 0].astype(np.float64)
    return float(np.exp(-(positive * np.log(positive)).sum()))


def naive_exponential(peak: float, dtype: np.dtype[Any]) -> str:
    """Say what exp(logit), without the maximum subtracted, would do to a row in this precision.

    Returns:
        ``"overflow"``: the largest exponential is ∞, and ∞/∞ is NaN. ``"underflow"``: all are 0, and 0/0 is NaN.
        ``"fits"``: the same weights.

    Example:
        >>> naive_exponential(100.0, np.dtype(np.float32)), naive_exponential(100.0, np.dtype(np.float64))
        ('overflow', 'fits')
    """
    if peak > exponent_limit(dtype):
        return "overflow"
    return "underflow" if peak < np.log(float(np.finfo(dtype).smallest_subnormal)) else "fits"


def exponent_limit(dtype: np.dtype[Any]) -> float:
    """Return the largest x whose exponential is finite in this precision: 88.7 for float32, 709.8 for float64."""
    return float(np.log(float(np.finfo(dtype).max)))
