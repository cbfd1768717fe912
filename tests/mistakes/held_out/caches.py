"""Caches."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.cache import of_keys, swapped
from tests.mistakes.exam.families.pages import by_table
from tests.mistakes.exam.families.words import EXTRA, LOST, MOVED, TWICE, ZERO, all_of
from tests.mistakes.exam.kinds import Wrong
from tests.mistakes.exam.plain import Core
from tests.mistakes.held_out.hidden import hidden
from tests.mistakes.stages import Array, Rng


@hidden("cache/every-other-key-evicted", "extend extend-rope", "keys-lost cache-keys", all_of("key", LOST))
def every_other(x: Core, rng: Rng) -> Array:
    return of_keys(x, np.arange(x.shape[3])[::-1][::2][::-1])


@hidden(
    "cache/only-the-last-8",
    "extend decode",
    "keys-lost cache-keys window-bounds",
    all_of(r"(key|window)", rf"({LOST}|window)"),
)
def last_8(x: Core, rng: Rng) -> Array:
    return of_keys(x, np.arange(x.shape[3] - 8, x.shape[3]))


@hidden(
    "cache/four-keys-lost-in-the-middle",
    "extend extend-rope decode",
    "keys-lost cache-keys",
    all_of(r"keys?,? <key>\b", LOST),
)
def four_lost(x: Core, rng: Rng) -> Wrong:
    key = x.g.past // 2
    return Wrong(of_keys(x, np.delete(np.arange(x.shape[3]), np.arange(key, key + 4))), {"key": key})


@hidden(
    "cache/newest-value-zero",
    "decode extend",
    "values-lost",
    all_of("value", r"(<key>\b|newest|last)", ZERO),
    all_of("key", r"(<key>\b|newest|last)", r"(sum|value)"),
)
def newest_value(x: Core, rng: Rng) -> Wrong:
    v = x.v.copy()
    v[:, :, -1] = 0
    return Wrong(swapped(x, v=v), {"key": x.shape[3] - 1})


@hidden(
    "cache/a-value-zero",
    "extend decode",
    "values-lost",
    all_of("value", r"<key>\b", ZERO),
    all_of("key", r"<key>\b", r"(sum|value|lost|missing)"),
)
def value_zero(x: Core, rng: Rng) -> Wrong:
    v, key = x.v.copy(), int(rng.integers(1, x.g.past - 1))
    v[:, :, key] = 0
    return Wrong(swapped(x, v=v), {"key": key})


@hidden("cache/a-key-zero", "extend", "keys-lost cache-keys", all_of("key", r"<key>\b", rf"({ZERO}|logit)"))
def key_zero(x: Core, rng: Rng) -> Wrong:
    k, key = x.k.copy(), int(rng.integers(1, x.g.past - 1))
    k[:, :, key] = 0
    return Wrong(swapped(x, k=k), {"key": key})


@hidden("cache/values-in-reverse", "extend dense", "values-moved", all_of("value", r"(revers|order|moved|other way)"))
def values_reversed(x: Core, rng: Rng) -> Array:
    return swapped(x, v=x.v[:, :, ::-1])


@hidden(
    "cache/values-two-on", "dense extend", "values-moved operands-shifted", all_of("value", r"(shift|moved|roll|2|two)")
)
def values_two_on(x: Core, rng: Rng) -> Array:
    return swapped(x, v=np.roll(x.v, 2, 2))


@hidden(
    "cache/page-twice",
    "pages-extend pages",
    "pages keys-doubled",
    all_of(r"(page|key)", rf"({TWICE}|another|instead|from|moved|lost|missing)"),
)
def page_twice(x: Core, rng: Rng) -> Array:
    table = x.p.arrays["block_table"].copy()
    table[:, 1] = table[:, 0]
    return by_table(x, table, table)


@hidden(
    "cache/values-of-the-next-page",
    "pages-extend pages",
    "pages values-moved",
    all_of("value", r"(page|moved|shift|order|key)"),
)
def next_page(x: Core, rng: Rng) -> Array:
    table = x.p.arrays["block_table"]
    return by_table(x, table, np.roll(table, -1, 1))


@hidden(
    "cache/tables-of-items-exchanged",
    "pages pages-extend",
    "pages batch-mapped",
    all_of(r"(item|batch|table|page)", MOVED),
)
def tables_exchanged(x: Core, rng: Rng) -> Array:
    table = np.roll(x.p.arrays["block_table"], 1, 0)
    return by_table(x, table, table)


@hidden(
    "cache/in-page-reversed", "pages-extend", "pages keys-moved", all_of(r"(page|key)", r"(revers|order|moved|places)")
)
def in_page(x: Core, rng: Rng) -> Array:
    size = x.p.arrays["key"].shape[1]
    order = np.arange(x.shape[3]).reshape(-1, size)[:, ::-1].ravel()
    return swapped(x, x.k[:, :, order], x.v[:, :, order])


@hidden(
    "cache/lengths-two-less",
    "padded pages",
    "key-lengths keys-lost",
    all_of(r"(length|key)", rf"(2|two|{LOST}|less|fewer)"),
)
def two_less(x: Core, rng: Rng) -> Array:
    ends = np.maximum(x.p.arrays["key_lengths"] - 2, 1).reshape(-1, 1, 1, 1)
    return x.but(keep=x.keep & (np.arange(x.shape[3]) < ends)).out()


@hidden("cache/past-heads-rolled", "extend", "heads-mapped", all_of("head", rf"(past|cache|key|{MOVED})"))
def past_heads(x: Core, rng: Rng) -> Array | None:
    if x.k.shape[1] == 1:
        return None
    past = x.g.past
    return swapped(x, *(np.concatenate([np.roll(y[:, :, :past], 1, 1), y[:, :, past:]], 2) for y in (x.k, x.v)))


@hidden("cache/past-key-and-value-exchanged", "extend", "operands-swapped", all_of("key", "value"))
def past_exchanged(x: Core, rng: Rng) -> Array:
    past = x.g.past
    k, v = x.k.copy(), x.v.copy()
    k[:, :, :past], v[:, :, :past] = x.v[:, :, :past], x.k[:, :, :past]
    return swapped(x, k, v)


@hidden("cache/scale-of-the-next-token", "extend grouped", "cache-rounded", all_of(r"(scale|factor|key|logit|token)"))
def next_scale(x: Core, rng: Rng) -> Array:
    scale = np.abs(x.k).max(-1, keepdims=True) / 127
    return swapped(x, np.rint(x.k / scale) * np.roll(scale, 1, 2))


@hidden(
    "cache/past-halved",
    "extend",
    "cache-rounded operands-scaled",
    all_of(r"(past|key|cache|value)", r"(scale|factor|0\.5|half|times|logit)"),
)
def past_halved(x: Core, rng: Rng) -> Array:
    past = x.g.past
    return swapped(x, np.concatenate([x.k[:, :, :past] / 2, x.k[:, :, past:]], 2))


@hidden(
    "cache/values-in-two-bits",
    "extend grouped",
    "cache-rounded rounding",
    all_of(r"(bits?|int2|int4|quanti|round|precision|cache|levels?)"),
)
def two_bits(x: Core, rng: Rng) -> Array:
    scale = np.abs(x.v).max(-1, keepdims=True)
    return swapped(x, v=np.rint(x.v / scale * 1.5) / 1.5 * scale)


@hidden("cache/sink-tokens-not-kept", "extend", "keys-lost cache-keys", all_of(r"keys?", LOST, r"(0|first)"))
def sink_tokens(x: Core, rng: Rng) -> Array:
    return of_keys(x, np.arange(4, x.shape[3]))


@hidden(
    "cache/item-1-in-the-last-slot",
    "extend-batch",
    "batch-mapped key-moved",
    all_of(r"(item|batch|key|last|newest)", rf"({MOVED}|differ|wrong)"),
)
def slot_of_item_1(x: Core, rng: Rng) -> Array:
    k, v = x.k.copy(), x.v.copy()
    for y in (k, v):
        y[0, :, -1] = y[1, :, -1]
    return swapped(x, k, v)


@hidden("cache/unused-slots-of-ones", "extend decode", "cache-keys", all_of(r"(key|extra|more)", EXTRA))
def ones(x: Core, rng: Rng) -> Array:
    b, h, n, _ = x.shape
    k, v = (np.concatenate([y, np.ones_like(y[:, :, :2])], 2) for y in (x.k, x.v))
    keep = np.concatenate([x.keep, np.ones((b, h, n, 2), bool)], -1)
    return x.but(k=k, v=v, keep=keep).out()
