"""The rest of the family: by hand, by invariants, and through every command."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncli import InputError, attention, score, softmax, steps
from attncli.attend.alibi import slopes
from tests.support.arrays import normal


def test_score_functions_by_hand() -> None:
    """q = (3, 4), k = (4, 3): 24, 24/25, and with parameters."""
    query, key = [[3.0, 4.0]], [[4.0, 3.0]]
    assert score(query, key).tolist() == [[24]]
    assert score(query, key, score="cosine").tolist() == [[0.96]]
    assert score(query, key, score="general", w_a=[[0.0, 1.0], [2.0, 0.0]]).tolist() == [[3 * 3 + 4 * 2 * 4]]
    additive = score(query, key, score="additive", w_a=[[1.0], [0.0]], u_a=[[0.0], [-1.0]], v_a=[5.0])
    assert additive.tolist() == [[5 * math.tanh(3 - 3)]]
    assert_allclose(score(query, key, score="additive"), [[math.tanh(7) + math.tanh(7)]], rtol=1e-15)


def test_queries_and_keys_of_different_sizes() -> None:
    """A projection brings them together: E = 2, Ek = 3, A = 4."""
    query, key = normal(5, 2), normal(7, 3)
    assert score(query, key, score="general", w_a=normal(2, 3)).shape == (5, 7)
    assert score(query, key, score="additive", w_a=normal(2, 4), u_a=normal(3, 4)).shape == (5, 7)
    with pytest.raises(InputError, match="each query has 2 features, each key 3"):
        score(query, key)


def test_a_vector_of_zeros_has_no_direction() -> None:
    """Its cosine with anything is 0, not NaN; huge vectors do not overflow on the way."""
    made = score([[0.0, 0.0], [1e300, 1e300]], [[1.0, 1.0]], score="cosine")
    assert_allclose(made, [[0.0], [1.0]], rtol=1e-15)


def test_softcap_by_hand_and_in_its_place() -> None:
    """2·tanh(4/2), before the mask is added and after the scale."""
    made = steps([[2.0]], [[4.0]], [[1.0]], scale=0.5, softcap=2, mask=[[10.0]])
    assert_allclose(made.scores, [[4.0]])
    assert made.capped is not None
    assert_allclose(made.capped, [[2 * math.tanh(2)]], rtol=1e-15)
    assert_allclose(made.logits, [[2 * math.tanh(2) + 10]], rtol=1e-15)
    assert steps([[2.0]], [[4.0]], [[1.0]], softcap=0).capped is None


def test_windows_by_hand() -> None:
    """Inclusive on both sides, around the position of the query; −1 is no bound."""
    query = key = np.zeros((4, 1))
    opened = {
        window: (score(query, key, window=window) == 0).astype(int).tolist() for window in [(1, 0), (-1, 1), (0, -1)]
    }
    assert opened[1, 0] == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert opened[-1, 1] == [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert opened[0, -1] == [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    assert_array_equal(score(query, key, window=1), score(query, key, window=(1, -1)))


def test_positions_follow_the_cache() -> None:
    """Behind past keys, at the end of key lengths, or where the offset says; negative ones see nothing."""
    query, key = np.zeros((1, 1, 2, 1)), np.zeros((1, 1, 3, 1))
    past = np.zeros((1, 1, 4, 1))
    behind = attention(query, key, np.arange(3.0).reshape(1, 1, 3, 1), past_key=past, past_value=past - 1, causal=True)
    assert_allclose(behind.ravel(), [(-4 + 0) / 5, (-4 + 0 + 1) / 6])
    assert_array_equal(score(query, key, key_lengths=[3], causal=True)[0, 0] == 0, [[1, 1, 0], [1, 1, 1]])
    assert_array_equal(score(query, key, key_lengths=[1], causal=True)[0, 0] == 0, [[0, 0, 0], [1, 0, 0]])
    assert_array_equal(score(query, key, key_lengths=[3], causal=True, offset=0)[0, 0] == 0, [[1, 0, 0], [1, 1, 0]])


def test_a_cache_is_the_keys_it_holds() -> None:
    """Past keys before new ones give the last rows of the whole."""
    query, key, value = normal(2, 6, 5), normal(2, 6, 5), normal(2, 6, 3)
    whole = attention(query, key, value, causal=True)
    for cut in (1, 3, 5):
        part = attention(
            query[:, cut:],
            key[:, cut:],
            value[:, cut:],
            past_key=key[:, :cut],
            past_value=value[:, :cut],
            causal=True,
        )
        assert_allclose(part, whole[:, cut:], rtol=1e-12)


def test_sinks_by_hand() -> None:
    """Two equal logits and a sink of the same size: a third each, and a third for nothing."""
    assert_allclose(softmax([[1.0, 1.0]], sinks=[1.0]), [[1 / 3, 1 / 3]], rtol=1e-15)
    made = steps([[0.0]], [[5.0], [7.0]], [[3.0], [6.0]], sinks=[0.0])
    assert_allclose(made.output, [[3.0]], rtol=1e-15)
    assert_array_equal(softmax([[-np.inf, -np.inf]], sinks=[1.0]), [[0, 0]])
    assert_allclose(softmax([[0.0]], sinks=[1e4]), [[0.0]])


@given(st.integers(0, 10**6))
def test_a_sink_is_a_key_whose_value_is_zero(seed: int) -> None:
    """Written out as one more key, it gives the same output."""
    query, key, value = normal(3, 4, 5, seed=seed), normal(3, 6, 5, seed=seed), normal(3, 6, 2, seed=seed)
    sinks = normal(3, seed=seed)
    logits = np.concatenate([score(query, key), np.broadcast_to(sinks[:, None, None], (3, 4, 1))], axis=-1)
    longer = np.concatenate([value, np.zeros((3, 1, 2))], axis=1)
    assert_allclose(attention(query, key, value, sinks=sinks), softmax(logits) @ longer, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("past", ["bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "int8"])
@pytest.mark.parametrize("new", ["bfloat16", "float16", "float32", "float64"])
def test_a_cache_may_have_another_type(past: str, new: str) -> None:
    """Whatever pair of types: the numbers are those that each type holds."""
    types = {name: np.dtype(getattr(ml_dtypes, name, name)) for name in (past, new)}
    states: Any = {
        name: (4 * normal(3, 4, seed=seed)).astype(types[new]) for seed, name in enumerate(("query", "key", "value"))
    }
    cache: Any = {
        name: (4 * normal(2, 4, seed=seed)).astype(types[past]) for seed, name in enumerate(("past_key", "past_value"))
    }
    wide = {name: array.astype("f8") for name, array in (states | cache).items()}
    expected = attention(
        wide["query"],
        np.concatenate([wide["past_key"], wide["key"]]),
        np.concatenate([wide["past_value"], wide["value"]]),
    )
    tolerance = 1e-3 if new == "float16" else 1e-5
    assert_allclose(attention(**states, **cache), expected, rtol=tolerance, atol=tolerance)
    assert_allclose(steps(**states, **cache).output, expected, rtol=tolerance, atol=tolerance)


def test_alibi_slopes_of_the_paper() -> None:
    """Eight heads: 1/2, 1/4, …, 1/256; sixteen: the square roots between them too."""
    assert slopes(8).tolist() == [2.0**-i for i in range(1, 9)]
    assert_allclose(slopes(16), [2 ** (-i / 2) for i in range(1, 17)], rtol=1e-15)
    made = score(np.zeros((2, 1, 3)), np.zeros((2, 3, 3)), alibi=True, offset=2)
    assert_allclose(made, [[[-0.125, -0.0625, 0]], [[-2 / 256, -1 / 256, 0]]], rtol=1e-15)


def test_alibi_takes_from_keys_ahead_as_from_keys_behind() -> None:
    """−|p − j|/16 and −|p − j|/256 in two heads; the paper's causal half is the lower triangle of it."""
    distance = np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]])
    query = np.zeros((2, 3, 5))
    assert_allclose(score(query, query, alibi=True), [-distance / 16, -distance / 256], rtol=1e-15)
    # With the values 0, 1 and 2 the first query, far from the last, leans to the first; the last to the last.
    output = attention(query, query, np.broadcast_to(np.arange(3.0)[:, None], (2, 3, 1)), alibi=True)[0, :, 0]
    exponentials = np.exp(-distance / 16)
    assert_allclose(output, exponentials @ [0, 1, 2] / exponentials.sum(axis=1), rtol=1e-14)
    # A query that stands beyond all keys, and one before them.
    far = score(np.zeros((1, 1, 5)), np.zeros((1, 3, 5)), alibi=True, offset=10)
    assert_allclose(far[0, 0], [-10 / 256, -9 / 256, -8 / 256], rtol=1e-15)
    before = score(np.zeros((1, 1, 5)), np.zeros((1, 3, 5)), alibi=True, offset=-2)
    assert_allclose(before[0, 0], [-2 / 256, -3 / 256, -4 / 256], rtol=1e-15)


@given(st.integers(0, 50), st.integers(1, 6), st.sampled_from(["half", "interleaved"]))
def test_rotation_sees_only_distances(shift: int, half: int, pairing: Any) -> None:
    """Moving both by the same number of positions changes no score; a rotation keeps lengths."""
    query, key = normal(1, 2 * half), normal(4, 2 * half)
    padded = np.concatenate([normal(shift, 2 * half, seed=1), key])
    here = score(query, key, rope=pairing, offset=2)
    there = score(query, padded, rope=pairing, offset=2 + shift)[:, shift:]
    assert_allclose(there, here, rtol=1e-9, atol=1e-9)
    itself = score(query, query, rope=pairing)
    assert_allclose(itself, query @ query.T, rtol=1e-12)


def test_past_keys_are_not_rotated_again() -> None:
    """A cache holds keys that were turned when they were put there."""
    query, key = normal(1, 6), normal(3, 6)
    turned = score(np.eye(6), key, rope="half", window=(-1, -1), offset=0)
    assert turned.shape == (6, 3)
    cached = score(query, key[2:], past_key=np.zeros((2, 6)), rope="half", offset=2)
    assert_allclose(cached[:, :2], 0)
    assert_allclose(cached[:, 2:], score(query, key, rope="half", offset=2)[:, 2:], rtol=1e-12)


@pytest.mark.parametrize("rank", [2, 3])
def test_packed_heads_are_contiguous_blocks(rank: int) -> None:
    """(L, heads·E) and (batch, L, heads·E) give what the heads give apart, packed again; grouped ones too."""
    query, key, value = normal(2, 5, 12), normal(2, 7, 6), normal(2, 7, 4)
    apart = [np.moveaxis(each.reshape(2, len(each[0]), n, -1), 2, 1) for each, n in ((query, 4), (key, 2), (value, 2))]
    made = steps(*([query, key, value] if rank == 3 else [query[0], key[0], value[0]]), heads=4, kv_heads=2)
    whole = steps(*apart) if rank == 3 else steps(*(each[0] for each in apart))
    assert_allclose(made.weights, whole.weights, rtol=1e-13)
    assert_allclose(made.output, np.moveaxis(whole.output, -3, -2).reshape(*made.output.shape), rtol=1e-13)
    assert made.output.shape == ((2, 5, 8) if rank == 3 else (5, 8))


BASE: dict[str, Any] = {"query": np.ones((2, 4, 3, 6)), "key": np.ones((2, 2, 5, 6)), "value": np.ones((2, 2, 5, 6))}
FLAT: dict[str, Any] = {"query": np.ones((3, 10)), "hidden": np.ones((5, 10))}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (FLAT | {"heads": 3}, "query 3×10 has 10 features, not divisible by --heads 3"),
        (FLAT | {"kv_heads": 2}, "kv-heads is given without heads"),
        (BASE | {"heads": 2}, "query 2×4×3×6 has 4 axes; --heads splits the last axis of 2 or 3"),
        (BASE | {"sinks": np.ones(2)}, "sinks 2 must have one number per query head (4 heads)"),
        (BASE | {"window": []}, "window must be LEFT or LEFT,RIGHT, whole numbers from -1 (no bound), not []"),
        (
            BASE | {"window": (-2, 0)},
            "window must be LEFT or LEFT,RIGHT, whole numbers from -1 (no bound), not (-2, 0)",
        ),
        (BASE | {"window": "5,"}, "window must be LEFT or LEFT,RIGHT, whole numbers from -1 (no bound), not ''"),
        (
            BASE | {"key_lengths": [5, 6]},
            "key_lengths must be whole numbers from 0 to 5 (the number of keys), not 6",
        ),
        (
            BASE | {"key_lengths": [1, 2, 3]},
            "key_lengths 3 must have one number per batch item (2 batch items)",
        ),
        (BASE | {"past_key": np.ones((2, 2, 1, 6))}, "past_key is given without past_value"),
        (BASE | {"past_value": np.ones((2, 2, 1, 6))}, "past_value is given without past_key"),
        (
            BASE | {"past_key": np.ones((2, 2, 1, 5)), "past_value": np.ones((2, 2, 1, 6))},
            "past_key 2×2×1×5 and key 2×2×5×6 do not fit: 5 and 6 features",
        ),
        (
            BASE | {"past_key": np.ones((2, 2, 1, 6)), "past_value": np.ones((2, 2, 2, 6))},
            "past_key 2×2×1×6 and past_value 2×2×2×6 do not fit: there are 1 past keys, but 2 past values",
        ),
        (
            BASE | {"past_key": np.ones((2, 2, 1, 6)), "past_value": np.ones((2, 2, 1, 6)), "key_lengths": [1, 1]},
            "key_lengths and past_key contradict each other",
        ),
        (
            BASE | {"rope": "half", "query": np.ones((3, 5)), "key": np.ones((4, 5)), "value": np.ones((4, 5))},
            "rope half needs an even number of features, and query has 5",
        ),
        (
            {"query": np.ones((2, 4)), "hidden": np.ones((3, 5)), "w_a": np.ones((4, 5)), "score": "general"}
            | {"rope": "half"},
            "rope half needs an even number of features, and hidden has 5",
        ),
        (BASE | {"softcap": -1}, "softcap must be a number above 0, or 0 for none, not -1"),
        (BASE | {"rope_theta": 0}, "rope_theta must be a number above 0, not 0"),
        (
            BASE | {"bias": np.ones(4)},
            "bias 4 does not broadcast to 2×4×3×5 (B×H×L×S): 4 is not the number of keys",
        ),
        (
            BASE | {"score": "general", "w_a": np.ones((5, 6))},
            "w_a 5×6 and query 2×4×3×6 do not fit: axis E is 5 in w_a but 6 in query",
        ),
        (BASE | {"score": "additive", "v_a": np.ones((2, 2))}, "v_a 2×2 must have the axes (A)"),
        (
            BASE | {"score": "additive", "v_a": np.ones(5)},
            "v_a 5 and query 2×4×3×6 do not fit: 5 factors for 6 features",
        ),
    ],
)
def test_contradictions_name_both_sides(more: dict[str, Any], message: str) -> None:
    """An option and an array that cannot both be meant."""
    with pytest.raises(InputError) as caught:
        attention(**more)
    assert caught.value.message == message


def test_the_hint_finds_the_number_of_key_heads() -> None:
    """A packed key with fewer heads than the query."""
    with pytest.raises(InputError) as caught:
        attention(np.ones((3, 12)), np.ones((5, 6)), np.ones((5, 6)), heads=4)
    assert caught.value.hint == "with --kv-heads 2 they fit"
