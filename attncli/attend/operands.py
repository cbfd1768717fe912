"""What the steps work on: arrays brought to one form, with everything that was left open decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.options import Options
from attncli.attend.shapes import Sizes, fit, four, show
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Operands:
    """A problem ready to compute; every array is (batch, heads, length, features) and still as it was read.

    Nothing is copied or converted here, so a memory-mapped query stays on disk until its rows are asked for.

    Attributes:
        query: (batch or 1, heads, L, E).
        key: (batch or 1, key heads, S, E).
        value: (batch or 1, key heads, S, Ev), or None where only scores are asked for.
        mask: boolean or numbers, each axis 1 or as in (batch, heads, L, at most S); None where there is none.
        positions: (L,) position of each query.
        factor: what ``--scale`` comes to.
        dtype: precision of the computation.
        output_dtype: what the output is given back in.
    """

    query: NDArray[Any]
    key: NDArray[Any]
    value: NDArray[Any] | None
    mask: NDArray[Any] | None
    positions: NDArray[np.int64]
    sizes: Sizes
    options: Options
    factor: float
    dtype: np.dtype[Any]
    output_dtype: np.dtype[Any]

    def select(
        self,
        *,
        batch: int | None = None,
        head: int | None = None,
        rows: NDArray[np.int64] | None = None,
        features: NDArray[np.int64] | None = None,
    ) -> Operands:
        """Return the part of the problem that these batch item, query head, queries and value features need."""
        one = self if batch is None else self._one_batch(batch)
        one = one if head is None else one._one_head(head)
        one = one if rows is None else one._some_rows(rows)
        if features is None or one.value is None:
            return one
        sizes = replace(one.sizes, value_features=len(features))
        return replace(one, value=one.value[..., features], sizes=sizes)

    def _one_batch(self, index: int) -> Operands:
        def part(array: NDArray[Any]) -> NDArray[Any]:
            return array[index : index + 1] if array.shape[0] > 1 else array

        return self._with(part, replace(self.sizes, batch=1))

    def _one_head(self, index: int) -> Operands:
        def part(array: NDArray[Any]) -> NDArray[Any]:
            # Fewer heads than the query has: a key head serves a block of consecutive query heads.
            at = index * array.shape[1] // self.sizes.heads
            return array[:, at : at + 1]

        return self._with(part, replace(self.sizes, heads=1, key_heads=1))

    def _with(self, part: Any, sizes: Sizes) -> Operands:
        value = None if self.value is None else part(self.value)
        mask = None if self.mask is None else part(self.mask)
        return replace(self, query=part(self.query), key=part(self.key), value=value, mask=mask, sizes=sizes)

    def _some_rows(self, rows: NDArray[np.int64]) -> Operands:
        mask = self.mask[:, :, rows] if self.mask is not None and self.mask.shape[2] > 1 else self.mask
        return replace(
            self,
            query=self.query[:, :, rows],
            mask=mask,
            positions=self.positions[rows],
            sizes=replace(self.sizes, queries=len(rows)),
        )


def prepare(arrays: Mapping[str, Any], options: Options) -> Operands:
    """Bring arrays to the form that the steps work on.

    Args:
        arrays: ``query``, ``key``, ``value`` and ``mask``; ``hidden`` stands for a key or value that is not there.
        options: see `Options`.

    Raises:
        InputError: an array is missing, or shapes do not fit.
    """
    found = {name: np.asanyarray(array) for name, array in arrays.items() if array is not None}
    named = {name: found[name] for name in ("query", "key", "value") if name in found}
    called: dict[str, str] = {}
    for name in ("key", "value"):
        if name not in named and "hidden" in found:
            named[name], called[name] = found["hidden"], "hidden"
    for name in ("query", "key"):
        if name not in named:
            raise InputError(f"{name} is missing", hint=missing_hint(name), arrays=list(found))
    sizes = fit({name: array.shape for name, array in named.items()}, options, called)
    states = {name: as_states(name, array, options) for name, array in named.items()}
    dtype, output_dtype = precision(named.values(), options)
    return Operands(
        query=states["query"],
        key=states["key"],
        value=states.get("value"),
        mask=fit_mask(found["mask"], sizes) if "mask" in found else None,
        positions=first_position(options, sizes) + np.arange(sizes.queries, dtype=np.int64),
        sizes=sizes,
        options=options,
        factor=scale_factor(options, sizes),
        dtype=dtype,
        output_dtype=output_dtype,
    )


def missing_hint(name: str) -> str:
    """Say how the missing array can be given."""
    return f'give "{name}" in the file or with --{name} FILE' + (
        ', or "hidden" for key and value' if name != "query" else ""
    )


def as_states(name: str, array: NDArray[Any], options: Options) -> NDArray[Any]:
    """Return a view as (batch, heads, length, features), each state a row."""
    turned = np.swapaxes(array, -1, -2) if options.states == "columns" and array.ndim >= 2 else array
    return turned.reshape(four(name, turned.shape))


def precision(arrays: Any, options: Options) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the precision of the computation and that of the output.

    Integers and booleans count as float64. Half precision is computed in float32 and given back as half.
    """
    floats = [array.dtype if array.dtype.kind == "f" else np.dtype(np.float64) for array in arrays]
    own = np.result_type(*floats).newbyteorder("=")
    if options.dtype is not None:
        return np.dtype(options.dtype), np.dtype(options.dtype)
    return np.result_type(own, np.float32), own


def scale_factor(options: Options, sizes: Sizes) -> float:
    """Return the number that ``--scale`` comes to."""
    if options.scale == "none":
        return 1.0
    return sizes.features**-0.5 if options.scale == "sqrt" else float(options.scale)


def first_position(options: Options, sizes: Sizes) -> int:
    """Return the position of the first query."""
    if options.offset is None:
        return 0
    return sizes.keys - sizes.queries if options.offset == "end" else options.offset


def fit_mask(mask: NDArray[Any], sizes: Sizes) -> NDArray[Any]:
    """Return the mask as four axes, after checking that it broadcasts from the right to (batch, heads, L, S).

    Raises:
        InputError: an axis is neither 1 nor as long as it must be. The last one may be shorter than the keys.
    """
    if mask.ndim == 0 or mask.ndim > 4 or 0 in mask.shape:
        raise InputError(f"mask {show(mask.shape)} is no mask: 1 to 4 axes, none of length 0", arrays=["mask"])
    full = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    wanted = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    for axis, (has, wants) in enumerate(zip(full.shape, wanted, strict=True)):
        if has not in (1, wants) and not (axis == 3 and has < wants):
            names = ("batch", "heads", "queries", "keys")
            message = f"mask {show(mask.shape)} does not broadcast to {show(wanted)} (batch×heads×queries×keys)"
            raise InputError(f"{message}: {has} is not the number of {names[axis]}", arrays=["mask"])
    return full
