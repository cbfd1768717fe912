"""Parts of the search by themselves: refining a number, reading layouts, guesses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from attncli.attend.shapes import Sizes
from attncli.check.layouts import readings
from attncli.check.search import refined, rounder


@pytest.mark.parametrize("wanted", [0.3, -7.0, 1e-4, 2500.0])
def test_a_number_is_refined_to_the_last_digits(wanted: float) -> None:
    """From a guess that is off by a half."""
    points = np.linspace(0.5, 2, 7)

    def apart(number: float) -> NDArray[np.float64]:
        return np.tanh(points * number / wanted) - np.tanh(points)

    assert refined(apart, 1.5 * wanted) == pytest.approx(wanted, rel=1e-9)


def test_a_number_that_cannot_be_made_is_not_refined() -> None:
    """A mistake may not fit beside another."""
    assert refined(lambda number: None, 1.0) is None


def test_round_numbers_come_first() -> None:
    """People choose them; the number itself comes last."""
    assert rounder(0.12500001) == [0.125, 0.12500001]
    assert rounder(1 / 3) == [0.333, 0.3333, 1 / 3]


def test_an_output_is_read_in_every_layout_that_fits() -> None:
    """Distinct sizes leave one reading; equal ones leave several, the problem's own first."""
    sizes = Sizes(batch=2, heads=3, key_heads=3, queries=5, keys=4, features=7, value_features=7)
    own = np.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7)
    (found,) = readings(own.transpose(0, 2, 1, 3), sizes)
    assert (found.name, found.own) == ("(batch, queries, heads, features)", False)
    assert np.array_equal(found.array, own)
    several = readings(np.zeros((2, 5, 5, 5)), Sizes(2, 5, 5, 5, 4, 7, 5))
    assert several[0].own
    assert len(several) > 1
