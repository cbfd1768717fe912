"""The ways in which the same numbers can lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def padded(array: Array) -> Array:
    """Rows with gaps between them."""
    wide = np.zeros((*array.shape[:-1], array.shape[-1] + 3), array.dtype)
    wide[..., :-3] = array
    return wide[..., :-3]


def backwards(array: Array) -> Array:
    """Every axis the other way round, and read backwards."""
    turn = (slice(None, None, -1),) * array.ndim
    return np.ascontiguousarray(array[turn])[turn]


def unaligned(array: Array) -> Array:
    """Numbers that begin at an odd byte, as they may in an archive."""
    return np.ndarray(array.shape, array.dtype, buffer=b"\0" + array.tobytes(), offset=1)


def heads_inside(array: Array) -> Array:
    """The axis before the last two next to the last one, as where heads are packed."""
    inside = max(array.ndim - 2, 0)
    return np.ascontiguousarray(array.swapaxes(0, inside)).swapaxes(0, inside)


def close_rows(array: Array) -> Array:
    """Axes of length 1 with a stride that is shorter than a row: it has no meaning, and may be anything."""
    strides = [
        array.itemsize if length == 1 else stride for length, stride in zip(array.shape, array.strides, strict=True)
    ]
    return np.lib.stride_tricks.as_strided(array, strides=strides)


LAYOUTS: Mapping[str, Callable[[Array], Array]] = {
    "Fortran": np.asfortranarray,
    "padded": padded,
    "every other column": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "every other row": lambda array: np.repeat(array, 2, axis=0)[::2],
    "backwards": backwards,
    "byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "unaligned": unaligned,
    "heads inside": heads_inside,
    "close rows": close_rows,
}
