"""Heads that are read, served, written or merged wrongly."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.words import LOST, MOVED, ZERO, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, merged, split
from tests.mistakes.stages import Array, Rng, repeated

MAPPED = "heads-mapped"
HEADS = r"heads?"


def of_heads(x: Core, keys: Array, values: Array) -> Array:
    """The output where query head h is served by these key and value heads."""
    return x.but(k=x.k[:, keys], v=x.v[:, values]).out()


def own(x: Core) -> Array:
    """The key head that serves each query head."""
    return np.arange(x.shape[1]) // x.each


@kind(
    "heads/key-heads-reversed",
    "grouped dense",
    MAPPED,
    (all_of(HEADS, r"(revers|order|other way|backward|served|mapped|read)"),),
)
def reversed_(x: Core, rng: Rng) -> Array:
    each = own(x)[::-1]
    return of_heads(x, each, each)


@kind("heads/all-by-the-first", "grouped dense causal", MAPPED, (all_of(HEADS, r"(head 0|first)"),))
def all_first(x: Core, rng: Rng) -> Array:
    return of_heads(x, own(x) * 0, own(x) * 0)


@kind("heads/by-the-next", "grouped dense", MAPPED, (all_of(HEADS, MOVED),))
def by_next(x: Core, rng: Rng) -> Array:
    each = (own(x) + 1) % x.k.shape[1]
    return of_heads(x, each, each)


@kind("heads/values-of-another", "grouped dense causal", MAPPED, (all_of("value", HEADS),))
def others_values(x: Core, rng: Rng) -> Array:
    return of_heads(x, own(x), (own(x) + 1) % x.k.shape[1])


@kind("heads/keys-of-another", "grouped dense", MAPPED, (all_of("key", HEADS),))
def others_keys(x: Core, rng: Rng) -> Array:
    return of_heads(x, (own(x) + 1) % x.k.shape[1], own(x))


@kind("heads/keys-tiled-values-not", "grouped", "heads-tiled heads-mapped", (all_of("key", HEADS),))
def keys_tiled(x: Core, rng: Rng) -> Array:
    return of_heads(x, np.arange(x.shape[1]) % x.k.shape[1], own(x))


@kind(
    "heads/queries-interleaved",
    "grouped dense",
    MAPPED + " head-reshape heads-tiled",
    (all_of("(quer|head)", r"(interleav|order|mapped|transpos|another|swap|exchang|served by)"),),
)
def queries_interleaved(x: Core, rng: Rng) -> Array:
    """Query heads in the order (place in group, group)."""
    h = x.shape[1]
    order = np.arange(h).reshape(-1, 2).T.ravel()
    return x.but(q=x.q[:, order]).out()


@kind(
    "heads/outputs-interleaved",
    "grouped dense",
    MAPPED + " head-reshape",
    (all_of(HEADS, r"(interleav|order|moved|permut|another)"),),
)
def outputs_interleaved(x: Core, rng: Rng) -> Array:
    order = np.arange(x.shape[1]).reshape(2, -1).T.ravel()
    return x.out()[:, order]


@kind(
    "heads/outputs-rolled", "dense grouped causal", MAPPED, (all_of(HEADS, r"(roll|shift|order|moved|another|next)"),)
)
def rolled(x: Core, rng: Rng) -> Array:
    return np.roll(x.out(), 1, 1)


@kind("heads/two-exchanged", "dense grouped", MAPPED, (all_of(HEADS, r"\b<a>\b", r"\b<b>\b", MOVED),))
def exchanged(x: Core, rng: Rng) -> Wrong:
    a, b = sorted(int(each) for each in rng.choice(x.shape[1], 2, replace=False))
    order = np.arange(x.shape[1])
    order[[a, b]] = b, a
    return Wrong(x.out()[:, order], {"a": a, "b": b})


@kind("heads/queries-rolled", "dense causal", MAPPED, (all_of("quer|heads", r"(roll|shift|order|another|head|next)"),))
def queries_rolled(x: Core, rng: Rng) -> Array:
    return x.but(q=np.roll(x.q, 1, 1)).out()


@kind("heads/one-zero", "dense grouped causal", "heads-lost", (all_of(HEADS, r"\b<head>\b", ZERO),))
def one_zero(x: Core, rng: Rng) -> Wrong:
    head, made = int(rng.integers(x.shape[1])), x.out()
    made[:, head] = 0
    return Wrong(made, {"head": head})


@kind("heads/one-stale", "dense causal", "heads-lost heads-unknown", (all_of(HEADS, r"\b<head>\b"),))
def one_stale(x: Core, rng: Rng) -> Wrong:
    """Memory that was never written: another call's output."""
    head, made = int(rng.integers(x.shape[1])), x.out()
    made[:, head] = rng.standard_normal(made[:, head].shape) * made.std()
    return Wrong(made, {"head": head})


@kind("heads/one-is-its-neighbour", "dense causal grouped", MAPPED, (all_of(HEADS, r"\b<head>\b", r"\b<other>\b"),))
def neighbour(x: Core, rng: Rng) -> Wrong:
    head, made = int(rng.integers(1, x.shape[1])), x.out()
    made[:, head] = made[:, head - 1]
    return Wrong(made, {"head": head, "other": head - 1})


@kind("heads/all-are-the-first", "dense grouped", MAPPED, (all_of(HEADS, r"(head 0|first)"),))
def all_are_first(x: Core, rng: Rng) -> Array:
    return np.repeat(x.out()[:, :1], x.shape[1], 1)


@kind(
    "heads/weights-averaged",
    "dense causal grouped",
    "weights-averaged",
    (all_of(HEADS, r"(averag|mean|same weights|alike)"),),
)
def averaged(x: Core, rng: Rng) -> Array:
    return x.out(np.repeat(x.weights().mean(1, keepdims=True), x.shape[1], 1))


@kind("heads/scores-summed", "dense", "weights-averaged", (all_of(HEADS, r"(averag|mean|same weights|alike|sum)"),))
def summed(x: Core, rng: Rng) -> Array:
    s = np.repeat(x.scores().sum(1, keepdims=True), x.shape[1], 1)
    return x.but(q=0 * x.q, add=s).out()


@kind(
    "heads/keys-averaged-in-group", "grouped dense", "heads-averaged", (all_of("(key|head)", r"(averag|mean|pooled)"),)
)
def keys_pooled(x: Core, rng: Rng) -> Array:
    """Multi-query: one key head, the mean of all."""
    return x.but(k=np.repeat(x.k.mean(1, keepdims=True), x.k.shape[1], 1)).out()


@kind("heads/last-group-by-the-first", "grouped", MAPPED, (all_of(HEADS, r"(\b0\b|first|served)"),))
def off_the_end(x: Core, rng: Rng) -> Array:
    """Key head (h + 1) div n, and 0 behind the end."""
    each = (np.arange(x.shape[1]) + 1) // x.each % x.k.shape[1]
    return of_heads(x, each, each)


@kind("heads/group-size-off", "grouped", MAPPED, (all_of(HEADS, r"(served|group|mapped|read|div|key)"),))
def other_group(x: Core, rng: Rng) -> Array | None:
    """h div 2n: the first half of the key heads serves all."""
    if x.k.shape[1] < 2 or x.shape[1] // x.k.shape[1] < 2:
        return None
    each = np.arange(x.shape[1]) // (2 * x.each)
    return of_heads(x, each, each)


@kind(
    "heads/merged-features-first",
    "dense",
    "head-reshape layout",
    (all_of(r"(merge|reshape|transpos|layout|interleav|features?, heads?)"),),
)
def features_first(x: Core, rng: Rng) -> Array:
    """Merged as (features, heads), split as (heads, features)."""
    made = x.out()
    b, h, n, e = made.shape
    return split(made.transpose(0, 2, 3, 1).reshape(b, n, h * e), h)


@kind("heads/merged-without-transpose-layer", "layer", "head-reshape", (all_of(r"(merge|reshape|transpos|head)"),))
def merged_wrongly(x: Core, rng: Rng) -> Array:
    weights, v = x.weights(), x.v
    context = weights @ repeated(v, weights.shape[1])
    b, h, n, e = context.shape
    w, bias = (x.p.arrays[name].astype(x.q.dtype) for name in ("w_o", "b_o"))
    return context.reshape(b, n, h * e) @ w + bias


@kind(
    "heads/rank-takes-every-other",
    "grouped dense",
    MAPPED,
    (all_of(HEADS, r"(every|order|interleav|served|mapped|another|read)"),),
)
def every_other(x: Core, rng: Rng) -> Array:
    """Two ranks: keys dealt out to them in turns, queries in blocks."""
    k = x.k.shape[1]
    deal = np.concatenate([np.arange(0, k, 2), np.arange(1, k, 2)])
    each = deal[own(x)]
    return of_heads(x, each, each)


@kind(
    "heads/mask-left-out-in-one",
    "causal window masked",
    "mask-dropped",
    (all_of(HEADS, r"\b<head>\b", rf"(mask|causal|window|{LOST})"),),
)
def unmasked(x: Core, rng: Rng) -> Wrong:
    head = int(rng.integers(x.shape[1]))
    keep = x.keep.copy()
    keep[:, head] = True
    return Wrong(x.but(keep=keep).out(), {"head": head})


@kind("heads/mask-in-the-first-only", "causal masked", "mask-dropped", (all_of(HEADS, rf"(mask|causal|{LOST})"),))
def first_masked(x: Core, rng: Rng) -> Array:
    keep = np.ones_like(x.keep)
    keep[:, 0] = x.keep[:, 0]
    return x.but(keep=keep).out()


@kind(
    "heads/positions-for-heads-in-merge",
    "dense",
    "head-reshape layout",
    (all_of(r"(merge|reshape|transpos|layout|strides)"),),
)
def merge_of_all(x: Core, rng: Rng) -> Array:
    made = x.out()
    return split(made.reshape(merged(made).shape), x.shape[1])
