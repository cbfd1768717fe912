"""The states, which come before all stages, and the table that strings pages of them together."""

from __future__ import annotations

from typing import Any

from attncli.attend.words.array import Array, Role
from attncli.said import Said


def _pages(facts: Any) -> str:
    table = facts.inputs.get("block_table")
    return "" if table is None else Said("pages of {count} keys", count=facts.sizes.keys // table.shape[1])


_QUERY, _KEY, _PAST, _VALUE = ("B", "H", "L", "E"), ("B", "K", "S", "E"), ("B", "K", "P", "E"), ("B", "K", "S", "Ev")

STATE_ARRAYS = (
    Array("query", Role.STATE, "", _QUERY, "Queries; FILE:NAME picks one array out of an archive.", ("q", "Q", "s")),
    Array("hidden", Role.STATE, "", _KEY, "Key and value at once.", ("h", "H", "x", "hidden_states")),
    Array(
        "key",
        Role.STATE,
        "",
        _KEY,
        "Keys; each of their heads serves a block of consecutive query heads.",
        ("k", "K"),
    ),
    Array("value", Role.STATE, "", _VALUE, "Values, one per key.", ("v", "V")),
    Array(
        "past_key",
        Role.STATE,
        "",
        _PAST,
        "Keys of a cache, which go before the key.",
        words=lambda facts: Said("{count} past keys", count=facts.sizes.past) if facts.sizes.past else "",
    ),
    Array("past_value", Role.STATE, "", ("B", "K", "P", "Ev"), "Values of a cache, which go before the value."),
    Array(
        "block_table",
        Role.INPUT,
        "",
        ("B", "blocks"),
        "Which pages hold the keys of each batch item, in order; key and value are then pools, (pages, page size, key "
        "heads, features). What stands behind key_lengths is not looked at.",
        is_whole=True,
        words=_pages,
    ),
)
