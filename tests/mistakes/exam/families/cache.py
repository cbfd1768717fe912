"""Wrong caches: slots, pages, lengths, items."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.words import LOST, MOVED, TWICE, ZERO, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core
from tests.mistakes.stages import Array, Rng

KEYS = "cache-keys keys-lost"
CACHED = "decode extend extend-rope decode-rope"


def swapped(x: Core, k: Array | None = None, v: Array | None = None) -> Array:
    """The output with other keys or values in the places of the right ones."""
    return x.but(k=x.k if k is None else k, v=x.v if v is None else v).out()


def of_keys(x: Core, index: Array) -> Array:
    """The output of a cache whose slots hold, in this order, these keys and their values; closed ones stay closed."""
    return x.but(k=x.k[:, :, index], v=x.v[:, :, index], keep=x.keep[..., index], add=taken(x.add, index)).out()


def taken(add: Array, index: Array) -> Array:
    """What is added, of some keys."""
    return add[..., index] if add.shape[-1] > 1 else add


@kind("cache/newest-key-missing", CACHED, KEYS + " causal-diagonal", (all_of(r"(newest|last|key <key>\b|own)", LOST),))
def newest_missing(x: Core, rng: Rng) -> Wrong:
    """Attention runs before the new keys are written: each query sees one less."""
    i = x.g.first[0] + np.arange(x.shape[2])
    keep = x.keep & (np.arange(x.shape[3]) < i[:, None])
    return Wrong(x.but(keep=keep).out(), {"key": x.shape[3] - 1})


@kind("cache/newest-key-twice", CACHED, "cache-keys keys-doubled", (all_of(r"(newest|last|key <key>\b)", TWICE),))
def newest_twice(x: Core, rng: Rng) -> Wrong:
    s = x.shape[3]
    return Wrong(of_keys(x, np.append(np.arange(s), s - 1)), {"key": s - 1})


@kind("cache/key-twice", CACHED, "cache-keys keys-doubled", (all_of(r"key,? <key>\b", TWICE),))
def some_key_twice(x: Core, rng: Rng) -> Wrong:
    s, key = x.shape[3], int(rng.integers(x.g.past // 2, x.g.past))
    return Wrong(of_keys(x, np.append(np.arange(s), key)), {"key": key})


def followed(x: Core, k: Array, v: Array) -> Array:
    """One more key behind the last, open to all."""
    b, h, n, _ = x.shape
    more = np.concatenate([x.keep, np.ones((b, h, n, k.shape[2]), bool)], -1)
    return x.but(
        k=np.concatenate([x.k, k], 2), v=np.concatenate([x.v, v], 2), keep=more, add=np.zeros((1, 1, 1, 1), x.q.dtype)
    ).out()


@kind(
    "cache/followed-by-a-zero-key",
    CACHED,
    "cache-keys zero-keys",
    (all_of(r"(zero|0\b|one more|extra)", r"(key|logit)"),),
)
def zero_key(x: Core, rng: Rng) -> Array:
    return followed(x, 0 * x.k[:, :, :1], 0 * x.v[:, :, :1])


@kind("cache/followed-by-zero-keys", CACHED, "cache-keys zero-keys", (all_of(r"(zero|0\b|empty)", r"(keys|slots)"),))
def zero_keys(x: Core, rng: Rng) -> Array:
    """A cache of fixed length whose unused slots are not closed: 4 of them for one new token."""
    return followed(x, 0 * x.k[:, :, :4], 0 * x.v[:, :, :4])


@kind(
    "cache/followed-by-a-stale-key",
    CACHED,
    "cache-keys",
    (
        all_of(r"(stale|extra|one more|foreign|unknown|another)", r"(key|logit)"),
        r"(not in the span|outside the span|no combination)",
    ),
)
def stale_key(x: Core, rng: Rng) -> Array:
    k, v = (rng.standard_normal(y[:, :, :1].shape).astype(y.dtype) for y in (x.k, x.v))
    return followed(x, k, v)


@kind("cache/first-key-evicted", CACHED, KEYS, (all_of(r"(key 0\b|first key)", LOST),))
def evicted(x: Core, rng: Rng) -> Array:
    return of_keys(x, np.arange(1, x.shape[3]))


@kind("cache/a-key-evicted", CACHED, KEYS, (all_of(r"key,? <key>\b", LOST),))
def one_evicted(x: Core, rng: Rng) -> Wrong:
    key = int(rng.integers(1, x.g.past - 1))
    return Wrong(of_keys(x, np.delete(np.arange(x.shape[3]), key)), {"key": key})


@kind(
    "cache/new-key-over-the-last-old-one",
    CACHED,
    KEYS + " key-moved",
    (all_of(r"key,? (<key>|<slot>)\b", r"(lost|missing|overwr|replac|slot|twice|wrong|zero|instead|moved|left out)"),),
)
def over_the_last(x: Core, rng: Rng) -> Wrong:
    """The new tokens are written one slot too early; the last slot is as it was, 0."""
    past, s = x.g.past, x.shape[3]
    k, v = x.k.copy(), x.v.copy()
    for y in (k, v):
        y[:, :, past - 1 : s - 1] = y[:, :, past:]
        y[:, :, s - 1] = 0
    return Wrong(swapped(x, k, v), {"key": past - 1, "slot": s - 1})


@kind(
    "cache/new-keys-in-one-slot",
    "extend extend-rope",
    KEYS,
    (all_of(r"key", LOST), all_of(r"key", ZERO), all_of("key", "slot")),
)
def one_slot(x: Core, rng: Rng) -> Array:
    """The slot is not advanced: the first new slot holds the last new key, the others nothing."""
    past = x.g.past
    k, v = x.k.copy(), x.v.copy()
    for y in (k, v):
        y[:, :, past] = y[:, :, -1]
        y[:, :, past + 1 :] = 0
    return swapped(x, k, v)


@kind(
    "cache/value-one-step-late",
    "extend decode causal",
    "values-moved operands-shifted",
    (
        all_of(
            "value",
            r"(shift|moved|late|one (key|step|place)|by -?1|off by|neighbou?r|previous|next|slot (before|after))",
        ),
    ),
)
def value_late(x: Core, rng: Rng) -> Array:
    return swapped(x, v=np.concatenate([0 * x.v[:, :, :1], x.v[:, :, :-1]], 2))


@kind(
    "cache/keys-one-slot-on",
    "extend decode",
    "keys-moved operands-shifted",
    (
        all_of(
            "key", r"(shift|moved|late|one (key|step|place)|by -?1|off by|neighbou?r|previous|next|slot (before|after))"
        ),
    ),
)
def keys_on(x: Core, rng: Rng) -> Array:
    return swapped(x, k=np.roll(x.k, 1, 2))


@kind(
    "cache/two-slots-exchanged-in-keys",
    CACHED,
    "keys-moved key-moved",
    (all_of(r"<a>\b", r"<b>\b", r"(exchang|swap|instead|for|moved|order|place)"),),
)
def two_exchanged(x: Core, rng: Rng) -> Wrong:
    a, b = sorted(int(j) for j in rng.choice(x.g.past, 2, replace=False))
    order = np.arange(x.shape[3])
    order[[a, b]] = b, a
    return Wrong(swapped(x, k=x.k[:, :, order]), {"a": a, "b": b})


@kind("cache/items-exchanged", "extend-batch batch pages-extend", "batch-mapped", (all_of(r"(item|batch)", MOVED),))
def items_exchanged(x: Core, rng: Rng) -> Array:
    order = [1, 0, *range(2, len(x.k))]
    return swapped(x, x.k[order], x.v[order])


@kind("cache/item-0-for-all", "extend-batch batch", "batch-mapped", (all_of(r"(item 0|first item|item|batch)", MOVED),))
def item_0(x: Core, rng: Rng) -> Array:
    return swapped(x, *(np.repeat(y[:1], len(y), 0) for y in (x.k, x.v)))


@kind("cache/beams-not-reordered", "extend-batch", "batch-mapped", (all_of(r"(item|batch|beam)", MOVED),))
def beams(x: Core, rng: Rng) -> Array:
    """The past of another beam; the new keys are the item's own."""
    past = x.g.past
    order = np.roll(np.arange(len(x.k)), 1)
    return swapped(x, *(np.concatenate([y[order, :, :past], y[:, :, past:]], 2) for y in (x.k, x.v)))


@kind("cache/values-of-another-item", "extend-batch batch", "batch-mapped", (all_of("value", r"(item|batch)"),))
def others_values(x: Core, rng: Rng) -> Array:
    return swapped(x, v=np.roll(x.v, 1, 0))


@kind(
    "cache/past-lost", "extend extend-rope extend-batch", KEYS + " past-lost", (all_of(r"(past|cache|keys 0)", LOST),)
)
def past_lost(x: Core, rng: Rng) -> Array:
    return of_keys(x, np.arange(x.g.past, x.shape[3]))


@kind(
    "cache/past-behind-the-new",
    "extend extend-rope",
    "past-order keys-moved",
    (all_of(r"(past|cache|new|key)", r"(behind|after|order|before|first|roll|shift|moved|other way)"),),
)
def past_behind(x: Core, rng: Rng) -> Array:
    """[new, past] under a causal rule that counts columns."""
    order = np.roll(np.arange(x.shape[3]), x.shape[3] - x.g.past)
    return swapped(x, x.k[:, :, order], x.v[:, :, order])


@kind("cache/new-keys-lost", "extend extend-rope", KEYS, (all_of(r"(new|keys? <key>|last)", LOST),))
def new_lost(x: Core, rng: Rng) -> Wrong:
    return Wrong(of_keys(x, np.arange(x.g.past)), {"key": x.g.past})


@kind(
    "cache/values-of-another-layer",
    "extend dense",
    "values-unknown",
    (all_of("value", r"(span|other|another|not the|foreign|unknown|different|outside)"), r"(not in|outside) the span"),
)
def other_values(x: Core, rng: Rng) -> Array:
    return swapped(x, v=rng.standard_normal(x.v.shape).astype(x.v.dtype))


@kind(
    "cache/past-values-zero",
    "extend",
    "values-lost",
    (
        all_of("value", r"(past|cache|<first>|key)", ZERO),
        all_of(r"(sum|weights)", r"(less than 1|below 1|not 1)", "(past|key)"),
    ),
)
def past_values_zero(x: Core, rng: Rng) -> Wrong:
    v = x.v.copy()
    v[:, :, : x.g.past] = 0
    return Wrong(swapped(x, v=v), {"first": 0})


@kind(
    "cache/ring-not-unrolled",
    "extend",
    "keys-moved",
    (all_of("(key|value)", r"(roll|rotat|shift|order|moved|ring|around the end)"),),
)
def ring(x: Core, rng: Rng) -> Array:
    """The slots of a ring buffer are taken in memory order for values, in time order for keys."""
    return swapped(x, v=np.roll(x.v, x.shape[3] // 3, 2))


@kind(
    "cache/rejected-tokens-kept",
    "extend extend-rope",
    "cache-keys",
    (all_of(r"key", r"(more|extra|unknown|stale|foreign|behind)"), r"(not in|outside) the span"),
)
def rejected(x: Core, rng: Rng) -> Array:
    """Two draft tokens that were rejected stay between past and new."""
    shape = (*x.k.shape[:2], 2)
    k, v = (rng.standard_normal((*shape, y.shape[3])).astype(y.dtype) for y in (x.k, x.v))
    return followed(x, k, v)
