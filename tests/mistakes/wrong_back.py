"""Stages of the way back with a mistake in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.mistakes.back import Back, Gradients, Made, forward, row_sum, turned_back
from tests.mistakes.stages import Array, Problem, Way, factor

RIGHT = Back()


def times(name: str, change: Callable[[Problem], float]) -> dict[str, Any]:
    """The gradient of query or key multiplied by another scale."""
    return {f"scale_{name}": change}


def other_delta(change: Callable[[Array, Problem], Array]) -> Any:
    """Another δ."""
    return lambda made, g, d_weights, p: change(row_sum(made, g, d_weights, p), p)


def grouped(each: Array, heads: int) -> Array:
    """(B, key heads, group, …)."""
    return each.reshape(each.shape[0], heads, -1, *each.shape[2:])


def tiled_sum(each: Array, heads: int) -> Array:
    """The sum over h mod Hk."""
    return each.reshape(each.shape[0], -1, heads, *each.shape[2:]).sum(1)


def again(**stages: Any) -> Callable[[Problem, Made], Made]:
    """Weights computed again from the right lse, with a mistake."""

    def weights(p: Problem, made: Made) -> Made:
        other = forward(p, replace(Way(), **stages))
        lse = np.where(np.isneginf(made.lse), np.inf, made.lse)  # a row in which nothing is open has no weights
        return made._replace(query=other.query, key=other.key, scores=other.scores, weights=np.exp(other.logits - lse))

    return weights


def softmax_again(**stages: Any) -> Callable[[Problem, Made], Made]:
    """Softmax computed again with a mistake; the output is that of the forward pass."""

    def weights(p: Problem, made: Made) -> Made:
        other = forward(p, replace(Way(), **stages))
        return made._replace(
            query=other.query, key=other.key, scores=other.scores, weights=other.weights, lse=other.lse
        )

    return weights


def not_back(*names: str) -> Any:
    """Some of query and key not turned back."""

    def rotate(p: Problem, way: Way, query: Array, key: Array) -> tuple[Array, Array]:
        right = turned_back(p, way, query, key)
        return (query if "query" in names else right[0]), (key if "key" in names else right[1])

    return rotate


def turned_on(*names: str) -> Any:
    """Some of query and key turned once more."""

    def rotate(p: Problem, way: Way, query: Array, key: Array) -> tuple[Array, Array]:
        right, on = turned_back(p, way, query, key), way.rotate(p.changed(query=query, key=key))
        return (on[0] if "query" in names else right[0]), (on[1] if "key" in names else right[1])

    return rotate


def renamed(**sources: str) -> Callable[[Gradients], Gradients]:
    """Gradients under each other's names."""
    return lambda found: found | {name: found[source] for name, source in sources.items()}


def on(change: Callable[[Array], Array], *names: str) -> Callable[[Gradients], Gradients]:
    """Some gradients changed at last."""
    return lambda found: found | {name: change(found[name]) for name in names}


def cut_keys(first: int, last: int, count: float) -> Any:
    """A run of keys lost (0) or doubled (2) in the gradient of the query."""

    def of_query(d_scores: Array, made: Made) -> Array:
        counts = np.ones(d_scores.shape[-1])
        counts[first:last] = count
        return (d_scores * counts) @ made.key

    return of_query


def cut_queries(first: int, last: int, count: float) -> dict[str, Any]:
    """A run of queries lost or doubled in the gradients of key and value."""

    def counts(array: Array) -> Array:
        found = np.ones((array.shape[-2], 1))
        found[first:last] = count
        return found

    return {
        "of_key": lambda d_scores, made: (d_scores * counts(d_scores)).swapaxes(-1, -2) @ made.query,
        "of_value": lambda made, g: made.weights.swapaxes(-1, -2) @ (g * counts(g)),
    }


def cap_slope(slope: Callable[[Array, float], Array]) -> Any:
    """Another derivative of softcap."""
    return lambda d_capped, made, p: d_capped * slope(made.scores, p.number("softcap"))


def packed_view(x: Array) -> Array:
    """(B, L, H, D) memory read as (B, H, L, D)."""
    return np.ascontiguousarray(x.swapaxes(1, 2)).reshape(x.shape)


def scaled_twice(p: Problem) -> float:
    """The scale squared."""
    return factor(p) ** 2
