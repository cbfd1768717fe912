"""JSON: an object of named arrays, or one array of numbers. Strict where it matters, and exact."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS, INTERMEDIATE, KINDS, NULL_IS_CLOSED, STATES, Kind
from attncli.errors import InputError
from attncli.files.archive import Entries, contents
from attncli.files.contents import Contents, Entry, Matrix, Named
from attncli.files.json_values import TooBig, kind_of, to_array, to_labels, to_text
from attncli.files.pieces import PIECE, pieces
from attncli.text import as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = ("float16", "float32", "float64")


def parse(text: str, only: str | None = None) -> Contents:
    """Read the text of a file.

    Args:
        text: the whole file.
        only: the one name that is wanted; the program need not know it.

    Raises:
        InputError: with the line and column, or the array and index, of what is wrong.
    """
    data = decode(text)
    if isinstance(data, list) and only is None:
        return _matrix(data, "array")
    if not isinstance(data, dict):
        raise InputError(f"the JSON is {kind_of(data)}, not an object of arrays or an array of numbers")
    return contents(
        data,
        partial(_named, data),
        lambda name: _matrix(data[name], name),
        lambda name: _entry(name, data[name]),
        only,
    )


def _entry(name: str, value: Any) -> Entry:
    try:
        array = to_array(value, name, [])
    except InputError:
        return Entry(name, None, kind_of(value))
    return Entry(name, array.shape, array.dtype.name)


def _matrix(data: Any, name: str) -> Matrix:
    """Return an array before it is known whether null means −∞ in it."""
    nulls: list[str] = []
    array = to_array(data, name, nulls)
    whole = array.dtype == np.int64
    return Matrix(array.astype(np.float64) if whole else array, null=nulls[0] if nulls else "", whole=whole)


def parse_object(text: str, name: str) -> dict[str, object]:
    """Read the JSON text of an entry that is an object, such as ``options``."""
    try:
        data = decode(text)
    except InputError as error:
        error.place = ": ".join(filter(None, [name, error.place]))
        raise
    return object_of(data, name)


def object_of(data: Any, name: str) -> dict[str, object]:
    """Return an object, and refuse anything else."""
    if not isinstance(data, dict):
        raise InputError(f"{name} must be an object, not {kind_of(data)}")
    return data


def decode(text: str) -> Any:
    """Parse JSON, and catch repeated keys, numbers beyond float64 and excessive nesting."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_float, parse_int=_int)
    except json.JSONDecodeError as error:
        # Import here: most files are right, and need not pay the start-up time of these modules.
        from attncli.files import json_faults

        raise json_faults.error(text, error.pos) from None
    except RecursionError:
        raise InputError("the JSON is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InputError(f"the name {name!r} stands twice in one object")
        found[name] = value
    return found


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        number = TooBig(number)
        number.text = text
    return number


def _int(text: str) -> float:
    # Up to 18 digits fit into int64. float() rounds longer ones correctly, and does not limit the number of digits.
    return int(text) if len(text) <= 18 else _float(text)


def _named(whole: dict[str, Any], meant: Entries) -> Named:
    data = {name: whole[name] for name in meant}
    kinds = {name: KINDS[meant[name]] for name in data}
    texts = {meant[name]: to_text(value, name) for name, value in data.items() if kinds[name] is Kind.TEXT}
    objects = {meant[name]: object_of(value, meant[name]) for name, value in data.items() if kinds[name] is Kind.OBJECT}
    arrays = {meant[name]: to_array(value, meant[name]) for name, value in data.items() if kinds[name] is Kind.ARRAY}
    given = texts.pop("dtype", None)
    dtype = "float64" if given is None else given
    if dtype not in TYPES:
        raise InputError(f"dtype is {', '.join(TYPES)}, not {dtype!r}")
    return Named(
        arrays={name: _as_stored(name, array, dtype, objects.get("options", {})) for name, array in arrays.items()},
        labels={meant[name]: to_labels(value, name) for name, value in data.items() if kinds[name] is Kind.LABELS},
        texts=texts,
        options=objects.get("options", {}),
        show=objects.get("show", {}),
        dtype=given,
    )


def _as_stored(name: str, array: NDArray[Any], dtype: str, options: dict[str, object]) -> NDArray[Any]:
    """Return the numbers in the type that the file says they have: decimals hold any float exactly.

    That is the type of the states; masks and the like may be wider, and stay as they are.
    """
    if array.dtype == bool or ARRAYS[name].is_truth:
        return array
    if name not in (*STATES, *INTERMEDIATE):
        return array.astype(np.float64, copy=False)
    if name in INTERMEDIATE:
        computed = options.get("dtype")
        dtype = str(computed) if computed in TYPES else str(np.result_type(dtype, np.float32))
    with np.errstate(over="ignore"):
        stored = array.astype(dtype, copy=False)
    if not np.array_equal(np.isinf(stored), np.isinf(array)):
        raise InputError(f"{name} holds a number beyond the range of {dtype}, which the file says is its type")
    return stored


def write(named: Named, file: IO[bytes]) -> None:
    """Write strict JSON, one name per line. Floats are written so that they read back as the same float."""
    entries: dict[str, object] = {**named.texts, **named.objects}
    if named.dtype is not None:
        entries["dtype"] = named.dtype
    entries |= {**named.labels, **named.records}
    # What an encoder may refuse comes first: nothing has been written by then.
    lines = [f'"{name}": {as_json(value, allow_nan=False)}' for name, value in entries.items()]
    file.write(("{\n" + ",\n".join(lines)).encode())
    for at, (name, array) in enumerate(named.arrays.items()):
        file.write(b",\n" * bool(lines or at) + f'"{name}": '.encode())
        for text in _pieces(array, None if name in NULL_IS_CLOSED else "-Infinity"):
            file.write(text.encode())
    file.write(b"\n}\n")


def texts(array: NDArray[Any]) -> Iterator[str]:
    """Yield numbers as nested lists of strict JSON, piece by piece; −∞ closes nothing and is a text, as ∞ is."""
    return _pieces(array, "-Infinity")


def _pieces(array: NDArray[Any], minus: str | None) -> Iterator[str]:
    """Yield the text of nested lists, of which only a piece at a time is in memory.

    Args:
        array: the numbers.
        minus: what stands for −∞; strict JSON has "NaN" and "Infinity" as texts, null where −∞ closes a key.
    """
    if array.size <= PIECE:
        yield as_json(_strict(array, minus), allow_nan=False)
        return
    yield "["
    for at, some in enumerate(pieces(array)):
        yield ", " * (at > 0)
        if some.ndim < array.ndim:
            yield from _pieces(some, minus)
        else:
            yield as_json(_strict(some, minus), allow_nan=False)[1:-1]
    yield "]"


def _strict(array: NDArray[Any], minus: str | None) -> Any:
    if array.dtype == bool or np.isfinite(array).all():
        return array.tolist()
    return _finite(array.tolist(), minus)


def _finite(value: Any, minus: str | None) -> Any:
    if isinstance(value, list):
        return [_finite(each, minus) for each in value]
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else minus
