"""Arithmetic of logits that may be −∞, and of sums that may be 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]


def finite(top: Array) -> Array:
    """Return logits with 0 for those of closed keys."""
    return np.where(np.isfinite(top), top, 0)


def exponentials(logits: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """Return the exponentials of logits less the largest along some axes; 0 for closed keys."""
    return np.asarray(np.exp(logits - finite(logits.max(axis=axis, keepdims=True))))


def over(numerator: Array, denominator: Array) -> Array:
    """Divide; what is divided by 0 becomes 0.

    >>> over(np.array([1.0, 2.0]), np.array([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator != 0)
