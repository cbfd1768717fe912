"""Masks that are the same but for what true means, or for the order of their axes."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.words.array import OVER_SCORES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def inverted(one: Mask, other: Mask) -> dict[str, object] | None:
    """Tell whether the one is open where the other is closed.

    >>> inverted(np.array([[True, False]]), np.array([[False, True]])) is not None
    True
    """
    return {} if np.array_equal(one, ~other) else None


def swapped(one: Mask, other: Mask) -> dict[str, object] | None:
    """Tell whether the one is the other with its axes in another order, and in which; both have four axes."""
    for made, of in _as_they_are_and_laid_on_each_other(one, other):
        for order in permutations(range(4)):
            # Axes of length 1 may change places without anything being swapped.
            if order == (0, 1, 2, 3) or not np.array_equal(of.transpose(order), made):
                continue
            return {"axes": ", ".join(OVER_SCORES[axis] for axis in order if of.shape[axis] > 1)}
    return None


def _as_they_are_and_laid_on_each_other(one: Mask, other: Mask) -> Iterator[tuple[Mask, Mask]]:
    yield one, other
    if one.shape != other.shape:
        try:
            made, of = np.broadcast_arrays(one, other)
        except ValueError:
            return
        yield made, of
