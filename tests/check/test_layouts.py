"""Which readings an expected output has, as its shape alone tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli.attend.layouts import Name
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.shapes import Sizes
from attncli.check.layouts import readings
from attncli.errors import InputError


def sizes(batch: int = 2, heads: int = 3, queries: int = 5, features: int = 7) -> Sizes:
    """Return the sizes of a problem with an output of this shape."""
    key = np.ones((batch, heads, 4, 6))
    value = np.ones((batch, heads, 4, features))
    return prepare({"query": np.ones((batch, heads, queries, 6)), "key": key, "value": value}, Options()).sizes


def numbered(batch: int = 2, heads: int = 3, queries: int = 5, features: int = 7) -> np.ndarray:
    """Return (batch, heads, queries, features) numbers whose digits are the index of each."""
    b, h, i, c = np.indices((batch, heads, queries, features))
    return 1000 * b + 100 * h + 10 * i + c


@pytest.mark.parametrize(
    ("axes", "name"),
    [
        ("bhqf", "(batch, heads, queries, features)"),
        ("bqhf", "(batch, queries, heads, features)"),
        ("qbhf", "(queries, batch, heads, features)"),
        ("hbqf", "(heads, batch, queries, features)"),
        ("bhfq", "(batch, heads, features, queries)"),
        ("qhbf", "(queries, heads, batch, features)"),
        ("bqfh", "(batch, queries, features, heads)"),
        ("bfqh", "(batch, features, queries, heads)"),
    ],
)
def test_sizes_that_all_differ_leave_one_reading(axes: str, name: str) -> None:
    """Each axis is where its size is, and its numbers are turned back."""
    given = np.einsum(f"bhqf->{axes}", numbered())
    (found,) = readings(given, sizes())
    assert (found.name, found.own) == (name, axes == "bhqf")
    assert_array_equal(found.array, numbered())


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((6, 5, 7), ["(batch·heads, queries, features)", "(heads·batch, queries, features)"]),
        # Heads behind features are no layout of any library, but merged wrongly.
        ((2, 5, 21), ["(batch, queries, heads·features)"]),
        ((5, 2, 21), ["(queries, batch, heads·features)"]),
        ((2, 15, 7), ["(batch, heads·queries, features)", "(batch, queries·heads, features)"]),
        ((10, 21), ["(batch·queries, heads·features)", "(queries·batch, heads·features)"]),
    ],
)
def test_packed_axes_can_be_read_in_either_order(shape: tuple[int, ...], names: list[str]) -> None:
    """Which of two neighbours is the outer one, a shape does not tell."""
    given = np.arange(210).reshape(shape)
    assert [each.name for each in readings(given, sizes())] == names


def test_packed_axes_are_taken_apart_as_they_are_named() -> None:
    """Index b·H + h or h·B + b, by hand."""
    given = np.arange(210).reshape(6, 5, 7)
    batch_first, heads_first = readings(given, sizes())
    for b in range(2):
        for h in range(3):
            assert_array_equal(batch_first.array[b, h], given[3 * b + h])
            assert_array_equal(heads_first.array[b, h], given[2 * h + b])
    assert (batch_first.own, heads_first.own) == (True, False)


def test_axes_of_the_same_size_have_a_reading_each() -> None:
    """As many heads as queries: the problem's own order comes first."""
    given = np.arange(2 * 3 * 3 * 7).reshape(2, 3, 3, 7)
    found = readings(given, sizes(queries=3))
    assert [each.name for each in found] == ["(batch, heads, queries, features)", "(batch, queries, heads, features)"]
    assert [each.own for each in found] == [True, False]
    assert_array_equal(found[1].array, given.swapaxes(1, 2))


def test_axes_of_one_element_say_nothing() -> None:
    """They may be there or not, and readings that differ in them alone are one."""
    expected = numbered(batch=1, heads=1)[0, 0]
    for shape in ((5, 7), (1, 5, 7), (5, 1, 7), (1, 1, 5, 7), (1, 5, 7, 1)):
        (found,) = readings(expected.reshape(shape), sizes(batch=1, heads=1))
        assert found.name == "(queries, features)"
        assert found.own
        assert_array_equal(found.array, expected[None, None])


def test_the_own_layout_of_packed_heads_is_packed() -> None:
    """Queries of (L, heads·E) give an output of (L, heads·Ev)."""
    options = Options.parse({"heads": 3})
    packed = prepare({"query": np.ones((5, 18)), "key": np.ones((4, 18)), "value": np.ones((4, 21))}, options).sizes
    given = np.arange(105).reshape(5, 21)
    (own,) = readings(given, packed)
    assert (own.name, own.own) == ("(queries, heads·features)", True)
    assert_array_equal(own.array[0, 2], given[:, 14:])


def test_one_reading_alone_is_the_own_one() -> None:
    """Packed heads that are given apart, as many as queries: in the order of the packed ones first."""
    states = {name: np.ones((3, 18)) for name in ("query", "key", "value")}
    packed = prepare(states, Options.parse({"heads": 3})).sizes
    found = readings(np.arange(54).reshape(3, 3, 6), packed)
    assert [(each.name, each.own) for each in found[:2]] == [
        ("(queries, heads, features)", True),
        ("(heads, queries, features)", False),
    ]


@pytest.mark.parametrize(("layout", "axes"), [("bshd", "bqhf"), ("sbhd", "qbhf"), ("thd", "bqhf")])
@pytest.mark.parametrize("packed", [False, True])
def test_the_own_layout_is_the_one_in_force(layout: Name, axes: str, packed: bool) -> None:
    """Where shapes do not tell: as many queries as heads, or as batch items."""
    batch = 1 if layout == "thd" else 3
    given = np.einsum(f"bhqf->{axes}", numbered(batch, 3, 3))
    shape = given.shape[1:] if layout == "thd" else given.shape
    given = given.reshape((*shape[:-2], -1) if packed else shape)
    found = readings(given, replace(sizes(batch, 3, 3), packed=packed), layout)
    assert len(found) > 1
    assert [each.own for each in found] == [True] + [False] * (len(found) - 1)
    assert_array_equal(found[0].array, numbered(batch, 3, 3))


def test_a_shape_that_cannot_be_an_output_is_refused() -> None:
    """The right number of elements is not enough."""
    for shape in ((2, 3, 5, 8), (210, 2), (30, 8), (3, 70)):
        with pytest.raises(InputError) as caught:
            readings(np.zeros(shape), sizes())
        assert tuple(caught.value.arrays) == ("expected",)
