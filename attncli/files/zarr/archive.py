"""Zarr: a store is one array, or a group of named arrays, of which those alone are read that are asked for.

Groups in groups are parts of names: ``a/b/query`` is called ``a.b.query``. Labels, texts and options are attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attncli.errors import InputError
from attncli.files.attributes import contents_of, is_said
from attncli.files.contents import Contents, Entry, Matrix, Named, Tensors
from attncli.files.npz import own_type
from attncli.files.zarr.headers import Header, header, node
from attncli.files.zarr.places import Place, below, place_of
from attncli.files.zarr.stored import Stored, create, regions, write_region

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MOST_NODES = 100_000


def read_path(path: Path | str, only: str | None = None) -> Contents:
    """Read a store: of one array all of it, of a group the arrays of a problem, or the one that is wanted."""
    place = place_of(path)
    kind, metadata, _ = node(place, "")
    if not kind:
        raise InputError("is no Zarr store: it has no zarr.json, .zgroup or .zarray")
    if kind == "array":
        if only is not None:
            raise InputError(f"holds one array without a name, so there is no {only!r} in it")
        return Matrix(Stored(place, "", header(metadata)).read())
    found, said = _walked(place)
    return contents_of(found, said, lambda name: _array(place, found, name), lambda name: _entry(found, name), only)


def tensors(path: Path | str) -> Tensors:
    """Open a store; no array is read before it is asked for."""
    place = place_of(path)
    found, _ = _walked(place)
    return Tensors(found.keys(), lambda name: _entry(found, name), lambda name: _array(place, found, name))


# The key and the metadata of each array by its name, and what attributes say.
Arrays = dict[str, tuple[str, dict[str, Any]]]


def _walked(place: Place) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays of a group and of those in it, and what their attributes say, all by their names."""
    found: Arrays = {}
    said: dict[str, Any] = {}
    waiting, seen = [""], 0
    while waiting:
        key = waiting.pop()
        seen += 1
        if seen > MOST_NODES:
            raise InputError(f"has more than {MOST_NODES} arrays and groups")
        kind, metadata, attributes = node(place, key)
        name = key.replace("/", ".")
        if kind == "array":
            if name in found:
                raise InputError(f"has two arrays of the name {name!r}")
            found[name] = key, metadata
        elif kind == "group":
            said |= {f"{name}.{own}" if name else own: each for own, each in attributes.items() if is_said(own)}
            waiting += reversed([below(key, each) for each in place.folders(key)])
    return found, said


def _entry(found: Arrays, name: str) -> Entry:
    try:
        promised = header(found[name][1])
    except InputError as error:
        return Entry(name, None, error.message)
    return Entry(name, promised.shape, promised.dtype.name)


def _array(place: Place, found: Arrays, name: str) -> NDArray[Any]:
    return _naming(name, Stored(place, found[name][0], _header(found, name)).read)


def _header(found: Arrays, name: str) -> Header:
    return _naming(name, lambda: header(found[name][1]))


def _naming(name: str, work: Callable[[], Any]) -> Any:
    """Do something with an array, and name it in what is wrong with it."""
    try:
        return work()
    except InputError as error:
        error.message = f"{name}: {error.message}"
        raise


def write_folder(named: Named, path: Path, chunks: Sequence[int] | None = None) -> Mapping[str, tuple[int, ...]]:
    """Write all arrays into a group, with labels, texts and options as its attributes.

    Args:
        named: the arrays, and what is said of them.
        path: of a folder, which is made.
        chunks: the shape of chunks for arrays with as many axes; by default each gets its own.

    Returns:
        The chunks of each array that has several.
    """
    import zarr

    if chunks is not None and all(array.ndim != len(chunks) for array in named.arrays.values()):
        raise InputError(f"chunks of {len(chunks)} axes fit none of {', '.join(named.arrays)}")
    zarr.create_group(store=str(path), attributes={**named.texts, **named.labels, **named.objects})
    several = {}
    for name, given in named.arrays.items():
        array = own_type(given)
        fits = chunks is not None and len(chunks) == array.ndim
        made = create(path, array.shape, array.dtype, name=name, chunks=chunks if fits else None)
        for region in regions(array.shape, made.whole):  # the library would hold ten shards at a time
            write_region(path, name, region, array[region].astype(made.dtype, copy=False))
        if any(part < size for part, size in zip(made.header.chunks, array.shape, strict=True)):
            several[name] = made.header.chunks
    return several
