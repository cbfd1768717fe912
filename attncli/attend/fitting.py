"""Check the arrays other than states against the sizes of the problem, and bring them to one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.checks import MOST_WHOLE
from attncli.attend.layouts import Form, most_axes
from attncli.attend.options import Options
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


def fit_axes(name: str, array: NDArray[Any], sizes: Sizes) -> NDArray[Any]:
    """Return an array with all the axes of its record, after checking their lengths; one of length 1 serves all.

    A missing batch axis serves all items; one that broadcasts may lack any leading axis, or have 1 in its place.

    Raises:
        InputError: too many axes or too few, a length that is neither 1 nor the right one, or numbers that are not
            whole where ids or positions are wanted.
    """
    record = ARRAYS[name]
    lacks = len(record.axes) - array.ndim
    optional = len(record.axes) - 1 if record.broadcasts else record.axes[0] == "B"
    if not 0 <= lacks <= optional or 0 in array.shape:
        raise InputError(f"{name} {show(array.shape)} must have the axes {record.shape}", arrays=[name])
    full = array.reshape((1,) * lacks + array.shape)
    lengths = {"B": sizes.batch, "H": sizes.heads, "K": sizes.key_heads, "L": sizes.queries, "S": sizes.keys}
    for symbol, has in zip(record.axes, full.shape, strict=True):
        wants = lengths.get(symbol, has)
        if has != wants and not (has == 1 and (record.broadcasts or symbol == "B")):
            message = f"{name} {show(array.shape)} does not fit {record.shape}"
            raise InputError(f"{message}: {has} is not the number of {AXES[symbol]}, {wants}", arrays=[name])
    return whole_numbers(name, full) if record.is_whole else full


def whole_numbers(name: str, array: NDArray[Any]) -> NDArray[np.int64]:
    """Return whole numbers up to 2^53 − 1 as integers.

    Raises:
        InputError: one of them is not whole, or too large.
    """
    if array.dtype.kind in "iu" and array.dtype.itemsize < 8:
        return array.astype(np.int64)
    with np.errstate(invalid="ignore"):
        wide = np.asarray(array, dtype=np.float64)
        odd = ~(np.abs(wide) <= MOST_WHOLE) | (wide != np.floor(wide))
    if odd.any():
        message = f"{name} must hold whole numbers up to 2^53 - 1, not {array[odd].ravel()[0]}"
        raise InputError(message, arrays=[name])
    return array.astype(np.int64)


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
            message = (
                f"key_lengths must be whole numbers from 0 to {sizes.keys} (the number of keys), not {length:.16g}"
            )
            raise InputError(message, arrays=["key_lengths"])
    return lengths.ravel().astype(np.int64)


def fit_gate(gate: NDArray[Any], sizes: Sizes, options: Options) -> NDArray[Any]:
    """Return what multiplies the weighted sums, (batch or 1, heads, L, Ev or 1).

    It lies as the output does: with its heads side by side where they are packed, otherwise on an axis of their own.

    Raises:
        InputError: it has another shape.
    """
    heads, width, layout = sizes.heads, sizes.heads * sizes.value_features, options.layout
    if not options.heads and 3 <= gate.ndim <= most_axes(layout):
        apart = Form.of_state(gate.ndim, layout).taken(gate)
        if apart.shape[1:] == sizes.context_shape[1:] and len(apart) in (1, sizes.batch):
            return apart
    if 1 <= gate.ndim <= most_axes(layout, packed=True) and gate.shape[-1] in (heads, width):
        full = Form.of_state(gate.ndim, layout, 1).taken(gate)[:, 0]  # (batch or 1, L, …)
        if full.shape[1] == sizes.queries and len(full) in (1, sizes.batch):
            return as_gate(full, sizes)
    before = f"{sizes.queries}, …" if layout == "sbhd" else f"…, {sizes.queries}"
    fits = f"({before}, {width}), or ({before}, {heads}) with one number for each head"
    raise InputError(f"gate {show(gate.shape)} must be {fits}", arrays=["gate"])


def as_gate(gate: NDArray[Any], sizes: Sizes) -> NDArray[Any]:
    """Return a gate (batch or 1, L, heads·Ev or heads) as (batch or 1, heads, L, Ev or 1)."""
    return gate.reshape(*gate.shape[:2], sizes.heads, -1).swapaxes(1, 2)


def fit_sinks(sinks: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the sinks, (heads,).

    Raises:
        InputError: there is not one per query head.
    """
    if sinks.ndim > 1 or sinks.size != count:
        heads = "1 head" if count == 1 else f"{count} heads"
        raise InputError(f"sinks {show(sinks.shape)} must have one number per query head ({heads})", arrays=["sinks"])
    return sinks.ravel()
