"""A cache of fewer bits: rounding against ml_dtypes and by hand, scales, and what holds of every type of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncli import InputError, attention, steps
from attncli.attend.cache.option import Kept, cache, kept_as
from attncli.attend.cache.rounding import Held
from attncli.attend.cache.types import TYPES, to_codes
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.steps import results
from tests.support.arrays import normal

Array = np.ndarray[Any, Any]
FP8 = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}
DOUBLE = np.dtype(np.float64)
each_fp8 = pytest.mark.parametrize("name", FP8)
each_type = pytest.mark.parametrize("name", TYPES)


def codes(name: str) -> Array:
    """Return all finite numbers of an fp8 type in their order, as ml_dtypes has them."""
    found = np.arange(256, dtype=np.uint8).view(FP8[name]).astype(np.float64)
    return np.unique(found[np.isfinite(found)])


def by_ml_dtypes(numbers: Array, name: str) -> Array:
    """Return float32 numbers within the range of a type as ml_dtypes rounds them."""
    return numbers.astype(np.float32).astype(FP8[name]).astype(np.float64)


def held(text: str, states: Array, lengths: Array | None = None) -> Array:
    """Return keys (batch, heads, S, E) as a cache gives them back."""
    kept = kept_as(str(cache("cache", f"key={text}")))["key"]
    return Held.of(kept, states, DOUBLE, lengths).rounded(states, DOUBLE)


@each_fp8
def test_every_code_stays_what_it_is(name: str) -> None:
    """All 256, those that are no numbers left out; and the largest is that of the record."""
    found = codes(name)
    assert len(found) == {"e4m3": 253, "e5m2": 247}[name]
    assert_array_equal(to_codes(found, TYPES[name]), found)
    assert found.max() == TYPES[name].largest == float(ml_dtypes.finfo(FP8[name]).max)


@each_fp8
def test_numbers_between_codes_go_where_ml_dtypes_brings_them(name: str) -> None:
    """Middles to even, neighbours of middles to the nearer code, and float32 of any bits within the range."""
    found = codes(name)
    middles = (found[1:] + found[:-1]) / 2
    bits = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    beside = [np.nextafter(middles.astype("f4"), side) for side in (np.float32(-1e9), np.float32(1e9))]
    some = np.concatenate([middles.astype("f4"), *beside, bits[np.isfinite(bits)]])
    some = some[np.abs(some) <= TYPES[name].largest]
    assert len(some) > 50_000
    assert_array_equal(to_codes(some.astype(np.float64), TYPES[name]), by_ml_dtypes(some, name))


@each_type
def test_what_is_beyond_the_largest_code_becomes_it(name: str) -> None:
    """Infinity too; NaN stays."""
    kind = TYPES[name]
    made = to_codes(np.array([kind.largest * 1.01, 1e300, np.inf, -np.inf, np.nan]), kind)
    assert_array_equal(made, [*[kind.largest] * 3, -kind.largest, np.nan])


def test_whole_numbers_by_hand() -> None:
    """Middles to even, both signs alike; there is no −128 and no −8."""
    numbers = np.array([0.5, 1.5, 2.5, -2.5, 2.51, -200.0, 6.4])
    assert to_codes(numbers, TYPES["int8"]).tolist() == [0, 2, 2, -2, 3, -127, 6]
    assert to_codes(numbers, TYPES["int4"]).tolist() == [0, 2, 2, -2, 3, -7, 6]


def test_scales_by_hand() -> None:
    """Per tensor, head, channel, token and group, of two heads with two tokens of three features."""
    states = np.array([[[[7.0, 3.5, -1.0], [2.4, 1.4, 0.7]], [[14.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    # The largest number is 14, so that a code is 2.
    assert held("int4:tensor", states).tolist() == [[[[8, 4, 0], [2, 2, 0]], [[14, 0, 0], [0, 0, 0]]]]
    # 7 and 14: codes are 1 and 2.
    assert held("int4:head", states).tolist() == [[[[7, 4, -1], [2, 1, 1]], [[14, 0, 0], [0, 0, 0]]]]
    # 7, 3.5 and 1 in the first head: codes are 1, 1/2 and 1/7; 14, 1 and nothing in the second.
    found = held("int4:channel", states)
    assert_allclose(found[0, 0], [[7, 3.5, -1], [2, 1.5, 5 / 7]], rtol=1e-15)
    assert found[0, 1].tolist() == [[14, 1, 0], [0, 0, 0]]
    # 7 and 2.4, 14 and nothing: codes are 1 and 12/35.
    found = held("int4:token", states)
    assert_allclose(found[0, 0], np.array([[7, 4, -1], [2.4, 4 * 12 / 35, 2 * 12 / 35]]), rtol=1e-15)
    # The first two features share a scale, and the last has its own: it stays.
    found = held("int4:group2", states)
    assert_allclose(found[0, 0], np.array([[7, 4, -1], [2.4, 4 * 12 / 35, 0.7]]), rtol=1e-15)
    assert held("e4m3:unscaled", states * 100)[0, 0].tolist() == [[448, 352, -96], [240, 144, 72]]


def states_of(*shape: int) -> st.SearchStrategy[Array]:
    """Draw finite numbers of all sizes."""
    sizes = st.floats(allow_nan=False, allow_infinity=False, width=64)
    return arrays(np.float64, shape, elements=st.one_of(sizes, st.floats(-4, 4), st.just(0.0)))


kinds = st.sampled_from([f"{name}:{scales}" for name in TYPES for scales in ("tensor", "channel", "token", "group3")])


@given(states_of(1, 2, 3, 4), kinds)
def test_what_holds_of_every_cache(states: Array, text: str) -> None:
    """Signs do not matter, a second time changes nothing, and no number becomes larger than the largest."""
    found = held(text, states)
    assert np.isfinite(found).all()
    assert_array_equal(held(text, -states), -found)
    assert_allclose(held(text, found), found, rtol=1e-14)
    assert np.abs(found).max() <= np.abs(states).max()


@given(states_of(1, 1, 2, 6), st.sampled_from(["int8", "int4"]))
def test_no_number_is_off_by_more_than_half_a_scale(states: Array, name: str) -> None:
    """Of its own token; what is larger stays so, or becomes equal."""
    found = held(f"{name}:token", states)
    halves = np.abs(states).max(axis=-1, keepdims=True) / TYPES[name].largest / 2
    assert (np.abs(found - states) <= halves * (1 + 1e-12)).all()
    for token, made in zip(states[0, 0], found[0, 0], strict=True):
        assert all(one <= two for one, two in pairwise(made[np.argsort(token, kind="stable")]))


@each_fp8
def test_fp8_is_off_by_a_sixteenth_or_an_eighth_at_most(name: str) -> None:
    """Of the number itself, as far as it is not much smaller than the largest one."""
    states = normal(1, 2, 50, 8)
    found = held(f"{name}:tensor", states)
    kind = TYPES[name]
    large = np.abs(states) > np.abs(states).max() / kind.largest * 2.0**kind.least
    assert large.mean() > 0.9
    assert (np.abs(found - states)[large] <= np.abs(states)[large] * {"e4m3": 1 / 16, "e5m2": 1 / 8}[name]).all()


@pytest.mark.parametrize("scales", ["tensor", "head", "channel", "token", "group3"])
def test_parts_that_share_no_scale_are_rounded_alone(scales: str) -> None:
    """Batch items always; then heads, features, tokens or groups of features."""
    states = normal(2, 3, 5, 8) * np.exp(2 * normal(2, 3, 5, 8, seed=1))
    whole = held(f"int8:{scales}", states)
    parts = {
        "tensor": np.s_[:, :, :, :],
        "head": np.s_[:, 1:2],
        "channel": np.s_[:, 1:2, :, 4:5],
        "token": np.s_[:, 1:2, 2:3],
        "group3": np.s_[:, 1:2, 2:3, 3:6],
    }
    for item in (np.s_[:1], np.s_[1:]):
        part = states[item][parts[scales]]
        assert_array_equal(held(f"int8:{scales}", part), whole[item][parts[scales]])


@pytest.mark.parametrize("scales", ["tensor", "head", "channel", "token", "group2"])
def test_what_is_not_finite_and_what_is_padding_have_no_part_in_scales(scales: str) -> None:
    """Their own numbers apart, all is as without them."""
    states = normal(2, 2, 6, 4)
    odd = states.copy()
    odd[0, 0, 1, 2], odd[1, 1, 3, 0] = np.nan, -np.inf
    kept = np.where(np.isfinite(odd), odd, 0)
    found, plain = held(f"int8:{scales}", odd), held(f"int8:{scales}", kept)
    assert_array_equal(found[np.isfinite(odd)], plain[np.isfinite(odd)])
    assert np.isnan(found[0, 0, 1, 2])
    assert found[1, 1, 3, 0] == held(f"int8:{scales}", np.where(np.isinf(odd), -1e9, kept))[1, 1, 3, 0] or (
        np.isfinite(found[1, 1, 3, 0]) and found[1, 1, 3, 0] < 0
    )
    padded = states.copy()
    padded[0, :, 4:] = 1e6
    short = held(f"int8:{scales}", padded, np.array([4, 6]))
    assert_array_equal(short[0, :, :4], held(f"int8:{scales}", states[:1, :, :4])[0])
    assert_array_equal(short[1], held(f"int8:{scales}", states[1:])[0])


def test_a_number_near_a_middle_goes_to_the_other_code_where_float32_might_bring_it_there() -> None:
    """And no other one does."""
    middle = 2.5 * (1 + 2.0**-23)
    states = np.array([[[[127.0, middle, 2.5001, 3.0, 2.5 * (1 - 2.0**-23)]]]])
    plain = Held(Kept(TYPES["int8"], "token"))
    assert plain.rounded(states, DOUBLE).tolist() == [[[[127, 3, 3, 3, 2]]]]
    assert plain.loosened().rounded(states, DOUBLE).tolist() == [[[[127, 2, 3, 3, 3]]]]


GIVEN: dict[str, Any] = {
    "query": normal(2, 4, 5, 8),
    "key": normal(2, 2, 6, 8),
    "value": normal(2, 2, 6, 3),
    "past_key": normal(2, 2, 3, 8),
    "past_value": normal(2, 2, 3, 3),
}


@pytest.mark.parametrize("text", ["int8:tensor", "key=int4:channel,value=e4m3:head", "key=e5m2:group3"])
def test_the_steps_are_those_of_keys_and_values_that_were_rounded_before(text: str) -> None:
    """After norm and rotation, past ones with the others."""
    options: dict[str, Any] = {"rope": "half", "qk_norm": "rms", "scale": "sqrt", "causal": True}
    exact, made = steps(**GIVEN, **options), steps(**GIVEN, **options, cache=text)
    kept = kept_as(str(cache("cache", text)))
    assert exact.rotated_key is not None
    assert exact.rotated_query is not None
    values = np.concatenate([GIVEN["past_value"], GIVEN["value"]], axis=2)
    rounded: dict[str, Any] = {
        name: Held.of(kept[name], array, DOUBLE).rounded(array, DOUBLE) if name in kept else array
        for name, array in {"key": exact.rotated_key, "value": values}.items()
    }
    assert_allclose(np.asarray(made.rotated_key), exact.rotated_key, rtol=1e-15)
    assert_allclose(np.asarray(made.cached_key), rounded["key"], rtol=1e-12)
    assert (made.cached_value is not None) is ("value" in kept)
    plain = steps(exact.rotated_query, **rounded, scale="sqrt", causal=True, offset=3)
    for name in ("scores", "logits", "weights", "output"):
        assert_allclose(getattr(made, name), getattr(plain, name), rtol=1e-11, atol=1e-12)
    assert_allclose(attention(**GIVEN, **options, cache=text), made.output, rtol=1e-11, atol=1e-12)


def test_a_part_of_a_problem_has_the_scales_of_the_whole() -> None:
    """One head of one batch item, and one query of it, where all heads share a scale."""
    o = prepare(GIVEN, Options.parse({"cache": "int4:tensor", "rope": "interleaved"}))
    whole = steps(**GIVEN, cache="int4:tensor", rope="interleaved")
    part = o.select(batch=1, head=3, rows=np.array([2]))
    made = results(part)
    assert_allclose(made["output"][0, 0, 0], whole.output[1, 3, 2], rtol=1e-14)
    assert whole.cached_key is not None
    assert_array_equal(made["cached_key"][0, 0], whole.cached_key[1, 1])


@pytest.mark.parametrize("name", ["f2", "f4", "bfloat16"])
def test_narrow_types_are_rounded_as_what_they_are(name: str) -> None:
    """In float32, from the numbers as they are; the output is of the type that it is without a cache."""
    kind = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    given_as = {each: array.astype(kind) for each, array in GIVEN.items()}
    made = steps(**given_as, cache="int8:token")
    wide = steps(**{each: array.astype("f8") for each, array in given_as.items()}, cache="int8:token")
    assert made.cached_key is not None
    assert made.cached_key.dtype == np.float32
    assert_array_equal(made.cached_key, np.asarray(wide.cached_key, dtype="f4"))
    assert made.output.dtype == steps(**given_as).output.dtype


WAYS: list[tuple[object, str | None]] = [
    ("int8", "key=int8:group32,value=int8:group32"),
    ("fp8", "key=e4m3:tensor,value=e4m3:tensor"),
    ("float8_e5m2:head", "key=e5m2:head,value=e5m2:head"),
    ("value=int4,key=int8:channel", "key=int8:channel,value=int4:group32"),
    (["key=int8:token"], "key=int8:token"),
    ("key=fp8:unscaled", "key=e4m3:unscaled"),
    ("int4:group007", "key=int4:group7,value=int4:group7"),
    ("none", None),
    (None, None),
]


@pytest.mark.parametrize(("given_as", "meant"), WAYS)
def test_ways_to_say_it(given_as: object, meant: str | None) -> None:
    """For both, for one of them, as a list; types by the names of other tools, scales by what tools have."""
    assert Options.parse({"cache": given_as}).cache == meant


WRONG = [
    ("int9", 'did you mean "int8"?'),
    ("key=int8:tokens", 'did you mean "token"?'),
    ("keys=int8", 'did you mean "key"?'),
    ("int8:group0", "SCALES is tensor, head, channel, token, unscaled or groupN, such as group32"),
    ("int8:unscaled", "int8 without a scale would keep whole numbers only"),
    ("int8,value=int4", "give each of key and value once"),
]


@pytest.mark.parametrize(("text", "hint"), WRONG)
def test_what_it_cannot_be_is_refused_with_what_is_meant(text: str, hint: str) -> None:
    """In one line, and a hint."""
    with pytest.raises(InputError) as caught:
        Options.parse({"cache": text})
    types = "int8, int4, e4m3, e5m2"
    assert (
        caught.value.message == f"cache must be TYPE[:SCALES], of key= and value= or both, TYPE {types}, not '{text}'"
    )
    assert caught.value.hint == hint
