"""What must hold of gradients whatever the numbers are: sums, shifts, layouts, types, the same said in two ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncli import attention
from attncli.attend.backpropagation import Backpropagation
from attncli.attend.fast import tiles
from attncli.attend.options import Options
from attncli.attend.scores import FUNCTIONS
from tests.support.arrays import normal
from tests.support.differences import gradients

pytestmark = pytest.mark.usefixtures("way")
# Two batch items, four heads of queries over two of keys, five queries, seven keys.
QUERY, KEY, VALUE, LOSS = normal(2, 4, 5, 6), normal(2, 2, 7, 6), normal(2, 2, 7, 3), normal(2, 4, 5, 3, seed=1)
STATES: Mapping[str, Any] = {"query": QUERY, "key": KEY, "value": VALUE, "d_output": LOSS}


def near(found: Any, right: Any, name: str = "") -> None:
    """Assert that gradients are equal up to rounding."""
    assert np.shape(found) == np.shape(right), name
    assert_allclose(found, right, rtol=1e-12, atol=1e-13, err_msg=name)


def on_the_way(**given: Any) -> dict[str, Any]:
    """Return all gradients, those of the matrices of scores too."""
    arrays = {name: np.asarray(each) for name, each in given.items() if not isinstance(each, str | bool | int | float)}
    options = {name: each for name, each in given.items() if name not in arrays}
    return Backpropagation.of(arrays, Options.parse(options)).results()


def test_rows_of_logits_have_gradients_that_sum_to_0() -> None:
    """What is added to a whole row changes no weight; with sinks it is what these lose."""
    made = on_the_way(**STATES, softcap=2.0, causal=True)
    near(made["d_logits"].sum(axis=-1), np.zeros((2, 4, 5)))
    made = on_the_way(**STATES, sinks=normal(4))
    near(made["d_logits"].sum(axis=(0, 2, 3)), -made["d_sinks"])
    assert np.all(made["d_sinks"] != 0)


def test_what_moves_all_keys_alike_has_no_gradient() -> None:
    """Such as the bias of keys that are not turned; turned ones feel it."""
    layer = {"w_q": normal(6, 8), "w_k": normal(6, 4), "b_k": normal(4), "heads": 4, "kv_heads": 2}
    given = {"query": normal(2, 5, 6), "key": normal(2, 7, 6), "value": normal(2, 7, 4), **layer}
    found = gradients(**given)
    assert np.abs(found["d_b_k"]).max() < 1e-14 * np.abs(found["d_w_k"]).max()
    assert np.abs(gradients(**given, rope="half")["d_b_k"]).min() > 1e-3


def test_a_shift_of_a_row_changes_no_gradient() -> None:
    """A bias of the same number for all its keys."""
    found, right = gradients(**STATES, bias=7 * normal(4, 5, 1)), gradients(**STATES)
    for name in right:
        near(found[name], right[name], name)
    near(found["d_bias"], np.zeros((4, 5, 1)))


@pytest.mark.parametrize("name", ["bias", "mask", "query_scale"])
def test_along_an_axis_of_length_1_or_none_gradients_are_summed(name: str) -> None:
    """Where it serves all items, heads, queries or keys."""
    full = (2, 4, 5, 7)[: 3 if name == "query_scale" else 4]
    for axes in ((), (0,), (1,), (2,), (0, 2), (1, 2), (0, 1)):
        array = normal(*(1 if axis in axes else n for axis, n in enumerate(full)))
        right = gradients(**STATES, **{name: np.broadcast_to(array, full)})[f"d_{name}"]
        near(gradients(**STATES, **{name: array})[f"d_{name}"], right.sum(axis=axes, keepdims=True))
    short = normal(*full[2:])
    right = gradients(**STATES, **{name: np.broadcast_to(short, full)})[f"d_{name}"]
    near(gradients(**STATES, **{name: short})[f"d_{name}"], right.sum(axis=(0, 1)))


def test_a_mask_that_ends_early_has_gradients_as_far_as_it_goes() -> None:
    """It closes what is behind it."""
    mask = normal(5, 4)
    whole = np.concatenate([mask, np.full((5, 3), -np.inf)], axis=1)
    near(gradients(**STATES, mask=mask)["d_mask"], gradients(**STATES, mask=whole)["d_mask"][:, :4])
    one = gradients(**STATES, mask=normal(4, 5, 1))
    assert_array_equal(one["d_key"][:, :, 1:], 0)
    assert one["d_mask"].shape == (4, 5, 1)


def test_gradients_are_linear_in_that_of_the_output() -> None:
    """Those of two losses add up, and those of no loss are 0."""
    other, given = normal(*LOSS.shape, seed=2), {"query": QUERY, "key": KEY, "value": VALUE, "softcap": 3.0}
    one, two = gradients(**given, d_output=LOSS), gradients(**given, d_output=other)
    for name, each in gradients(**given, d_output=3 * LOSS - other).items():
        near(each, 3 * one[name] - two[name], name)
    for each in gradients(**given, d_output=np.zeros(LOSS.shape)).values():
        assert_array_equal(each, 0)


def test_the_output_is_linear_in_the_value_and_scores_in_query_and_key() -> None:
    """Euler: Σ value · d_value = Σ output · d_output; Σ query · d_query = Σ key · d_key = Σ scores · d_scores."""
    made, output = on_the_way(**STATES, causal=True), attention(QUERY, KEY, VALUE, causal=True)
    near((VALUE * made["d_value"]).sum(), (output * LOSS).sum())
    scores = QUERY @ np.repeat(KEY, 2, axis=1).mT
    for name, states in (("query", QUERY), ("key", KEY)):
        near((states * made[f"d_{name}"]).sum(), (scores * made["d_scores"]).sum(), name)
    alone = gradients(**STATES, score="cosine")  # which does not change with the length of a vector
    near((QUERY * alone["d_query"]).sum(axis=-1), np.zeros((2, 4, 5)))


def test_shared_heads_have_the_sum_of_what_their_queries_say() -> None:
    """Of key heads that stand there twice; of a value with fewer heads than the key, too."""
    right = gradients(**{**STATES, "key": np.repeat(KEY, 2, axis=1), "value": np.repeat(VALUE, 2, axis=1)})
    found = gradients(**STATES)
    near(found["d_query"], right["d_query"])
    for name in ("d_key", "d_value"):
        near(found[name], right[name].reshape(2, 2, 2, 7, -1).sum(axis=2), name)
    one = {**STATES, "value": VALUE[:, :1]}
    right = gradients(**{**STATES, "value": np.repeat(VALUE[:, :1], 2, axis=1)})
    near(gradients(**one)["d_value"], right["d_value"].sum(axis=1, keepdims=True))
    near(gradients(**one)["d_key"], right["d_key"])


def test_states_of_one_item_serve_the_batch_and_get_the_sum() -> None:
    """Keys and values, or the query."""
    right = gradients(**{**STATES, "key": np.repeat(KEY[:1], 2, axis=0), "value": np.repeat(VALUE[:1], 2, axis=0)})
    found = gradients(**{**STATES, "key": KEY[:1], "value": VALUE[:1]})
    for name in ("d_key", "d_value"):
        near(found[name], right[name].sum(axis=0, keepdims=True), name)
    right = gradients(**{**STATES, "query": np.repeat(QUERY[:1], 2, axis=0)})
    near(gradients(**{**STATES, "query": QUERY[:1]})["d_query"], right["d_query"].sum(axis=0, keepdims=True))


@pytest.mark.parametrize("roles", [("key", "value"), ("query", "key", "value"), ("value",), ("key",)])
def test_hidden_has_the_sum_of_its_roles(roles: tuple[str, ...]) -> None:
    """With matrices, and a norm of one of them."""
    x: dict[str, Any] = {name: normal(2, 5, 6) if name in roles else normal(2, 5, 6, seed=3) for name in ROLES}
    layer = {f"w_{n}": normal(6, 8, seed=at) for at, n in enumerate("qkv")} | {"w_o": normal(8, 3), "heads": 4}
    layer |= {"qk_norm": "rms", "v_norm": normal(2), "rope": "half", "causal": True}
    right = gradients(**x, **layer)
    apart = {name: each for name, each in x.items() if name not in roles}
    found = gradients(**apart, hidden=x[roles[0]], **layer)
    near(found["d_hidden"], sum(right[f"d_{name}"] for name in roles))
    for name in found.keys() - {"d_hidden"}:
        near(found[name], right[name], name)


ROLES = ("query", "key", "value")


@pytest.mark.parametrize("layout", ["bshd", "sbhd", "thd"])
def test_gradients_lie_as_their_arrays_do(layout: str) -> None:
    """In each layout; of packed documents there is one item."""
    order = {"bshd": (0, 2, 1, 3), "sbhd": (2, 0, 1, 3), "thd": (2, 1, 3)}[layout]
    given = {n: each[0] if layout == "thd" else each for n, each in {**STATES, "gate": LOSS / 3}.items()}
    axes = order if layout != "thd" else (1, 0, 2)
    turned = {name: each.transpose(axes) for name, each in given.items()}
    found, right = gradients(**turned, layout=layout, causal=True), gradients(**given, causal=True)
    for name in right:
        near(found[name], right[name].transpose(axes), name)


def test_packed_heads_have_the_gradients_of_those_apart() -> None:
    """Side by side on the last axis, in two layouts; a cache may have its own axis for them."""
    past = {"past_key": normal(2, 2, 3, 6), "past_value": normal(2, 2, 3, 3)}
    right = gradients(**STATES, **past, softcap=2.0, causal=True)
    for axes, layout in (((0, 2, 1, 3), "bhsd"), ((2, 0, 1, 3), "sbhd")):

        def packed(array: Any, axes: tuple[int, ...] = axes) -> Any:
            turned = array.transpose(axes)
            return turned.reshape(*turned.shape[:2], -1)

        given = {name: packed(each) for name, each in {**STATES, **past}.items()}
        rest: dict[str, Any] = {"softcap": 2.0, "causal": True, "heads": 4, "kv_heads": 2, "layout": layout}
        found = gradients(**given, **rest)
        for name in right:
            near(found[name], packed(right[name]), name)
        if layout == "bhsd":
            near(gradients(**{**given, **past}, **rest)["d_past_key"], right["d_past_key"])


def test_columns_rows_and_fewer_axes() -> None:
    """Each state a column of its matrix; matrices and vectors."""
    right = gradients(**STATES)
    # The output lies in rows, whatever the states do.
    turned = {name: each.swapaxes(-1, -2) if name != "d_output" else each for name, each in STATES.items()}
    for name, each in gradients(**turned, states="columns").items():
        near(each, right[name].swapaxes(-1, -2), name)
    right = gradients(QUERY[:1, :1], KEY[:1, :1], VALUE[:1, :1], d_output=LOSS[:1, :1])
    for name, each in gradients(QUERY[0, 0], KEY[0, 0], VALUE[0, 0], d_output=LOSS[0, 0]).items():
        near(each, right[name][0, 0], name)
    row = gradients(QUERY[0, 0, 1], KEY[0, 0], VALUE[0, 0], d_output=LOSS[0, 0, 1])
    near(row["d_query"], right["d_query"][0, 0, 1])


@pytest.mark.parametrize("score", FUNCTIONS)
def test_so_many_keys_that_they_are_cut_into_parts(score: str) -> None:
    """What all parts share is counted once, and a lonely query has all that it is asked."""
    keys = 2 * tiles.PART + 1
    given: dict[str, Any] = {
        "query": normal(2, 1, 2), "key": normal(2, keys, 2), "value": normal(2, keys, 3), "bias": normal(2, 1, 1),
        "query_scale": normal(2, 1), "sinks": normal(2) + np.log(keys), "d_output": normal(2, 1, 3), "score": score,
    }  # fmt: skip
    every = on_the_way(**given)
    for name, each in gradients(**given).items():
        near(each, every[name], name)


def test_a_cache_is_more_keys() -> None:
    """Its gradients are those of the first keys, and it is not turned again."""
    past = {"past_key": normal(2, 2, 3, 6), "past_value": normal(2, 2, 3, 3)}
    whole = {n: np.concatenate([past[f"past_{n}"], STATES[n]], axis=2) for n in ("key", "value")}
    right, found = gradients(**{**STATES, **whole}), gradients(**STATES, **past)
    for name in ("key", "value"):
        near(found[f"d_past_{name}"], right[f"d_{name}"][:, :, :3], name)
        near(found[f"d_{name}"], right[f"d_{name}"][:, :, 3:], name)


def test_pages_are_keys_in_another_order_and_those_read_twice_get_both() -> None:
    """A page that two items share, as a common prompt is."""
    pools = {"key": normal(5, 3, 2, 6), "value": normal(5, 3, 2, 3)}
    table = np.array([[4, 0], [4, 2]])
    gathered = {n: pool[table].reshape(2, 6, 2, -1).swapaxes(1, 2) for n, pool in pools.items()}
    right = gradients(**{**STATES, **gathered}, causal=True)
    found = gradients(**{**STATES, **pools}, block_table=table, causal=True, offset=0)
    for name in pools:
        expected = np.zeros(pools[name].shape)
        np.add.at(expected, table, right[f"d_{name}"].swapaxes(1, 2).reshape(2, 2, 3, 2, -1))
        near(found[f"d_{name}"], expected, name)


def test_matrices_lie_as_they_are_given() -> None:
    """Out-in is the transpose; one for all three, in either order; heads on an axis of their own."""
    w, b = (
        {n: normal(6, 12, seed=at) for at, n in enumerate("qkv")},
        {n: normal(12, seed=at) for at, n in enumerate("qkv")},
    )
    given: dict[str, Any] = {"hidden": normal(2, 5, 6), "heads": 4, "w_o": normal(12, 7), "causal": True}
    three = {f"w_{n}": each for n, each in w.items()} | {f"b_{n}": each for n, each in b.items()}
    right = gradients(**given, **three)
    turned = {n: each.T for n, each in {**given, **three}.items() if n.startswith("w_")}
    for name, each in gradients(**{**given, **three, **turned}, weights="out-in").items():
        near(each, right[name].T if name.startswith("d_w_") else right[name], name)
    for how in ("blocks", "heads"):

        def fused(parts: list[Any], how: str = how) -> Any:
            apart = [each.reshape(*each.shape[:-1], 4, 3) for each in parts] if how == "heads" else parts
            return np.concatenate(apart, axis=-1).reshape(*parts[0].shape[:-1], 36)

        found = gradients(**given, w_qkv=fused([*w.values()]), b_qkv=fused([*b.values()]), qkv=how)
        near(found["d_w_qkv"], fused([right[f"d_w_{n}"] for n in "qkv"]), how)
        near(found["d_b_qkv"], fused([right[f"d_b_{n}"] for n in "qkv"]), how)
    apart = {"w_q": w["q"].reshape(6, 4, 3), "b_q": b["q"].reshape(4, 3), "w_o": given["w_o"].reshape(4, 3, 7)}
    found = gradients(**{**given, **three, **apart})
    for name in apart:
        near(found[f"d_{name}"], right[f"d_{name}"].reshape(apart[name].shape), name)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "bfloat16", "i8", "bool"])
def test_each_gradient_has_the_type_of_its_array(dtype: str) -> None:
    """What NumPy has no type for has float32, and what is no real number float64; others do not change."""
    kind = pytest.importorskip("ml_dtypes").bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    wanted = {"bfloat16": "f4", "i8": "f8", "bool": "f8", ">f4": "f4"}.get(dtype, dtype)
    given = {
        **STATES,
        "key": (2 * KEY).astype(kind),
        "sinks": normal(4).astype("f2"),
        "bias": normal(5, 7).astype("f4"),
    }
    made = quiet(**given)
    types = {name: each.dtype for name, each in made.items()}
    assert types == {"d_query": "f8", "d_value": "f8", "d_key": wanted, "d_sinks": "f2", "d_bias": "f4"}
    right = quiet(**{name: each.astype("f8") for name, each in given.items()})
    for name, each in made.items():
        assert_allclose(each, right[name], rtol=1e-3 if each.dtype == "f2" else 1e-5, atol=1e-5, err_msg=name)
    assert {each.dtype for each in quiet(**given, dtype="float32").values()} == {np.dtype("f4")}


def quiet(**given: Any) -> dict[str, Any]:
    """Return gradients by name without what is said of whole numbers."""
    arrays = {name: each for name, each in given.items() if name != "dtype"}
    made = Backpropagation.of(arrays, Options.parse({"dtype": given.get("dtype")} if "dtype" in given else {}))
    return made.of_arrays()
