"""HDF5: named arrays in groups, of which those alone are read that are asked for. Groups are parts of names.

Only what lies in the file itself is read: links to other files, external storage and virtual datasets would let
whoever wrote the file choose what else of this machine is opened. Source: https://docs.hdfgroup.org (file format 3.0).
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from attncli import memory
from attncli.attend.shapes import show
from attncli.errors import InputError
from attncli.files.attributes import contents_of, is_said
from attncli.files.broken import broken
from attncli.files.contents import Contents, Entry, Tensors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BROKEN = "broken HDF5 file"
MOST_NODES = 100_000
MOST_DEPTH = 64
# What Keras and others ask of each filter is that it is built in; others are libraries that HDF5 loads by name.
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}


def read_path(path: Path, only: str | None = None) -> Contents:
    """Read the arrays of a problem, or the one that is wanted."""
    with broken(BROKEN):
        return _read(path, only)


def read_bytes(data: bytes, only: str | None = None) -> Contents:
    """Read what came from a stream."""
    with broken(BROKEN):
        return _read(io.BytesIO(data), only)


def tensors(path: Path) -> Tensors:
    """Open a file; no array is read before it is asked for."""

    def entry(name: str) -> Entry:
        with broken(BROKEN), h5py.File(path, "r") as file:
            return _entry(file, found[name], name)

    def array(name: str) -> NDArray[Any]:
        with broken(BROKEN), h5py.File(path, "r") as file:
            return _array(file, found[name], name)

    with broken(BROKEN), h5py.File(path, "r") as file:
        found, _ = _walked(file)
    return Tensors(found.keys(), entry, array)


def _read(source: Path | io.BytesIO, only: str | None) -> Contents:
    with h5py.File(source, "r") as file:
        found, said = _walked(file)

        def array(name: str) -> NDArray[Any]:
            return _array(file, found[name], name)

        def entry(name: str) -> Entry:
            return _entry(file, found[name], name)

        return contents_of(found, said, array, entry, only)


def _walked(file: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the paths of all arrays by their names, and what attributes say, likewise.

    Links within the file are left out: they are second names of what has one.

    Raises:
        InputError: a link leads to another file, or two arrays have one name.
    """
    found: dict[str, str] = {}
    said: dict[str, Any] = {}
    waiting, seen = [("", 0)], 0
    while waiting:
        path, depth = waiting.pop()
        seen += 1
        if seen > MOST_NODES or depth > MOST_DEPTH:
            raise InputError(f"has more than {MOST_NODES} arrays and groups, or {MOST_DEPTH} in each other")
        name = path.replace("/", ".")
        kind = file.get(path or "/", getclass=True)
        if kind is h5py.Dataset:
            if name in found:
                raise InputError(f"has two arrays of the name {name!r}")
            found[name] = path
        elif kind is h5py.Group:
            group = file[path or "/"]
            said |= {f"{name}.{own}" if name else own: each for own, each in _said(group)}
            below = [f"{path}/{each}" if path else each for each in group]
            waiting += [(each, depth + 1) for each in reversed(below) if _is_here(file, each)]
    return found, said


def _is_here(file: Any, path: str) -> bool:
    link = file.get(path, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise InputError(f"{path} is a link to another file, which is not opened", hint="save the arrays themselves")
    return isinstance(link, h5py.HardLink)


def _said(group: Any) -> Iterator[tuple[str, Any]]:
    """Return the attributes of a group that are ours, arrays of texts as lists."""
    for name in group.attrs:
        if is_said(name):
            value = group.attrs[name]
            value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            yield name, _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


def _checked(file: Any, path: str, name: str) -> Any:
    """Return an array of which nothing has been read, but all that would be.

    Raises:
        InputError: its numbers lie elsewhere, it holds something else, or it would not fit into memory.
    """
    dataset = file[path]
    made = dataset.id.get_create_plist()
    if dataset.is_virtual or made.get_external_count():
        raise InputError(f"{name}: its numbers lie in other files, which are not opened", hint="save them in this one")
    if (
        dataset.dtype.kind not in "biuf"
        or dataset.dtype.hasobject
        or dataset.dtype.itemsize > 8
        or not _is_simple(dataset)
    ):
        found = "texts" if h5py.check_string_dtype(dataset.dtype) else str(dataset.dtype)
        raise InputError(
            f"{name}: holds {found}, not numbers", hint="float16, float32, float64, integers and bool are read"
        )
    for at in range(made.get_nfilters()):
        code, _, _, title = made.get_filter(at)
        if code not in FILTERS or not h5py.h5z.filter_avail(code):
            said = FILTERS.get(code) or title.decode(errors="replace") or str(code)
            raise InputError(
                f"{name}: is packed by the filter {said}, which is not read", hint="save it with gzip, or not packed"
            )
    return dataset


def _is_simple(dataset: Any) -> bool:
    return dataset.id.get_space().get_simple_extent_type() in (h5py.h5s.SIMPLE, h5py.h5s.SCALAR)


def _entry(file: Any, path: str, name: str) -> Entry:
    try:
        dataset = _checked(file, path, name)
    except InputError as error:
        return Entry(name, None, error.message.removeprefix(f"{name}: "))
    return Entry(name, dataset.shape, dataset.dtype.name)


def _array(file: Any, path: str, name: str) -> NDArray[Any]:
    dataset = _checked(file, path, name)
    # Python's integers do not wrap around, as NumPy's would.
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    memory.require(size + 2 * chunk, f"{name}: {show(dataset.shape)} {dataset.dtype.name} take {memory.size(size)}", "")
    return np.asarray(dataset[()])
