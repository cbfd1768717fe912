"""mask: add mask, bias and ALiBi to the scores, and close keys to queries.

    logits = capped + bias + numeric mask − ALiBi, −∞ where a rule closes the key

The order of scale, softcap and mask is that of the ONNX operator ``Attention`` (opset 25).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.alibi import penalties
from attncli.attend.rules import Rules, named, opened
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.types import own
from attncli.attend.views import ready, summed_to, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def openings(o: ScoreOperands) -> dict[str, NDArray[np.bool_]]:
    """Return, for each rule in force, where it lets a query attend: true = open.

    A key is closed to a query as soon as one rule closes it. Each array broadcasts to (batch, heads, L, S).

        open = length ∧ window ∧ same segment ∧ same chunk ∧ among the indices ∧ open by mask and bias
               ∧ (no causal rule ∨ not after the query ∨ before the prefix ∨ same block)

    - ``causal``: keys at or before the query's position p. With L = 2, S = 4 and offsets 0 and ``end``::

          1 0 0 0      1 1 1 0
          1 1 0 0      1 1 1 1

      A prefix opens the keys before it, and a block (≥ 0) its own keys, to a query to which the rule would close them.
      With L = S = 4, prefix 2, and with blocks −1 5 5 −1::

          1 1 0 0      1 0 0 0
          1 1 0 0      1 1 1 0
          1 1 1 0      1 1 1 0
          1 1 1 1      1 1 1 1

    - ``window``: keys from p − left to p + right, both inclusive; −1 means unbounded. With L = S = 4 and 1,0::

          1 0 0 0
          1 1 0 0
          0 1 1 0
          0 0 1 1

    - ``length``: keys before the length of the batch item.
    - ``segments``: keys of the query's document. With segments 0 0 1 1, and with chunk 2 and one document::

          1 1 0 0
          1 1 0 0
          0 0 1 1
          0 0 1 1

    - ``chunk``: keys of the query's chunk of positions, counted from the first key of the document.
    - ``indices``: keys that are named.
    - ``mask``: where a boolean mask is true, or a numeric one is not −∞. A mask shorter than the keys closes those
      beyond its end, even a mask of a single key: so does the ONNX operator ``Attention``.
    - ``bias``: where it is not −∞.
    """
    by_place = Rules.of(o)
    lengths = None if o.key_lengths is None else o.key_lengths[:, None, None, None]
    rules = opened(o.options, by_place.query[:, None, :, None], by_place.key[:, None, None, :], lengths)
    if "indices" in o.inputs:
        rules["indices"] = named(o.inputs["indices"], o.sizes.keys)
    if o.mask is not None:
        mask = np.asarray(o.mask)
        rules["mask"] = to_the_last_key(mask if mask.dtype == bool else mask != -np.inf, o.sizes.keys)
    if o.bias is not None:
        bias = np.asarray(o.bias)
        if (bias == -np.inf).any():
            rules["bias"] = bias != -np.inf
    return rules


def additions(o: ScoreOperands) -> dict[str, NDArray[Any]]:
    """Return the arrays to add to the scores, by name; each broadcasts to (batch, heads, L, S)."""
    added: dict[str, NDArray[Any]] = {}
    if o.mask is not None and o.mask.dtype != bool:
        added["mask"] = to_the_last_key(ready(within(o.mask, o.dtype), o.dtype), o.sizes.keys)
    if o.bias is not None:
        added["bias"] = ready(within(o.bias, o.dtype), o.dtype)
    if o.options.alibi:
        added["alibi"] = penalties(o.standing[0], o.keys_standing[0], o.head_indices, o.head_count).astype(o.dtype)
    return added


def to_the_last_key(mask: NDArray[Any], keys: int) -> NDArray[Any]:
    """Return the mask with one column per key; a shorter mask closes the keys beyond its end.

    >>> to_the_last_key(np.array([[True, True]]), 3), to_the_last_key(np.array([[2]]), 2)
    (array([[ True,  True, False]]), array([[  2., -inf]]))
    """
    short = keys - mask.shape[-1]
    if short <= 0:
        return mask
    wide = mask if mask.dtype == bool else np.asarray(mask, dtype=own(mask.dtype))
    closed = False if mask.dtype == bool else -np.inf
    return np.pad(wide, [(0, 0)] * (mask.ndim - 1) + [(0, short)], constant_values=closed)


def add(scores: NDArray[Any], added: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return the scores plus these arrays, which broadcast to them."""
    with np.errstate(invalid="ignore", over="ignore"):
        for each in added:
            scores = scores + each
    return scores


def close(logits: NDArray[Any], rules: Iterable[NDArray[np.bool_]]) -> NDArray[Any]:
    """Return the logits with −∞ where any rule closes a key.

    Select −∞, never add it: −∞ + ∞ and anything + NaN are NaN, and what is behind a mask must not leak.
    """
    for rule in rules:
        logits = np.where(rule, logits, logits.dtype.type(-np.inf))
    return logits


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the logits (batch, heads, L, S): the input of softmax."""
    scores = made.get("capped", made["scores"])
    # Rules may lie in memory in any order, and what is selected by one lies as it does.
    return {"logits": ready(close(add(scores, additions(o).values()), openings(o).values()), o.dtype)}


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the scores and of what was added to them: that of the logits, which is 0 where closed."""
    logits = found["logits"]
    gradients = {"capped" if "capped" in made else "scores": logits}
    if o.mask is not None and o.mask.dtype != bool:
        wide = (*o.mask.shape[:3], o.sizes.keys)  # a shorter mask closes the keys behind its end
        gradients["mask"] = summed_to(logits, wide)[..., : o.mask.shape[3]]
    if o.bias is not None:
        gradients["bias"] = summed_to(logits, o.bias.shape)
    return gradients


STAGE = Stage("mask", "score", "logits = scores + what is added, −∞ where closed", ("logits",), forward, backward)
