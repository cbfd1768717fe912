"""Gradients in the form of the arrays that they are of: their shape, their layout, their type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.fitting import fit_gate
from attncli.attend.fitting_layer import as_packed
from attncli.attend.layer import LETTERS, layer_of
from attncli.attend.layouts import Form
from attncli.attend.pages import Pages
from attncli.attend.shapes import FITTED, heads_of
from attncli.attend.stages.stage import Made
from attncli.attend.types import is_floating, own
from attncli.attend.views import summed_to
from attncli.said import Said
from attncli.text import joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands
    from attncli.attend.options import Options

    Arrays = Mapping[str, NDArray[Any]]


def returned(o: Operands, arrays: Arrays, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradient of each array that has one, by its name, in its own shape and type.

    Args:
        o: the operands that were made of the arrays.
        arrays: those that were given.
        found: the gradients as the operands have their arrays, see `attncli.attend.gradients.run`.
    """
    gradients = of_states(o, arrays, found) | of_layer(o, found)
    for name, array in arrays.items():
        if name == "gate" and name in found:
            gradients[name] = placed(array.shape, fit_gate(numbered(array), o.sizes, o.options), found[name])
        elif name in found and name not in gradients:
            gradients[name] = found[name].reshape(array.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            name: gradients[name].astype(type_of(arrays[name], o.options), copy=False)
            for name in ARRAYS
            if name in gradients
        }


def type_of(array: NDArray[Any], options: Options) -> np.dtype[Any]:
    """Return the type of the gradient of an array: its own, unless ``--dtype`` says which; integers have float64's."""
    return own(array.dtype) if options.dtype is None else np.dtype(options.dtype)


def whole_notices(arrays: Arrays, names: Iterable[str]) -> list[Said]:
    """Return what to say of arrays of whole numbers, which have gradients although no step leads from one to the next.

    Args:
        arrays: those that were given.
        names: those that have a gradient.
    """
    whole = [name for name in names if name in arrays and not is_floating(arrays[name].dtype)]
    if not whole:
        return []
    return [Said("{names}: whole numbers are differentiated as if they were float64", names=joined(whole))]


def of_states(o: Operands, arrays: Arrays, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the states; where one array plays several parts, those of all are added."""
    gradients: dict[str, NDArray[Any]] = {}
    for role in FITTED:
        if role not in found:
            continue
        name = role if role in arrays else "hidden"
        made = of_state(o, arrays, role, name, found[role])
        gradients[name] = gradients[name] + made if name in gradients else made
    return gradients


def of_state(o: Operands, arrays: Arrays, role: str, name: str, gradient: NDArray[Any]) -> NDArray[Any]:
    """Return the gradient of one state (batch, heads, length, features) as its array lies."""
    array = arrays[name]
    if "block_table" in arrays and role in ("key", "value"):
        places = Pages.of(arrays, o.options).places(role)
        return placed(array.shape, places, summed_to(gradient, places.shape))
    form, is_turned = form_of(o, role, array.shape), o.options.states == "columns" and array.ndim >= 2
    shape = (*array.shape[:-2], array.shape[-1], array.shape[-2]) if is_turned else array.shape
    made = form.given(summed_to(gradient, form.lengths(shape)))
    return np.swapaxes(made, -1, -2) if is_turned else made


def form_of(o: Operands, role: str, shape: tuple[int, ...]) -> Form:
    """Return how the array of this shape lies that plays a part; what is projected has one head."""
    options = as_packed(o.options) if o.layer.projections else o.options
    if role in o.layer.projections:
        return Form.of_state(len(shape), options.layout, 1)
    return Form.of_state(len(shape), options.layout, heads_of(role, shape, options, o.split["value"]))


def of_layer(o: Operands, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of matrices, biases and weights of norms.

    Where each number of an array goes is asked of the same function that took the array apart.
    """
    arrays = o.layer.arrays
    where = layer_of({name: numbered(array) for name, array in arrays.items()}, o.options)
    parts: list[tuple[str, NDArray[Any] | None, str]] = []
    for state, letter in LETTERS.items():
        norm = where.norms.get(state)
        parts.append((f"{letter}_norm", norm, f"{letter}_norm"))
    makers = {LETTERS[state]: each for state, each in where.projections.items()}
    for letter, by in (makers | {"g": where.gate, "o": where.out}).items():
        if by is not None:
            given = dict(zip(("w", "b") if by.weight is not None else ("b",), by.given, strict=False))
            parts.append((given.get("w", ""), by.weight, f"w_{letter}"))
            parts.append((by.given[-1], by.bias, f"b_{letter}"))
    gradients: dict[str, NDArray[Any]] = {}
    for name, places, key in parts:
        if places is not None and key in found:
            made = placed(arrays[name].shape, places, found[key])
            gradients[name] = gradients[name] + made if name in gradients else made
    return gradients


def numbered(array: NDArray[Any]) -> NDArray[np.int64]:
    """Return the place of each number of an array, in an array of its shape."""
    return np.arange(array.size).reshape(array.shape)


def placed(shape: tuple[int, ...], places: NDArray[np.int64], gradient: NDArray[Any]) -> NDArray[Any]:
    """Return an array of zeros, to which the gradient of each number was added at its place.

    >>> placed((2, 2), np.array([[0, 2], [2, 3]]), np.array([[1.0, 2.0], [4.0, 8.0]])).tolist()
    [[1.0, 0.0], [6.0, 8.0]]
    """
    made = np.zeros(shape, gradient.dtype)
    np.add.at(made.reshape(-1), places.reshape(-1), gradient.reshape(-1))
    return made
