"""The form that a user gives a problem, and the one in which its results come back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.fuzz.problems import STATES, Array, Problem
from tests.support.declared import Given


def given(p: Problem) -> Given:
    """Return arrays and options as Python takes them, in the layout of the problem."""
    arrays = {name: lie(p, name, array) if name in STATES else array for name, array in p.arrays.items()}
    for name in p.layout.hidden:
        arrays["hidden"] = arrays.pop(name)
    return arrays | (_paged(p) if p.layout.page else {}) | dict(p.options)


def _paged(p: Problem) -> Given:
    """Return pools in which key and value lie in pages, and the table that strings them together.

    Pages that are not used and keys behind the lengths are NaN, entries of the table behind them no pages at all.
    """
    states, size = {name: p.arrays[name] for name in ("key", "value")}, p.layout.page
    items, blocks = max(map(len, states.values())), p.sizes.S // size
    table = np.random.default_rng(p.sizes.S).permutation(items * blocks + 2)[2:].reshape(items, blocks)
    lengths = p.arrays.get("key_lengths", np.array([p.sizes.S]))
    lengths = np.broadcast_to(lengths if len(lengths) == items else lengths.max(), (items,))
    seen = np.arange(p.sizes.S) < lengths[:, None]
    found: Given = {}
    for name, array in states.items():
        pool = np.ones((items * blocks + 2, size, *array.shape[1::2]), array.dtype)
        if array.dtype.kind in "fV":
            pool[:] = np.nan
        keys = np.broadcast_to(array, (items, *array.shape[1:])).swapaxes(1, 2)
        for item, key in np.argwhere(seen):
            pool[table[item, key // size], key % size] = keys[item, key]
        found[name] = pool
    used = np.arange(blocks) * size < lengths[:, None]
    return found | {"block_table": np.where(used, table, np.where(table % 2, -1, 10**12))}


def arrays_of(p: Problem) -> Given:
    """Return only the arrays."""
    return {name: each for name, each in given(p).items() if name not in p.options}


def lie(p: Problem, name: str, array: Array) -> Array:
    """Return a state as it lies in the user's array."""
    # What serves all batch items may lack their axis.
    serves_all = len(array) == 1 < p.sizes.B and p.layout.axes > 0
    if p.layout.packed and not (name.startswith("past") and p.layout.past_apart):
        batch, heads, length, features = array.shape
        array = array.swapaxes(1, 2).reshape(batch, length, heads * features)
        array = array[0] if axes(p) == 2 or serves_all else array
        return _turned(p, array, "BLE"[-array.ndim :])
    if not p.layout.packed:
        least = 1 if name == "query" or array.shape[2] == 1 else 2
        array = array.reshape(array.shape[4 - max(least, 3 if serves_all else axes(p)) :])
    return _turned(p, array, "BHLE"[-array.ndim :])


def _turned(p: Problem, array: Array, letters: str) -> Array:
    """Return an array with its axes in the order of the layout, or each state as a column."""
    order = {"bhsd": "BHLE", "sbhd": "LBHE"}.get(p.layout.order, "BLHE")
    array = array.transpose([letters.index(each) for each in order if each in letters])
    return array.swapaxes(-1, -2) if p.layout.columns and array.ndim > 1 else array


def axes(p: Problem) -> int:
    """Return how many axes the user's query has."""
    most = 4 - (p.layout.order == "thd") * (1 + p.layout.packed)
    least = max(min(most, 4 - p.layout.axes), 2 if p.layout.packed else 1)
    if p.sizes.B > 1:
        return 3 if p.layout.packed else 4
    if p.layout.packed:
        return min(3, least)
    return max(least, 3 if p.sizes.H > 1 else 2 if p.sizes.L > 1 else 1)


def seen(p: Problem, name: str, array: Array) -> Array:
    """Return a result (B, H, L, …) with the axes that the user gets."""
    if name == "lse":
        return seen(p, "scores", array[..., None])[..., 0]
    if p.layout.packed:
        if name == "output":
            batch, heads, length, features = array.shape
            array = array.swapaxes(1, 2).reshape(batch, length, heads * features)
        array = array[0] if axes(p) == 2 else array
    else:
        array = array.reshape(array.shape[4 - axes(p) :])
    letters = "BLE" if p.layout.packed else "BHLE"
    return (
        _turned(replace(p, layout=replace(p.layout, columns=False)), array, letters[-array.ndim :])
        if name == "output"
        else array
    )


def options_of(p: Problem) -> dict[str, Any]:
    """Return the options as JSON has them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in p.options.items()}


def words(p: Problem) -> str:
    """Describe a problem in a line."""
    shapes = [f"{name} {'×'.join(map(str, np.shape(array)))} {array.dtype}" for name, array in arrays_of(p).items()]
    return " · ".join([*shapes, *(f"{name}={value!r}" for name, value in p.options.items())])
