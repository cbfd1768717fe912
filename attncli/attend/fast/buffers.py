"""Arrays for the stream: reusable buffers per thread, views that BLAS accepts, matrix products in blocks."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.views import within

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOG2E = math.log2(math.e)
# OpenBLAS multiplies a vector by a matrix of up to 8 columns in another order if there are no gaps between its rows;
# copies of rows narrower than this are small.
WIDE = 32


def finite(peak: NDArray[Any]) -> NDArray[Any]:
    """Return what to subtract from scores with this maximum: 0 if it is −∞, since −∞ − −∞ would be NaN."""
    return np.where(peak == -np.inf, 0, peak)


def exponents(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return what is added to scores as exponents of 2; −∞ is for the caller to select.

    The lowest finite number, which many masks hold, must not become −∞ when multiplied by log2(e): a row of it still
    has weights, but a row of −∞ has none.
    """
    return np.maximum(within(array, dtype) * dtype.type(LOG2E), np.finfo(dtype).min)


_scratch = threading.local()


def take(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return this thread's buffer of this name in this shape; reused, so that its pages are already mapped."""
    size = math.prod(shape) * dtype.itemsize
    buffer = getattr(_scratch, name, None)
    if buffer is None or len(buffer) < size:
        buffer = np.empty(size, dtype=np.uint8)
        setattr(_scratch, name, buffer)
    return buffer[:size].view(dtype).reshape(shape)


def usable(array: NDArray[Any], dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    """Return a stack of matrices as BLAS is to have them: the array itself if they lie like that, otherwise a copy.

    BLAS takes rows with gaps between them too, but rounds narrow ones differently then: equal input must give equal
    output.

    Args:
        array: (…, rows, features)
        dtype: type of the numbers.
        name: this thread's buffer for the copy.
    """
    gap = array.strides[-2] - array.shape[-1] * dtype.itemsize
    lies = array.strides[-1] == dtype.itemsize and (gap == 0 or (gap > 0 and array.shape[-1] >= WIDE))
    if lies and array.dtype == dtype and array.flags.aligned:
        return array
    copy = take(name, array.shape, dtype)
    np.copyto(copy, array, casting="unsafe")
    return copy


def multiply(left: NDArray[Any], right: NDArray[Any], out: NDArray[Any], block: int) -> NDArray[Any]:
    """Return the products of two stacks of matrices, computed ``block`` rows at a time.

    Args:
        left: (heads, rows, K), contiguous.
        right: (heads, K, N).
        out: (heads, rows, N), contiguous.
        block: rows per product; see `attncli.attend.fast.tiles.SMALL_PRODUCT`.
    """
    heads, rows, _ = left.shape
    if heads > 1:
        # If the block does not divide the rows of a head, use the nearest size that does.
        size = next((rows // n for n in range(-(-rows // block), 4 + rows // block) if rows % n == 0), rows)
        _blocks(left, right[:, None], out, size)
        return out
    whole = rows - rows % block
    if whole:
        _blocks(left[:, :whole], right[:, None], out[:, :whole], block)
    if rows > whole:
        np.matmul(left[:, whole:], right, out=out[:, whole:])
    return out


def _blocks(left: NDArray[Any], right: NDArray[Any], out: NDArray[Any], size: int) -> None:
    heads, rows, _ = left.shape
    shape = (heads, rows // size, size)
    np.matmul(left.reshape(*shape, -1), right, out=out.reshape(*shape, -1))
