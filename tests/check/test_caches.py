"""Caches that were read by another table, to another length, from another item or from exchanged slots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Wanted, check
from attncli.check.voice import IN_ENGLISH

Array = np.ndarray[Any, Any]
LENGTHS = np.array([10, 11, 9])
TABLE = np.array([[5, 0, 7], [2, 8, 1], [9, 3, 6]])


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def said(arrays: dict[str, Array], output: Array) -> tuple[tuple[str, ...], str]:
    """What the first explanation says."""
    first = check(prepare(arrays, Options.parse({"causal": True, "scale": "sqrt"})), output, Wanted()).explanations[0]
    return first.mistakes, "; ".join(map(IN_ENGLISH.say, first.descriptions))


def paged() -> dict[str, Array]:
    rng = np.random.default_rng(3)
    pools = {name: rng.standard_normal((11, 4, 2, 8)) for name in ("key", "value")}
    query = rng.standard_normal((3, 2, 1, 8))
    return {"query": query, **pools, "block_table": TABLE, "key_lengths": LENGTHS}


def of_pages(a: dict[str, Array], keys: Array, values: Array, ends: Array = LENGTHS) -> Array:
    """One new query over pages: each key whose number is below the end is open."""
    strung = [a[n][t].reshape(3, 12, 2, 8).swapaxes(1, 2) for n, t in (("key", keys), ("value", values))]
    scores = a["query"] @ strung[0].swapaxes(-1, -2) / np.sqrt(8)
    return np.asarray(softmax(np.where(np.arange(12) < ends[:, None, None, None], scores, -np.inf)) @ strung[1])


ENTRY = TABLE.copy()
ENTRY[1, 0] = 10
WRONG = {
    "item 0": (TABLE[[0, 0, 0]], TABLE[[0, 0, 0]], LENGTHS, "by another table: that of batch item 0 for all items"),
    "two items": (TABLE[[0, 2, 1]], TABLE[[0, 2, 1]], LENGTHS, "that of items 1 and 2 exchanged"),
    "keys only": (TABLE, np.arange(9).reshape(3, 3), LENGTHS, "values were read from pages by another table"),
    "one entry": (ENTRY, ENTRY, LENGTHS, "page 10 instead of 2 at place 0 of batch item 1 (keys 0 to 3)"),
    "one entry of keys": (ENTRY, TABLE, LENGTHS, "keys were read from pages by another table: page 10 instead of 2"),
    "whole": (TABLE, TABLE, np.array([12, 12, 12]), "each last page was seen whole"),
    "lost": (TABLE, TABLE, np.array([8, 8, 8]), "each last page was left out"),
    "length of another": (TABLE, TABLE, LENGTHS[[2, 0, 1]], "the length of the item before"),
}


@pytest.mark.takes(4)
@pytest.mark.parametrize("name", WRONG)
def test_pages(name: str) -> None:
    """What was read in place of the right pages is named, with the slots behind the length as they are."""
    keys, values, ends, words = WRONG[name]
    a = paged()
    mistakes, text = said(a, of_pages(a, keys, values, ends))
    assert mistakes == ("pages",)
    assert words in text


def extended(k: Any, v: Any, rounded: bool = False) -> tuple[dict[str, Array], Array]:
    """Two new tokens behind seven, and the output of changed keys and values."""
    rng = np.random.default_rng(4)
    kind = np.float16 if rounded else np.float64
    a = {n: rng.standard_normal((3, 2, 2, 8)).astype(kind) for n in ("query", "key", "value")}
    a |= {n: rng.standard_normal((3, 2, 7, 8)).astype(kind) for n in ("past_key", "past_value")}
    keys, values = (np.concatenate([a[f"past_{n}"], a[n]], 2).astype(np.float64) for n in ("key", "value"))
    scores = a["query"].astype(np.float64) @ k(keys).swapaxes(-1, -2) / np.sqrt(8)
    opened = np.arange(9) <= np.arange(7, 9)[:, None]
    return a, (softmax(np.where(opened, scores, -np.inf)) @ v(values)).astype(kind)


def beams(x: Array) -> Array:
    return np.concatenate([x[[2, 0, 1], :, :7], x[:, :, 7:]], 2)


def over(x: Array) -> Array:
    return np.concatenate([x[:, :, :6], x[:, :, 7:], 0 * x[:, :, :1]], 2)


@pytest.mark.takes(2)
@pytest.mark.parametrize("rounded", [False, True])
def test_slots_of_a_cache(rounded: bool) -> None:
    """Beams, exchanged slots and overwritten ones are named, in half precision too."""
    for k, v, mistake, words in (
        (beams, beams, "items-mixed", "the past keys and values were those of another batch item"),
        (lambda x: x[:, :, [0, 4, 2, 3, 1, 5, 6, 7, 8]], lambda x: x, "keys-stale", "keys 1 and 4 are exchanged"),
        (over, over, "keys-stale", "one slot early, so that key 6 is overwritten and slot 8 is 0"),
    ):
        mistakes, text = said(*extended(k, v, rounded))
        assert mistakes == (mistake,)
        assert words in text
