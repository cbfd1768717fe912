"""What other readers make of a file: whatever this program takes must mean the same to them.

A file that others refuse, such as one with a wrong checksum, may be refused here, and nothing may be computed with it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from attncli.errors import InputError
from attncli.files.contents import Cases, Contents, Matrix, Named
from attncli.files.open import read
from tests.fuzz.guard import BrokenError
from tests.fuzz.problems import Array

Found = dict[str, Array]


def _npy(data: bytes) -> Found:
    return {"": np.load(io.BytesIO(data), allow_pickle=False)}


def _npz(data: bytes) -> Found:
    found = {}
    with np.load(io.BytesIO(data), allow_pickle=False) as members:
        for name in members:
            with suppress(Exception):  # whatever is broken is not found
                found[name] = members[name]
    return {name: array for name, array in found.items() if array.dtype.kind in "biuf"}


def _safetensors(data: bytes) -> Found:
    import ml_dtypes
    from safetensors import deserialize

    def type_of(code: str) -> np.dtype[Any]:
        names = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"}
        own = "?" if code == "BOOL" else f"<{code[0].lower()}{code[1:]}"
        return np.dtype(getattr(ml_dtypes, names[code]) if code in names else SIZES.get(own, own))

    return {
        name: np.frombuffer(held["data"], type_of(held["dtype"])).reshape(held["shape"])
        for name, held in deserialize(data)  # type: ignore[no-untyped-call]
    }


def _json(data: bytes) -> Found:
    decoded = json.loads(data.decode("utf-8-sig"))
    entries = decoded if isinstance(decoded, dict) else {"": decoded}
    found = {name: _numbers(held) for name, held in entries.items() if isinstance(held, list | int | float)}
    return {name: array for name, array in found.items() if array is not None}


def _numbers(held: Any) -> Array | None:
    """Return nested lists as an array, if they are one of numbers; labels are not."""
    words = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}

    def one(each: Any) -> Any:
        if isinstance(each, list):
            return [one(every) for every in each]
        return -np.inf if each is None else words[each] if isinstance(each, str) else each

    try:
        return np.array(one(held), dtype=float)
    except (KeyError, ValueError, TypeError):
        return None


def _table(data: bytes) -> Found:
    """Count the lines of a table; nothing is said of one with quotes, which may hold lines."""
    text = data.decode("utf-8-sig")
    if '"' in text or "\r" in text:
        return {}
    lines = [line for line in text.split("\n") if line.strip()]
    # What separates the cells may be said in a line of its own. A line of nothing but commas has no cells, where they
    # are what separates them; where tabs or semicolons do, it is a label.
    rows = [line for line in lines if not _is_empty(line) and not re.fullmatch(r"sep=.", line.strip())]
    # Lines before the table may be comments, if they look so; behind its first row none is.
    comments = next((at for at, line in enumerate(rows) if not line.lstrip().startswith("#")), 0)
    return {"least": np.zeros(len(rows) - comments), "most": np.zeros(len(lines))}


def _is_empty(line: str) -> bool:
    return all(each.isspace() or each in ",;" for each in line)


# How each format is read by somebody else. A format that is declared and missing here fails a test.
READERS: Mapping[str, Callable[[bytes], Found]] = {
    "json": _json,
    "csv": _table,
    "tsv": _table,
    "npy": _npy,
    "npz": _npz,
    "safetensors": _safetensors,
}
# Where NumPy counts bytes, and others bits.
SIZES = {f"<{kind}{8 * size}": f"<{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8)}
TABLES = ("csv", "tsv")


def hold(name: str, path: Path, data: bytes, *, strictly: bool = False) -> None:
    """Assert that others find in a file whatever this program finds in it.

    Args:
        name: of the format.
        path: of the file.
        data: what is in it.
        strictly: whether it must be read.
    """
    try:
        found = read(str(path))
    except InputError:
        if strictly:
            raise
        return
    try:
        there = READERS[name](data)
    except Exception as error:
        raise BrokenError(f"{name} is read that no other reader takes", f"{type(error).__name__}: {error}") from error
    if name in TABLES:
        _same_lines(found, there)
        return
    for called, array in arrays(found).items():
        if not any(_same(array, each) for each in there.values()):
            raise BrokenError(
                f"{name}: an array is read that no other reader finds", f"{called}: {array!r} is none of {there}"
            )


def _same_lines(found: Contents, there: Found) -> None:
    """Assert that every line of a table is a row of numbers, but for a header."""
    assert isinstance(found, Matrix)
    rows = len(found.array) + (found.column_labels is not None)
    if there and not len(there["least"]) <= rows <= len(there["most"]):
        raise BrokenError("lines of a table vanish", f"{rows} rows of {len(there['most'])} lines")


def _same(here: Array, there: Array) -> bool:
    """Tell whether two readers found the same numbers; a file may say that its own are rounded to another type."""
    if here.shape != there.shape:
        return False
    with np.errstate(all="ignore"):  # NaN that signal, and what another type does not hold
        found = there.astype(float).astype(here.dtype).astype(float)
        return np.array_equal(here.astype(float), found, equal_nan=True)


def arrays(found: Contents) -> Found:
    """Return all arrays in a file."""
    if isinstance(found, Matrix):
        return {"": found.array}
    if isinstance(found, Named):
        return dict(found.arrays)
    assert isinstance(found, Cases)
    return {f"{case}.{name}": array for case, each in found.named.items() for name, array in each.arrays.items()}
