"""Write results as bytes, in any format."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import NULL_IS_CLOSED
from attncli.attend.types import is_own
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.problem.result import Result
from attncli.text import is_printable, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = {
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".npy": "npy",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".md": "markdown",
    ".txt": "table",
}
# What several problems are written into.
SEVERAL = {".npz": "npz", ".safetensors": "safetensors"}


def to_json(result: Result) -> bytes:
    """Return strict JSON, one name a line. Floats are written so that they read back as the same float."""
    entries: dict[str, object] = {**result.texts}
    if result.options:
        entries["options"] = result.options
    if result.dtype is not None:
        entries["dtype"] = result.dtype
    entries |= result.labels
    entries |= {name: strict(name, array) for name, array in result.arrays.items()}
    lines = (f'"{name}": {_dump(value)}' for name, value in entries.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _dump(value: object) -> str:
    # Readable beyond ASCII, but JSON may also be printed on a terminal: what is not printable is escaped.
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if is_printable(each) else json.dumps(each)[1:-1] for each in text)


def strict(name: str, array: NDArray[Any]) -> Any:
    """Return nested lists that strict JSON can hold: "NaN" and "Infinity" as texts, null where −∞ closes a key."""
    if array.dtype == bool or np.isfinite(array).all():
        return array.tolist()
    return _strict(array.tolist(), None if name in NULL_IS_CLOSED else "-Infinity")


def _strict(value: Any, minus: str | None) -> Any:
    if isinstance(value, list):
        return [_strict(each, minus) for each in value]
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else minus


def to_csv(result: Result) -> bytes:
    """Return comma-separated values of the last array."""
    return _delimited(result, ",")


def to_tsv(result: Result) -> bytes:
    """Return tab-separated values of the last array."""
    return _delimited(result, "\t")


def _delimited(result: Result, delimiter: str) -> bytes:
    name, array = last(result)
    if array.ndim > 2:
        shape = "×".join(map(str, array.shape))
        raise InputError(
            f"{name} is {shape}, and CSV holds one matrix",
            hint="choose one with --head and --batch, or use json, npy, npz, safetensors",
        )
    rows, columns = result.labels_of(name)
    table = np.atleast_2d(array)
    lines = [list(map(repr, numbers)) for numbers in table.tolist()]
    if rows or columns:
        # The empty corner is what tells a reader that the first row and column are labels, even where they are numbers.
        side = [_quoted(label, delimiter) for label in rows or map(str, range(len(table)))]
        head = [_quoted(label, delimiter) for label in columns or map(str, range(table.shape[1]))]
        lines = [["", *head], *([label, *line] for label, line in zip(side, lines, strict=True))]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode()


def _quoted(label: str, delimiter: str) -> str:
    """Return a label as a cell. The csv module would not quote "#", which starts a comment where it starts a line."""
    text = visible(label)
    if text.startswith("#") or text != text.strip() or {delimiter, '"'} & set(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def to_npy(result: Result) -> bytes:
    """Return the last array as an NPY file."""
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asarray(last(result)[1]), allow_pickle=False)
    return out.getvalue()


def to_npz(result: Result) -> bytes:
    """Return all arrays, labels and texts as an NPZ file; the same input gives the same bytes."""
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **npz_members(result))
    return out.getvalue()


def npz_members(result: Result | Named) -> dict[str, NDArray[Any]]:
    """Return what an NPZ file holds of a result."""
    members = {name: own_type(array) for name, array in result.arrays.items()}
    members |= {name: np.array(labels, dtype=np.str_) for name, labels in result.labels.items()}
    members |= {name: np.array(text, dtype=np.str_) for name, text in result.texts.items()}
    if result.options:
        members["options"] = np.array(json.dumps(result.options), dtype=np.str_)
    return members


def own_type(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in a type that NumPy can write: float32 holds bfloat16 and its like exactly."""
    return np.asarray(array) if is_own(array.dtype) else np.asarray(array, dtype=np.float32)


def to_safetensors(result: Result) -> bytes:
    """Return all arrays as tensors, and labels, texts and options as metadata."""
    from attncli.files.safetensors import LENGTH, in_order, library

    data = library().numpy.save(*tensors_and_texts(result))
    end = LENGTH + int.from_bytes(data[:LENGTH], "little")
    return in_order(data[:end]) + data[end:]


def tensors_and_texts(result: Result | Named, before: str = "") -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return what a safetensors file holds of a result: tensors, and texts for its metadata.

    Args:
        result: a problem and what has been computed of it.
        before: what stands before each name, where the file holds several problems.
    """
    arrays = {before + name: np.ascontiguousarray(array) for name, array in result.arrays.items()}
    texts = {name: json.dumps(labels, ensure_ascii=False) for name, labels in result.labels.items()}
    texts |= {"options": json.dumps(result.options)} if result.options else {}
    said = {before + name: text for name, text in (dict(result.texts) | texts).items()}
    # JSON can hold halves of characters, which no UTF-8 can.
    return arrays, {name: text.encode("utf-8", "backslashreplace").decode() for name, text in said.items()}


def last(result: Result) -> tuple[str, NDArray[Any]]:
    """Return the array that formats of one matrix carry, with its name."""
    return list(result.arrays.items())[-1]


WRITERS: dict[str, Callable[[Result], bytes]] = {
    "json": to_json,
    "csv": to_csv,
    "tsv": to_tsv,
    "npy": to_npy,
    "npz": to_npz,
    "safetensors": to_safetensors,
}


def format_of(path: str, known: Mapping[str, str] = SUFFIXES) -> str:
    """Return the format that a file's extension asks for.

    Args:
        path: the file's.
        known: formats by extension.

    Raises:
        InputError: no extension, or one that nothing is written in.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        raise InputError(f"the extension {suffix!r} names no format", place=path, hint="one of " + ", ".join(known))
    return known[suffix]
