"""The stream: it is the reference, tile by tile, and keeps its promises about memory, threads, files and Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_info, threadpool_limits

from attncli import attention, steps
from attncli.attend import steps as stepwise
from attncli.attend.fast import stream, tiles
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from tests.support.family import around, drawn
from tests.support.processes import environment


def both(arrays: dict[str, Any], threads: int = 2, **options: Any) -> tuple[Any, Any]:
    """Return the output of the stream and of the reference."""
    o = prepare(arrays, Options.parse(options))
    with np.errstate(all="ignore"):
        return stream.run(o, threads=threads).output, stepwise.run(o).output


@given(st.data())
def test_it_is_the_reference_for_the_whole_family(data: Any) -> None:
    """Any options together, tile edges included, NaN and ∞ too; to rounding of each precision."""
    arrays, options, tolerance = drawn(data.draw)
    made, expected = both(arrays, **options)
    assert made.dtype == expected.dtype
    assert_allclose(made.astype(float), expected.astype(float), rtol=tolerance, atol=tolerance, equal_nan=True)


def plain_problem(queries: int, keys: int, heads: int = 1, features: int = 4) -> dict[str, Any]:
    """Return arrays of random numbers."""
    rng = np.random.default_rng([queries, keys, heads])
    sizes = {"query": queries, "key": keys, "value": keys}
    return {name: rng.standard_normal((1, heads, n, features)) for name, n in sizes.items()}


# Rows of a piece, where there are more of them and whole tiles of keys.
ROWS = tiles.plan(prepare(plain_problem(5000, tiles.KEYS), Options())).rows
FEW = [1, *around(tiles.FEW_ROWS)]
EDGE_CASES = [
    *product([*FEW, *around(ROWS)], [1, *around(tiles.DIAGONAL_KEYS), *around(tiles.KEYS)]),
    *product(FEW, around(tiles.MANY_KEYS)),
    *product([1, ROWS + 1], [3 * tiles.PART]),
]


def test_the_sizes_are_those_that_the_edges_are_meant_for() -> None:
    """A problem without rules has whole tiles, a short causal one narrow ones, one with few queries wide ones."""
    keys, causal = 3 * tiles.MANY_KEYS, Options.parse({"causal": True})
    assert tiles.plan(prepare(plain_problem(ROWS + 1, keys), Options())).keys == tiles.KEYS
    assert tiles.plan(prepare(plain_problem(tiles.SHORT, keys), causal)).keys == tiles.DIAGONAL_KEYS
    assert tiles.plan(prepare(plain_problem(tiles.SHORT + 1, keys), causal)).keys == tiles.KEYS
    assert tiles.plan(prepare(plain_problem(tiles.FEW_ROWS - 1, keys), Options())).keys == tiles.MANY_KEYS
    assert tiles.plan(prepare(plain_problem(tiles.FEW_ROWS, keys), Options())).keys == tiles.KEYS


@pytest.mark.parametrize(("queries", "keys"), EDGE_CASES)
def test_tile_edges(queries: int, keys: int) -> None:
    """One less, the same and one more than a tile, in both directions; a single query has its keys in parts."""
    arrays = plain_problem(queries, keys)
    made, expected = both(arrays)
    assert_allclose(made, expected, rtol=1e-10, atol=1e-12)
    made, expected = both(arrays, causal=True, offset="end", window=(100, -1))
    assert_allclose(made, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("heads", "queries", "keys", "features"),
    [(1, 1, 5000, 16), (4, 700, 700, 16), (40, 64, 64, 16), (3, 1, 20000, 16), (1, 300, 700, 65)],
)
def test_the_number_of_threads_changes_no_bit(heads: int, queries: int, keys: int, features: int) -> None:
    """Pieces follow from the sizes alone, and products that BLAS would split are held to one thread."""
    rng = np.random.default_rng((heads, queries, keys))
    arrays = {"query": rng.standard_normal((heads, queries, features), dtype="f4")}
    arrays["hidden"] = rng.standard_normal((heads, keys, features), dtype="f4")
    made = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            made.append(both(arrays, threads))
    for fast, reference in made[1:]:
        assert_array_equal(fast, made[0][0])
        assert_array_equal(reference, made[0][1])


def test_the_threads_that_blas_begins_with_change_no_bit() -> None:
    """Whatever is installed: a package that does not see NumPy's BLAS would hold it to nothing."""
    script = (
        "import hashlib, numpy as np, attncli; rng = np.random.default_rng(0); "
        "arrays = [rng.standard_normal(shape) for shape in ((300, 65), (700, 65), (700, 33))]; "
        "made = attncli.steps(*arrays); "
        "print([hashlib.sha256(each.tobytes()).hexdigest() for each in (made.weights, made.output)])"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            env=environment(OPENBLAS_NUM_THREADS=threads),
            check=True,
        ).stdout
        for threads in ("1", "2", "3")
    ]
    assert found[1:] == found[:2]
    assert found[0]


def adversary(kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return float32 arrays that make a careless computation err."""
    query, key, value = (rng.standard_normal((700, 32)).astype("f4") for _ in range(3))
    if kind == "huge":
        query *= 1e3
    if kind == "tiny":
        query *= 1e-6
    if kind == "one-hot":
        query, key = 40 * np.eye(700, 32, dtype="f4"), np.eye(700, 32, dtype="f4")
    if kind == "late":
        key[-3] = 30 * key[-3] + 60 * np.sign(key[-3])
    if kind == "uneven":
        query *= np.where(np.arange(700) % 2, 1e3, 1e-3)[:, None].astype("f4")
        key *= np.where(np.arange(700) % 3, 1, 1e-3)[:, None].astype("f4")
    return {"query": query, "key": key, "value": value}


@pytest.mark.parametrize("kind", ["ordinary", "huge", "tiny", "one-hot", "late", "uneven"])
def test_it_errs_at_most_twice_as_much_as_plain_computation(kind: str) -> None:
    """Both against float64 on the same numbers; scores of 1e4, one key far above the rest, and others."""
    arrays = adversary(kind, np.random.default_rng(7))
    exact = stepwise.run(prepare({n: a.astype("f8") for n, a in arrays.items()}, Options())).output
    made, plain = both(arrays)
    own, allowed = (np.abs(each - exact).max() for each in (made, plain))
    assert own <= 2 * allowed + np.finfo("f4").eps


def test_what_is_closed_is_never_computed() -> None:
    """A window makes the work grow with the length, not with its square."""

    def area(length: int) -> int:
        o = prepare(
            {"query": np.ones((length, 4)), "hidden": np.ones((length, 4))}, Options.parse({"window": (512, 0)})
        )
        cut = tiles.plan(o)
        some = tiles.pieces(o, cut)
        return sum((p.rows.stop - p.rows.start) * (p.keys.stop - p.keys.start) for p in some)

    assert area(64000) < 2.2 * area(32000)
    assert area(32000) < 32000 * 2000


def test_the_lowest_finite_number_closes_nothing() -> None:
    """Many masks hold it; in a row where nothing else is open the keys share the weight, as with all steps."""
    states = np.arange(8, dtype=np.float32).reshape(4, 2)
    kept = np.tril(np.ones((4, 4), dtype=bool)) & (np.arange(4) >= 2)
    mask = np.where(kept, 0, np.finfo(np.float32).min).astype(np.float32)
    made = attention(states, hidden=states, mask=mask)
    assert_allclose(made[0], states.mean(axis=0))
    assert_allclose(made, steps(states, hidden=states, mask=mask).output)
    # The larger of two scores beyond a quarter of the range takes all.
    far = attention([[1e20]], [[-1e18], [-1.1e18]], [[1], [3]], dtype="float32")
    assert far.tolist() == [[1]]


def test_callers_at_the_same_time_leave_blas_as_it_was() -> None:
    """The limit on its threads is the whole process's."""
    states = np.random.default_rng(0).standard_normal((1, 500, 64))

    def call() -> None:
        for length in np.random.default_rng().integers(50, 500, size=30):
            attention(states[:, :length], states, states)

    before = [pool["num_threads"] for pool in threadpool_info()]
    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert [pool["num_threads"] for pool in threadpool_info()] == before
