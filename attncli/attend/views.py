"""Convert arrays between the axes of the user and those of the stages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.types import is_ordinary, is_own, own

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many numbers are examined at a time.
PIECE = 1 << 20
# So many states are worked on at a time: they stay in the processor's cache.
ROWS = 512


def ready(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the array as matrix products need it: one layout, one type, aligned in memory.

    NumPy and BLAS round the same numbers differently in another layout; equal input must give equal output, so there is
    only one layout. A number beyond the range of the type becomes ∞. What lies as it should is not copied.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a signalling NaN stays NaN
        found = np.require(array, dtype=dtype, requirements=["C_CONTIGUOUS", "ALIGNED"])
    # An axis of length 1 may have any stride, but products choose their way by it; a flat array has no such axes.
    return found.reshape(-1).reshape(found.shape)


def within(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert numbers to a type; a finite one beyond its range becomes the last one of the range, not ∞.

    What is added to scores stands for itself only in comparison with others: −1e300 for every key of a row closes none.

    >>> within(np.array([-1e300, -np.inf, 1.0]), np.dtype(np.float32)).tolist()
    [-3.4028234663852886e+38, -inf, 1.0]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.asarray(array, dtype=dtype)
    if array.dtype.itemsize <= dtype.itemsize or not (beyond := np.isinf(found)).any():
        return found
    return np.where(beyond & np.isfinite(array), np.copysign(np.finfo(dtype).max, found), found)


def times(array: NDArray[Any], factor: float) -> NDArray[Any]:
    """Return an array times a factor, which may be beyond the range of the type of the array."""
    with np.errstate(all="ignore"):
        if is_ordinary(factor, array.dtype):
            return array * array.dtype.type(factor)
        return (array * np.float64(factor)).astype(array.dtype)


def weigh(weights: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
    """Return Σ weights · value over the keys; a key of weight 0 contributes nothing.

    By IEEE arithmetic 0 · ∞ = NaN, but a closed key has weight 0, and not even ∞ or NaN in its value may leak.

    Args:
        weights: (…, L, S)
        value: (…, S, Ev)
    """
    finite = np.isfinite(value)
    with np.errstate(invalid="ignore", over="ignore"):
        if finite.all():
            return weights @ value
        output = weights @ np.where(finite, value, 0)
        for key in np.flatnonzero(~finite.all(axis=-1).all(axis=tuple(range(value.ndim - 2)))):
            weight = weights[..., key, None]  # (…, L, 1)
            state = value[..., key, :][..., None, :]  # (…, 1, Ev)
            extra = np.where(np.isfinite(state), 0, state)
            output += np.where((weight == 0) | (extra == 0), 0, weight * extra)
        return output


def product(gradient: NDArray[Any], factor: NDArray[Any]) -> NDArray[Any]:
    """Return a gradient times a factor; where the gradient is 0 it stays 0, even beside NaN or ∞.

    >>> product(np.array([0.0, 2.0]), np.array([np.nan, 3.0])).tolist()
    [0.0, 6.0]
    """
    with np.errstate(invalid="ignore", over="ignore"):
        found = gradient * factor
    return found if np.isfinite(found).all() else np.where(gradient == 0, 0, found)


def summed_to(gradient: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the gradient of what was broadcast: the sum along the axes on which the array had length 1.

    >>> summed_to(np.ones((2, 3, 5)), (1, 3, 1)).tolist()
    [[[10.0], [10.0], [10.0]]]
    """
    axes = tuple(axis for axis, length in enumerate(shape) if length == 1 < gradient.shape[axis])
    return gradient.sum(axis=axes, keepdims=True) if axes else gradient


def by_group(array: NDArray[Any], key_heads: int) -> NDArray[Any]:
    """Return (batch, heads, L, …) as (batch, key heads, group, L, …): heads that share a key head are grouped."""
    batch, heads, *rest = array.shape
    return array.reshape(batch, key_heads, heads // key_heads, *rest)


def ungroup(array: NDArray[Any]) -> NDArray[Any]:
    """Undo `by_group`."""
    return array.reshape(array.shape[0], -1, *array.shape[3:])


def after_past(past: NDArray[Any] | None, new: NDArray[Any]) -> NDArray[Any]:
    """Return the past keys or values followed by the new ones, in a type that holds both."""
    if past is None:
        return new
    batch = max(len(past), len(new))
    both = [np.broadcast_to(each, (batch, *each.shape[1:])) for each in (past, new)]
    # NumPy knows of no type for bfloat16 and float16 together; each alone is a float32.
    types = [each.dtype if is_own(each.dtype) or past.dtype == new.dtype else own(each.dtype) for each in both]
    with np.errstate(invalid="ignore"):
        return np.concatenate(both, axis=2, dtype=np.result_type(*types))


def one_of(array: NDArray[Any], batch: int) -> NDArray[Any]:
    """Return the array of one batch item; an array with a single item serves the whole batch."""
    return array[batch if len(array) > 1 else 0]


def at_positions(ids: NDArray[np.int64], positions: NDArray[np.int64], otherwise: int) -> NDArray[np.int64]:
    """Return the ids (batch or 1, S) of the keys at positions (batch or 1, L); where there is none, another one."""
    keys = ids.shape[1]
    at = np.clip(positions, 0, keys - 1)
    batch = max(len(ids), len(positions))
    found = np.take_along_axis(np.broadcast_to(ids, (batch, keys)), np.broadcast_to(at, (batch, at.shape[1])), axis=1)
    return np.where((positions >= 0) & (positions < keys), found, otherwise)


def in_pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield an array, which may be larger than memory, in pieces of a few megabytes."""
    if array.size <= PIECE or array.ndim == 0:
        yield array
        return
    step = max(1, PIECE * len(array) // array.size)
    for start in range(0, len(array), step):
        yield from in_pieces(array[start]) if step == 1 else [array[start : start + step]]


def blocks(batch: int, length: int) -> list[tuple[int, slice]]:
    """Return the batch item and the rows of every block of states (batch, heads, length, features).

    >>> blocks(1, ROWS + 1)
    [(0, slice(0, 512, None)), (0, slice(512, 513, None))]
    """
    return [(item, slice(at, min(at + ROWS, length))) for item in range(batch) for at in range(0, length, ROWS)]


def some_heads(heads: int, length: int) -> list[slice]:
    """Return the heads of a block of so many rows in shares: many at a time if the rows are few."""
    step = max(1, ROWS // max(1, length))
    return [slice(at, at + step) for at in range(0, heads, step)]
