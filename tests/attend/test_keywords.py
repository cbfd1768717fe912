"""The keywords of Python: what other libraries call them, two arrays for query and hidden, what NumPy cannot read."""

from __future__ import annotations

import math
import traceback
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli import InputError, attention, score, softmax, steps, weighted_sum
from attncli.attend.arrays import GIVEN
from attncli.attend.elsewhere import SENTENCES, WORDS
from attncli.attend.options import Options, records
from tests.support.arrays import normal

QUERY, KEY, VALUE = normal(3, 4), normal(5, 4), normal(5, 4)
KNOWN = (*GIVEN, *records())


def refusal(function: Any = attention, **keywords: Any) -> InputError:
    """Return the error that a call with this keyword ends in."""
    with pytest.raises(InputError) as caught:
        function(QUERY, KEY, VALUE, **keywords)
    return caught.value


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [
        ("is_causal", "it is called causal here"),
        ("attn_mask", "it is called mask here"),
        ("num_heads", "it is called heads here"),
        ("softmax_scale", "it is called scale here"),
        ("enable_gqa", SENTENCES["enable_gqa"]),
        ("dropout_p", "leave it out: nothing is ever dropped here"),
        ("need_weights", "leave it out: steps(...).weights are the weights"),
        ("cuasal", 'did you mean "causal"?'),
    ],
)
def test_a_keyword_of_another_library_is_told_the_right_one(keyword: str, hint: str) -> None:
    """By attention and steps; and what is told to an option in a file is the same, with the names of flags."""
    for function in (attention, steps):
        error = refusal(function, **{keyword: 1})
        assert (error.message, error.hint) == (f"unknown keyword {keyword!r}", hint)
    if keyword != "attn_mask":
        with pytest.raises(InputError) as caught:
            Options.parse({keyword: 1})
        assert caught.value.hint == hint


def test_names_that_an_array_once_had_are_read() -> None:
    """One of them at a time: two that mean the same array now are refused, as in a file."""
    old: Any = {"w_query": [[1.0], [0.0]], "w_key": [[0.0], [-1.0]], "v_score": [5.0]}
    assert score([[3.0, 4.0]], [[1.0, 2.0]], score="additive", **old).tolist() == [[5 * math.tanh(3 - 2)]]
    swapped: Any = {"w_score": [[0.0, 1.0], [2.0, 0.0]], "w_query": None}
    assert score([[3.0, 4.0]], [[1.0, 2.0]], score="general", **swapped).tolist() == [[3 * 2 + 4 * 2 * 1]]
    for other in ("w_a", "w_query"):
        error = refusal(**{"w_score": np.eye(4), other: np.eye(4)})
        assert error.message == f"w_a is given twice, as 'w_score' and as '{other}'"


def test_the_words_of_others_lead_to_words_that_exist() -> None:
    """And none of them is a word here."""
    foreign = [word for words in WORDS.values() for word in words] + list(SENTENCES)
    assert len(foreign) == len(set(foreign))
    assert set(WORDS) <= set(KNOWN)
    assert not set(foreign) & set(KNOWN)


def test_a_hint_is_seen_below_a_traceback() -> None:
    """Where Python prints an error, its hint belongs to it."""
    error = refusal(scale=None)
    assert "".join(traceback.format_exception_only(error)) == (
        "attncli.errors.InputError: scale must be none, sqrt or a number, not None\n"
        "hint: sqrt is 1/√d, which PyTorch means by None; none leaves the scores as they are\n"
    )
    assert str(refusal(causal=1)) == "causal must be true or false, not 1"


# What is neither a word, nor a number, nor one of each: NumPy's answers to comparisons, conversions and repr are odd.
WRONG: dict[str, Any] = {
    "an array": np.zeros(2),
    "an array of one number": np.ones(1),
    "an array of one word": np.array(["dot"]),
    "a matrix": np.ones((1, 1)),
    "a large array": np.ones((2000, 2)),
    "bytes": b"1",
    "a complex number": np.complex128(1),
    "many digits": 10**5000,
    "a long text": "9" * 5000,
    "a text of one letter": "e" + "\u0301" * 5000,
    "a long list": [[1] * 5000] * 2,
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("name", records())
def test_an_option_that_is_none_is_refused_in_a_line(name: str, what: str) -> None:
    """Which shows the beginning and the end of a long one."""
    more = {"kv_heads": {"heads": 2}}.get(name, {})
    message = refusal(**{name: WRONG[what]}, **more).message
    assert message.startswith(f"{name} must be ")
    assert len(message) < 200
    assert "\n" not in message


def test_a_long_name_is_quoted_in_part() -> None:
    """Of a keyword, and of an option in a file."""
    begins = "unknown keyword 'xxx"
    assert refusal(**{"x" * 5000: 1}).message.startswith(begins)
    assert len(refusal(**{"x" * 5000: 1}).message) < 200
    with pytest.raises(InputError) as caught:
        Options.parse({"x" * 5000: 1})
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("of_numpy", [np.float64, np.float32, np.array], ids=["float64", "float32", "no axes"])
def test_an_option_may_be_one_number_of_numpy(of_numpy: Any) -> None:
    """As it comes out of an array; and the type of an array may be the precision."""
    found = Options.parse({"scale": of_numpy(0.125), "window": of_numpy(2), "softcap": of_numpy(3)})
    assert (found.scale, found.window, found.softcap) == (0.125, (2, -1), 3.0)
    assert Options.parse({"causal": np.bool_(True), "dtype": QUERY.dtype, "score": np.array("cosine")}) == Options(
        causal=True, dtype="float64", score="cosine"
    )


def test_two_arrays_are_query_and_hidden() -> None:
    """As on the command line: hidden is key and value at once. Only the three together are query, key and value."""
    for function in (attention, lambda *arrays, **more: steps(*arrays, **more).output):
        both = function(QUERY, KEY, causal=True)
        assert_array_equal(both, function(QUERY, hidden=KEY, causal=True))
        assert_array_equal(both, function(QUERY, KEY, KEY, causal=True))
        assert_array_equal(both, function(QUERY, key=KEY, causal=True))
    assert_array_equal(score(QUERY, KEY), score(QUERY, hidden=KEY))
    with pytest.raises(InputError, match="query 3×4 and hidden 5×3 do not fit"):
        attention(QUERY, normal(5, 3))
    # A key beside hidden leaves hidden to be the value.
    assert_array_equal(attention(QUERY, KEY, hidden=VALUE), attention(QUERY, KEY, VALUE))
    for given in ({}, {"value": VALUE}):
        with pytest.raises(InputError, match="key is missing"):
            attention(QUERY, **given)  # type: ignore[call-overload]


def test_two_arrays_with_a_cache() -> None:
    """Past keys and values go before the one array that is both."""
    past: dict[str, Any] = {"past_key": normal(2, 4, seed=1), "past_value": normal(2, 4, seed=2)}
    expected = attention(QUERY, np.vstack([past["past_key"], KEY]), np.vstack([past["past_value"], KEY]))
    assert_array_equal(attention(QUERY, KEY, **past), expected)


class Unreadable:
    """An array of a library that does not let NumPy have its numbers."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("call .get() first\nand more")


def test_what_numpy_cannot_read_is_an_error_that_names_it() -> None:
    """With the library's own words, on one line."""
    given: Any = Unreadable()
    for array, kind in ((given, "Unreadable"), ([[given]], "list")):
        with pytest.raises(InputError) as caught:
            attention(QUERY, array, VALUE)
        assert caught.value.message == f"key is of a type that NumPy cannot read, {kind}: call .get() first"
    with pytest.raises(InputError, match=r"^logits is of a type"):
        softmax(given)
    with pytest.raises(InputError, match=r"^weights is of a type"):
        weighted_sum(given, VALUE)
