"""The three steps, readable: score → softmax → weighted sum, with everything that they make kept.

    scores  = scale · q·k            logits  = softcap(scores) + mask + bias, −∞ where closed
    weights = softmax(logits)        output  = Σ weights · value

This is the reference: whatever is faster must give the same. Sources: Vaswani et al., *Attention Is All You Need*,
2017, equation 1; grouped heads as in Ainslie et al., *GQA*, 2023; the order of scale, softcap and mask is that of the
ONNX operator ``Attention`` (opset 25); sinks as in Xiao et al., *Efficient Streaming Language Models with Attention
Sinks*, 2024, in the form of one learned logit a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.blas import one_thread
from attncli.attend.stages.mask import close
from attncli.attend.stages.rotate import rotate
from attncli.attend.stages.score import FUNCTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


@dataclass(frozen=True)
class Steps:
    """What the steps made.

    Scores, logits and weights have as many axes as the query has; with packed heads one more, since the heads are
    apart in them.

    Attributes:
        scores: (…, L, S) scaled scores.
        capped: (…, L, S) scores after softcap, or None where there is none.
        logits: (…, L, S) what softmax sees: masks and biases added, −∞ where a query may not attend.
        weights: (…, L, S) each row sums to 1, less what a sink takes; or is 0 where a query may attend to nothing.
        output: (…, L, Ev), packed as the query is.
    """

    scores: NDArray[Any]
    capped: NDArray[Any] | None
    logits: NDArray[Any]
    weights: NDArray[Any]
    output: NDArray[Any]


def run(o: Operands) -> Steps:
    """Run all steps on prepared operands; every result is (batch, heads, L, …)."""
    made = results(o, last=2)
    return Steps(made["scores"], made.get("capped"), made["logits"], made["weights"], made["output"])


def results(o: Operands, last: int) -> dict[str, NDArray[Any]]:
    """Run the steps up to score (0), softmax (1) or sum (2); return what they made by name, in that order.

    ``capped`` is missing where there is no softcap.
    """
    made = {"scores": score_step(o)}
    capped = softcap_step(made["scores"], o)
    if capped is not None:
        made["capped"] = capped
    made["logits"] = close(made["scores"] if capped is None else capped, o)
    if last >= 1:
        made["weights"] = softmax_step(made["logits"], o.sinks)
    if last >= 2:
        made["output"] = output_step(made["weights"], o)
    return made


def score_step(o: Operands) -> NDArray[Any]:
    """Return the scaled scores (batch, heads, L, S)."""
    query, key = rotated(o)
    parameters = {name: ready(array, o.dtype) for name, array in o.parameters.items()}
    products = o.sizes.queries * o.sizes.keys * o.sizes.features
    # ∞ and NaN in the input are computed with.
    with np.errstate(invalid="ignore", over="ignore"), one_thread(products):
        scores = FUNCTIONS[o.options.score](by_group(query, o.sizes.key_heads), key[:, :, None], parameters)
        scaled = ungroup(scores) * o.dtype.type(o.factor)
    return np.broadcast_to(scaled, (o.sizes.batch, *scaled.shape[1:]))


def rotated(o: Operands) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return query and key in the precision of the computation, turned by their positions where ``--rope`` says so.

    Past keys come out of a cache, where they were put after they had been turned: they are not turned again.
    """
    query, key = ready(o.query, o.dtype), ready(o.key, o.dtype)
    if o.options.rope is None:
        return query, key
    new = np.arange(o.sizes.past, o.sizes.keys)[None]
    turned = rotate(key[:, :, o.sizes.past :], new, o.options.rope_theta, o.options.rope)
    query = rotate(query, o.positions, o.options.rope_theta, o.options.rope)
    return query, np.concatenate([key[:, :, : o.sizes.past], turned], axis=2)


def softcap_step(scores: NDArray[Any], o: Operands) -> NDArray[Any] | None:
    """Return X·tanh(scores/X), which no score can leave the range from −X to X in; None without ``--softcap``.

    Source: Gemma Team, *Gemma 2: Improving Open Language Models at a Practical Size*, 2024, section 2.
    """
    if o.options.softcap is None:
        return None
    cap = o.dtype.type(o.options.softcap)
    # A score that NaN is stays NaN; one that ∞ is becomes X.
    return cap * np.tanh(scores / cap)


def softmax_step(logits: NDArray[Any], sinks: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return exp(logits) / Σ exp(logits) along the last axis; 0 where a whole row is −∞.

    The row's maximum is subtracted first: it cancels, and no exponential can overflow.

    Args:
        logits: (batch, heads, L, S)
        sinks: (heads,) the logit of one more key, which takes its share of the weight and gives nothing for it.
    """
    peak = logits.max(axis=-1, keepdims=True)
    if sinks is not None:
        sink = np.asarray(sinks, dtype=logits.dtype)[:, None, None]
        peak = np.maximum(peak, sink)
    with np.errstate(invalid="ignore"):
        # A row that is −∞ throughout has no maximum to subtract: −∞ − −∞ would be NaN, and its weights are 0.
        safe = np.where(peak == -np.inf, 0, peak)
        exponentials = np.exp(logits - safe)
        total = exponentials.sum(axis=-1, keepdims=True)
        if sinks is not None:
            total = total + np.exp(sink - safe)
        return exponentials / np.where(total == 0, 1, total)


def output_step(weights: NDArray[Any], o: Operands) -> NDArray[Any]:
    """Return the output (batch, heads, L, Ev) in the type that it is given back in."""
    assert o.value is not None  # whoever asks for the output has checked that there is a value
    output = sum_step(weights, o.value, o.dtype)
    with np.errstate(over="ignore"):
        return output.astype(o.output_dtype, copy=False)


def sum_step(weights: NDArray[Any], value: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the weighted sums (batch, heads, L, Ev) of values (batch, key heads, S, Ev)."""
    grouped = by_group(ready(weights, dtype), value.shape[1])
    with one_thread(weights.shape[-1] * weights.shape[-2] * value.shape[-1]):
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
    """Return the array as the matrix product wants it: one layout, one type, aligned in memory.

    NumPy and BLAS round differently for the same numbers in another layout; equal input gives equal output, so there
    is one. A number beyond the range of the type becomes ∞.
    """
    with np.errstate(over="ignore"):
        return np.require(array, dtype=dtype, requirements=["C_CONTIGUOUS", "ALIGNED"])


def by_group(array: NDArray[Any], key_heads: int) -> NDArray[Any]:
    """Return (batch, heads, L, …) as (batch, key heads, group, L, …): the heads that share a key head together."""
    batch, heads, *rest = array.shape
    return array.reshape(batch, key_heads, heads // key_heads, *rest)


def ungroup(array: NDArray[Any]) -> NDArray[Any]:
    """Undo `by_group`."""
    return array.reshape(array.shape[0], -1, *array.shape[3:])


def restore(
    array: NDArray[Any], rank: int, *, packed: bool = False, one_batch: bool = False, one_head: bool = False
) -> NDArray[Any]:
    """Return (batch, heads, L, …) with the axes that the user's arrays have.

    Args:
        array: a result of the steps.
        rank: how many axes the result is to have, heads apart.
        packed: put the heads side by side on the last axis, as in the user's query.
        one_batch: drop the batch axis: one item was chosen.
        one_head: drop the axis of heads: one was chosen, and there is nothing to pack.
    """
    if packed and not one_head:
        array = np.ascontiguousarray(array.swapaxes(1, 2)).reshape(len(array), 1, array.shape[2], -1)
        one_head = True
    drop = (rank < 4 or one_batch, rank < 3 or one_head, rank < 2)
    return array[tuple(0 if gone else slice(None) for gone in drop)]
