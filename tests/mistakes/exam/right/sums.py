"""Other ways to scale, to mask, to normalise and to sum up."""

from __future__ import annotations

import math

import numpy as np

from tests.mistakes.exam.plain import Core, finish, softmax
from tests.mistakes.exam.routes import route
from tests.mistakes.stages import Array, repeated, slopes


def has_empty_rows(x: Core) -> bool:
    """Say whether some query sees nothing, whose output a finite fill would change."""
    return not bool(x.logits().max(-1).min() > -np.inf)


def has_sinks(x: Core) -> bool:
    """Say whether there are sinks."""
    return bool(np.isfinite(x.sinks).any())


def scored(x: Core, scores: Array, *, keep: Array | None = None) -> Array:
    """The output of these scores."""
    made = np.where(x.keep if keep is None else keep, scores, -np.inf)
    return x.out(softmax(made, x.sinks))


@route("float64", np.float64)
def in_float64(x: Core) -> Array:
    return x.out()


@route("float32")
def in_float32(x: Core) -> Array:
    return x.out()


@route("exp2 with log2e folded in")
def base_2(x: Core) -> Array:
    logits = x.logits() * np.float32(1 / math.log(2))
    sinks = x.sinks * np.float32(1 / math.log(2))
    top = np.maximum(logits.max(-1, keepdims=True), sinks)
    top = np.where(np.isfinite(top), top, 0)
    e = np.exp2(logits - top)
    total = e.sum(-1, keepdims=True) + np.exp2(sinks - top)
    return x.out(e / np.where(total == 0, 1, total))


for name, fill in {"-1e9": -1e9, "finfo.min": float(np.finfo(np.float32).min), "-1e30": -1e30}.items():

    @route(f"closed keys at {name}")
    def _(x: Core, fill: float = fill) -> Array | None:
        if has_empty_rows(x):
            return None
        return x.out(softmax(np.where(x.keep, x.scores(), np.float32(fill)), x.sinks))


@route("closed keys by a sum with finfo.min")
def added_minimum(x: Core) -> Array | None:
    if has_empty_rows(x) or not np.isfinite(x.add).all():
        return None
    least = np.where(x.keep, np.float32(0), np.finfo(np.float32).min)
    return x.out(softmax(np.maximum(x.scores() + least, np.finfo(np.float32).min), x.sinks))


@route("-inf, and NaN made 0")
def nan_made_0(x: Core) -> Array | None:
    if has_sinks(x):
        return None
    logits = x.logits()
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return x.out(np.nan_to_num(e / e.sum(-1, keepdims=True)))


@route("mask after softmax, renormalised")
def renormalised(x: Core) -> Array | None:
    if has_sinks(x) or not np.isfinite(x.add).all():
        return None
    w = softmax(x.scores()) * x.keep
    total = w.sum(-1, keepdims=True)
    if (total[x.keep.any(-1)] < 1e-4).any():
        return None  # what is closed had nearly all the weight: too few digits are left
    return x.out(w / np.where(total == 0, 1, total))


@route("scale on the query")
def scaled_query(x: Core) -> Array:
    return x.but(q=x.q * x.scale, scale=1.0).out()


@route("scale on the key")
def scaled_key(x: Core) -> Array | None:
    return None if np.ndim(x.scale) else x.but(k=x.k * np.float32(x.scale), scale=1.0).out()


@route("its root on both")
def roots(x: Core) -> Array | None:
    root = np.float32(np.sqrt(x.scale)) if np.ndim(x.scale) == 0 else None
    return None if root is None else x.but(q=x.q * root, k=x.k * root, scale=1.0).out()


@route("divided by the root of d")
def divided(x: Core) -> Array | None:
    return None if np.ndim(x.scale) or x.scale == 1 else x.but(q=x.q / np.float32(1 / x.scale), scale=1.0).out()


@route("the maximum of all keys, closed ones too")
def maximum_of_all(x: Core) -> Array | None:
    if has_sinks(x) or not np.isfinite(x.add).all():
        return None
    e = np.where(x.keep, np.exp(x.scores() - x.scores().max(-1, keepdims=True)), 0)
    total = e.sum(-1, keepdims=True)
    if (total[x.keep.any(-1)] < 1e-4).any():
        return None
    return x.out(e / np.where(total == 0, 1, total))


@route("no maximum")
def no_maximum(x: Core) -> Array | None:
    logits = x.logits()
    if logits.max() > 60:
        return None
    e = np.exp(logits)
    total = e.sum(-1, keepdims=True) + np.exp(x.sinks)
    return x.out(e / np.where(total == 0, 1, total))


@route("exp of log-softmax")
def by_logarithm(x: Core) -> Array:
    logits = x.logits()
    lse = np.logaddexp(np.logaddexp.reduce(logits, axis=-1, keepdims=True), x.sinks)
    return x.out(np.exp(logits - np.where(np.isfinite(lse), lse, 0)))


@route("a constant on all scores")
def constant_added(x: Core) -> Array | None:
    return None if has_sinks(x) else scored(x, x.scores() + np.float32(3.7))


@route("normalised after the product")
def late_division(x: Core) -> Array:
    logits = x.logits()
    top = np.maximum(logits.max(-1, keepdims=True), x.sinks)
    top = np.where(np.isfinite(top), top, 0)
    e = np.exp(logits - top)
    total = e.sum(-1, keepdims=True) + np.exp(x.sinks - top)
    return finish(x.p, (e @ repeated(x.v, x.shape[1])) / np.where(total == 0, 1, total))


@route("products by einsum")
def by_einsum(x: Core) -> Array:
    k, v = (repeated(y, x.shape[1]) for y in (x.k, x.v))
    raw = np.einsum("bhle,bhse->bhls", x.q, k)
    s = raw * x.scale
    s = s if x.cap is None else x.cap * np.tanh(s / x.cap)
    w = softmax(np.where(x.keep, s + x.add, -np.inf), x.sinks)
    return finish(x.p, np.einsum("bhls,bhsv->bhlv", w, v))


@route("keys times queries, transposed")
def transposed(x: Core) -> Array:
    raw = (repeated(x.k, x.shape[1]) @ x.q.swapaxes(-1, -2)).swapaxes(-1, -2)
    s = raw * x.scale
    s = s if x.cap is None else x.cap * np.tanh(s / x.cap)
    return scored(x, s + x.add)


@route("keys in another order")
def shuffled(x: Core) -> Array:
    order = np.random.default_rng(1).permutation(x.shape[3])
    add = x.add[..., order] if x.add.shape[-1] > 1 else x.add
    return x.but(k=x.k[:, :, order], v=x.v[:, :, order], keep=x.keep[..., order], add=add).out()


@route("features in two halves")
def half_features(x: Core) -> Array:
    k, half = repeated(x.k, x.shape[1]), x.q.shape[3] // 2
    raw = sum(x.q[..., part] @ k[..., part].swapaxes(-1, -2) for part in (slice(half), slice(half, None)))
    s = np.asarray(raw) * x.scale
    s = s if x.cap is None else x.cap * np.tanh(s / x.cap)
    return scored(x, s + x.add)


@route("softcap by exponentials", suits=lambda p: "softcap" in p.options)
def cap_by_exponentials(x: Core) -> Array:
    cap = np.float32(x.p.number("softcap"))
    t = np.exp(-2 * np.abs(x.raw() * x.scale) / cap)
    return scored(x, np.sign(x.raw()) * cap * (1 - t) / (1 + t))


@route("ALiBi as m·j in float32", suits=lambda p: "alibi" in p.options)
def alibi_by_key(x: Core) -> Array:
    m = slopes(x.shape[1]).astype(np.float32).reshape(1, -1, 1, 1)
    return x.but(add=m * np.arange(x.shape[3], dtype=np.float32)).out()


@route("ALiBi as m·j far out", suits=lambda p: "alibi" in p.options)
def alibi_far_out(x: Core) -> Array:
    """Columns of a cache that begins at 1024."""
    m = slopes(x.shape[1]).astype(np.float32).reshape(1, -1, 1, 1)
    return x.but(add=m * (1024 + np.arange(x.shape[3], dtype=np.float32))).out()


@route("ALiBi as two more features", suits=lambda p: "alibi" in p.options)
def alibi_as_features(x: Core) -> Array:
    """q·k + m·j/c as one product: (q, m/c) · (k, j)."""
    m = slopes(x.shape[1]).astype(np.float32).reshape(1, -1, 1, 1) / np.float32(x.scale)
    q = np.concatenate([x.q, np.broadcast_to(m, (*x.q.shape[:3], 1))], -1)
    j = np.arange(x.shape[3], dtype=np.float32).reshape(1, 1, -1, 1)
    k = np.concatenate([x.k, np.broadcast_to(j, (*x.k.shape[:3], 1))], -1)
    return x.but(q=q, k=k, add=0 * x.add).out()


@route("sinks as one more key", suits=lambda p: "sinks" in p.arrays)
def sink_as_key(x: Core) -> Array:
    logits = np.concatenate([x.logits(), np.broadcast_to(x.sinks, (*x.shape[:3], 1))], -1)
    return x.out(softmax(logits)[..., :-1])


@route("sinks by the sigmoid of lse", suits=lambda p: "sinks" in p.arrays)
def sink_by_sigmoid(x: Core) -> Array:
    """The output without sinks, times σ(lse − sink)."""
    lse = np.logaddexp.reduce(x.logits(), axis=-1, keepdims=True)
    return x.but(sinks=np.full_like(x.sinks, -np.inf)).out() / (1 + np.exp(x.sinks - lse))


@route("values less their mean", suits=lambda p: "sinks" not in p.arrays)
def centred(x: Core) -> Array | None:
    """The mean of the values is taken off, and put back on the output: weights sum to 1."""
    if has_empty_rows(x) or "w_o" in x.p.arrays or "gate" in x.p.arrays or "hidden" in x.p.arrays:
        return None
    mean = x.v.mean(2, keepdims=True)
    return x.out(v=x.v - mean) + repeated(mean, x.shape[1])
