"""What JSON made of a text, as arrays, labels and texts; or what is wrong with it, with its index."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS, NULL_IS_CLOSED, RESULTS
from attncli.errors import InputError
from attncli.files.contents import AnyLabels, Labels
from attncli.said import Said

if TYPE_CHECKING:
    from numpy.typing import NDArray

# JSON has no numbers for these; they are written as text, as in the JSON mapping of Protocol Buffers.
NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
NUMBERS = frozenset({int, float})
MOST_AXES = 4


# Results with one number for each query; of a single one, a vector, that is a number and no list.
OF_A_QUERY = tuple(name for name in RESULTS if ARRAYS[name].is_one_per_query)


class TooBig(float):
    """An infinity in place of a number that float64 cannot hold; ``text`` is how it was written."""

    text: str


def to_array(data: Any, name: str, nulls: list[str] | None = None) -> NDArray[Any]:
    """Turn nested lists into an array of float64, of int64 if nothing but whole numbers without a point, or of bool.

    Args:
        data: what JSON made of the text.
        name: of the array; it decides whether null may mean −∞.
        nulls: a list; nulls are then read as −∞ whatever the name, and their places are appended to it.

    Raises:
        InputError: ragged rows, text among numbers, or numbers beyond float64; with the index of the first.
    """
    if not isinstance(data, list):
        if isinstance(data, TooBig):
            raise InputError(_beyond(name, data))
        if name in OF_A_QUERY and (data is None or (isinstance(data, str) and data in NOT_FINITE)):
            return np.array(_number(data, name, name, nulls))
        if type(data) not in NUMBERS:
            raise InputError(f"{name} is {kind_of(data)}, not an array of numbers")
        return np.array(data, dtype=np.float64)
    shape = _shape(data, name)
    kinds = {kind for row, _ in _rows(data, name, shape) for kind in set(map(type, row))}
    if kinds in ({bool}, {int}):
        return np.array(data, dtype=bool if kinds == {bool} else np.int64).reshape(shape)
    if not kinds <= NUMBERS:
        for row, index in _rows(data, name, shape):
            row[:] = [_number(each, f"{name}{index}[{i}]", name, nulls) for i, each in enumerate(row)]
    return np.array(data, dtype=np.float64).reshape(shape)


def _shape(data: Any, name: str) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(data, list):
        shape.append(len(data))
        if len(shape) > MOST_AXES:
            raise InputError(f"{name} has more than {MOST_AXES} axes")
        data = data[0] if data else None
    return tuple(shape)


def _rows(data: list[Any], name: str, shape: tuple[int, ...], index: str = "") -> Iterator[tuple[list[Any], str]]:
    """Yield the innermost lists, each with the index that leads to it, and check that all have the same length."""
    if len(data) != shape[0]:
        where = f"{name}{index}" if index else name
        has = f"{len(data)} element{'s' * (len(data) != 1)}"
        raise InputError(f"{where} has {has} where the rows before it have {shape[0]}: ragged rows")
    if len(shape) == 1:
        yield data, index
        return
    for i, each in enumerate(data):
        if not isinstance(each, list):
            raise InputError(f"{name}{index}[{i}] is {kind_of(each)} where the rows before it are arrays: ragged rows")
        yield from _rows(each, name, shape[1:], f"{index}[{i}]")


def _number(value: Any, place: str, name: str, nulls: list[str] | None) -> float:
    if isinstance(value, TooBig):
        raise InputError(_beyond(place, value))
    if type(value) in NUMBERS:
        return value
    if value is None and name in NULL_IS_CLOSED:
        return -math.inf
    if value is None and nulls is not None:
        nulls.append(place)
        return -math.inf
    if isinstance(value, str) and value in NOT_FINITE:
        return NOT_FINITE[value]
    if isinstance(value, list):
        raise InputError(f"{place} is an array where the elements before it are numbers: ragged rows")
    raise InputError(f"{place} is {kind_of(value)}, not a number")


def _beyond(place: str, number: TooBig) -> str:
    return f"{place} is {number.text[:40]}, beyond the range of float64"


def to_labels(value: Any, name: str) -> AnyLabels:
    """Turn a list of texts or numbers into labels, or a list of such lists, one for each item of a batch."""
    if not isinstance(value, list):
        raise InputError(f"{name} is {kind_of(value)}, not a list of texts")
    if value and all(isinstance(each, list) for each in value):
        return tuple(_label_list(each, f"{name}[{i}]") for i, each in enumerate(value))
    return _label_list(value, name)


def _label_list(value: list[Any], name: str) -> Labels:
    for i, each in enumerate(value):
        if not isinstance(each, str | int | float) or isinstance(each, bool):
            raise InputError(f"{name}[{i}] is {kind_of(each)}, not a text")
    return tuple(map(str, value))


def to_text(value: Any, name: str) -> str:
    """Return a text, and refuse anything else."""
    if not isinstance(value, str):
        raise InputError(f"{name} is {kind_of(value)}, not a text")
    return value


def kind_of(value: Any) -> str:
    """Say what a value is, for messages."""
    if isinstance(value, str):
        return Said("the text {text}", text=repr(value[:20]))
    names = {dict: Said("an object"), list: Said("an array"), bool: str(value).lower(), type(None): "null"}
    return names.get(type(value)) or Said("the number {number}", number=value)
