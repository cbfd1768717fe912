"""Pages of a cache, and how many keys are in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.mistakes.exam.families.cache import swapped
from tests.mistakes.exam.families.words import EXTRA, LOST, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, core, given, strung
from tests.mistakes.stages import Array, Rng


@kind(
    "cache/page-of-another-request",
    "pages pages-extend",
    "pages batch-mapped key-moved",
    (
        all_of(
            r"(page|keys? <key>|keys <key>)",
            r"(another|other|wrong|foreign|item|request|pool|instead|differ|moved|from)",
        ),
    ),
)
def foreign_page(x: Core, rng: Rng) -> Wrong:
    table = x.p.arrays["block_table"].copy()
    size = x.p.arrays["key"].shape[1]
    table[0, 1] = table[1, 0]
    return Wrong(by_table(x, table, table), {"key": size})


def by_table(x: Core, keys: Array, values: Array) -> Array:
    """Gather pages by other tables."""
    pools = {name: x.p.arrays[name].astype(x.q.dtype) for name in ("key", "value")}
    return swapped(x, strung(pools["key"], keys), strung(pools["value"], values))


@kind(
    "cache/table-for-keys-only",
    "pages pages-extend",
    "pages values-moved",
    (all_of("value", r"(page|table|order|moved|place)"),),
)
def keys_by_table(x: Core, rng: Rng) -> Array:
    """Values are read in the order of the pool."""
    table = x.p.arrays["block_table"]
    return by_table(x, table, np.arange(table.size).reshape(table.shape))


@kind(
    "cache/table-not-used",
    "pages pages-extend",
    "pages",
    (all_of(r"(page|table)", r"(not used|ignored|order|pool|moved|in a row|contiguous)"),),
)
def no_table(x: Core, rng: Rng) -> Array:
    table = np.arange(x.p.arrays["block_table"].size).reshape(x.p.arrays["block_table"].shape)
    return by_table(x, table, table)


@kind(
    "cache/pages-in-reverse",
    "pages-extend",
    "pages keys-moved",
    (all_of(r"(page|key)", r"(revers|order|backward|moved)"),),
)
def pages_reversed(x: Core, rng: Rng) -> Array:
    table = x.p.arrays["block_table"][:, ::-1]
    return by_table(x, table, table)


@kind(
    "cache/table-of-item-0",
    "pages pages-extend",
    "pages batch-mapped",
    (all_of(r"(item|batch|table|page)", r"(item 0|first item|another item|item \d)"),),
)
def first_table(x: Core, rng: Rng) -> Array:
    table = np.repeat(x.p.arrays["block_table"][:1], len(x.k), 0)
    return by_table(x, table, table)


@kind(
    "cache/last-page-whole",
    "pages pages-extend",
    "pages key-lengths",
    (all_of(r"(page|length|key)", r"(whole|all|behind|beyond|up to|round|extra|more|multiple|open|seen|too many)"),),
)
def whole_page(x: Core, rng: Rng) -> Array:
    size = x.p.arrays["key"].shape[1]
    ends = -(-x.p.arrays["key_lengths"] // size) * size
    return x.but(
        keep=x.keep
        | (
            (np.arange(x.shape[3]) < ends.reshape(-1, 1, 1, 1))
            & (np.arange(x.shape[3]) >= x.p.arrays["key_lengths"].reshape(-1, 1, 1, 1))
        )
    ).out()


@kind("cache/last-page-lost", "pages pages-extend", "pages keys-lost", (all_of(r"(page|keys?)", LOST),))
def page_lost(x: Core, rng: Rng) -> Array:
    size = x.p.arrays["key"].shape[1]
    ends = (x.p.arrays["key_lengths"] - 1) // size * size
    return x.but(keep=x.keep & (np.arange(x.shape[3]) < ends.reshape(-1, 1, 1, 1))).out()


for label, step in {"one-more": 1, "one-less": -1}.items():

    @kind(
        f"cache/length-{label}",
        "pages padded",
        "key-lengths keys-lost keys-extra window-bounds",
        (all_of(r"(length|key|padd)", r"(1|one|more|less|fewer|off)", f"({EXTRA}|{LOST}|too long|too short)"),),
    )
    def _(x: Core, rng: Rng, step: int = step) -> Array | None:
        ends = x.p.arrays["key_lengths"] + step
        if (ends < 1).any():
            return None
        changed = x.p.changed(key_lengths=np.minimum(ends, x.shape[3]))
        return core(replace(given(changed), first=x.g.first)).but(keep=with_ends(x, ends)).out()


def with_ends(x: Core, ends: Array) -> Array:
    """All keys before an end, where no other rule closes them; the queries are the last tokens."""
    j = np.arange(x.shape[3])
    return np.broadcast_to(j < ends.reshape(-1, 1, 1, 1), x.keep.shape)


@kind(
    "cache/length-of-another-item",
    "pages padded",
    "key-lengths batch-mapped mask-axis",
    (all_of(r"(length|padd|mask|key)", r"(item|batch)"),),
)
def others_length(x: Core, rng: Rng) -> Array:
    return x.but(keep=with_ends(x, np.roll(x.p.arrays["key_lengths"], 1))).out()


@kind(
    "cache/longest-length-for-all",
    "pages padded padded-causal",
    "padding-attended key-lengths mask-dropped",
    (all_of(r"(length|padd|key)", r"(longest|largest|max|all|attended|open|lost|dropped|behind|beyond|extra)"),),
)
def longest(x: Core, rng: Rng) -> Array:
    ends = np.full_like(x.p.arrays["key_lengths"], x.p.arrays["key_lengths"].max())
    changed = core(replace(given(x.p.changed(key_lengths=ends)), first=x.g.first))
    return changed.out()
