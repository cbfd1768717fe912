"""Open pairs by arithmetic, against the definition: every query and every key looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncli import score
from attncli.attend.options import Options
from attncli.attend.prepare import prepare_scores
from attncli.cost.band import Rule
from attncli.cost.pairs import counted
from attncli.cost.request import Request
from attncli.cost.source import case_of

SIZES = st.integers(1, 14)
RULES = st.builds(
    Rule,
    causal=st.booleans(),
    left=st.integers(-1, 6),
    right=st.integers(-1, 5),
    prefix=st.integers(0, 7),
    chunk=st.none() | st.integers(1, 20),
    offset=st.integers(-20, 20),
)


def cells(rule: Rule, queries: int, keys: int) -> np.ndarray[Any, Any]:
    """Return which pairs are open, one by one."""
    found = np.zeros((queries, keys), dtype=bool)
    for i, j in np.ndindex(queries, keys):
        p = i + rule.offset
        is_open = not rule.causal or j <= p or j < rule.prefix
        is_open &= rule.left < 0 or j >= p - rule.left
        is_open &= rule.right < 0 or j <= p + rule.right
        found[i, j] = is_open and (rule.chunk is None or p // rule.chunk == j // rule.chunk)
    return found


def in_tiles(found: np.ndarray[Any, Any], tile: tuple[int, int]) -> int:
    """Return how many pairs are in tiles of which one is open."""
    parts = (
        found[i : i + tile[0], j : j + tile[1]]
        for i in range(0, found.shape[0], tile[0])
        for j in range(0, found.shape[1], tile[1])
    )
    return sum(part.size for part in parts if part.any())


@settings(max_examples=150)
@given(rule=RULES, queries=SIZES, keys=SIZES, tile=st.tuples(st.integers(1, 6), st.integers(1, 6)))
def test_pairs_and_tiles_of_rules_are_those_that_counting_finds(
    rule: Rule, queries: int, keys: int, tile: tuple[int, int]
) -> None:
    """Causal, with a prefix, in a window, in chunks, wherever the queries begin."""
    found = cells(rule, queries, keys)
    assert rule.open(queries, keys) == found.sum()
    assert rule.tiled(queries, keys, tile) == in_tiles(found, tile)


NONE: dict[str, Any] = {}
ARRAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lengths": ({"key_lengths": [7, 3]}, {"causal": True}),
    "documents": ({"cu_seqlens": [0, 3, 4, 9]}, {"causal": True, "window": 2}),
    "documents in chunks": ({"segments": [0, 0, 0, 0, 0, 1, 1, 1, 1]}, {"chunk": 2}),
    "documents in pieces": ({"segments": [1, 1, 0, 0, 1, 1, 2, 2, 0]}, {"causal": True}),
    "blocks": ({"blocks": [-1, 0, 0, 0, -1, 1, 1, -1, -1]}, {"causal": True, "window": 4}),
    "blocks in pieces": ({"blocks": [0, -1, 0, -1, 1, 0, 1, -1, -1]}, {"causal": True}),
    "a mask": ({"mask": np.random.default_rng(1).random((2, 1, 9, 9)) < 0.2}, NONE),
    "a mask for each head": ({"mask": np.random.default_rng(2).random((3, 9, 9)) < 0.1}, {"causal": True}),
    "a bias": ({"bias": np.where(np.arange(9) % 4, 0, -np.inf)}, NONE),
    "indices": ({"indices": [[0, 3], [8, -1], [2, 2], [1, 4], [5, 0], [6, 7], [3, 3], [7, 1], [8, 8]]}, NONE),
}


@pytest.mark.parametrize("tile", [(1, 1), (2, 3), (4, 2), (128, 128)])
@pytest.mark.parametrize("name", ARRAYS)
def test_pairs_and_tiles_of_arrays_are_those_that_a_score_matrix_has(name: str, tile: tuple[int, int]) -> None:
    """Where the stage mask itself closes keys."""
    arrays, options = ARRAYS[name]
    states: dict[str, Any] = {"query": np.ones((2, 3, 9, 1)), "key": np.ones((2, 1, 9, 1))}
    given_arrays: dict[str, Any] = {each: np.asarray(array) for each, array in arrays.items()}
    o = prepare_scores({**states, **given_arrays}, Options.parse(options))
    logits = np.broadcast_to(score(**states, **given_arrays, **options), (2, 3, 9, 9))
    opened = logits > -np.inf
    found = counted(o, tile)
    assert (found.open, found.every, found.last) == (opened.sum(), opened.size, opened[:, :, -1].sum())
    assert found.tiled == sum(in_tiles(opened[place], tile) for place in np.ndindex(2, 3))


def test_a_million_tokens_take_no_time_and_no_memory() -> None:
    """The sums are those of the formulas: N(N + 1)/2; W(W + 1)/2 + (N − W)·W; N·C for whole chunks."""
    n, w = 1_000_000, 1024
    case = case_of(Request(length=n, options={"causal": True}))[0]
    assert case.pairs(case.groups[0]).open == 8 * n * (n + 1) // 2
    assert Rule(causal=True, left=w - 1).open(n, n) == w * (w + 1) // 2 + (n - w) * w
    assert Rule(chunk=1000).open(n, n) == n * 1000
    assert Rule(causal=True).open(10**9, 10**9) == 10**9 * (10**9 + 1) // 2
    # Tiles along the diagonal, half of which is wasted: N/T rows of tiles, the r-th with r + 1 of them.
    rows = n // 125
    assert Rule(causal=True).tiled(n, n, (125, 125)) == 125 * 125 * rows * (rows + 1) // 2
