"""--layout: the same numbers, with their axes in another order, give the same, in that order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import attncli
from attncli import InputError
from attncli.attend.options import Options
from tests.support.arrays import normal

# Options come from parameters here, whose types no signature has.
api: Any = attncli
attention, merge, score, softmax, steps = api.attention, api.merge, api.score, api.softmax, api.steps
weighted_sum = api.weighted_sum
# Batch, query heads, key heads, queries, keys, past keys, features of a query and of a value: all of them distinct.
B, H, K, L, S, P, E, EV = 2, 6, 3, 5, 7, 4, 8, 9
STATES = {"query": (H, L, E), "key": (K, S, E), "value": (K, S, EV), "past_key": (K, P, E), "past_value": (K, P, EV)}
ARRAYS = {name: normal(B, *shape, seed=at) for at, (name, shape) in enumerate(STATES.items())}
OPTIONS: dict[str, Any] = {"scale": "sqrt", "causal": True, "rope": "half"}
ORDERS = {"bshd": (0, 2, 1, 3), "sbhd": (2, 0, 1, 3)}

each_order = pytest.mark.parametrize("layout", ORDERS)


def turned(array: Any, layout: str) -> Any:
    """Return (batch, heads, length, features) as it lies in a layout, in memory too."""
    return np.ascontiguousarray(array.transpose(ORDERS[layout]))


def side_by_side(array: Any) -> Any:
    """Return the last two axes as one."""
    return array.reshape(*array.shape[:-2], -1)


def made(arrays: Any, **options: Any) -> Any:
    """Return what the steps make, of which the stream makes the same output, in memory of its own."""
    found = steps(**arrays, **options)
    fast = attention(**arrays, **options)
    np.testing.assert_allclose(fast, found.output, rtol=1e-12, atol=1e-14)
    assert fast.flags.c_contiguous
    return found


@each_order
def test_four_axes(layout: str) -> None:
    """A cache lies as the others do; weights and the rest are (batch, heads, L, S) in every layout."""
    plain = made(ARRAYS, **OPTIONS)
    found = made({name: turned(each, layout) for name, each in ARRAYS.items()}, layout=layout, **OPTIONS)
    assert_array_equal(found.output, turned(plain.output, layout))
    for name in ("rotated_query", "rotated_key", "scores", "weights", "lse"):
        assert_array_equal(getattr(found, name), getattr(plain, name))


@pytest.mark.parametrize("layout", [*ORDERS, "thd"])
def test_three_axes(layout: str) -> None:
    """The heads come after the length; nothing tells these layouts apart without a batch."""
    one = {name: each[0] for name, each in ARRAYS.items()}
    found = made({name: each.swapaxes(0, 1) for name, each in one.items()}, layout=layout, **OPTIONS)
    assert_array_equal(found.output, made(one, **OPTIONS).output.swapaxes(0, 1))


@each_order
def test_heads_side_by_side(layout: str) -> None:
    """The cache too, or with its heads apart, as caches have them."""
    wanted = side_by_side(turned(made(ARRAYS, **OPTIONS).output, layout))
    apart = {name: turned(each, layout) for name, each in ARRAYS.items()}
    packed = {name: side_by_side(each) for name, each in apart.items()}
    past = {name: each for name, each in apart.items() if name.startswith("past")}
    for arrays in (packed, packed | past):
        assert_array_equal(made(arrays, layout=layout, heads=H, kv_heads=K, **OPTIONS).output, wanted)


def test_packed_tokens() -> None:
    """(tokens, heads·features) in, and out."""
    one = {name: each[0] for name, each in ARRAYS.items()}
    tokens = {name: side_by_side(each.swapaxes(0, 1)) for name, each in one.items()}
    found = made(tokens, layout="thd", heads=H, kv_heads=K, **OPTIONS)
    assert_array_equal(found.output, side_by_side(made(one, **OPTIONS).output.swapaxes(0, 1)))


@pytest.mark.parametrize("layout", [*ORDERS, "thd"])
def test_one_head_and_one_query(layout: str) -> None:
    """Two axes are (length, features), one is a vector: in each layout the same."""
    query, key, value = ARRAYS["query"][0, 0], ARRAYS["key"][0, 0], ARRAYS["value"][0, 0]
    for given in (query, query[0]):
        assert_array_equal(attention(given, key, value, layout=layout), attention(given, key, value))


@pytest.mark.parametrize("layout", ["bhsd", *ORDERS])
def test_what_is_projected(layout: str) -> None:
    """(batch, length, features), or with the length first; the gate and the output lie likewise."""
    x, w = normal(B, L, 10), {f"w_{each}": normal(10, H * E, seed=at) for at, each in enumerate("qkv")}
    layer = w | {"w_o": normal(H * E, 11), "heads": H}
    gate = normal(B, L, H * E, seed=9)
    plain = steps(hidden=x, gate=gate, **layer).output

    def lying(array: Any) -> Any:
        return array.swapaxes(0, 1) if layout == "sbhd" else array

    found = made({"hidden": lying(x), "gate": lying(gate)} | w, w_o=layer["w_o"], heads=H, layout=layout)
    assert_array_equal(found.output, lying(plain))


@pytest.mark.parametrize("layout", ["bhsd", *ORDERS])
@pytest.mark.parametrize("features", [EV, 1])
def test_a_gate_lies_as_the_output(layout: str, features: int) -> None:
    """With its heads apart, or side by side; one number for each feature, or for each head."""
    arrays = {name: ARRAYS[name] for name in ("query", "key", "value")}
    gate = normal(B, H, L, features, seed=9)
    wanted = steps(**arrays).output / (1 + np.exp(-gate))
    order = ORDERS.get(layout, (0, 1, 2, 3))
    given = {name: each.transpose(order) for name, each in arrays.items()}
    beside = side_by_side(gate.transpose(ORDERS["sbhd" if layout == "sbhd" else "bshd"]))
    for one in [beside, *[gate.transpose(order)] * (features == EV)]:
        found = made(given | {"gate": one}, layout=layout)
        np.testing.assert_allclose(found.output.transpose(np.argsort(order)), wanted, rtol=1e-12)


@each_order
def test_the_steps_one_by_one(layout: str) -> None:
    """score and weighted_sum read it, each in its arrays."""
    arrays = {name: turned(ARRAYS[name], layout) for name in ("query", "key", "value")}
    weights = softmax(score(arrays["query"], arrays["key"], layout=layout))
    assert weights.shape == (B, H, L, S)
    summed = weighted_sum(weights, arrays["value"], layout=layout)
    assert_array_equal(summed, steps(**arrays, layout=layout).output)


def test_nothing_is_copied() -> None:
    """The states that are computed with are views of the arrays that were given."""
    from attncli.attend.prepare import prepare

    for layout in ORDERS:
        arrays = {name: turned(ARRAYS[name], layout) for name in ("query", "key", "value")}
        o = prepare(arrays, Options(layout=layout))  # type: ignore[arg-type]
        for name, array in arrays.items():
            assert np.shares_memory(o.states[name], array)
            assert_array_equal(o.states[name], ARRAYS[name])


@pytest.mark.parametrize(
    ("lies", "said", "hint"),
    [
        ("bshd", "bhsd", "with --layout bshd they fit (batch, length, heads, features)"),
        ("sbhd", "bhsd", "with --layout sbhd they fit (length, batch, heads, features)"),
        ("sbhd", "bshd", "with --layout sbhd they fit (length, batch, heads, features)"),
        ("bhsd", "bshd", "with --layout bhsd they fit (batch, heads, length, features)"),
        ("bhsd", "thd", "with --layout bhsd they fit (batch, heads, length, features)"),
    ],
)
def test_the_wrong_layout_is_an_error_that_names_the_right_one(lies: str, said: str, hint: str) -> None:
    """Where the shapes tell."""
    order = ORDERS.get(lies, (0, 1, 2, 3))
    arrays = {name: ARRAYS[name].transpose(order) for name in ("query", "key", "value")}
    with pytest.raises(InputError, match=r" do not fit: | has at most 3, ") as caught:
        attention(**arrays, layout=said)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        (
            (2, 3, 4, 5),
            {"layout": "thd"},
            "query 2×3×4×5 has 4 axes; with --layout thd it has at most 3, (tokens, heads, features)",
        ),
        (
            (3, 4, 6),
            {"layout": "thd", "heads": 2},
            "query 3×4×6 has 3 axes; with --layout thd it has at most 2, (tokens, heads·features)",
        ),
        ((3, 4), {"layout": "bshd", "states": "columns"}, "states columns and layout bshd contradict each other"),
        ((3, 4), {"layout": "shbd"}, "layout must be bhsd or bshd or sbhd or thd, not 'shbd'"),
        ((2, 3, 4), {"layout": "thd", "w_q": np.ones((4, 4))}, "query 2×3×4 has 3 axes; with --layout thd"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_is_refused(shape: tuple[int, ...], options: dict[str, Any], message: str) -> None:
    """Axes that a layout does not have; two options that say how the same axes lie."""
    with pytest.raises(InputError) as caught:
        attention(normal(*shape), normal(*shape), normal(*shape), **options)
    assert str(caught.value).startswith(message)


def test_a_gate_of_another_layout_is_refused() -> None:
    """With the shape that it should have."""
    arrays = {name: turned(ARRAYS[name], "sbhd") for name in ("query", "key", "value")}
    with pytest.raises(InputError, match=r"^gate 2×5×54 must be \(5, …, 54\), or \(5, …, 6\) with one number for each"):
        attention(**arrays, gate=normal(B, L, H * EV), layout="sbhd")
    with pytest.raises(InputError, match=r"^gate 3×6×5×9 must be \(…, 5, 54\)"):
        attention(**{name: ARRAYS[name] for name in arrays}, gate=normal(3, H, L, EV))


@pytest.mark.parametrize("layout", ["bhsd", *ORDERS])
@pytest.mark.parametrize("heads", [None, H])
def test_parts_are_merged_in_their_layout(layout: str, heads: int | None) -> None:
    """With as many queries as heads, so that shapes do not tell which is which."""
    order = ORDERS.get(layout, (0, 1, 2, 3))
    query, key, value = (normal(B, H, length, E, seed=at).transpose(order) for at, length in enumerate((H, S, S)))
    axis = order.index(2)
    if heads:
        order = ORDERS["sbhd" if layout == "sbhd" else "bshd"]
        axis = order.index(2)
        query, key, value = (
            side_by_side(normal(B, H, n, E, seed=at).transpose(order)) for at, n in enumerate((H, S, S))
        )
    given: dict[str, Any] = {"layout": layout, "heads": heads}
    parts = [
        attention(query, np.take(key, keys, axis), np.take(value, keys, axis), **given, return_lse=True)
        for keys in (range(3), range(3, S))
    ]
    outputs, lses = zip(*parts, strict=True)
    assert lses[0].shape == (B, H, H)
    output, lse = merge(outputs, lses, layout=layout, return_lse=True)
    whole, log = attention(query, key, value, **given, return_lse=True)
    np.testing.assert_allclose(output, whole, rtol=1e-12)
    np.testing.assert_allclose(lse, log, rtol=1e-12)
