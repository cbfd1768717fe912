"""Closed keys have gradients of exactly 0, and nothing behind them reaches any other gradient: not even NaN or ∞."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncli.attend.backpropagation import Backpropagation
from attncli.attend.options import Options
from attncli.attend.scores import FUNCTIONS
from tests.support.arrays import normal
from tests.support.declared import numbers
from tests.support.differences import gradients

pytestmark = pytest.mark.usefixtures("way")
# Two batch items, four heads of queries over two of keys, five queries, seven keys.
STATES: Mapping[str, Any] = {
    "query": normal(2, 4, 5, 6),
    "key": normal(2, 2, 7, 6),
    "value": normal(2, 2, 7, 3),
    "d_output": normal(2, 4, 5, 3, seed=1),
}
# Keys 4 to 6 are closed to all queries, by each rule alone.
OPEN = np.arange(7) < 4
RULES: Mapping[str, dict[str, Any]] = {
    "boolean mask": {"mask": OPEN},
    "numeric mask": {"mask": np.where(OPEN, 0.3, -np.inf)},
    "short mask": {"mask": np.ones((5, 4), bool)},
    "bias": {"bias": np.where(OPEN, normal(5, 7), -np.inf)},
    "causal": {"causal": True, "offset": -1},
    "window": {"window": (7, 0), "offset": -1},
    "lengths": {"key_lengths": [4, 4], "offset": 0},
    "segments": {"segments": OPEN.astype(int), "query_segments": np.ones(5, int)},
    "documents": {"cu_seqlens": [0, 4, 7], "query_segments": np.zeros(5, int)},
    "chunk": {"chunk": 4, "offset": -1, "window": (4, 0)},
    "indices": {"indices": np.array([0, 1, 2, 3, -1])},
}
BAD = (np.nan, np.inf, -np.inf, 1e300)


def poisoned(array: Any, bad: float) -> Any:
    """Return states whose closed keys hold what is not finite, or too large."""
    found = array.copy()
    found[:, :, ~OPEN] = bad
    return found


def same(found: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    """Assert that two sets of gradients are the same up to rounding, and that closed keys have none."""
    assert found.keys() == right.keys()
    for name, gradient in found.items():
        assert_allclose(gradient, right[name], rtol=1e-12, atol=1e-14, err_msg=name)
    for name in {"d_key", "d_value"} & found.keys():
        assert_array_equal(found[name][:, :, ~OPEN], 0)
        assert np.any(found[name][:, :, OPEN])


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("rule", RULES)
def test_no_rule_lets_anything_through(rule: str, bad: float) -> None:
    """Key and value alike."""
    given = {**STATES, **RULES[rule]}
    spoilt = {name: poisoned(STATES[name], bad) for name in ("key", "value")}
    same(gradients(**given | spoilt), gradients(**given))


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    "more",
    [
        *({"score": each} for each in FUNCTIONS),
        {"softcap": 1.5},
        {"rope": "half"},
        {"rope": "interleaved", "rope_dim": (4, "last")},
        {"qk_norm": "rms", "k_norm": normal(6), "v_norm": normal(3)},
        {"qk_norm": "layer,after-rope", "rope": "half"},
        {"qk_norm": "l2,plus-one", "k_norm": normal(12), "v_norm": normal(6)},
        {"sinks": normal(4), "query_scale": normal(4, 5), "alibi": True},
        {"past_key": normal(2, 2, 3, 6), "past_value": normal(2, 2, 3, 3), "mask": np.r_[[True] * 3, OPEN]},
    ],
    ids=lambda more: ",".join(f"{n}={v}" if isinstance(v, str | float) else n for n, v in more.items()),
)
def test_no_stage_lets_anything_through(more: dict[str, Any], bad: float) -> None:
    """With the learned parameters of each score function, of which none gets anything from a closed key."""
    parameters = FUNCTIONS[more["score"]].parameters if "score" in more else ()
    given = {**STATES, "mask": OPEN, **more, **{name: numbers(name, 5, 7) for name in parameters}}
    spoilt = {name: poisoned(STATES[name], bad) for name in ("key", "value")}
    same(gradients(**given | spoilt), gradients(**given))


@pytest.mark.parametrize("bad", BAD[:3])
def test_tables_by_which_only_closed_keys_are_turned(bad: float) -> None:
    """Their rows may hold anything."""
    angles = normal(7, 3)
    tables = {"cos": np.cos(angles), "sin": np.sin(angles)}
    given = {**STATES, "mask": OPEN, "rope": "half", "positions": np.arange(5) % 4, "key_positions": np.arange(7)}
    spoilt = {name: np.where(OPEN[:, None], each, bad) for name, each in tables.items()}
    found = gradients(**given | spoilt)
    same(found, gradients(**given | tables))
    assert_array_equal(found["d_cos"][~OPEN], 0)


@pytest.mark.parametrize("bad", BAD[:3])
def test_what_is_added_to_closed_keys(bad: float) -> None:
    """A bias there, and a numeric mask behind the lengths."""
    bias, mask = normal(2, 4, 5, 7), normal(5, 7, seed=2)
    given = {**STATES, "key_lengths": [4, 4], "offset": 0}
    found = gradients(**given, bias=np.where(OPEN, bias, bad), mask=np.where(OPEN, mask, bad))
    same(found, gradients(**given, bias=bias, mask=mask))
    assert_array_equal(found["d_bias"][..., ~OPEN], 0)
    assert_array_equal(found["d_mask"][..., ~OPEN], 0)


@pytest.mark.parametrize("bad", BAD[:3])
def test_unused_pages_and_keys_behind_the_lengths(bad: float) -> None:
    """In pools of pages, of which the table names some; entries behind the lengths are not looked at."""
    pools = {"key": normal(6, 3, 2, 6), "value": normal(6, 3, 2, 3)}
    table, lengths = np.array([[5, 2, -1], [0, 3, 10**9]]), [4, 6]
    used = np.zeros((6, 3), bool)
    used[[5, 0, 3]], used[2, 0] = True, True
    given = {**STATES, "block_table": table, "key_lengths": lengths}
    spoilt = {n: np.where(used[..., None, None], each, bad) for n, each in pools.items()}
    found, right = gradients(**given | spoilt), gradients(**given | pools)
    for name in pools:
        assert_allclose(found[f"d_{name}"], right[f"d_{name}"], rtol=1e-12, atol=1e-14)
        assert_array_equal(found[f"d_{name}"][~used], 0)
        assert np.all(found[f"d_{name}"][used].any(axis=(-1, -2)))


@pytest.mark.parametrize("bad", BAD[:3])
def test_a_query_that_sees_nothing(bad: float) -> None:
    """Has a gradient of 0, and says nothing to the keys, whatever it holds and whatever its output is asked."""
    mask = np.ones((5, 7), bool)
    mask[2] = False
    query, asked = STATES["query"].copy(), STATES["d_output"].copy()
    query[:, :, 2] = bad
    asked[:, :, 2] = bad
    given = {**STATES, "mask": mask}
    right = gradients(**given)
    for sinks in ({}, {"sinks": normal(4)}):
        found, right = gradients(**given | {"query": query}, **sinks), gradients(**given, **sinks)
        assert_array_equal(found["d_query"][:, :, 2], 0)
        for name, gradient in found.items():
            assert_allclose(gradient, right[name], rtol=1e-12, atol=1e-14, err_msg=name)
    found, right = gradients(**given | {"d_output": asked}), gradients(**given)
    for name, gradient in found.items():
        assert_allclose(gradient, right[name], rtol=1e-12, atol=1e-14, err_msg=name)


def test_rows_that_the_loss_does_not_see() -> None:
    """Padded tokens of a layer, NaN as queries too: their output is NaN, and has no part in the loss."""
    x, y = normal(2, 7, 5), normal(2, 7, 5)
    y[:, ~OPEN] = np.nan
    asked = normal(2, 7, 4)
    asked[:, ~OPEN] = 0
    layer: dict[str, Any] = {
        "w_q": normal(5, 8), "w_k": normal(5, 4), "w_v": normal(5, 4), "w_o": normal(8, 4), "w_g": normal(5, 8),
        "b_q": normal(8), "b_k": normal(4), "b_v": normal(4), "b_o": normal(4), "q_norm": normal(2),
        "v_norm": normal(2), "qk_norm": "rms", "rope": "half", "softcap": 3, "heads": 4, "kv_heads": 2,
        "key_lengths": [4, 4], "offset": 0,
        "sinks": normal(4), "query_scale": normal(4, 7),
    }  # fmt: skip
    found, right = (gradients(hidden=each, **layer, d_output=asked) for each in (y, x))
    for name, gradient in found.items():
        some = (slice(None), OPEN) if name == "d_hidden" else ...
        assert_allclose(gradient[some], right[name][some], rtol=1e-12, atol=1e-14, err_msg=name)
    assert_array_equal(found["d_hidden"][:, ~OPEN], 0)


def test_nan_in_an_open_key_reaches_only_who_sees_it() -> None:
    """Under a causal rule: the queries behind it, and the keys that these see."""
    given = {**STATES, "key": STATES["key"].copy(), "causal": True}
    right = gradients(**given)
    given["key"][0, 1, 3] = np.nan
    found = gradients(**given)
    is_hit = np.zeros((2, 4, 5), bool)
    is_hit[0, 2:, 3:] = True
    assert np.isnan(found["d_query"][is_hit]).all()
    assert_allclose(found["d_query"][~is_hit], right["d_query"][~is_hit], rtol=1e-13)
    # The keys of the other head, those of the other item, and those behind the last query.
    assert_allclose(found["d_key"][1], right["d_key"][1], rtol=1e-12, atol=1e-14)
    assert_allclose(found["d_key"][0, 0], right["d_key"][0, 0], rtol=1e-12, atol=1e-14)
    assert_array_equal(found["d_key"][:, :, 5:], 0)
    assert np.isnan(found["d_key"][0, 1, :5]).all()


def test_on_the_way_closed_keys_are_exactly_0() -> None:
    """d_weights too, though a weight that is 0 by a rule would change the output."""
    arrays = {n: np.asarray(each) for n, each in {**STATES, "mask": normal(2, 1, 5, 7) > 0}.items()}
    made = Backpropagation.of(arrays, Options()).results()
    closed = np.broadcast_to(~arrays["mask"], (2, 4, 5, 7))
    for name in ("d_weights", "d_logits", "d_scores"):
        assert_array_equal(made[name][closed], 0)
    assert np.all(made["d_weights"][~closed] != 0)
