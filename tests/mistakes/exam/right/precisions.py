"""Half precision in the places in which it is customary, and outputs written to some decimals."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.mistakes.exam.kinds import kind_of
from tests.mistakes.exam.plain import Core, finish, softmax
from tests.mistakes.exam.routes import route
from tests.mistakes.stages import Array, Problem, repeated


def is_half(p: Problem) -> bool:
    """Problems in half precision."""
    return bool(kind_of(p).itemsize == 2)


def rounded(p: Problem, y: Array) -> Array:
    """Through the type of the problem."""
    return np.asarray(y.astype(kind_of(p)).astype(y.dtype))


def eager(x: Core, *, scores: bool, logits: bool, weights: bool) -> Array:
    """Matrices, each rounded or not."""

    def maybe(y: Any, where: bool) -> Any:
        return rounded(x.p, y) if where else y

    s = maybe(x.raw(), scores) * x.scale
    s = maybe(s if x.cap is None else x.cap * np.tanh(s / x.cap), scores)
    s = np.where(x.keep, maybe(s + x.add, logits), -np.inf)
    w = maybe(softmax(s, x.sinks), weights)
    return finish(x.p, w @ repeated(x.v, x.shape[1]))


@route("scores and weights in half precision, softmax in float32", suits=is_half)
def eager_attention(x: Core) -> Array:
    return eager(x, scores=True, logits=True, weights=True)


@route("weights in half precision", suits=is_half)
def half_weights(x: Core) -> Array:
    return eager(x, scores=False, logits=False, weights=True)


@route("all in float32 but the output", suits=is_half)
def float32_inside(x: Core) -> Array:
    return eager(x, scores=False, logits=False, weights=False)


@route("query times scale in half precision", suits=is_half)
def half_query(x: Core) -> Array:
    return x.but(q=rounded(x.p, x.q * x.scale), scale=1.0).out()


@route("exponentials in half precision, divided late", suits=is_half)
def flash(x: Core) -> Array:
    """As flash-attention has it: P is cast before it is divided, the sum is not."""
    logits = x.logits()
    top = np.maximum(logits.max(-1, keepdims=True), x.sinks)
    top = np.where(np.isfinite(top), top, 0)
    e = np.exp(logits - top)
    total = e.sum(-1, keepdims=True) + np.exp(x.sinks - top)
    return finish(x.p, rounded(x.p, e) @ repeated(x.v, x.shape[1]) / np.where(total == 0, 1, total))


@route("splits in half precision", suits=is_half)
def half_splits(x: Core) -> Array:
    """Partial outputs are kept in half precision, their lse in float32."""
    v, spans = repeated(x.v, x.shape[1]), np.array_split(np.arange(x.shape[3]), 2)
    parts = [x.logits()[..., span] for span in spans]
    sums = [np.logaddexp.reduce(part, axis=-1, keepdims=True) for part in parts]
    lse = np.logaddexp(np.logaddexp(*sums), x.sinks)
    lse = np.where(np.isfinite(lse), lse, 0)
    made = sum(
        np.exp(s - lse) * rounded(x.p, softmax(part) @ v[:, :, span])
        for s, part, span in zip(sums, parts, spans, strict=True)
    )
    return finish(x.p, np.asarray(made))


@route("written to 5 decimals", suits=lambda p: not is_half(p))
def five_decimals(x: Core) -> Array:
    return np.round(x.out().astype(np.float64), 5)


@route("the type of the problem, given back in float32", suits=is_half)
def given_back(x: Core) -> Array:
    return rounded(x.p, x.out())
