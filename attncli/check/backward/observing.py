"""Compare one gradient with the right one, in whatever layout it is; or with another one that has its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.shapes import show
from attncli.check.backward.mistakes.arrays import apart
from attncli.check.backward.reference import Gradients, OfArray
from attncli.check.backward.seen import Observed
from attncli.check.compare import Comparison
from attncli.check.diagnosis import Wanted, chosen, precisions_of, rounding
from attncli.check.layouts import Layout, own_orders, readings_as
from attncli.check.rounding import GIVEN, Level
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREFIX = "expected_d_"
OTHER_SHAPES = ("query", "key", "value", "hidden")


def observed_of(name: str, expected: NDArray[Any], gradients: Gradients, wanted: Wanted) -> Observed:
    """Compare one gradient with the right one, in whatever layout it is; or with another one that has its shape."""
    read = _readings(name, name, expected, gradients)
    if read:
        return _compared(name, name, read, expected, gradients, wanted)
    odd = []
    for other in OTHER_SHAPES:
        if other in gradients.right and other != name and (read := _readings(other, other, expected, gradients)):
            odd.append(replace(_compared(name, other, read, expected, gradients, wanted), like=other))
    heads = _apart(name, expected, gradients)
    if heads is not None:
        each = _compared(name, name, [heads[0]], expected, gradients, wanted, heads[1])
        odd.append(replace(each, is_apart=True))
    if odd:  # of what it agrees with; or else of the last: one head for each query head
        return next((each for each in odd if each.comparison.agrees), odd[-1])
    wanted_shape = show(gradients.given[name].shape)
    fact = f"{PREFIX}{name} {show(expected.shape)} does not match {name}, {wanted_shape}, in any layout"
    raise InputError(fact, arrays=[f"{PREFIX}{name}"])


def _readings(name: str, of: str, expected: NDArray[Any], gradients: Gradients) -> list[Layout]:
    """Return every way in which an array can be read as the gradient of another."""
    right = OfArray(gradients, name).output
    axes = axes_of(name, right.ndim)
    if name not in (*OTHER_SHAPES, "past_key", "past_value") or "block_table" in gradients.given:
        same = expected.shape == gradients.given[name].shape
        return [Layout(_apart_axes(axes, right.shape), gradients.taken(name)(expected), own=True)] if same else []
    options = gradients.options
    own = own_orders(options.layout, packed=gradients.form(name).packed is not None)
    own = [tuple(2 if x == 3 else 3 if x == 2 else x for x in order) for order in own] if _turned(gradients) else own
    found = readings_as(expected, right.shape, own, axes)
    if expected.shape == gradients.given[name].shape:  # the shape of the array itself: first as that one lies
        array = gradients.taken(name)(expected)
        rest = [each for each in found if each.array.strides != array.strides]
        as_given = (each.axes for each in found if each.array.strides == array.strides)
        mine = next(as_given, _apart_axes(axes, right.shape))
        found = [Layout(mine, array, own=True), *(replace(each, own=False) for each in rest)]
    return found


def _turned(gradients: Gradients) -> bool:
    return gradients.options.states == "columns"


def axes_of(name: str, count: int = 4) -> tuple[str, ...]:
    """Return what the axes of a gradient with four axes are called."""
    if name in OTHER_SHAPES or name.startswith("past_"):
        return ("batch", "heads", "queries" if name == "query" else "keys", "features")
    if name in ("mask", "bias"):
        return ("batch", "heads", "queries", "keys")
    if name == "sinks":
        return ("batch", "heads", "heads", "column")
    return ("batch", "heads", "rows", "columns")


def _apart_axes(axes: Sequence[str], shape: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name, length in zip(axes, shape, strict=True) if length > 1)


def _apart(name: str, expected: NDArray[Any], gradients: Gradients) -> tuple[Layout, NDArray[Any]] | None:
    """Return an expected gradient that has a head for each query head, and what these add; None: it is no such one."""
    sizes = gradients.operands.sizes
    if name not in ("key", "value") or sizes.group == 1 or gradients.is_large:
        return None
    right = OfArray(gradients, name).output
    shape = (right.shape[0], sizes.heads, *right.shape[2:])
    read = readings_as(expected, shape, own_orders(gradients.options.layout, packed=sizes.packed), axes_of(name))
    each = apart(gradients.way) if read else None
    return None if each is None else (read[0], each.found()[name])


def _compared(
    name: str,
    other: str,
    read: Sequence[Layout],
    expected: NDArray[Any],
    gradients: Gradients,
    wanted: Wanted,
    right: NDArray[Any] | None = None,
) -> Observed:
    """Compare one gradient, in the layout in which it agrees, with that of an array, or with other right numbers."""
    of = (
        OfArray(gradients, other)
        if right is None
        else _Other(right, gradients.operands.sizes.group, OfArray(gradients, other))
    )
    layout, comparison = chosen(of, read, precisions_of(gradients.operands, expected), wanted)
    tolerance = _tolerance(of, comparison, wanted)
    return Observed(name, layout, of.output, tolerance, comparison, gradients.taken(other))


@dataclass(frozen=True)
class _Other:
    """The gradients of a key head's query heads, one by one: none rounds more than their sum."""

    output: NDArray[Any]
    group: int
    of: OfArray

    def tolerance(self, precision: Any) -> NDArray[Any]:
        return np.repeat(self.of.tolerance(precision), self.group, axis=1)

    def rounding_of(self, expected: NDArray[Any]) -> None:
        return None


def _tolerance(of: Any, comparison: Comparison, wanted: Wanted) -> NDArray[Any]:
    """Return how far each row may be, at the level at which it was compared."""
    level = comparison.level
    if level == GIVEN or level.precision is None:
        allowed = (wanted.atol or 0.0) + (wanted.rtol or 0.0) * np.abs(of.output).max(axis=-1)
        return np.maximum(allowed, np.finfo(float).tiny)
    allowed = of.tolerance(level.precision)
    return allowed if level.decimals is None else allowed + 0.5 * 10.0**-level.decimals


def rounding_of(each: Observed, gradients: Gradients) -> Level | None:
    """Return the less precise computation that explains the difference of one."""
    return rounding(each.comparison, precisions_of(gradients.operands, each.expected)) if each.agrees else None
