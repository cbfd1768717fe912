"""Equal input gives equal output to the last bit, however the numbers lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import attention, score, softmax, steps, weighted_sum
from tests.support.layouts import LAYOUTS

Given = dict[str, Any]


def bits(arrays: Given, options: Given) -> dict[str, bytes]:
    """Return what the steps and the stream make of a problem, as bytes."""
    made = steps(**arrays, **options)
    found = {name: getattr(made, name).tobytes() for name in ("scores", "logits", "weights", "output")}
    return found | {"attention": attention(**arrays, **options).tobytes()}


def bits_alone(arrays: Given, options: Given) -> dict[str, bytes]:
    """Return what the functions of one step make of a problem, as bytes."""
    values = {name: arrays[name] for name in ("value", "past_value") if name in arrays}
    logits = score(**{name: array for name, array in arrays.items() if name not in values}, **options)
    weights = softmax(logits, sinks=arrays.get("sinks"))
    found = {"score": logits, "softmax": weights, "weighted_sum": weighted_sum(weights, **values)}
    return {name: array.tobytes() for name, array in found.items()}


@st.composite
def problems(draw: st.DrawFn) -> tuple[Given, Given]:
    """Problems of every form, with one query and narrow rows often: these have ways of their own through BLAS."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    batch, key_heads, group = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    queries, keys = draw(st.sampled_from([1, 1, 2, 64, 65])), draw(st.sampled_from([1, 2, 33, 240, 300]))
    features, wide = draw(st.sampled_from([1, 2, 4, 8, 64])), draw(st.sampled_from([1, 2, 3, 8, 64]))
    dtype = draw(st.sampled_from(["f8", "f4", "f2"]))

    def normal(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    heads, ones = key_heads * group, draw(st.booleans())
    arrays: Given = {
        "query": normal(batch, heads, queries, features),
        "key": normal(1 if ones else batch, key_heads, keys, features),
        "value": normal(batch, key_heads, keys, wide),
    }
    if draw(st.booleans()):
        arrays["past_key"] = normal(batch, key_heads, 5, features)
        arrays["past_value"] = normal(1 if ones else batch, key_heads, 5, wide)
        keys += 5
    over = (*(draw(st.sampled_from([length, length, 1])) for length in (batch, heads, queries)), keys)
    if draw(st.booleans()):
        arrays["bias"] = rng.standard_normal(over)
    if draw(st.booleans()):
        arrays["mask"] = rng.random(over) > 0.3 if draw(st.booleans()) else normal(*over)
    if draw(st.booleans()):
        arrays["sinks"] = normal(heads)
    options: Given = {"score": draw(st.sampled_from(["dot", "dot", "cosine", "additive"]))}
    if features % 2 == 0:
        options["rope"] = draw(st.sampled_from([None, "half", "interleaved"]))
    options |= {"scale": draw(st.sampled_from(["none", 0.37])), "causal": draw(st.booleans())}
    return arrays, options


@given(problems(), st.sampled_from(list(LAYOUTS)), st.data())
def test_the_layout_of_an_array_changes_no_bit(problem: tuple[Given, Given], layout: str, data: Any) -> None:
    """Of any array, in any of the functions; a value alone and all of them together."""
    arrays, options = problem
    chosen = data.draw(st.sampled_from([*arrays, *([list(arrays)])]))
    names = [chosen] if isinstance(chosen, str) else chosen
    other = arrays | {name: LAYOUTS[layout](arrays[name]) for name in names}
    assert bits(other, options) == bits(arrays, options)
    assert bits_alone(other, options) == bits_alone(arrays, options)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["query", "key", "value", "mask"])
@pytest.mark.parametrize(("queries", "keys"), [(1, 240), (64, 33), (240, 240)])
def test_where_a_bit_was_lost(name: str, layout: str, queries: int, keys: int) -> None:
    """Narrow values of one query, and a mask of a batch that shares its queries."""
    rng = np.random.default_rng(46)
    arrays: Given = {
        "query": rng.standard_normal((1, 3, queries, 3)),
        "key": rng.standard_normal((1, 3, keys, 3)),
        "value": rng.standard_normal((2, 3, keys, 3)),
        "mask": rng.standard_normal((2, 3, queries, keys)),
    }
    assert bits(arrays | {name: LAYOUTS[layout](arrays[name])}, {}) == bits(arrays, {})
