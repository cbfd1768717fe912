"""Which keys are closed to which queries, and what is added to the scores of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.alibi import penalties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


def openings(o: Operands) -> dict[str, NDArray[np.bool_]]:
    """Return, for each rule in force, where it lets a query attend: true = open.

    A key is closed to a query as soon as one rule closes it. Each array broadcasts to (batch, heads, L, S).

    - ``causal``: keys at or before the query's position p. With L = 2, S = 4 and offsets 0 and ``end``::

          1 0 0 0      1 1 1 0
          1 1 0 0      1 1 1 1

    - ``window``: keys from p − left to p + right, both inclusive; −1 is no bound. With L = S = 4 and 1,0::

          1 0 0 0
          1 1 0 0
          0 1 1 0
          0 0 1 1

    - ``length``: keys before the length of the batch item.
    - ``mask``: where a boolean mask is true, or a numeric one is not −∞. A mask shorter than the keys closes those
      beyond its end, one of a single key included: so does the ONNX operator ``Attention``.
    - ``bias``: where it is not −∞.
    """
    rules: dict[str, NDArray[np.bool_]] = {}
    keys = np.arange(o.sizes.keys)
    positions = o.positions[:, None, :, None]  # (batch or 1, 1, L, 1)
    if o.options.causal:
        rules["causal"] = keys <= positions
    if o.options.window is not None:
        left, right = o.options.window
        rules["window"] = np.ones((1, 1, 1, 1), dtype=bool)
        if left >= 0:
            rules["window"] = rules["window"] & (keys >= positions - left)
        if right >= 0:
            rules["window"] = rules["window"] & (keys <= positions + right)
    if o.key_lengths is not None:
        rules["length"] = keys < o.key_lengths[:, None, None, None]
    if o.mask is not None:
        mask = np.asarray(o.mask)
        rules["mask"] = to_the_last_key(mask if mask.dtype == bool else mask != -np.inf, o.sizes.keys, False)
    if o.bias is not None:
        bias = np.asarray(o.bias)
        if (bias == -np.inf).any():
            rules["bias"] = bias != -np.inf
    return rules


def additions(o: Operands) -> dict[str, NDArray[Any]]:
    """Return what is added to the scores, by name; each array broadcasts to (batch, heads, L, S)."""
    added: dict[str, NDArray[Any]] = {}
    with np.errstate(over="ignore"):
        if o.mask is not None and o.mask.dtype != bool:
            added["mask"] = to_the_last_key(np.asarray(o.mask, dtype=o.dtype), o.sizes.keys, 0)
        if o.bias is not None:
            added["bias"] = np.asarray(o.bias, dtype=o.dtype)
    if o.options.alibi:
        added["alibi"] = penalties(o.positions, o.sizes.keys, o.head_indices, o.head_count).astype(o.dtype)
    return added


def to_the_last_key(mask: NDArray[Any], keys: int, fill: float) -> NDArray[Any]:
    """Return the mask with as many keys as there are.

    >>> to_the_last_key(np.array([[True, True]]), 3, False)
    array([[ True,  True, False]])
    """
    short = keys - mask.shape[-1]
    if short <= 0:
        return mask
    return np.pad(mask, [(0, 0)] * (mask.ndim - 1) + [(0, short)], constant_values=fill)


def close(scores: NDArray[Any], o: Operands) -> NDArray[Any]:
    """Return the logits: scores plus what is added, −∞ where a rule closes the key.

    Closing selects −∞ and never adds it: −∞ + ∞ and anything + NaN are NaN, and what lies behind a mask must not leak.
    """
    logits = scores
    with np.errstate(invalid="ignore", over="ignore"):
        for added in additions(o).values():
            logits = logits + added
    for rule in openings(o).values():
        logits = np.where(rule, logits, logits.dtype.type(-np.inf))
    return logits
