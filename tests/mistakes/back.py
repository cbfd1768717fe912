"""The way back of attention as people write it, stage by stage, right and with every known mistake in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tests.mistakes.stages import Array, Problem, Way, factor, sink_logits, unchanged

Gradients: TypeAlias = dict[str, Array]
EVERY = Way()


class Made(NamedTuple):
    """What the forward pass makes: each key head repeated for the query heads that it serves."""

    query: Array
    key: Array
    value: Array
    scores: Array
    logits: Array
    weights: Array
    lse: Array
    output: Array


def forward(p: Problem, way: Way = EVERY) -> Made:
    """The forward pass with everything kept."""
    p = way.cast(p)
    turned = way.rotate(p)
    query, key, value = turned[0], way.share_key(turned[1], p.heads), way.share_value(p.arrays["value"], p.heads)
    raw = query @ key.swapaxes(-1, -2)
    keep = way.keep(p, way)
    logits = way.logits(raw, keep, p, way)
    weights = way.weights(logits, keep, p, way)
    lse = np.logaddexp(np.logaddexp.reduce(logits, axis=-1, keepdims=True), way.sinks(p))
    return Made(query, key, value, raw * way.scale(p), logits, weights, lse, weights @ value)


def weights_kept(p: Problem, made: Made) -> Made:
    """The weights that the forward pass left."""
    return made


def row_sum(made: Made, g: Array, d_weights: Array, p: Problem) -> Array:
    """δ: what each output has in common with its gradient."""
    return (g * made.output).sum(-1, keepdims=True)


def of_softmax(made: Made, d_weights: Array, delta: Array) -> Array:
    """P ∘ (dP − δ)."""
    return np.where(made.weights == 0, 0, made.weights * (d_weights - delta))


def of_cap(d_capped: Array, made: Made, p: Problem) -> Array:
    """1 − tanh²."""
    return d_capped * (1 - np.tanh(made.scores / p.number("softcap")) ** 2) if "softcap" in p.options else d_capped


def summed(each: Array, heads: int) -> Array:
    """One for each key head: the sum over the query heads that it serves."""
    return each.reshape(each.shape[0], heads, -1, *each.shape[2:]).sum(2)


def turned_back(p: Problem, way: Way, query: Array, key: Array) -> tuple[Array, Array]:
    """The gradients before the rotation, which is a matrix at each position: it is tried on each feature."""
    size, zero = p.size, {name: np.zeros_like(p.arrays[name]) for name in ("query", "key")}
    made = {"query": np.zeros(query.shape), "key": np.zeros(key.shape)}
    for i in range(size):
        ones = {name: array.copy() for name, array in zero.items()}
        for array in ones.values():
            array[..., i] = 1
        columns = dict(zip(("query", "key"), way.rotate(p.changed(**ones)), strict=True))
        made["query"][..., i] = (query * columns["query"][:, :1]).sum(-1)  # the same for all heads
        made["key"][..., i] = (key * columns["key"][:, :1]).sum(-1)
    return made["query"], made["key"]


def sinks_back(made: Made, delta: Array, p: Problem) -> Array:
    """−Σ p·δ of each sink."""
    return -(np.exp(sink_logits(p) - made.lse) * delta).sum((0, 2, 3))


def bias_back(d_logits: Array, p: Problem) -> Array:
    """Summed over the axes that the bias lacks."""
    axes = tuple(axis for axis, n in enumerate(p.arrays["bias"].shape) if n == 1)
    return d_logits.sum(axes, keepdims=True)


@dataclass(frozen=True)
class Back:
    """One way back, stage by stage; the defaults are right."""

    way: Way = EVERY
    loss: Callable[[Array, Problem], Array] = lambda g, p: g
    again: Callable[[Problem, Made], Made] = weights_kept
    of_value: Callable[[Made, Array], Array] = lambda made, g: made.weights.swapaxes(-1, -2) @ g
    of_weights: Callable[[Made, Array], Array] = lambda made, g: g @ made.value.swapaxes(-1, -2)
    delta: Callable[[Made, Array, Array, Problem], Array] = row_sum
    softmax: Callable[[Made, Array, Array], Array] = of_softmax
    cap: Callable[[Array, Made, Problem], Array] = of_cap
    scale_query: Callable[[Problem], float] = factor
    scale_key: Callable[[Problem], float] = factor
    of_query: Callable[[Array, Made], Array] = lambda d_scores, made: d_scores @ made.key
    of_key: Callable[[Array, Made], Array] = lambda d_scores, made: d_scores.swapaxes(-1, -2) @ made.query
    share_key: Callable[[Array, int], Array] = summed
    share_value: Callable[[Array, int], Array] = summed
    rotate: Callable[[Problem, Way, Array, Array], tuple[Array, Array]] = turned_back
    sinks: Callable[[Made, Array, Problem], Array] = sinks_back
    bias: Callable[[Array, Problem], Array] = bias_back
    spoil: Callable[[Array], Array] = unchanged
    finish: Callable[[Gradients], Gradients] = unchanged


def run(p: Problem, g: Array, **stages: Any) -> Gradients:
    """All gradients, with some stages replaced."""
    back = replace(Back(), **stages)
    with np.errstate(all="ignore"):
        p = back.way.cast(p)
        g, spoil = back.loss(g.astype(p.arrays["query"].dtype), p), back.spoil
        made = back.again(p, forward(p, back.way))
        made = made._replace(weights=spoil(made.weights), output=spoil(made.output))
        d_weights = spoil(back.of_weights(made, g))
        delta = back.delta(made, g, d_weights, p)
        d_logits = spoil(back.softmax(made, d_weights, delta))
        d_scores = spoil(back.cap(d_logits, made, p))
        heads = p.arrays["key"].shape[1]
        query = spoil(back.of_query(d_scores, made) * back.scale_query(p))
        key = back.share_key(spoil(back.of_key(d_scores, made) * back.scale_key(p)), heads)
        found = {"value": back.share_value(spoil(back.of_value(made, g)), heads)}
        found["query"], found["key"] = back.rotate(p, back.way, query, key) if "rope" in p.options else (query, key)
        if "sinks" in p.arrays:
            found["sinks"] = back.sinks(made, delta, p)
        if "bias" in p.arrays:
            found["bias"] = back.bias(d_logits, p)
        return back.finish({name: spoil(array) for name, array in found.items()})


Stages: TypeAlias = Mapping[str, Any]
