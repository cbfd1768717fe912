"""Numbers and labels as short texts for tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_LABEL = 16
# Beyond this many digits, a difference from a whole number is rounding.
MOST_DIGITS = 8


def number(value: float, digits: int, *, narrow: bool = False) -> str:
    """Write a number so that columns of them stay narrow.

    Below 1, ``digits`` counts the digits behind the point; from 1 on, the significant ones. Numbers too small or too
    large for that get an exponent.

    >>> number(0.02558, 4), number(12.3456, 4), number(3.0590222e-07, 4), number(0.0, 4), number(-math.inf, 4)
    ('0.0256', '12.35', '3.059e-07', '0', '−∞')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if size == 0:
        return "0"  # without a point: an exact zero is a key that is closed, 0.0000 would be a small weight
    if narrow and size < 10.0**-digits:
        return f"{value:.0e}"
    if size < 10.0**-digits or size >= 1e6:
        return f"{value:.{digits - 1}e}"
    return f"{value:#.{digits}g}".rstrip(".") if size >= 1 else f"{value:.{digits}f}"


def plain(value: float, digits: int) -> str:
    """Write a number for a sentence, with more than ``digits`` significant digits if it would look whole and is not.

    >>> plain(55.0, 4), plain(0.25, 4), plain(0.9999997, 4), plain(1e20, 4)
    ('55', '0.25', '0.9999997', '1e+20')
    """
    if not math.isfinite(value):
        return number(value, digits)
    if abs(value) >= 1e6:
        return f"{value:.{digits}g}"
    if value == int(value):
        return str(int(value))
    texts = [f"{value:.{more}g}" for more in range(digits, max(digits, MOST_DIGITS) + 1)]
    return next((text for text in texts if float(text) != int(float(text))), texts[0])


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
    shown = visible("␣" * left + inner + "␣" * right)
    return shown if len(shown) <= MOST_LABEL else shown[: MOST_LABEL - 1] + "…"


def labels_or_indices(labels: Sequence[str] | None, indices: Iterable[int]) -> list[str]:
    """Return the labels at these indices, or the indices themselves if there are no labels."""
    return [str(i) if labels is None else label(labels[i]) for i in indices]
