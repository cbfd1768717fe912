"""Types of numbers: NumPy's own, and the narrow ones (bfloat16, float8) that other packages add."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# The floating-point types that NumPy itself has.
OWN = (np.float16, np.float32, np.float64)


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Tell whether this is a floating-point type, possibly one from a package, such as ``ml_dtypes.bfloat16``.

    >>> is_floating(np.dtype(np.float16)), is_floating(np.dtype(int)), is_floating(np.dtype("V2"))
    (True, False, False)
    """
    return dtype.kind == "f" or (dtype.kind == "V" and np.can_cast(dtype, np.float32))


def is_real(dtype: np.dtype[Any]) -> bool:
    """Tell whether this is a type of real numbers or booleans."""
    return dtype.kind in "iub" or is_floating(dtype)


def is_own(dtype: np.dtype[Any]) -> bool:
    """Tell whether NumPy itself has this type, and can therefore write it."""
    return dtype.kind in "iub" or dtype.type in OWN


def is_ordinary(factor: float, dtype: np.dtype[Any]) -> bool:
    """Tell whether a factor is so far from the ends of the range of a type that products with it stay in the range.

    >>> is_ordinary(0.125, np.dtype("f4")), is_ordinary(1e-30, np.dtype("f4")), is_ordinary(0, np.dtype("f8"))
    (True, False, True)
    """
    range_of = np.finfo(dtype)
    return factor == 0 or math.sqrt(range_of.tiny) <= abs(factor) <= math.sqrt(range_of.max)


def own(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return NumPy's own floating-point type that holds these numbers.

    bfloat16 and float8 become float32; integers and booleans count as float64.

    >>> own(np.dtype(">f2")), own(np.dtype(int))
    (dtype('float16'), dtype('float64'))
    """
    if not is_floating(dtype):
        return np.dtype(np.float64)
    return dtype.newbyteorder("=") if dtype.type in OWN else np.dtype(np.float32)
