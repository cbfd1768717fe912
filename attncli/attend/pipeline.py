"""The three steps, readable: score → softmax → weighted sum, with everything that they make kept.

    scores  = scale · q·k            logits  = scores + mask, −∞ where closed
    weights = softmax(logits)        output  = Σ weights · value

This is the reference: whatever is faster must give the same. Source: Vaswani et al., *Attention Is All You Need*,
2017, equation 1; grouped heads as in Ainslie et al., *GQA*, 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.masking import close

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


@dataclass(frozen=True)
class Steps:
    """What the steps made, each with as many axes as the query has.

    Attributes:
        scores: (…, L, S) scaled scores.
        logits: (…, L, S) what softmax sees: masks added, −∞ where a query may not attend.
        weights: (…, L, S) each row sums to 1, or is 0 where a query may attend to nothing.
        output: (…, L, Ev).
    """

    scores: NDArray[Any]
    logits: NDArray[Any]
    weights: NDArray[Any]
    output: NDArray[Any]


def run(o: Operands) -> Steps:
    """Run all steps on prepared operands; every result is (batch, heads, L, …)."""
    scores = score_step(o)
    logits = close(scores, o)
    weights = softmax_step(logits)
    assert o.value is not None  # whoever asks for all steps has checked that there is one
    output = sum_step(weights, o.value, o.dtype)
    return Steps(scores, logits, weights, output.astype(o.output_dtype, copy=False))


def score_step(o: Operands) -> NDArray[Any]:
    """Return the scaled scores (batch, heads, L, S)."""
    query, key = ready(o.query, o.dtype), ready(o.key, o.dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # ∞ and NaN in the input are computed with
        products = by_group(query, o.sizes.key_heads) @ np.swapaxes(key, -1, -2)[:, :, None]  # (B, Hk, n, L, S)
        return ungroup(products) * o.dtype.type(o.factor)


def softmax_step(logits: NDArray[Any]) -> NDArray[Any]:
    """Return exp(logits) / Σ exp(logits) along the last axis; 0 where a whole row is −∞.

    The row's maximum is subtracted first: it cancels, and no exponential can overflow.
    """
    peak = logits.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        # A row that is −∞ throughout has no maximum to subtract: −∞ − −∞ would be NaN, and its weights are 0.
        exponentials = np.exp(logits - np.where(peak == -np.inf, 0, peak))
        total = exponentials.sum(axis=-1, keepdims=True)
        return exponentials / np.where(total == 0, 1, total)


def sum_step(weights: NDArray[Any], value: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the weighted sums (batch, heads, L, Ev) of values (batch, key heads, S, Ev)."""
    grouped = by_group(ready(weights, dtype), value.shape[1])
    return ungroup(weigh(grouped, ready(value, dtype)[:, :, None]))


def weigh(weights: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
    """Return Σ weights · value over the keys, where a key of weight 0 contributes nothing.

    IEEE says 0 · ∞ = NaN; but a closed key has weight 0, and not even an ∞ or NaN in it may leak.
    """
    finite = np.isfinite(value)
    with np.errstate(invalid="ignore", over="ignore"):
        if finite.all():
            return weights @ value
        output = weights @ np.where(finite, value, 0)
        for key in np.flatnonzero(~finite.all(axis=-1).all(axis=tuple(range(value.ndim - 2)))):
            weight = weights[..., key, None]  # (…, L, 1)
            state = value[..., key, :][..., None, :]  # (…, 1, Ev)
            extra = np.where(np.isfinite(state), 0, state)
            output += np.where((weight == 0) | (extra == 0), 0, weight * extra)
        return output


def ready(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the array as the matrix product wants it: one layout, one type.

    BLAS rounds differently for the same numbers in another layout; equal input gives equal output, so there is one.
    """
    return np.ascontiguousarray(array, dtype=dtype)


def by_group(array: NDArray[Any], key_heads: int) -> NDArray[Any]:
    """Return (batch, heads, L, …) as (batch, key heads, group, L, …): the heads that share a key head together."""
    batch, heads, *rest = array.shape
    return array.reshape(batch, key_heads, heads // key_heads, *rest)


def ungroup(array: NDArray[Any]) -> NDArray[Any]:
    """Undo `by_group`."""
    return array.reshape(array.shape[0], -1, *array.shape[3:])


def restore(array: NDArray[Any], rank: int, *, one_batch: bool = False, one_head: bool = False) -> NDArray[Any]:
    """Return (batch, heads, L, …) with the axes that the query had, less those of which one was chosen."""
    drop = (rank < 4 or one_batch, rank < 3 or one_head, rank < 2)
    return array[tuple(0 if gone else slice(None) for gone in drop)]
