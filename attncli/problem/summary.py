"""Summarise an array without holding it in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.types import is_floating

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many numbers are examined at a time; a mapped file of any size passes through a buffer of this length.
BUFFER = 1 << 18


@dataclass(frozen=True)
class Summary:
    """A summary of one array.

    Attributes:
        least: the smallest finite number; None if there is none.
        most: the largest finite number, likewise.
        nan: number of NaN.
        infinite: number of ∞ and −∞.
    """

    shape: tuple[int, ...]
    dtype: str
    least: float | None
    most: float | None
    nan: int
    infinite: int


def summarise(array: NDArray[Any]) -> Summary:
    """Summarise an array in a single pass.

    >>> summarise(np.array([1.0, np.nan, -np.inf, 3.0]))
    Summary(shape=(4,), dtype='float64', least=1.0, most=3.0, nan=1, infinite=1)
    """
    least, most, nan, infinite = np.inf, -np.inf, 0, 0
    for chunk in np.nditer(array, flags=["external_loop", "buffered", "zerosize_ok"], buffersize=BUFFER):
        numbers = np.asarray(chunk)
        if is_floating(array.dtype):
            nan += int(np.isnan(numbers).sum())
            infinite += int(np.isinf(numbers).sum())
            numbers = numbers[np.isfinite(numbers)]
        if numbers.size:
            least, most = min(least, float(numbers.min())), max(most, float(numbers.max()))
    found = least <= most
    dtype = str(array.dtype.newbyteorder("="))
    return Summary(array.shape, dtype, least if found else None, most if found else None, nan, infinite)
