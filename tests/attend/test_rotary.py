"""Rotation of every kind, through the public functions: by hand, in the fast twin, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncli import InputError, attention, score, steps
from attncli.attend import steps as stepwise
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from tests.support.arrays import normal
from tests.support.processes import called

QUERY, KEY = normal(2, 3, 4), normal(2, 5, 4)  # two heads


def test_positions_say_how_far_query_and_key_are_apart() -> None:
    """Two features turn by one radian a position: the cosine of the distance, wherever they stand and in what order."""
    one = np.array([[1.0, 0.0]])
    made = score(np.tile(one, (3, 1)), np.tile(one, (2, 1)), rope="half", positions=[7, 1, 100], key_positions=[4, 99])
    assert_allclose(made, np.cos([[3, -92], [-3, -98], [96, 1]]), rtol=1e-12)


def test_keys_stand_where_queries_do_if_there_are_as_many() -> None:
    """Or else after the past ones."""
    places, four = [3, 9, 1], normal(2, 3, 4)
    own = score(four, four, rope="half", positions=places)
    assert_array_equal(own, score(four, four, rope="half", positions=places, key_positions=places))
    assert_array_equal(
        score(QUERY, KEY, rope="half", positions=places),
        score(QUERY, KEY, rope="half", positions=places, key_positions=range(5)),
    )


def test_positions_of_new_keys_come_after_a_cache() -> None:
    """A cache holds turned keys: they are left alone, and key_positions has none for them."""
    whole = score(QUERY, KEY, rope="half", positions=[2, 3, 4], key_positions=[0, 1, 2, 3, 4])
    turned = steps(KEY, KEY, KEY, rope="half").rotated_key
    assert turned is not None
    rest: Any = {"rope": "half", "past_key": turned[:, :2], "past_value": KEY[:, :2]}
    assert_allclose(score(QUERY, KEY[:, 2:], **rest, positions=[2, 3, 4]), whole, rtol=1e-12)
    assert_allclose(score(QUERY, KEY[:, 2:], **rest, key_positions=[2, 3, 4]), whole, rtol=1e-12)


def test_rules_go_by_order_whatever_the_positions() -> None:
    """A left-padded row: the causal rule opens what stands before in the array."""
    same = normal(2, 3, 4)
    made = score(same, same, rope="half", causal=True, positions=[0, 0, 1])
    assert (made > -np.inf)[0].tolist() == [[True, False, False], [True, True, False], [True, True, True]]


def test_alibi_goes_by_positions() -> None:
    """With one head the slope is 1/256."""
    zeros = np.zeros((2, 1))
    made = score(zeros, np.zeros((3, 1)), alibi=True, positions=[10, 20], key_positions=[10, 0, 25])
    assert_allclose(made, -np.array([[0, 10, 15], [10, 20, 5]]) / 256)
    past: Any = {"past_key": np.zeros((1, 1)), "past_value": np.zeros((1, 1))}
    made = score(zeros, zeros, alibi=True, positions=[10, 20], **past)
    assert_allclose(made, -np.array([[10, 0, 10], [20, 10, 0]]) / 256)


def test_a_part_of_the_features_by_hand() -> None:
    """Six features, of which the last two turn a quarter: the others meet as they are."""
    query, key = np.arange(1.0, 7)[None], np.ones((1, 6))
    options: Any = {"rope": "half", "rope_theta": 10.0}
    tables: Any = {"cos": np.array([[1.0], [0.0]]), "sin": np.array([[0.0], [1.0]])}
    # (5, 6) becomes (−6, 5)
    made = score(query, key, rope_dim=(2, "last"), positions=[1], key_positions=[0], **options, **tables)
    assert_allclose(made, [[1 + 2 + 3 + 4 - 6 + 5]])
    made = score(query, key, rope_dim=2, positions=[1], key_positions=[0], **options, **tables)
    assert_allclose(made, [[-2 + 1 + 3 + 4 + 5 + 6]])


def test_tables_stand_for_frequencies() -> None:
    """Of every position, or of each state of each batch item."""
    query, key = normal(2, 3, 4, 6), normal(2, 3, 4, 6, seed=1)
    angles = np.arange(9)[:, None] * 10000.0 ** (-np.arange(3) / 3)
    expected = steps(query, key, key, rope="interleaved")
    made = steps(query, key, key, rope="interleaved", cos=np.cos(angles), sin=np.sin(angles))
    assert_allclose(made.output, expected.output, rtol=1e-10)
    places = np.array([[0, 3, 4, 8], [1, 2, 2, 0]])
    moved = steps(query, key, key, rope="interleaved", positions=places)
    rows: Any = {"cos": np.cos(angles)[places], "sin": np.sin(angles)[places]}
    assert_allclose(steps(query, key, key, rope="interleaved", **rows).output, moved.output, rtol=1e-10)


def test_yarn_multiplies_what_is_turned_by_its_factor() -> None:
    """Query and key both, so scores by its square; what is not turned keeps its size."""
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096, "attention_factor": 2.0}
    one: Any = {"rope": "half", "positions": [0], "key_positions": [0]}
    ones = np.ones((1, 4))
    assert_allclose(score(ones, ones, rope_scaling=yarn, **one), [[4 * 4]])
    assert_allclose(score(ones, ones, rope_scaling=yarn, rope_dim=2, **one), [[4 * 2 + 2]])


@pytest.mark.parametrize(("places", "base"), [([0, 1, 2], 100.0), ([5, 6, 7], 100.0 * 3**2)])
def test_dynamic_goes_by_the_largest_position(places: list[int], base: float) -> None:
    """f = 2 and L_max = 4: length 3 changes nothing, 8 makes 2·8/4 − 1 = 3, to the power of 4/2."""
    scaling = "dynamic,factor=2,max_position_embeddings=4"
    query, key = normal(3, 4), normal(3, 4, seed=1)
    made = score(query, key, rope="half", rope_theta=100.0, rope_scaling=scaling, positions=places)
    assert_allclose(made, score(query, key, rope="half", rope_theta=base, positions=places), rtol=1e-10)


def test_a_part_of_a_problem_keeps_the_length_of_the_whole() -> None:
    """A row is turned as it is among all of them."""
    options = Options.parse({"rope": "half", "rope_scaling": "dynamic,factor=8,max_position_embeddings=2"})
    o = prepare({"query": QUERY, "key": KEY, "value": KEY}, options)
    assert o.select(rows=np.array([0])).rope_length == o.rope_length == 5


def test_the_object_of_a_config_speaks_of_other_options() -> None:
    """Its theta, sections and share count where they are not given themselves."""
    given: Any = {"type": "mrope", "mrope_section": [2, 1, 1], "rope_theta": 500.0}
    found = Options.parse({"rope_scaling": given})
    assert (found.rope_theta, found.rope_sections, found.rope_scaling) == (500.0, (2, 1, 1), None)
    assert Options.parse({"rope_scaling": given, "rope_theta": 10000}).rope_theta == 10000
    query, key = normal(3, 8), normal(3, 8, seed=1)
    half = score(query, key, rope="half", rope_scaling={"rope_type": "default", "partial_rotary_factor": 0.5})
    assert_array_equal(half, score(query, key, rope="half", rope_dim=4))


TYPES = [
    None,
    "linear,factor=3",
    "dynamic,factor=3,max_position_embeddings=4",
    "yarn,factor=3,original_max_position_embeddings=16,beta_fast=3",
    "llama3,factor=3,low_freq_factor=1,high_freq_factor=2,original_max_position_embeddings=16",
    "proportional,partial_rotary_factor=0.5",
    "longrope,short_factor=1:2,long_factor=3:4,original_max_position_embeddings=4,factor=3",
]


@given(st.data())
def test_the_fast_twin_computes_the_same(data: Any) -> None:
    """Every option and array of the rotation in any combination, with and without a cache, in both precisions."""
    draw = data.draw
    seed, batch = draw(st.integers(0, 10**6)), draw(st.integers(1, 2))
    queries, new, past = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(0, 2))
    rng = np.random.default_rng(seed)
    dtype = draw(st.sampled_from(["f4", "f8"]))
    turned = draw(st.sampled_from([4, 6]))
    options: dict[str, Any] = {"rope": draw(st.sampled_from(["half", "interleaved"]))}
    options |= {"causal": draw(st.booleans()), "alibi": draw(st.booleans()), "dtype": f"float{8 * int(dtype[1])}"}
    if turned == 4:
        options["rope_dim"] = draw(st.sampled_from([4, (4, "last")]))
        options["rope_scaling"] = draw(st.sampled_from(TYPES))
    else:
        options["rope_scaling"] = draw(st.sampled_from(TYPES[:-1]))
    arrays: dict[str, Any] = {"query": rng.standard_normal((batch, 2, queries, 6)).astype(dtype)}
    arrays |= {name: rng.standard_normal((batch, 1, new, 6)).astype(dtype) for name in ("key", "value")}
    if past:
        for name in ("past_key", "past_value"):
            arrays[name] = rng.standard_normal((batch, 1, past, 6)).astype(dtype)
    three = turned == 6 and draw(st.booleans())
    if three:
        options["rope_sections"] = draw(st.sampled_from([(1, 1, 1), (1, 1, 1, "interleaved")]))
    lead = draw(st.sampled_from([(3,), (3, batch)])) if three else draw(st.sampled_from([(), (batch,)]))
    if draw(st.booleans()):
        arrays["positions"] = rng.integers(0, 12, (*lead, queries))
    if draw(st.booleans()):
        arrays["key_positions"] = rng.integers(0, 12, (*lead, new))
    by_row = queries == new and not {"positions", "key_positions"} & arrays.keys() and draw(st.booleans())
    if by_row or draw(st.booleans()):
        rows = (draw(st.sampled_from([1, batch])), new) if by_row else (12,)
        arrays["cos"], arrays["sin"] = (rng.standard_normal((*rows, turned // 2)) for _ in range(2))
    o = prepare(arrays, Options.parse(options))
    made = stepwise.run(o)
    tolerance: Any = {"rtol": 1e-4, "atol": 1e-5} if dtype == "f4" else {"rtol": 1e-9, "atol": 1e-11}
    assert_allclose(attention(**arrays, **options), made.output, **tolerance)
    part = stepwise.run(o.select(batch=batch - 1, head=1, rows=np.array([queries - 1])))
    assert_allclose(part.output[0, 0, 0], made.output[batch - 1, 1, queries - 1], **tolerance)


STATES: Any = {"query": normal(3, 4), "key": normal(5, 4), "value": normal(5, 4)}
TABLE: Any = {"cos": np.ones((5, 2)), "sin": np.ones((5, 2))}


@pytest.mark.parametrize(
    ("given", "options", "message", "hint"),
    [
        ({}, {"rope_dim": 6}, "rope_dim 6 is more than the 4 features that query has", ""),
        ({}, {"rope_sections": (1, 1, 1)}, "rope_sections 1,1,1 add up to 3, and 4 features are turned in 2 pairs", ""),
        (
            {},
            {"rope_scaling": {"rope_type": "default", "partial_rotary_factor": 0.3}},
            "partial_rotary_factor 0.3 of the 4 features that query has is 1, not an even number from 2",
            "--rope-dim says how many",
        ),
        ({"positions": [0, 1]}, {}, "positions 2 must have one number per query, 3", ""),
        ({"key_positions": [0, 1]}, {}, "key_positions 2 must have one number per new key, 5", ""),
        ({"positions": [0, 1, 0.5]}, {}, "positions must hold whole numbers up to 2^53 - 1, not 0.5", ""),
        ({"positions": np.zeros((2, 3))}, {}, "positions 2×3 does not fit the batch, 1", ""),
        (
            {"positions": np.zeros((3, 3))},
            {},
            "positions 3×3 does not fit the batch, 1",
            "three positions for each state need --rope-sections",
        ),
        (
            {"positions": np.zeros((2, 1, 3))},
            {},
            "positions 2×1×3 must have the axes (L) or (B, L)",
            "",
        ),
        (
            {"positions": np.zeros((2, 3))},
            {"rope_sections": (1, 1, 1), "rope_dim": None},
            "positions 2×3 must have the axes (L), (3, L) or (3, B, L)",
            "",
        ),
        ({"cos": TABLE["cos"]}, {}, "cos is given without sin", "give both or neither"),
        ({"sin": TABLE["sin"]}, {}, "sin is given without cos", "give both or neither"),
        ({**TABLE, "sin": np.ones((4, 2))}, {}, "cos 5×2 and sin 4×2 must have the same shape", ""),
        (
            {"cos": np.ones(4), "sin": np.ones(4)},
            {},
            "cos and sin 4 must have the axes (positions, rope-dim/2), or (B, L, rope-dim/2)",
            "",
        ),
        (
            {"cos": np.ones((4, 2)), "sin": np.ones((4, 2))},
            {},
            "cos and sin have 4 rows, and a key stands at position 4",
            "",
        ),
        ({**TABLE, "positions": [0, 7, 1]}, {}, "cos and sin have 5 rows, and a query stands at position 7", ""),
        ({**TABLE, "positions": [0, -1, 1]}, {}, "cos and sin have 5 rows, and a query stands at position -1", ""),
        (
            {"cos": np.ones((5, 4)), "sin": np.ones((5, 4))},
            {},
            "cos and sin have 4 columns, and 4 features are turned in 2 pairs",
            "where each angle stands in them twice, give cos[..., :2] and sin[..., :2]",
        ),
        (
            {"cos": np.ones((5, 1)), "sin": np.ones((5, 1))},
            {},
            "cos and sin have 1 column, and 4 features are turned in 2 pairs",
            "--rope-dim 2 turns so many features",
        ),
        (
            {"cos": np.ones((1, 3, 2)), "sin": np.ones((1, 3, 2))},
            {},
            "cos and sin 1×3×2 have one row per state, 3, and not per new key, 5",
            "tables (positions, rope-dim/2) have a row for each position instead",
        ),
        (
            {"cos": np.ones((1, 3, 2)), "sin": np.ones((1, 3, 2)), "positions": [0, 1, 2]},
            {},
            "cos and sin 1×3×2 have one row per state, 3, so that positions would choose nothing",
            "tables (positions, rope-dim/2) have a row for each position instead",
        ),
        (
            {},
            {"rope_theta": 2.0, "rope_scaling": {"rope_type": "linear", "factor": 1e-300}},
            "at position 2 rope with theta 2 turns by more than 2^32 radians, of which float64 keeps too few digits",
            "",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    given: Any, options: Any, message: str, hint: str, tmp_path: Path
) -> None:
    """With the numbers that clash; the command line says the same and exits with 2."""
    with pytest.raises(InputError) as caught:
        steps(**STATES | given, rope="half", **options)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    path = tmp_path / "p.npz"
    np.savez(path, options=np.array(json.dumps({"rope": "half", **options})), **STATES | given)
    err = called("compute", path, status=2).err
    assert err.splitlines()[0] == f"attn: {path}: {message}"
    assert len(err.splitlines()) == 1 + bool(hint)


def test_interleaved_sections_that_cannot_take_turns_are_refused() -> None:
    """Of ten pairs each position can have three or four, the first all that is left."""
    states = normal(2, 20)
    with pytest.raises(InputError, match="do not interleave"):
        score(states, states, rope="half", rope_sections=(2, 4, 4, "interleaved"))


def test_options_in_vain_are_reported(tmp_path: Path) -> None:
    """A base beside tables, a parameter of another type, positions of nothing."""
    path = tmp_path / "p.npz"
    np.savez(path, **STATES, **TABLE)
    err = called("compute", path, "--rope", "half", "--rope-theta", "5", "--rope-scaling", "linear,factor=2").err
    assert "attn: notice: rope-theta has no effect with cos" in err
    assert "attn: notice: rope-scaling has no effect with cos" in err
    np.savez(path, **STATES, positions=[0, 1, 2])
    assert "attn: notice: positions has no effect without --rope or --alibi" in called("compute", path).err
    scaling = "linear,factor=2,beta_fast=3"
    err = called("compute", path, "--rope", "half", "--rope-scaling", scaling).err
    assert "attn: notice: beta_fast has no effect with rope-scaling linear" in err


def test_what_is_in_force_is_said(tmp_path: Path) -> None:
    """The part, the scaling, sections, and where they stand."""
    path = tmp_path / "p.npz"
    np.savez(path, **STATES, positions=[4, 0, 2])
    flags = ["--rope", "half", "--rope-dim", "2,last", "--rope-scaling", "linear,factor=4"]
    table = " ".join(called("compute", path, *flags).out.split())
    assert "rope half, theta 10000" in table
    assert "the last 2 features turned" in table
    assert "rope scaling linear, factor 4" in table
    assert "queries at 4, 0, 2" in table


def test_a_quarter_by_hand() -> None:
    """(a, b) → (a·cos − b·sin, a·sin + b·cos) at the positions that are given."""
    made = steps([[2.0, 1.0]], [[1.0, 0.0]], [[1.0]], rope="half", positions=[3], key_positions=[1])
    assert made.rotated_query is not None
    c, s = math.cos(3), math.sin(3)
    assert_allclose(made.rotated_query, [[2 * c - s, 2 * s + c]])
