"""Numbers in mistakes: a good guess made better, and one that people would have chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Apart = Callable[[float], NDArray[Any] | None]

REFINEMENTS = 12
# A number is refined if a guess leaves no more than this share of what was observed, in squares.
CLOSE = 0.6


def nearest(apart: Apart, guesses: Sequence[float], observed: NDArray[Any]) -> list[float]:
    """Return the number that comes nearest to what was observed, and rounder ones beside it; none if no guess is near.

    Args:
        apart: a number → how far what it makes is from what was observed; None: it makes nothing.
        guesses: where to begin.
        observed: what was observed, as flat as the differences.
    """
    squares = [np.inf if (each := apart(guess)) is None else float(each @ each) for guess in guesses]
    best = int(np.argmin(squares))
    # Whatever explains the observed output is already near it at the nearest of the guesses.
    if not squares[best] <= CLOSE * float(observed @ observed):
        return []
    found = refined(apart, guesses[best])
    return [] if found is None else rounder(found)


def refined(apart: Apart, start: float) -> float | None:
    """Refine a number by the method of Gauss and Newton, in its logarithm; its sign stays."""
    number, here = start, apart(start)
    for _ in range(REFINEMENTS):
        beside = apart(number * (1 + 1e-6))
        if here is None or beside is None:
            return None
        slope = (beside - here) / 1e-6
        steep = float(slope @ slope)
        step = -float(slope @ here) / steep if steep > 0 else 0.0
        step = float(np.clip(step, -0.5, 0.5))
        for _ in range(8):  # a step that makes things worse is too long
            there = apart(number * (1 + step))
            if there is None or float(there @ there) <= float(here @ here) or abs(step) < 1e-12:
                break
            step /= 4
        if there is None:
            return None
        number, here = number * (1 + step), there
        if abs(step) < 1e-11:
            break
    return number


def rounder(number: float) -> list[float]:
    """Return the number, and rounder ones very near to it, which people would have chosen: those first."""
    round_ones = [float(f"{number:.{digits}g}") for digits in (1, 2, 3, 4)]
    return [*dict.fromkeys(each for each in round_ones if abs(each / number - 1) < 1e-3), number]
