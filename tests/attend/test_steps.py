"""The steps: values worked by hand, the definition in plain Python, and invariants."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import attncli
from attncli import InputError, attention, score, softmax, steps, weighted_sum
from tests.support.arrays import normal
from tests.support.oracle import attend

ARTICLE = [1, 2, 3, 4, 5], [[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]]


def test_the_article_by_hand() -> None:
    """1·1 + 2·2 + … + 5·5 = 55 and 1·2 + … + 5·6 = 70; the first weight is 1 / (1 + e¹⁵)."""
    query, hidden = ARTICLE
    made = steps(query, hidden=hidden, states="columns")
    small = 1 / (1 + math.exp(15))
    assert made.scores.tolist() == [55, 70]
    assert_allclose(made.weights, [small, 1 - small], rtol=1e-14)
    assert_allclose(made.output, [2 - small, 3 - small, 4 - small, 5 - small, 6 - small], rtol=1e-15)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_it_is_the_definition(seed: int, queries: int, keys: int, features: int, wide: int, causal: bool) -> None:
    """Weights and output agree with plain Python's to rounding, masks and all."""
    query, key, value = normal(queries, features, seed=seed), normal(keys, features, seed=seed), normal(keys, wide)
    added = normal(queries, keys, seed=seed + 1)
    added[normal(queries, keys, seed=seed + 2) > 1] = -np.inf
    is_open = [[(not causal or j <= i) and bool(added[i, j] > -np.inf) for j in range(keys)] for i in range(queries)]
    finite = np.where(np.isfinite(added), added, 0)
    made = steps(query, key, value, scale=0.7, mask=added, causal=causal)
    weights, output = attend(
        query.tolist(), key.tolist(), value.tolist(), scale=0.7, added=finite.tolist(), is_open=is_open
    )
    assert_allclose(made.weights, weights, rtol=1e-12, atol=1e-300)
    assert_allclose(made.output, output, rtol=1e-12, atol=1e-14)


def test_nothing_in_common_gives_the_mean_of_the_values() -> None:
    """Zero queries score every key alike."""
    value = normal(5, 3)
    assert_allclose(attention(np.zeros((2, 7)), normal(5, 7), value), np.tile(value.mean(axis=0), (2, 1)), rtol=1e-14)


def test_one_hot_keys_name_the_value_that_is_taken() -> None:
    """A query that is far along axis j takes value j and no other."""
    value = np.arange(12.0).reshape(4, 3)
    assert_array_equal(attention(1e4 * np.eye(4)[[2, 0]], np.eye(4), value), value[[2, 0]])


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_ranks_are_spellings_of_the_same(rank: int) -> None:
    """(L, E), (heads, L, E) and (batch, heads, L, E) give the same numbers, each with its own axes."""
    query, key, value = normal(2, 3, 5, 7), normal(2, 3, 4, 7), normal(2, 3, 4, 2)
    whole = steps(query, key, value, causal=True)
    index = (1, 2)[: 4 - rank]
    part = steps(query[index], key[index], value[index], causal=True)
    assert part.weights.shape == whole.weights[index].shape
    assert_allclose(part.output, whole.output[index], rtol=1e-13)


def test_a_vector_in_gives_vectors_out() -> None:
    """A 1-D query gives 1-D scores, weights and output."""
    made = steps(normal(7), normal(4, 7), normal(4, 2))
    assert [made.scores.shape, made.logits.shape, made.weights.shape, made.output.shape] == [(4,), (4,), (4,), (2,)]


def test_a_key_head_serves_consecutive_query_heads() -> None:
    """Six query heads on two key heads: the first three read the first, not every other one."""
    query, key, value = normal(6, 5, 7), normal(2, 4, 7), normal(2, 4, 3)
    repeated = attention(query, np.repeat(key, 3, axis=0), np.repeat(value, 3, axis=0))
    assert_allclose(attention(query, key, value), repeated, rtol=1e-13)


def test_one_batch_item_of_keys_serves_all_queries() -> None:
    """A batch of 1 broadcasts, and the result has the batch."""
    query, key = normal(2, 3, 5, 7), normal(1, 3, 4, 7)
    both = attention(query, key, key)
    assert_allclose(both[1], attention(query[1], key[0], key[0]), rtol=1e-13)
    assert attention(query[0], np.repeat(key, 2, axis=0), np.repeat(key, 2, axis=0)).shape == (2, 3, 5, 7)


def test_columns_are_rows_turned() -> None:
    """--states columns reads each matrix by columns; scores, weights and output stay rows of queries."""
    query, key, value = normal(3, 7), normal(4, 7), normal(4, 2)
    turned = steps(query.T, key.T, value.T, states="columns")
    plain = steps(query, key, value)
    assert_array_equal(turned.scores, plain.scores)
    assert_array_equal(turned.output, plain.output)


def test_causal_from_the_top_left_and_from_the_end() -> None:
    """With 2 queries and 4 keys the diagonal starts at 0, or where the last query meets the last key."""
    query, key = normal(2, 3), normal(4, 3)
    assert_array_equal(score(query, key, causal=True) > -np.inf, [[1, 0, 0, 0], [1, 1, 0, 0]])
    assert_array_equal(score(query, key, causal=True, offset="end") > -np.inf, [[1, 1, 1, 0], [1, 1, 1, 1]])
    assert_array_equal(score(query, key, causal=True, offset=1) > -np.inf, [[1, 1, 0, 0], [1, 1, 1, 0]])


def test_closing_a_key_is_leaving_it_out() -> None:
    """A masked key changes nothing, whatever is in it."""
    query, key, value = normal(3, 5), normal(4, 5), normal(4, 2)
    key[1], value[1], value[2, 0] = np.nan, np.inf, -np.inf
    keep = np.array([True, False, False, True])
    without = attention(query, key[keep], value[keep])
    assert_allclose(attention(query, key, value, mask=keep), without, rtol=1e-14)
    assert_allclose(attention(query, key, value, mask=np.where(keep, 0, -np.inf)), without, rtol=1e-14)


def test_a_short_mask_closes_the_keys_beyond_its_end() -> None:
    """Keys that a mask says nothing of are closed, by a mask of one key too: so does ONNX's Attention."""
    query, key = normal(2, 3), normal(4, 3)
    assert_array_equal(score(query, key, mask=[True, True]) > -np.inf, [[1, 1, 0, 0]] * 2)
    assert_array_equal(score(query, key, mask=[0.5, 0.0, 1.0]) > -np.inf, [[1, 1, 1, 0]] * 2)
    assert_array_equal(score(query, key, mask=[[True], [False]]) > -np.inf, [[1, 0, 0, 0], [0] * 4])


def test_a_query_without_keys_gives_zeros() -> None:
    """Weights and output of an empty row are 0, not NaN."""
    made = steps(normal(2, 3), normal(4, 3), normal(4, 5), mask=[[False] * 4, [True] * 4])
    assert_array_equal(made.weights[0], np.zeros(4))
    assert_array_equal(made.output[0], np.zeros(5))
    assert_allclose(made.weights[1].sum(), 1, rtol=1e-15)


def test_huge_scores_do_not_overflow() -> None:
    """Scores of 1e4 are far beyond what exp can hold, in either precision."""
    for dtype in (np.float32, np.float64):
        weights = softmax(np.array([[1e4, 1e4, 9e3], [-1e4, -2e4, -1e4]], dtype=dtype))
        assert_array_equal(weights, np.array([[0.5, 0.5, 0], [0.5, 0, 0.5]], dtype=dtype))


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(-100, 100))
def test_softmax_sums_to_one_and_sees_only_differences(logits: list[float], shift: float) -> None:
    """Adding a constant to a row changes nothing; larger logits never get smaller weights."""
    weights = softmax(logits)
    assert_allclose(weights.sum(), 1, rtol=1e-14)
    assert_allclose(softmax(np.add(logits, shift)), weights, rtol=1e-12)
    assert (np.diff(weights[np.argsort(logits)]) >= 0).all()


def test_the_steps_compose_to_the_whole() -> None:
    """softmax(score(…)) are the weights and weighted_sum of them the output, to the last bit; the stream agrees."""
    query, key, value = normal(6, 5, 7), normal(2, 4, 7), normal(2, 4, 3)
    options: Any = {"scale": "sqrt", "causal": True, "mask": normal(5, 4)}
    made = steps(query, key, value, **options)
    logits = score(query, key, **options)
    assert_array_equal(logits, made.logits)
    assert_array_equal(softmax(logits), made.weights)
    assert_array_equal(weighted_sum(softmax(logits), value), made.output)
    assert_allclose(attention(query, key, value, **options), made.output, rtol=1e-12, atol=1e-14)


def test_the_layout_of_the_input_does_not_change_a_bit() -> None:
    """Fortran order, slices and foreign byte order are the same numbers."""
    query, key, value = normal(33, 17), normal(29, 17), normal(29, 5)
    plain = attention(query, key, value)
    other = attention(np.asfortranarray(query), key.astype(">f8"), np.repeat(value, 2, axis=1)[:, ::2])
    assert_array_equal(other, plain)


@pytest.mark.parametrize(
    ("given_type", "computed", "returned"),
    [("f2", "f4", "f2"), ("f4", "f4", "f4"), ("f8", "f8", "f8"), ("i4", "f8", "f8"), ("?", "f8", "f8")],
)
def test_precision_is_that_of_the_arrays_but_at_least_float32(given_type: str, computed: str, returned: str) -> None:
    """Half precision is computed in float32 and given back as half; integers count as float64."""
    array = np.eye(3).astype(given_type)
    made = steps(array, array, array)
    assert (made.weights.dtype, made.output.dtype) == (np.dtype(computed), np.dtype(returned))


def test_dtype_overrides_the_arrays() -> None:
    """--dtype decides what is computed and what comes back."""
    assert steps(np.eye(2, dtype="f4"), hidden=np.eye(2, dtype="f4"), dtype="float64").output.dtype == np.float64


def test_nan_stays_in_its_row_and_infinity_in_its_column() -> None:
    """What is not closed is computed with, as IEEE 754 says."""
    query, key, value = normal(3, 5), normal(4, 5), normal(4, 2)
    query[1, 0], value[2, 1] = np.nan, np.inf
    output = attention(query, key, value)
    assert_array_equal(np.isnan(output), [[False] * 2, [True] * 2, [False] * 2])
    assert_array_equal(np.isinf(output), [[False, True], [False] * 2, [False, True]])


@pytest.mark.parametrize(
    ("arrays", "message", "hint"),
    [
        (
            {"query": np.ones(5), "hidden": np.ones((5, 2))},
            "query 5 and hidden 5×2 do not fit: each query has 5 features, each key 2",
            "with --states columns they fit (each state a column of its matrix)",
        ),
        (
            {"query": np.ones((2, 3)), "key": np.ones((4, 3)), "value": np.ones((5, 3))},
            "key 4×3 and value 5×3 do not fit: there are 4 keys, but 5 values",
            "",
        ),
        (
            {"query": np.ones((5, 2, 3)), "key": np.ones((2, 4, 3)), "value": np.ones((2, 4, 3))},
            "query 5×2×3 and key 2×4×3 do not fit: 5 query heads cannot share 2 key heads evenly",
            "",
        ),
        (
            {"query": np.ones((2, 1, 2, 3)), "hidden": np.ones((3, 1, 2, 3))},
            "query 2×1×2×3 and hidden 3×1×2×3 do not fit: batches of 2 and 3",
            "with --layout sbhd they fit (length, batch, heads, features)",
        ),
        ({"query": np.ones((1, 1, 1, 1, 1)), "hidden": np.ones(1)}, "query has 5 axes; at most 4 are supported", ""),
        ({"query": np.ones((0, 3)), "hidden": np.ones((2, 3))}, "query 0×3 has an axis of length 0", ""),
        (
            {"query": np.ones((2, 3)), "hidden": np.ones((4, 3)), "mask": np.ones((3, 4))},
            "mask 3×4 does not broadcast to 1×1×2×4 (B×H×L×S): 3 is not the number of queries",
            "",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_both_shapes(arrays: dict[str, Any], message: str, hint: str) -> None:
    """The message has the user's shapes; the hint the option that would make them fit."""
    with pytest.raises(InputError) as caught:
        attention(**arrays)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_wrong_options_are_told() -> None:
    """A value that an option cannot take, and a name that no option has."""
    for options, message in [
        ({"scale": "root"}, "scale must be none, sqrt or a number, not 'root'"),
        ({"scale": math.nan}, "scale must be none, sqrt or a number, not nan"),
        ({"causal": 1}, "causal must be true or false, not 1"),
        ({"offset": 1.5}, "offset must be end or a whole number, not 1.5"),
        ({"cuasal": True}, "unknown keyword 'cuasal'"),
    ]:
        wrong: Any = options
        with pytest.raises(InputError) as caught:
            attention(np.eye(2), hidden=np.eye(2), **wrong)
        assert caught.value.message == message
    assert caught.value.hint == 'did you mean "causal"?'


def test_the_record_is_frozen_and_the_package_says_what_it_has() -> None:
    """Results cannot be overwritten by accident; dir() shows the public names; others are errors."""
    made = steps(np.eye(2), hidden=np.eye(2))
    with pytest.raises(FrozenInstanceError):
        made.output = made.scores  # type: ignore[misc]
    assert "attention" in dir(attncli)
    with pytest.raises(AttributeError, match="no attribute 'atention'"):
        attncli.atention  # noqa: B018
