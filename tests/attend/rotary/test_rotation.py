"""Turning states: pairs, a part of the features, sections, tables; worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncli.attend.rotary.rotation import Rotation, axes_of, cos_and_sin
from attncli.attend.views import ROWS
from tests.support.arrays import normal

F8 = np.dtype(np.float64)
QUARTER = np.array([math.pi / 2, math.pi])


def turned(rotation: Rotation, states: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return the states turned, as the stage does it."""
    return rotation.turn(states, *rotation.tables(positions, states.dtype))


@pytest.mark.parametrize(
    ("pairing", "expected"),
    [
        # The first pair goes a quarter round, (a, b) → (−b, a), the second half round.
        ("half", [-3, -2, 1, -4]),
        ("interleaved", [-2, 1, -3, -4]),
    ],
)
def test_pairs(pairing: str, expected: list[float]) -> None:
    """Feature i with i + D/2, or 2i with 2i + 1."""
    state = np.array([[[[1.0, 2.0, 3.0, 4.0]]]])
    found = turned(Rotation(pairing=pairing, frequencies=QUARTER), state, np.array([[[1]]]))
    assert_allclose(found[0, 0, 0], expected, atol=1e-15)


@pytest.mark.parametrize(("first", "expected"), [(0, [-2, 1, 3, 4, 5]), (3, [1, 2, 3, -5, 4])])
def test_a_part_of_the_features(first: int, expected: list[float]) -> None:
    """The others stay as they are, whatever the factor."""
    state = np.array([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]])
    rotation = Rotation(pairing="half", frequencies=QUARTER[:1], first=first, attention=2.0)
    doubled = np.array(expected, dtype=float)
    doubled[first : first + 2] *= 2
    assert_allclose(turned(rotation, state, np.array([[[1]]]))[0, 0, 0], doubled, atol=1e-15)


def test_sections_in_blocks_and_interleaved() -> None:
    """Qwen2-VL: 16 24 24 in a row; Qwen3-VL: 24 20 20, of every three pairs one each, the last four by the first."""
    assert axes_of((16, 24, 24)).tolist() == [0] * 16 + [1] * 24 + [2] * 24
    assert axes_of((24, 20, 20, "interleaved")).tolist() == [0, 1, 2] * 20 + [0] * 4
    rotation = Rotation(pairing="half", frequencies=np.array([1.0, 10.0, 100.0]), axes=axes_of((1, 1, 1)))
    positions = np.array([[[1]], [[2]], [[3]]])
    assert rotation.angles(positions).tolist() == [[[1.0, 20.0, 300.0]]]
    assert rotation.angles(np.array([[[2]]])).tolist() == [[[2.0, 20.0, 200.0]]]


def test_tables_by_position_and_by_order() -> None:
    """Rows of a table, picked by positions; or a row for each state of each batch item."""
    cos, sin = normal(5, 2), normal(5, 2, seed=1)
    states = normal(2, 1, 3, 4)
    positions = np.array([[4, 0, 2], [1, 1, 3]])
    picked = Rotation(pairing="half", frequencies=QUARTER, table=(cos[None], sin[None]))
    whole = Rotation(pairing="half", frequencies=QUARTER, table=(cos[positions], sin[positions]))
    found = turned(picked, states, positions[None])
    assert_array_equal(found, turned(whole, states, np.arange(3)[None, None]))
    a, b, c, s = states[1, 0, 2, 0], states[1, 0, 2, 2], cos[3, 0], sin[3, 0]
    assert_allclose(found[1, 0, 2, [0, 2]], [a * c - b * s, a * s + b * c], rtol=1e-14)


@pytest.mark.parametrize("pairing", ["half", "interleaved"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_it_is_the_formula_in_every_block_of_rows(pairing: str, dtype: str) -> None:
    """More rows than a block holds, a position for each batch item; states that serve all items."""
    states = normal(1, 2, 2 * ROWS + 3, 6).astype(dtype)
    positions = np.arange(2 * ROWS + 3) + np.array([[0], [7]])
    rotation = Rotation(pairing=pairing, frequencies=np.array([1.0, 0.3, 0.01]))
    angles = positions[:, None, :, None] * rotation.frequencies
    first, second = rotation.pairs
    a, b = states[..., first].astype("f8"), states[..., second].astype("f8")
    found = turned(rotation, states, positions[None])
    assert found.dtype == dtype
    assert_allclose(found[..., first], a * np.cos(angles) - b * np.sin(angles), atol=1e-6 if dtype == "f4" else 1e-13)
    assert_allclose(found[..., second], a * np.sin(angles) + b * np.cos(angles), atol=1e-6 if dtype == "f4" else 1e-13)


def test_cosines_in_float32_are_good_to_its_last_digit() -> None:
    """Of small angles and of those after a million turns."""
    angles = np.concatenate([np.linspace(-7, 7, 9999), np.linspace(6e6, 6.1e6, 9999)])
    for found, exact in zip(cos_and_sin(angles, np.dtype("f4")), (np.cos(angles), np.sin(angles)), strict=True):
        assert found.dtype == np.float32
        assert abs(found - exact).max() < 2**-23
    assert_array_equal(cos_and_sin(angles, F8)[0], np.cos(angles))
