"""Which keys and rows of a tile rules leave out, against each pair of a query and a key by the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from attncli.attend.fast.tiles import TOGETHER, apart, pieces, plan
from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.reach import Reach
from attncli.attend.rules import Rules

LONG = 40


def operands(queries: int, keys: int, **options: Any) -> Operands:
    """Return a problem of one head."""
    arrays = {"query": np.ones((queries, 2)), "key": np.ones((keys, 2)), "value": np.ones((keys, 2))}
    return prepare(arrays, Options.parse(options))


def reach(o: Operands) -> Reach:
    """Return what the queries of the one batch item may see."""
    return Reach.of(Rules.of(o).one(0), o.sizes.keys)


def is_open(first: int, row: int, key: int, causal: bool, window: tuple[int, int]) -> bool:
    """Say whether a query may see a key: rules as they are defined, for a query at position first + row."""
    position, (left, right) = first + row, window
    return (
        (not causal or key <= position)
        and (left < 0 or key >= position - left)
        and (right < 0 or key <= position + right)
    )


def part(data: Any, length: int) -> slice:
    """Draw a part that is not empty."""
    start = data.draw(st.integers(0, length - 1))
    return slice(start, data.draw(st.integers(start + 1, length)))


def rows_of(slices: list[slice]) -> list[int]:
    return [row for each in slices for row in range(each.start, each.stop)]


RULES = st.booleans(), st.tuples(st.integers(-1, LONG), st.integers(-1, LONG)), st.integers(-LONG, LONG)


@given(st.data(), *RULES)
def test_rows_are_cut_where_a_rule_closes_some_of_the_keys(
    data: Any, causal: bool, window: tuple[int, int], first: int
) -> None:
    """These rows and no other need their scores closed; none of them twice."""
    o = operands(LONG, LONG, causal=causal, window=window, offset=first)
    rows, keys = part(data, LONG), part(data, LONG)
    cut = reach(o).cut(rows, keys)
    closed = [
        row
        for row in range(rows.stop - rows.start)
        if not all(is_open(first, rows.start + row, key, causal, window) for key in range(keys.start, keys.stop))
    ]
    assert rows_of(cut) == closed


@pytest.mark.parametrize(
    ("options", "cut"),
    [
        ({}, []),
        ({"causal": True}, [slice(0, 3)]),
        ({"window": (5, -1)}, [slice(6, 8)]),
        ({"causal": True, "window": (5, -1)}, [slice(0, 3), slice(6, 8)]),
        ({"causal": True, "window": (1, -1)}, [slice(0, 8)]),
    ],
)
def test_rows_are_cut_by_hand(options: dict[str, Any], cut: list[slice]) -> None:
    """Queries 0 to 7 and keys 0 to 3: query 3 is the first to see key 3, and with 5 keys back query 6 misses key 0."""
    assert reach(operands(8, 8, **options)).cut(slice(0, 8), slice(0, 4)) == cut


@given(st.data(), *RULES)
def test_ranges_hold_what_may_be_seen(data: Any, causal: bool, window: tuple[int, int], first: int) -> None:
    """No key that any query sees is left out, and none is added at the ends; and so for the rows of some keys."""
    o = operands(LONG, LONG, causal=causal, window=window, offset=first)
    rows, keys = part(data, LONG), part(data, LONG)
    table = np.array([[is_open(first, row, key, causal, window) for key in range(LONG)] for row in range(LONG)])
    seen, some = reach(o).seen(rows), reach(o).rows(rows, keys)
    visible = np.flatnonzero(table[rows].any(axis=0))
    assert (seen.start, seen.stop) == ((visible[0], visible[-1] + 1) if len(visible) else (seen.start, seen.start))
    assert set(np.flatnonzero(table[rows, keys].any(axis=1))) <= set(range(some.start, some.stop))


@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([1, 63, 64, 700, 3000]),
    st.sampled_from([1, 240, 9000]),
    st.booleans(),
)
def test_pieces_cover_each_pair_once(batch: int, heads: int, queries: int, keys: int, causal: bool) -> None:
    """Over all pieces, each query of each head meets as many keys as it may see, in parts that do not overlap."""
    shapes = {"query": (batch, heads, queries, 2), "key": (batch, heads, keys, 2), "value": (batch, heads, keys, 2)}
    arrays = {name: np.broadcast_to(np.float32(1), shape) for name, shape in shapes.items()}
    o = prepare(arrays, Options.parse({"causal": causal}))
    visible = np.minimum(np.arange(queries) + 1, keys) if causal else np.full(queries, keys)
    met = np.zeros((batch, heads, queries), dtype=int)
    ends: dict[tuple[int, int, int], int] = {}
    for piece in sorted(pieces(o, plan(o)), key=lambda piece: piece.keys.start):
        place = piece.batch, piece.heads.start, piece.rows.start
        assert piece.keys.start == ends.get(place, 0)
        ends[place] = piece.keys.stop
        inside = np.minimum(visible[piece.rows], piece.keys.stop) - piece.keys.start
        met[piece.batch, piece.heads, piece.rows] += np.maximum(inside, 0)
    assert_array_equal(met, np.broadcast_to(visible, met.shape))


def documents(lengths: list[int], **options: Any) -> Operands:
    """Return a row of documents of these lengths, for one head."""
    states = np.broadcast_to(np.float32(1), (sum(lengths), 8))
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    arrays = {"query": states, "key": states, "value": states, "cu_seqlens": bounds}
    return prepare(arrays, Options.parse(options))


def area(o: Operands) -> int:
    """Return how many scores are computed, where each piece computes all of its own."""
    some = pieces(o, plan(o))
    return sum((each.rows.stop - each.rows.start) * (each.keys.stop - each.keys.start) for each in some)


@pytest.mark.parametrize("options", [{}, {"causal": True}])
def test_documents_cost_what_short_rows_cost(options: dict[str, Any]) -> None:
    """64 of 256 tokens are 64 pieces of 256 × 256, and 64 chunks are the same; none has a tile of a few keys."""
    whole = np.broadcast_to(np.float32(1), (64 * 256, 8))
    packed = documents([256] * 64, **options)
    chunked = prepare({"query": whole, "hidden": whole}, Options.parse(options | {"chunk": 256}))
    batch = {"query": whole.reshape(64, 1, 256, 8), "hidden": whole.reshape(64, 1, 256, 8)}
    apart_rows = prepare(batch, Options.parse(options))
    assert area(packed) == area(chunked) == area(apart_rows) == 64 * 256 * 256
    assert len(pieces(packed, plan(packed))) == 64
    assert 256 % plan(packed).keys == 0


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_short_documents_are_computed_together(lengths: list[int]) -> None:
    """A group holds one document, or several of no more rows than a few; each query is in one group."""
    o = documents(lengths)
    groups = apart(reach(o))
    assert [row for each in groups for row in range(each.start, each.stop)] == list(range(sum(lengths)))
    begins = set(np.cumsum([0, *lengths]).tolist())
    for each in groups:
        assert {each.start, each.stop} <= begins
        assert each.stop - each.start <= TOGETHER or len(begins & set(range(each.start, each.stop))) == 1


def test_documents_in_any_order_of_rows_are_apart() -> None:
    """Queries of the last document first: the keys of each group are those of its own document."""
    keys = np.repeat([1, 2, 3], 400)
    arrays = {"query": np.ones((1200, 2)), "hidden": np.ones((1200, 2)), "segments": keys, "query_segments": keys[::-1]}
    some = pieces(o := prepare(arrays, Options()), plan(o))
    assert sorted((each.rows.start, each.keys.start, each.keys.stop) for each in some) == [
        (0, 800, 1200), (400, 400, 800), (800, 0, 400),
    ]  # fmt: skip
