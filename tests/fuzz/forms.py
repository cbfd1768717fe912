"""The form that a user gives a problem, and the one in which its results come back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fuzz.problems import STATES, Array, Problem
from tests.support.declared import Given


def given(p: Problem) -> Given:
    """Return arrays and options as Python takes them, in the layout of the problem."""
    arrays = {name: _lie(p, name, array) if name in STATES else array for name, array in p.arrays.items()}
    for name in p.layout.hidden:
        arrays["hidden"] = arrays.pop(name)
    return arrays | dict(p.options)


def arrays_of(p: Problem) -> Given:
    """Return only the arrays."""
    return {name: each for name, each in given(p).items() if name not in p.options}


def _lie(p: Problem, name: str, array: Array) -> Array:
    """Return a state as it lies in the user's array."""
    # What serves all batch items may lack their axis.
    serves_all = len(array) == 1 < p.sizes.B and p.layout.axes > 0
    if p.layout.packed and not (name.startswith("past") and p.layout.past_apart):
        batch, heads, length, features = array.shape
        array = array.swapaxes(1, 2).reshape(batch, length, heads * features)
        array = array[0] if axes(p) == 2 or serves_all else array
    elif not p.layout.packed:
        least = 1 if name == "query" or array.shape[2] == 1 else 2
        array = array.reshape(array.shape[4 - max(least, 3 if serves_all else axes(p)) :])
    return array.swapaxes(-1, -2) if p.layout.columns and array.ndim > 1 else array


def axes(p: Problem) -> int:
    """Return how many axes the user's query has."""
    least = max(4 - p.layout.axes, 2 if p.layout.packed else 1)
    if p.sizes.B > 1:
        return 3 if p.layout.packed else 4
    if p.layout.packed:
        return min(3, least)
    return max(least, 3 if p.sizes.H > 1 else 2 if p.sizes.L > 1 else 1)


def seen(p: Problem, name: str, array: Array) -> Array:
    """Return a result (B, H, L, …) with the axes that the user gets."""
    if p.layout.packed:
        if name == "output":
            batch, heads, length, features = array.shape
            array = array.swapaxes(1, 2).reshape(batch, length, heads * features)
        return array[0] if axes(p) == 2 else array
    return array.reshape(array.shape[4 - axes(p) :])


def options_of(p: Problem) -> dict[str, Any]:
    """Return the options as JSON has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in p.options.items()}


def words(p: Problem) -> str:
    """Describe a problem in a line."""
    shapes = [f"{name} {'×'.join(map(str, np.shape(array)))} {array.dtype}" for name, array in arrays_of(p).items()]
    return " · ".join([*shapes, *(f"{name}={value!r}" for name, value in p.options.items())])
