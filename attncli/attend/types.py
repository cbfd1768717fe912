"""Types of numbers: NumPy's own, and the narrow ones (bfloat16, float8) that packages add to it."""

from __future__ import annotations

from typing import Any

import numpy as np

# What NumPy itself can compute in and give back.
OWN = (np.float16, np.float32, np.float64)


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Tell whether these are floating numbers, an added type such as ``ml_dtypes.bfloat16`` included.

    >>> is_floating(np.dtype(np.float16)), is_floating(np.dtype(int)), is_floating(np.dtype("V2"))
    (True, False, False)
    """
    return dtype.kind == "f" or (dtype.kind == "V" and np.can_cast(dtype, np.float32))


def is_real(dtype: np.dtype[Any]) -> bool:
    """Tell whether these are real numbers or truth values."""
    return dtype.kind in "iub" or is_floating(dtype)


def is_own(dtype: np.dtype[Any]) -> bool:
    """Tell whether NumPy itself has this type, and so can write it."""
    return dtype.kind in "iub" or dtype.type in OWN


def own(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of NumPy's own that holds these numbers exactly, floating in any case.

    bfloat16 and float8 go into float32; integers and truth values count as float64.

    >>> own(np.dtype(">f2")), own(np.dtype(int))
    (dtype('float16'), dtype('float64'))
    """
    if not is_floating(dtype):
        return np.dtype(np.float64)
    return dtype.newbyteorder("=") if dtype.type in OWN else np.dtype(np.float32)
