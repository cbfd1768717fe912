"""Numbers and labels as short texts for tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.text import number, plain, shortened, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cells", "label", "labels_or_indices", "number", "plain"]

MOST_LABEL = 16


def cells(array: NDArray[Any], digits: int, *, narrow: bool = False) -> list[list[str]]:
    """Write a 2-D array; if all numbers are whole, none has a point.

    Args:
        array: the numbers.
        digits: see `number`.
        narrow: give tiny numbers a single digit, so that they take no more room than the others.
    """
    if array.dtype == bool:
        return [["true" if value else "false" for value in row] for row in array.tolist()]
    # Not in half precision: its largest number is 65504.
    finite = array[np.isfinite(array)].astype(np.float64)
    whole = finite.size > 0 and bool((np.abs(finite) < 1e6).all() and (finite == np.round(finite)).all())
    write = plain if whole else partial(number, narrow=narrow)
    return [[write(value, digits) for value in row] for row in array.tolist()]


def label(text: str) -> str:
    """Write a label with control characters escaped and outer blanks visible, cut if it is long.

    >>> label(" Mrs")
    '␣Mrs'
    """
    inner = text.strip(" ")
    left, right = (len(text) - len(text.lstrip(" ")), len(text) - len(text.rstrip(" "))) if inner else (len(text), 0)
    return shortened(visible("␣" * left + inner + "␣" * right), MOST_LABEL)


def labels_or_indices(labels: Sequence[str] | None, indices: Iterable[int]) -> list[str]:
    """Return the labels at these indices, or the indices themselves if there are no labels."""
    return [str(i) if labels is None else label(labels[i]) for i in indices]
