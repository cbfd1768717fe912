"""Which keys are closed to which queries, and what is added to the scores of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


def openings(o: Operands) -> dict[str, NDArray[np.bool_]]:
    """Return, for each rule in force, where it lets a query attend: true = open.

    A key is closed to a query as soon as one rule closes it. Each array broadcasts to (batch, heads, L, S).

    - ``causal``: keys at or before the query's position. With L = 2, S = 4 and offsets 0 and ``end``::

          1 0 0 0      1 1 1 0
          1 1 0 0      1 1 1 1

    - ``mask``: where a boolean mask is true, or a numeric one is not −∞;
      keys beyond the end of a short mask are closed.
    """
    rules: dict[str, NDArray[np.bool_]] = {}
    if o.options.causal:
        keys = np.arange(o.sizes.keys)
        rules["causal"] = (keys <= o.positions[:, None])[None, None]  # (1, 1, L, S)
    if o.mask is not None:
        mask = np.asarray(o.mask)
        rules["mask"] = to_the_last_key(mask if mask.dtype == bool else mask != -np.inf, o.sizes.keys, False)
    return rules


def additions(o: Operands) -> NDArray[Any] | None:
    """Return the numbers to add to the scores, broadcasting to (batch, heads, L, S), or None."""
    if o.mask is None or o.mask.dtype == bool:
        return None
    return to_the_last_key(np.asarray(o.mask, dtype=o.dtype), o.sizes.keys, 0)


def to_the_last_key(mask: NDArray[Any], keys: int, fill: float) -> NDArray[Any]:
    """Return the mask with as many keys as there are, or one that broadcasts to them.

    >>> to_the_last_key(np.array([[True, True]]), 3, False)
    array([[ True,  True, False]])
    """
    short = keys - mask.shape[-1]
    if short <= 0 or mask.shape[-1] == 1:
        return mask
    return np.pad(mask, [(0, 0)] * (mask.ndim - 1) + [(0, short)], constant_values=fill)


def close(scores: NDArray[Any], o: Operands) -> NDArray[Any]:
    """Return the logits: scores plus what is added, −∞ where a rule closes the key.

    Closing selects −∞ and never adds it: −∞ + ∞ and anything + NaN are NaN, and what lies behind a mask must not leak.
    """
    added = additions(o)
    logits = scores if added is None else scores + added
    for rule in openings(o).values():
        logits = np.where(rule, logits, logits.dtype.type(-np.inf))
    return logits
