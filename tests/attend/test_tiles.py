"""Which keys and rows of a tile rules leave out, against each pair of a query and a key by the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from attncli.attend.fast.tiles import Piece, cut_rows, key_range, pieces, plan, row_range
from attncli.attend.operands import Operands, prepare
from attncli.attend.options import Options

LONG = 40


def operands(queries: int, keys: int, **options: Any) -> Operands:
    """Return a problem of one head."""
    arrays = {"query": np.ones((queries, 2)), "key": np.ones((keys, 2)), "value": np.ones((keys, 2))}
    return prepare(arrays, Options.parse(options))


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
    piece = Piece(0, slice(0, 1), part(data, LONG), slice(0, LONG), 0)
    count = piece.rows.stop - piece.rows.start
    rows, keys = part(data, count), part(data, LONG)
    cut = cut_rows(o, piece, keys, rows)
    start = piece.rows.start + rows.start
    closed = [
        row
        for row in range(rows.stop - rows.start)
        if not all(is_open(first, start + row, key, causal, window) for key in range(keys.start, keys.stop))
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
    piece = Piece(0, slice(0, 1), slice(0, 8), slice(0, 8), 0)
    assert cut_rows(operands(8, 8, **options), piece, slice(0, 4), slice(0, 8)) == cut


@given(st.data(), *RULES)
def test_ranges_hold_what_may_be_seen(data: Any, causal: bool, window: tuple[int, int], first: int) -> None:
    """No key that any query sees is left out, every key in common is seen by all; and so for the rows of some keys."""
    o = operands(LONG, LONG, causal=causal, window=window, offset=first)
    rows, keys = part(data, LONG), part(data, LONG)
    table = np.array([[is_open(first, row, key, causal, window) for key in range(LONG)] for row in range(LONG)])
    seen, common = key_range(o, 0, rows)
    assert set(np.flatnonzero(table[rows].any(axis=0))) <= set(range(seen.start, seen.stop))
    assert set(range(common.start, common.stop)) == set(np.flatnonzero(table[rows].all(axis=0)))
    some = row_range(o, 0, rows, keys)
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
