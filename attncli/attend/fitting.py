"""Check the arrays other than states against the sizes of the problem, and bring them to one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.shapes import Sizes, show
from attncli.attend.words.array import AXES
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def fit_over_scores(name: str, array: NDArray[Any], sizes: Sizes) -> NDArray[Any]:
    """Return a mask or bias with four axes, after checking that it broadcasts from the right to (batch, heads, L, S).

    Raises:
        InputError: the length of an axis is neither 1 nor the right one. The last axis of a mask may be shorter.
    """
    if array.ndim == 0 or array.ndim > 4 or 0 in array.shape:
        raise InputError(f"{name} must have 1 to 4 axes, none of length 0; got {show(array.shape)}", arrays=[name])
    full = array.reshape((1,) * (4 - array.ndim) + array.shape)
    wanted = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    for axis, (has, wants) in enumerate(zip(full.shape, wanted, strict=True)):
        if has not in (1, wants) and not (axis == 3 and name == "mask" and has < wants):
            names = [AXES[symbol] for symbol in ARRAYS[name].axes]
            message = f"{name} {show(array.shape)} does not broadcast to {show(wanted)} ({'×'.join(ARRAYS[name].axes)})"
            raise InputError(f"{message}: {has} is not the number of {names[axis]}", arrays=[name])
    return full


def fit_lengths(lengths: NDArray[Any], sizes: Sizes, found: Mapping[str, Any]) -> NDArray[np.int64]:
    """Return the number of keys of each batch item, (batch or 1,).

    Raises:
        InputError: there is not one per batch item, they are not whole numbers up to the number of keys, or there are
            past keys too.
    """
    if "past_key" in found:
        hint = "past_key goes before the keys; key_lengths says how much of a whole cache is filled: give only one"
        raise InputError("key_lengths and past_key contradict each other", hint=hint, arrays=["key_lengths"])
    if lengths.ndim > 1 or lengths.size not in (1, sizes.batch):
        items = "1 batch item" if sizes.batch == 1 else f"{sizes.batch} batch items"
        message = f"key_lengths {show(lengths.shape)} must have one number per batch item ({items})"
        raise InputError(message, arrays=["key_lengths"])
    for length in lengths.ravel().tolist():
        if length != length or not float(length).is_integer() or not 0 <= length <= sizes.keys:
            message = f"key_lengths must be whole numbers from 0 to {sizes.keys} (the number of keys), not {length}"
            raise InputError(message, arrays=["key_lengths"])
    return lengths.ravel().astype(np.int64)


def fit_sinks(sinks: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the sinks, (heads,).

    Raises:
        InputError: there is not one per query head.
    """
    if sinks.ndim > 1 or sinks.size != count:
        heads = "1 head" if count == 1 else f"{count} heads"
        raise InputError(f"sinks {show(sinks.shape)} must have one number per query head ({heads})", arrays=["sinks"])
    return sinks.ravel()
