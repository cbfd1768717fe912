"""The backward stream: it is the stages in reverse, tile by tile, and keeps its promises about threads and files."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.format import open_memmap
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from attncli import gradients
from attncli.attend.backpropagation import Backpropagation
from attncli.attend.fast import backward, tiles
from attncli.attend.options import Options
from attncli.attend.returning import returned
from tests.support.family import around, drawn


def problem(arrays: dict[str, Any], **options: Any) -> Backpropagation:
    """Return a problem with a random gradient of its output."""
    whole = Backpropagation.of(arrays, Options.parse(options))
    rng = np.random.default_rng(5)
    return replace(whole, output=rng.standard_normal(whole.output.shape).astype(whole.operands.dtype))


def plain_arrays(queries: int, keys: int, heads: int = 1, key_heads: int = 1, features: int = 4) -> dict[str, Any]:
    """Return arrays of random numbers."""
    rng = np.random.default_rng([queries, keys, heads])
    shapes = {"query": (heads, queries), "key": (key_heads, keys), "value": (key_heads, keys)}
    return {name: rng.standard_normal((2, *shape, features)) for name, shape in shapes.items()}


def hold(whole: Backpropagation, tolerance: float, floor: float = 1e-3) -> None:
    """Assert that every gradient is that of the stages in reverse, as far as its largest number tells."""
    with np.errstate(all="ignore"):
        made = returned(whole.operands, whole.arrays, backward.run(whole.operands, whole.output, threads=2))
        results = whole.results()
    expected = {name: results[f"d_{name}"] for name in made}
    for name, found in made.items():
        right = expected[name].astype(float)
        largest = np.abs(right[np.isfinite(right)]).max(initial=floor)
        assert found.dtype == expected[name].dtype
        assert_allclose(found.astype(float), right, rtol=tolerance, atol=tolerance * largest, err_msg=name)


@settings(max_examples=25)
@given(st.data())
def test_it_is_the_stages_in_reverse_for_the_whole_family(data: Any) -> None:
    """Any options together, tile edges included, NaN and ∞ too; to rounding of each precision."""
    arrays, options, tolerance = drawn(data.draw)
    # The gradient of what is the same for all keys is 0 but for rounding, which grows with the scores.
    hold(problem(arrays, **options), tolerance, floor=max(1.0, options["scale"]))


@pytest.mark.parametrize(
    ("queries", "keys"),
    [*product([1, *around(tiles.FEW_ROWS)], around(tiles.KEYS)), (1, 3 * tiles.PART), (900, 300)],
)
def test_tile_edges(queries: int, keys: int) -> None:
    """One less, the same and one more than a tile; a single query has its keys in parts."""
    arrays = plain_arrays(queries, keys, heads=4, key_heads=2)
    hold(problem(arrays), 1e-10)
    hold(problem(arrays, causal=True, offset="end", window=(100, -1)), 1e-10)


@settings(max_examples=25)
@given(st.data())
def test_gradients_of_keys_that_indices_name(data: Any) -> None:
    """Gathered or not, the same indices for rows and heads or their own; those named twice or not at all included."""
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    group, queries, keys = draw(st.integers(1, 2)), draw(st.sampled_from([1, 130, 300])), 200
    arrays = plain_arrays(queries, keys, 2 * group, 2)
    named = [draw(st.sampled_from([1, each])) for each in (2, 2 * group, queries)]
    arrays["indices"] = rng.integers(-1, keys, (*named, draw(st.sampled_from([1, 6, 40]))))
    options: dict[str, Any] = {
        "score": draw(st.sampled_from(["dot", "dot", "additive"])),
        "causal": draw(st.booleans()),
    }
    options |= {"window": (60, 20)} if draw(st.booleans()) else {}
    arrays |= {"sinks": rng.standard_normal(2 * group)} if draw(st.booleans()) else {}
    arrays |= {"v_a": rng.standard_normal(4)} if options["score"] == "additive" else {}
    arrays |= {"bias": rng.standard_normal((1, 1, 1, keys))} if draw(st.integers(0, 3)) == 0 else {}
    if draw(st.booleans()):
        arrays["key"][0, 0, keys // 2], arrays["value"][0, 0, keys // 3] = np.nan, np.inf
    hold(problem(arrays, **options), 1e-9, floor=1.0)


@pytest.mark.parametrize(("heads", "queries", "keys"), [(1, 1, 9000), (4, 700, 700), (40, 64, 64), (1, 4000, 300)])
def test_the_number_of_threads_changes_no_bit(heads: int, queries: int, keys: int) -> None:
    """Whoever is done first: what pieces have in common is added in their order."""
    arrays = plain_arrays(queries, keys, heads, features=65) | {"bias": np.zeros((1, queries, 1))}
    whole = problem({name: array.astype("f4") for name, array in arrays.items()})
    made = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            made.append(backward.run(whole.operands, whole.output, threads=threads))
    for each, (name, first) in product(made[1:], made[0].items()):
        assert_array_equal(each[name], first, err_msg=name)


def test_what_is_closed_has_no_gradient_whatever_it_holds() -> None:
    """Exactly 0, and nothing of its NaN and ∞ anywhere; nor does a query that is NaN reach what it does not see."""
    arrays = plain_arrays(300, 300)
    whole = problem(arrays, causal=True, offset=0, window=(50, -1))
    clean = whole.of_arrays()
    spoilt = {name: array.copy() for name, array in arrays.items()}
    spoilt["key"][:, :, 290:], spoilt["value"][:, :, 290:] = np.nan, np.inf
    arrays = spoilt | {"key_lengths": np.array([290, 290])}
    made = replace(problem(arrays, causal=True, offset=0, window=(50, -1)), output=whole.output).of_arrays()
    assert all(np.isfinite(each).all() for each in made.values())
    assert not made["d_key"][:, :, 290:].any()
    assert not made["d_value"][:, :, 290:].any()
    assert_allclose(made["d_query"][:, :, :290], clean["d_query"][:, :, :290], atol=1e-12)
    spoilt["query"][:, :, 100] = np.nan
    made = replace(problem(arrays, causal=True, offset=0, window=(50, -1)), output=whole.output).of_arrays()
    seen = np.isnan(made["d_value"]).all(axis=(0, 1, 3))
    assert np.flatnonzero(seen).tolist() == list(range(50, 101))
    assert_array_equal(seen, np.isnan(made["d_value"]).any(axis=(0, 1, 3)))


@pytest.mark.parametrize("lowest", [-1e9, float(np.finfo(np.float32).min)])
def test_a_row_that_a_finite_number_masks_shares_its_weight(lowest: float) -> None:
    """The logarithm of its sum is so large that it does not tell one key from two; each has the same weight anyway."""
    states = np.random.default_rng(3).uniform(size=(200, 2)).astype(np.float32)
    mask = np.full((1, 200), lowest, np.float32)
    made = gradients(states, states, states, mask=mask, d_output=np.ones((200, 2), np.float32))
    assert_allclose(made["d_value"], np.ones((200, 2)), rtol=1e-5)


def test_files_are_written_in_place(tmp_path: Path) -> None:
    """Gradients go into mapped files, of whatever numbers; what they held before does not count."""
    arrays = plain_arrays(70, 90)
    whole = problem({name: array.astype("f4") for name, array in arrays.items()})
    places = {}
    for name, kind in {"query": "f4", "value": "f8"}.items():
        places[name] = open_memmap(tmp_path / f"{name}.npy", "w+", kind, arrays[name].shape)
        places[name][...] = 7
    steps: list[float] = []
    made = backward.run(whole.operands, whole.output, places, progress=steps.append)
    expected = backward.run(whole.operands, whole.output)
    for name, place in places.items():
        assert made[name] is place
        assert_array_equal(place, expected[name])
    assert steps == sorted(steps)
    assert steps[-1] == 1
