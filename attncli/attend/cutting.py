"""What one batch item and one head have of the gradient of an array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS, STATES
from attncli.attend.fitting import fit_gate
from attncli.attend.parts import Selection
from attncli.attend.returning import form_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.layouts import Form
    from attncli.attend.operands import Operands

    Arrays = Mapping[str, NDArray[Any]]

POOLS = ("key", "value")


def parts_of(o: Operands, arrays: Arrays, name: str) -> tuple[int, int]:
    """Return how many batch items and how many heads have a gradient of this array each; 1 where all have one.

    Args:
        o: the operands that were made of the arrays.
        arrays: those that were given.
        name: one of them.
    """
    shape = arrays[name].shape
    if _is_pool(arrays, name):
        return 1, shape[2]
    if name in STATES:
        batch, heads, _, _ = _form(o, arrays, name, shape).lengths(_turned(o, shape))
        return batch, heads
    if name == "gate":
        batch, heads, _, _ = fit_gate(arrays[name], o.sizes, o.options).shape
        return batch, heads
    axes = dict(zip(_axes(name, len(shape)), shape, strict=True))
    return axes.get("B", 1), axes.get("H", 1)


def has_heads(name: str) -> bool:
    """Tell whether an array may have an axis of heads, or have them side by side."""
    return name == "gate" or bool({"H", "K"} & set(ARRAYS[name].axes))


def cut(o: Operands, arrays: Arrays, name: str, gradient: NDArray[Any], part: Selection) -> NDArray[Any]:
    """Return what a part of a problem has of the gradient of an array, without the axes along which it was chosen.

    Of keys and values it is the head that serves the chosen one, with what all heads that it serves add to it. What
    has no axis of batch items or heads, such as a matrix, is whole.

    Args:
        o: the operands that were made of the arrays.
        arrays: those that were given.
        name: one of them.
        gradient: of its shape.
        part: the batch item and the head.
    """
    if _is_pool(arrays, name):
        return gradient if part.head is None else gradient[:, :, part.head * gradient.shape[2] // o.sizes.heads]
    if name in STATES:
        return _of_state(o, arrays, name, gradient, part)
    if name == "gate" and (part.batch is not None or part.head is not None):
        found = _chosen(fit_gate(gradient, o.sizes, o.options), part, o.sizes.heads)
        found = found if part.head is None else found[:, 0]
        return found[0] if len(found) == 1 else found
    place: list[Any] = []
    axes = _axes(name, gradient.ndim)
    for symbol, length in zip(axes, gradient.shape, strict=True):
        at = {"B": part.batch, "H": part.head}.get(symbol)
        at = at if at is None or length > 1 else 0
        # Of one number for each head there is still an array of one.
        place.append(slice(None) if at is None else slice(at, at + 1) if len(axes) == 1 else at)
    return gradient[tuple(place)]


def _of_state(o: Operands, arrays: Arrays, name: str, gradient: NDArray[Any], part: Selection) -> NDArray[Any]:
    form = _form(o, arrays, name, gradient.shape)
    is_turned = o.options.states == "columns" and gradient.ndim >= 2
    rows = np.swapaxes(gradient, -1, -2) if is_turned else gradient
    found = _chosen(form.taken(rows), part, o.sizes.heads)
    gone = "B" * (part.batch is not None) + "H" * (part.head is not None)
    made = form.without(*gone).given(found)
    return np.swapaxes(made, -1, -2) if is_turned else made


def _chosen(whole: NDArray[Any], part: Selection, heads: int) -> NDArray[Any]:
    """Return a part of (batch or 1, heads or fewer, …), with these axes."""
    if part.batch is not None and len(whole) > 1:
        whole = whole[part.batch : part.batch + 1]
    if part.head is None:
        return whole
    at = part.head * whole.shape[1] // heads
    return whole[:, at : at + 1]


def _form(o: Operands, arrays: Arrays, name: str, shape: tuple[int, ...]) -> Form:
    """Return how a state lies in its array."""
    role = name if name != "hidden" else next(each for each in ("key", "value", "query") if each not in arrays)
    return form_of(o, role, _turned(o, shape))


def _turned(o: Operands, shape: tuple[int, ...]) -> tuple[int, ...]:
    if o.options.states == "columns" and len(shape) >= 2:
        return (*shape[:-2], shape[-1], shape[-2])
    return shape


def _is_pool(arrays: Arrays, name: str) -> bool:
    return "block_table" in arrays and name in POOLS


def _axes(name: str, count: int) -> tuple[str, ...]:
    """Return the symbols of the axes of an array that has so many; tables may have one for batch items too."""
    axes = ARRAYS[name].axes
    return ("B",) * (count - len(axes)) + axes[max(0, len(axes) - count) :]
