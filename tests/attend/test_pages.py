"""block_table: keys and values in pages of a pool are those that it strings together, and nothing else is seen."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import attncli
from attncli import InputError
from tests.support.arrays import normal

# Options come from parameters here, whose types no signature has.
api: Any = attncli
attention, score, softmax, steps = api.attention, api.score, api.softmax, api.steps

# Batch, query heads, key heads, queries, features of a query and of a value; pages, and the keys of one.
B, H, K, L, E, EV, PAGES, SIZE = 3, 4, 2, 5, 6, 7, 11, 4
QUERY, KEY, VALUE = normal(B, H, L, E), normal(PAGES, SIZE, K, E, seed=1), normal(PAGES, SIZE, K, EV, seed=2)
TABLE, LENGTHS = np.array([[3, 7, 1], [10, 0, -1], [5, 999, 2**40]]), np.array([12, 6, 3])
OPTIONS: dict[str, Any] = {"scale": "sqrt", "causal": True}


def strung(pool: Any, item: int, length: int) -> Any:
    """Return (heads, length, features) of one item, key by key."""
    return np.stack([pool[int(TABLE[item, j // SIZE]), j % SIZE] for j in range(length)], axis=1)


def wanted(query: Any = QUERY, **options: Any) -> Any:
    """Return the output of each item alone, its keys in one array; the queries are the last of them."""
    items = [(strung(KEY, b, n), strung(VALUE, b, n)) for b, n in enumerate(LENGTHS)]
    made = [attention(query[b], *items[b], **(OPTIONS | {"offset": "end"} | options)) for b in range(B)]
    return np.stack(made)


def paged(query: Any = QUERY, key: Any = KEY, value: Any = VALUE, **changes: Any) -> Any:
    """Return what steps make of the pages, which the stream makes too."""
    given: dict[str, Any] = {"block_table": TABLE, "key_lengths": LENGTHS} | OPTIONS | changes
    made = steps(query, key, value, **given)
    assert_allclose(attention(query, key, value, **given), made.output, rtol=1e-6, atol=1e-8)
    return made


def refusal(*states: Any, **changes: Any) -> InputError:
    """Return the error that these pages end in."""
    with pytest.raises(InputError) as caught:
        paged(*states, **changes)
    return caught.value


def test_by_hand() -> None:
    """Three pages of two keys; the table takes the last and the first: values 5, 6, 1."""
    value = np.arange(1.0, 7).reshape(3, 2, 1, 1)
    made = steps([[1.0]], np.zeros((3, 2, 1, 1)), value, block_table=[2, 0], key_lengths=3)
    assert made.output.tolist() == [[4.0]]
    assert made.weights.ravel().round(6).tolist() == [0.333333, 0.333333, 0.333333, 0.0]


def test_it_is_what_the_keys_of_each_item_give() -> None:
    """Each alone, gathered key by key; −1 and pages that are not there may stand behind the lengths."""
    assert_allclose(paged().output, wanted(), rtol=1e-12)


def test_without_lengths_all_pages_count() -> None:
    """Of an item, or of all."""
    table = np.array([[3, 7], [10, 0], [5, 1]])
    keys, values = (np.stack([pool[row].reshape(8, K, -1).swapaxes(0, 1) for row in table]) for pool in (KEY, VALUE))
    made = paged(block_table=table, key_lengths=None)
    assert_allclose(made.output, attention(QUERY, keys, values, **OPTIONS), rtol=1e-12)
    one = paged(block_table=table[0], key_lengths=None)
    assert_allclose(one.output, attention(QUERY, keys[0], values[0], **OPTIONS), rtol=1e-12)


@pytest.mark.parametrize("lengths", [[12, 6, 3], [0, 8, 1]])
def test_items_may_share_a_row(lengths: list[int]) -> None:
    """A prompt that all have; each sees as much of it as its length says."""
    made = paged(block_table=TABLE[:1], key_lengths=lengths)
    keys, values = strung(KEY, 0, 12)[None], strung(VALUE, 0, 12)[None]
    assert_allclose(made.output, attention(QUERY, keys, values, key_lengths=lengths, **OPTIONS), rtol=1e-12)


@pytest.mark.parametrize("layout", ["bshd", "sbhd"])
@pytest.mark.parametrize("heads", [None, H])
def test_pools_lie_alike_in_every_layout(layout: str, heads: int | None) -> None:
    """Only query and output follow it, and the packing of heads."""
    order = {"bshd": (0, 2, 1, 3), "sbhd": (2, 0, 1, 3)}[layout]
    query, output = QUERY.transpose(order), wanted().transpose(order)
    if heads:
        query, output = (each.reshape(*each.shape[:2], -1) for each in (query, output))
    assert_allclose(paged(query, layout=layout, heads=heads).output, output, rtol=1e-12)


def test_tokens_and_columns() -> None:
    """One item of packed tokens; queries that are columns."""
    given: dict[str, Any] = {"block_table": TABLE[0], "key_lengths": LENGTHS[0]}
    tokens = paged(QUERY[0].swapaxes(0, 1), layout="thd", **given).output
    assert_allclose(tokens.swapaxes(0, 1), wanted()[0], rtol=1e-12)
    columns = paged(QUERY.swapaxes(-1, -2), states="columns").output
    assert_allclose(columns, wanted(), rtol=1e-12)


def test_a_projected_query() -> None:
    """Of x, whose keys are in the pages already."""
    x, w = normal(B, L, 9, seed=5), normal(9, H * E, seed=6)
    query = (x @ w).reshape(B, L, H, E).swapaxes(1, 2)
    assert_allclose(
        paged(x, w_q=w, heads=H).output.reshape(B, L, H, EV).swapaxes(1, 2), wanted(query), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_nothing_leaks(odd: float) -> None:
    """From pages that are not used, and from the tail of those that are; not even into a notice."""
    key, value = KEY.copy(), VALUE.copy()
    seen = np.zeros((PAGES, SIZE), dtype=bool)
    for item, length in enumerate(LENGTHS):
        for j in range(length):
            seen[TABLE[item, j // SIZE], j % SIZE] = True
    assert not seen.all()
    key[~seen] = value[~seen] = odd
    assert_array_equal(paged(key=key, value=value).output, paged().output)
    assert_array_equal(paged(key=key, value=value, score="cosine").output, paged(score="cosine").output)
    table = TABLE.astype(float)
    table[1, 2] = odd
    assert_array_equal(paged(key=key, value=value, block_table=table).output, paged().output)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, ml_dtypes.bfloat16])
def test_pools_of_other_types(dtype: Any) -> None:
    """Are computed with as other arrays of them."""
    key, value = ((4 * each).astype(dtype) for each in (KEY, VALUE))
    table = np.array([[3, 7], [10, 0], [5, 1]])
    keys, values = (np.stack([pool[row].reshape(8, K, -1).swapaxes(0, 1) for row in table]) for pool in (key, value))
    query = QUERY.astype(np.float32)
    found = attention(query, key, value, block_table=table, scale=0.1)
    plain = attention(query, keys, values, scale=0.1)
    assert found.dtype == plain.dtype
    assert_array_equal(found, plain)


def test_the_steps_one_by_one() -> None:
    """Scores need no values."""
    logits = score(QUERY, key=KEY, block_table=TABLE, key_lengths=LENGTHS, **OPTIONS)
    assert_array_equal(logits, paged().logits)
    assert_array_equal(softmax(logits), paged().weights)


BEHIND = "key_lengths says how many keys are used; what is behind them may be anything"
PROJECTED = "with block_table key and value are pools that hold all keys, past ones too, as they are"


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        (
            {"key_lengths": [12, 9, 3]},
            "block_table names page -1 at place 2 of item 1; the pool has pages 0 to 10",
            BEHIND,
        ),
        (
            {"key_lengths": None},
            "block_table names page -1 at place 2 of item 1; the pool has pages 0 to 10",
            BEHIND,
        ),
        (
            {"block_table": [[0, 1], [2, 11], [3, 4]], "key_lengths": None},
            "block_table names page 11 at place 1 of item 1; the pool has pages 0 to 10",
            BEHIND,
        ),
        (
            {"block_table": TABLE * 0.5},
            "block_table names page 1.5 at place 0 of item 0; the pool has pages 0 to 10",
            BEHIND,
        ),
        (
            {"block_table": [[np.nan], [1], [2]], "key_lengths": None},
            "block_table names page nan at place 0 of item 0; the pool has pages 0 to 10",
            BEHIND,
        ),
        (
            {"block_table": TABLE[:2]},
            "query 3×4×5×6 and block_table 2×3 do not fit: batches of 3 and 2",
            "",
        ),
        (
            {"key_lengths": [13, 6, 3]},
            "key_lengths must be whole numbers from 0 to 12 (the number of keys), not 13",
            "",
        ),
        (
            {"key_lengths": [6, 3]},
            "key_lengths 2 must have one number per batch item (3 batch items)",
            "",
        ),
        (
            {"value": VALUE[:9]},
            "key 11×4×2×6 and value 9×4×2×7 do not fit: they must have as many pages of one size",
            "",
        ),
        (
            {"key": KEY[0], "value": VALUE[0]},
            "key 4×2×6 must be a pool of pages for block_table, (pages, page size, key heads, features)",
            "",
        ),
        (
            {"block_table": TABLE[None]},
            "block_table 1×3×3 must have the axes (batch, pages of one item)",
            "",
        ),
        (
            {"block_table": np.zeros((3, 0))},
            "block_table 3×0 must have the axes (batch, pages of one item)",
            "",
        ),
        (
            {"past_key": KEY, "past_value": VALUE},
            "block_table and past_key contradict each other",
            PROJECTED,
        ),
        ({"w_k": np.eye(6)}, "block_table and w_k contradict each other", PROJECTED),
        (
            {"key": None, "value": None, "hidden": KEY},
            "block_table is given without key and value, the pools of pages",
            "",
        ),
        (
            {"query": QUERY.swapaxes(1, 2)},
            "query 3×5×4×6 and key 11×4×2×6 do not fit: 5 query heads cannot share 2 key heads evenly",
            "with --layout bshd they fit (batch, length, heads, features)",
        ),
        (
            {"query": QUERY.transpose(2, 0, 1, 3)},
            "query 5×3×4×6 and block_table 3×3 do not fit: batches of 5 and 3",
            "with --layout sbhd they fit (length, batch, heads, features)",
        ),
        (
            {"query": QUERY[:, :, 0], "layout": "thd"},
            "query 3×4×6 and block_table 3×3 do not fit: batches of 1 and 3",
            "queries of several items are (batch, length, heads, features), --layout bshd",
        ),
    ],
    ids=lambda each: str(each)[:40],
)
def test_what_is_refused(changes: dict[str, Any], message: str, hint: str) -> None:
    """With the item and the place in the table, and what would help."""
    states = [changes.get(name, known) for name, known in _STATES.items()]
    error = refusal(*states, **{name: each for name, each in changes.items() if name not in _STATES})
    assert (error.message, error.hint) == (message, hint)


_STATES = {"query": QUERY, "key": KEY, "value": VALUE}
