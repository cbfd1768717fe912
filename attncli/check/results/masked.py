"""Masked scores: programs close keys with −∞ or with a large negative number, and both mean the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# A closed key has a logit this far below its score, or further; the smallest that programs have is -1e3.
FAR = 900.0
MASKED = ("scores", "capped", "logits")


def heeded(name: str, expected: Array, right: Array, scores: Array, logits: Array) -> tuple[Array, dict[str, float]]:
    """Return scores or logits of another program in which closed keys are as they are in the right ones.

    Args:
        name: of the result.
        expected: (batch, heads, L, S) what another program made of it.
        right: the right result.
        scores: the right scores.
        logits: the right logits, −∞ where a key is closed.

    Returns:
        The array, and what was done: ``fill``, the largest number that was taken for −∞; ``masked``, how many scores
        had a mask in them that comes later here. Empty: nothing.
    """
    if name not in MASKED or expected.shape != right.shape:
        return expected, {}
    with np.errstate(all="ignore"):
        far = (logits == -np.inf) & (scores - expected.astype(np.float64) >= FAR)
    if name != "logits":
        count = int(far.sum())
        return (np.where(far, right, expected), {"masked": count}) if count else (expected, {})
    filled = far & np.isfinite(expected)
    if not filled.any():
        return expected, {}
    return np.where(filled, -np.inf, expected), {"fill": float(expected[filled].max())}
