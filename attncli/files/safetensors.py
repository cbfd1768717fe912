"""Safetensors: a header in JSON, then the bytes of all tensors, which are memory-mapped in place.

Source: https://huggingface.co/docs/safetensors (the format, and the package that checks what is read).
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import KINDS, Kind
from attncli.errors import InputError
from attncli.files.archive import Entries, contents
from attncli.files.contents import TEXT, Contents, Entry, Matrix, Named, Tensors
from attncli.files.json import decode, parse_object
from attncli.files.json_values import to_labels
from attncli.files.maps import mapped
from attncli.signals import Undoing

if TYPE_CHECKING:
    from numpy.typing import NDArray

LENGTH = 8  # bytes that say how long the header is, and the alignment of the data
TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
SAID = (Kind.LABELS, Kind.TEXT, Kind.OBJECT)
# What NumPy does not have; the names are those of ml_dtypes.
NARROW = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}


def read_path(path: Path, only: str | None = None) -> Contents:
    """Map a file; nothing but its header is read yet."""
    tensors, metadata = _opened(path)
    # Other programs put there whatever they like, such as {"format": "pt"}.
    texts = {name: text for name, text in metadata.items() if KINDS.get(name.rpartition(".")[2], Kind.ARRAY) in SAID}

    def named(entries: Entries) -> Named:
        arrays = {meant: tensors.array(name) for name, meant in entries.items() if name in tensors.names}
        return _named(arrays, {meant: texts[name] for name, meant in entries.items() if name in texts})

    def matrix(name: str) -> Matrix:
        if name not in tensors.names:
            raise InputError(f"{name} is a text, not an array")
        return Matrix(tensors.array(name))

    def entry(name: str) -> Entry:
        return tensors.entry(name) if name in tensors.names else Entry(name, None, TEXT)

    names = [*tensors.names, *(name for name in texts if name not in tensors.names)]
    return contents(names, named, matrix, entry, only)


def tensors(path: Path) -> Tensors:
    """Map a file; no tensor is read before it is asked for."""
    return _opened(path)[0]


def _opened(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Return the tensors of a file, and its metadata."""
    import safetensors

    try:
        with safetensors.safe_open(path, framework="np") as checked:
            metadata = checked.metadata() or {}
    except safetensors.SafetensorError as error:
        raise InputError(f"broken safetensors file: {error}") from None
    whole = mapped(path)
    end = LENGTH + int.from_bytes(whole[:LENGTH], "little")
    header = json.loads(bytes(whole[LENGTH:end]))
    header.pop("__metadata__", None)

    def entry(name: str) -> Entry:
        kind = header[name]["dtype"]
        known = NARROW[kind] if kind in NARROW else np.dtype(TYPES[kind]).name if kind in TYPES else kind
        return Entry(name, tuple(header[name]["shape"]), known)

    return Tensors(header.keys(), entry, lambda name: _array(whole[end:], name, header[name])), metadata


def read_bytes(data: bytes, only: str | None = None) -> Contents:
    """Read what came from a stream; the package checks files only."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        # A file without a name, which nothing leaves behind; elsewhere than on Linux it has to have one for a moment.
        path = Path(f"/proc/self/fd/{file.fileno()}")
        return read_path(path, only) if path.exists() else _read_copy(data, only)


def _read_copy(data: bytes, only: str | None) -> Contents:
    with tempfile.TemporaryDirectory() as folder, Undoing(partial(shutil.rmtree, folder, ignore_errors=True)):
        path = Path(folder) / "data"
        path.write_bytes(data)
        return read_path(path, only)


def _array(data: memoryview, name: str, entry: dict[str, Any]) -> NDArray[Any]:
    """Return one tensor as it lies in the map; the package has checked its place and size."""
    kind = entry["dtype"]
    if kind in NARROW:
        import ml_dtypes

        dtype = np.dtype(getattr(ml_dtypes, NARROW[kind]))
    elif kind in TYPES:
        dtype = np.dtype(TYPES[kind])
    else:
        raise InputError(f"{name}: holds {kind}, which is not understood", hint="F16, BF16, F32 and F64 are read")
    count = math.prod(entry["shape"])
    return np.frombuffer(data, dtype, count, entry["data_offsets"][0] if count else 0).reshape(entry["shape"])


def _named(arrays: dict[str, NDArray[Any]], texts: dict[str, str]) -> Named:
    for name in arrays:
        if KINDS[name] is not Kind.ARRAY:
            raise InputError(f"{name} must be a text in the metadata, not a tensor")
    kinds = {name: kind for name, kind in KINDS.items() if name in texts}
    return Named(
        # In the file, tensors are sorted by type and name, and metadata need not be sorted at all.
        arrays={name: arrays[name] for name in KINDS if name in arrays},
        labels={n: to_labels(decode(texts[n]), n) for n, kind in kinds.items() if kind is Kind.LABELS},
        texts={name: texts[name] for name, kind in kinds.items() if kind is Kind.TEXT},
        options=parse_object(texts.get("options", "{}"), "options"),
        show=parse_object(texts.get("show", "{}"), "show"),
    )


def write(named: Named, file: IO[bytes]) -> None:
    """Write all arrays as tensors, and labels, texts and options as metadata; the same input gives the same bytes.

    Written here, and not by the package, which sorts metadata differently on each run and takes all tensors at once.

    Raises:
        InputError: an array has a type that the format lacks.
    """
    import safetensors  # noqa: F401  # a file that this installation could not read back is not written

    # Wide types first, so that every tensor is aligned.
    tensors = dict(sorted(named.arrays.items(), key=lambda each: (-each[1].dtype.itemsize, each[0])))
    metadata = _metadata(named)
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, array in tensors.items():
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _code(name, array), "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH)
    file.write(len(text).to_bytes(LENGTH, "little") + text)
    for array in tensors.values():
        file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data)


def _metadata(named: Named) -> dict[str, str]:
    said = dict(named.texts) | {name: json.dumps(each, ensure_ascii=False) for name, each in named.labels.items()}
    said |= {name: json.dumps(each) for name, each in named.objects.items()}
    # JSON can hold halves of characters, which no UTF-8 can.
    return {name: said[name].encode("utf-8", "backslashreplace").decode() for name in sorted(said)}


def _code(name: str, array: NDArray[Any]) -> str:
    """Return what the format calls the type of an array."""
    codes = {np.dtype(own).name: code for code, own in TYPES.items()} | {
        narrow: code for code, narrow in NARROW.items()
    }
    if array.dtype.name not in codes:
        raise InputError(f"{name} is {array.dtype.name}, which safetensors cannot hold")
    return codes[array.dtype.name]
