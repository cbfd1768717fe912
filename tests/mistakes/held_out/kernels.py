"""Tiles and splits."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.splits import joined, parts_of
from tests.mistakes.exam.families.tiles import Loop, streamed, third
from tests.mistakes.exam.families.words import LOST, TWICE, ZERO, all_of
from tests.mistakes.exam.kinds import Wrong
from tests.mistakes.exam.plain import Core
from tests.mistakes.held_out.hidden import hidden
from tests.mistakes.stages import Array, Rng

TILE = r"(tile|block|split|key|multiple of|border|range|rows?|part|half)"


def tile_of(x: Core) -> int:
    """A tile that the problem has several of."""
    return 4 if x.shape[3] < 16 else 16 if x.shape[3] < 128 else 32


@hidden("tiles/last-key-of-each-lost", "dense causal cross", "tile-lost keys-lost", all_of("key", LOST))
def last_of_each(x: Core, rng: Rng) -> Array:
    tile = tile_of(x)
    return x.but(keep=x.keep & (np.arange(x.shape[3]) % tile != tile - 1)).out()


@hidden("tiles/first-key-of-each-twice", "dense causal", "tile-doubled keys-doubled", all_of("key", TWICE))
def first_twice(x: Core, rng: Rng) -> Array:
    tile = tile_of(x)
    more = np.where(np.arange(x.shape[3]) % tile == 0, np.log(2), 0).astype(x.q.dtype)
    return x.but(add=x.add + more).out()


@hidden(
    "tiles/values-of-the-tile-before",
    "dense causal",
    "values-moved",
    all_of("value", r"(tile|shift|moved|before|late|block|key)"),
)
def stale_values(x: Core, rng: Rng) -> Array:
    tile = tile_of(x)
    v = np.concatenate([x.v[:, :, :tile], x.v[:, :, :-tile]], 2)
    return x.out(v=v)


@hidden("tiles/keys-of-the-tile-before", "dense", "keys-moved", all_of("key", r"(tile|shift|moved|before|late|block)"))
def stale_keys(x: Core, rng: Rng) -> Array:
    tile = tile_of(x)
    return x.but(k=np.concatenate([x.k[:, :, :tile], x.k[:, :, :-tile]], 2)).out()


@hidden(
    "tiles/rows-of-one-exchanged",
    "dense causal",
    "rows-moved",
    all_of(r"(rows?|quer)", r"(order|moved|exchang|other|swap|revers|tile)"),
)
def rows_exchanged(x: Core, rng: Rng) -> Array:
    tile = tile_of(x)
    made = x.out()
    made[:, :, :tile] = made[:, :, tile - 1 :: -1]
    return made


@hidden("tiles/every-second-row-zero", "dense causal", "rows-lost", all_of(r"(rows?|quer)", ZERO))
def second_rows(x: Core, rng: Rng) -> Array:
    made = x.out()
    made[:, :, 1::2] = 0
    return made


@hidden("tiles/rescaled-by-the-wrong-head", "dense", "tile-rescale", all_of(r"(tile|rescal|maximum|sum|weights)"))
def other_head(x: Core, rng: Rng) -> Array:
    return streamed(x, Loop(third(x), accumulator=lambda shrink: np.roll(shrink, 1, 1)))


@hidden("tiles/sum-rescaled-twice", "dense causal", "tile-rescale", all_of(r"(tile|rescal|maximum|\bsums?\b|normali)"))
def rescaled_twice(x: Core, rng: Rng) -> Array:
    return streamed(x, Loop(third(x), total=lambda shrink: shrink * shrink))


@hidden(
    "tiles/half-of-the-features-twice",
    "dense causal",
    "features-lost",
    all_of(r"(feature|dimension)", rf"({TWICE}|half|halves|first|{LOST})"),
)
def half_twice(x: Core, rng: Rng) -> Array:
    half = x.q.shape[3] // 2
    q, k = (np.concatenate([y[..., :half]] * 2, -1) for y in (x.q, x.k))
    return x.but(q=q, k=k).out()


@hidden("tiles/keys-from-128-not-seen", "dense cross", "keys-lost tile-lost", all_of("key", LOST, "(128|64|8)"))
def behind_128(x: Core, rng: Rng) -> Array:
    most = 8 if x.shape[3] < 16 else 64 if x.shape[3] < 128 else 128
    return x.but(keep=x.keep & (np.arange(x.shape[3]) < most)).out()


@hidden("tiles/columns-exchanged-in-pairs", "dense", "columns-moved", all_of(r"(column|feature|permuted columns)"))
def column_pairs(x: Core, rng: Rng) -> Array:
    made = x.out()
    return made.reshape(*made.shape[:3], -1, 2)[..., ::-1].reshape(made.shape)


@hidden("splits/one-key-in-both", "dense cross", "keys-doubled tile-doubled", all_of(r"key,? <key>\b", TWICE))
def in_both(x: Core, rng: Rng) -> Wrong:
    key = x.shape[3] // 2
    more = np.where(np.arange(x.shape[3]) == key, np.log(2), 0).astype(x.q.dtype)
    return Wrong(x.but(add=x.add + more).out(), {"key": key})


@hidden("splits/one-key-in-none", "dense causal", "keys-lost", all_of(r"key,? <key>\b", LOST))
def in_none(x: Core, rng: Rng) -> Wrong:
    key = x.shape[3] // 2
    return Wrong(x.but(keep=x.keep & (np.arange(x.shape[3]) != key)).out(), {"key": key})


@hidden("splits/shares-of-the-row-before", "dense", "splits", all_of(r"(split|part|half|merge|lse|share)"))
def row_before(x: Core, rng: Rng) -> Array:
    outputs, sums, _ = parts_of(x, 2)
    most = np.max(sums, axis=0)
    return joined(x, outputs, [np.roll(np.exp(s - most), 1, 2) for s in sums])


@hidden("splits/shares-squared", "dense decode", "splits", all_of(r"(split|part|half|merge|lse|share)"))
def squared(x: Core, rng: Rng) -> Array:
    outputs, sums, _ = parts_of(x, 2)
    most = np.max(sums, axis=0)
    return joined(x, outputs, [np.exp(2 * (s - most)) for s in sums])


@hidden("splits/thirds-averaged", "dense cross", "splits", all_of(TILE, r"(averag|mean|equal|alike|lse)"))
def thirds(x: Core, rng: Rng) -> Array:
    outputs, _, _ = parts_of(x, 3)
    return np.asarray(sum(outputs) / 3)


@hidden("splits/second-quarter-lost", "dense decode", "tile-lost keys-lost", all_of(TILE, LOST))
def second_lost(x: Core, rng: Rng) -> Array:
    outputs, sums, _ = parts_of(x, 4)
    most = np.max(sums, axis=0)
    some = [0, 2, 3]
    return joined(x, [outputs[i] for i in some], [np.exp(sums[i] - most) for i in some])


@hidden(
    "splits/heads-gathered-in-turns",
    "dense grouped",
    "heads-mapped head-reshape",
    all_of("head", r"(order|moved|interleav|permut|other)"),
)
def gathered(x: Core, rng: Rng) -> Array:
    order = np.arange(x.shape[1]).reshape(-1, 2).T.ravel()
    return x.out()[:, order]
