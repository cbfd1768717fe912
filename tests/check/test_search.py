"""The numbers that a search finds: how they are refined, and which rounder ones are tried first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from attncli.check.refining import refined, rounder

Apart = Callable[[float], NDArray[Any] | None]


@pytest.mark.parametrize(
    ("number", "tried"),
    [
        (0.30000012, [0.3, 0.30000012]),
        (0.125000004, [0.125, 0.125000004]),
        (1 / math.sqrt(32), [0.1768, 1 / math.sqrt(32)]),
        (10000.3, [10000.0, 10000.3]),
        (-1.9999, [-2.0, -1.9999]),
        (1.2344, [1.234, 1.2344]),
    ],
)
def test_rounder_numbers_are_tried_first(number: float, tried: list[float]) -> None:
    """Up to four digits, within a thousandth of what was found, the fewest digits first; then the number itself."""
    assert list(dict.fromkeys(rounder(number))) == tried


@given(st.floats(1e-6, 1e6))
def test_the_number_itself_is_always_tried_last(number: float) -> None:
    """What nobody rounded is found too; all others are within a thousandth of it."""
    *others, last = rounder(number)
    assert last == number
    assert all(abs(each - number) < 1e-3 * number for each in others)


def decay(target: float) -> Apart:
    """How far exponentials with one rate are from those with the rate that is looked for."""
    at = np.linspace(0.1, 2, 9)
    return lambda number: np.exp(-number * at) - np.exp(-target * at)


@pytest.mark.parametrize(("target", "start"), [(0.3, 1.0), (0.3, 0.31), (2.0, 1.0), (-0.3, -1.0), (0.7, 0.7)])
def test_a_number_is_refined_to_the_one_that_fits(target: float, start: float) -> None:
    """From a guess that is off by a third or by three times, on either side, to ten digits."""
    found = refined(decay(target), start)
    assert found is not None
    assert math.isclose(found, target, rel_tol=1e-9)


@given(st.floats(-2, 2), st.floats(-1, 1))
def test_a_number_is_found_where_its_logarithm_is_what_counts(logarithm: float, off: float) -> None:
    """Each step is a step of the logarithm: a straight line is met at once, within what a step may be."""
    target = math.exp(logarithm)
    found = refined(lambda number: np.array([math.log(number) - logarithm]), target * math.exp(off))
    assert found is not None
    assert math.isclose(found, target, rel_tol=1e-9)


@pytest.mark.parametrize("off", [-0.45, -0.3, -0.2, 0.2, 0.3, 0.45])
def test_a_step_that_makes_things_worse_is_shortened(off: float) -> None:
    """Far from where it fits, an arc tangent is so flat that each whole step leads further away than the one before."""

    def apart(number: float) -> NDArray[Any]:
        return np.array([math.atan(100 * math.log(number / 0.6))])

    found = refined(apart, 0.6 * math.exp(off))
    assert found is not None
    assert math.isclose(found, 0.6, rel_tol=1e-9)


def test_a_number_keeps_its_sign() -> None:
    """Where the other sign would fit, the search ends short of 0."""
    found = refined(decay(0.5), -0.2)
    assert found is not None
    assert found < 0


def test_what_makes_no_difference_stays_as_it_was() -> None:
    """There is no slope to follow."""
    assert refined(lambda number: np.ones(3), 0.4) == 0.4


def test_nothing_is_refined_where_nothing_can_be_computed() -> None:
    """A mistake that cannot be made in this recipe, or no longer with the number beside."""
    assert refined(lambda number: None, 1.0) is None
    assert refined(lambda number: np.ones(1) if number == 1.0 else None, 1.0) is None
