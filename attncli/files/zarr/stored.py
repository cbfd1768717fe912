"""Arrays of Zarr stores: opened without reading them, read whole or in regions, made and written in regions.

A region is a tuple with a slice for each axis, without steps. Regions that are made of whole shards (`Stored.whole`)
are written by several processes at once without locks, each on its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.attend.shapes import show
from attncli.errors import InputError
from attncli.files.broken import broken
from attncli.files.zarr.headers import Header, header, node
from attncli.files.zarr.layout import layout
from attncli.files.zarr.places import Place, place_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Region = tuple[slice, ...]
# How many shards the library zarr reads at a time; larger ones are read one by one, each of which takes three times its
# size: the file, its chunks, and what they are put together to.
AT_A_TIME, LARGE, OF_A_SHARD = 10, 1 << 25, 3


@dataclass(frozen=True)
class Stored:
    """An array in a store, of which nothing but the metadata has been read.

    Attributes:
        place: where the store lies.
        key: of the array in it; "" if the store is one array.
        header: what its metadata promise.
    """

    place: Place
    key: str
    header: Header

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self.header.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""
        return self.header.dtype

    @property
    def whole(self) -> tuple[int, ...]:
        """The shape of a shard, or of a chunk where there are no shards: what is written without locks."""
        return self.header.shards

    def __getitem__(self, region: Any) -> NDArray[Any]:
        """Read a region: of each shard the chunks that it touches, and nothing else.

        Raises:
            InputError: a chunk is broken.
        """
        with _saying():
            return np.asarray(self._array[region])

    def read(self) -> NDArray[Any]:
        """Read all of it.

        Raises:
            InputError: it would not fit into memory, or a chunk is broken.
        """
        size, shard = self.header.size, self.header.shard_size
        what = f"{show(self.shape)} {self.dtype.name} take {memory.size(size)}"
        if shard > LARGE:
            memory.require(size + OF_A_SHARD * shard, what, "")
            found = np.empty(self.shape, self.dtype)
            for region in regions(self.shape, self.whole):
                found[region] = self[region]
            return found
        memory.require(size + max(shard, min(size, AT_A_TIME * shard)), what, "")
        found = self[...]
        if found.shape != self.shape or found.dtype.name != self.dtype.name:
            raise InputError(f"broken Zarr array: {show(found.shape)} {found.dtype} and not what its metadata promise")
        return found

    @cached_property
    def _array(self) -> Any:
        import zarr

        self.place.check(self.key)
        with _saying():
            return zarr.open_array(
                store=self.place.store(),
                path=self.key,
                mode="r",
                zarr_format=self.header.version,
            )


def opened(path: Path | str, name: str = "") -> Stored:
    """Open an array of a store, and read nothing but its metadata.

    Args:
        path: of the store, or its address.
        name: of the array in it, with dots or slashes between names of groups; "" if the store is one array.

    Raises:
        InputError: there is no such array, or it is none that can be read.
    """
    place, key = place_of(path), name
    kind, metadata, _ = node(place, key)
    if kind != "array" and "." in name:
        key = name.replace(".", "/")
        kind, metadata, _ = node(place, key)
    if kind != "array":
        raise InputError(f"has no array {name!r}" if name else "is not one array", place=str(path))
    return Stored(place, key, header(metadata))


def create(
    path: Path | str,
    shape: Sequence[int],
    dtype: np.dtype[Any],
    *,
    name: str = "",
    chunks: Sequence[int] | None = None,
) -> Stored:
    """Make an array that has no numbers yet, to be written in regions.

    Numbers are not compressed: those of attention hardly shrink. Each chunk has a checksum, and where a region has not
    been written there are NaN, so that it shows; whole numbers and bools have no word for that, and are 0 there.

    Args:
        path: of a folder, which becomes the store, or the group that is there already.
        shape: of the array.
        dtype: of its numbers.
        name: of the array in the group; "" if it is the whole store.
        chunks: the shape of a chunk; by default that of `layout`, and so are shards.
    """
    import zarr

    chosen = layout(shape, dtype.itemsize, chunks)
    with _warning_nobody():
        zarr.create_array(
            store=str(path),
            name=name or None,
            shape=tuple(shape),
            dtype=dtype.newbyteorder("="),
            chunks=chosen.chunks,
            shards=chosen.shards,
            compressors=[zarr.codecs.Crc32cCodec()],
            fill_value=np.nan if dtype.kind == "f" else 0,
            config={"write_empty_chunks": True},
        )
    return opened(path, name)


def write_region(path: Path | str, name: str, region: Region, numbers: NDArray[Any]) -> None:
    """Write a region of an array of a store; several processes may do so at once, each in shards of its own.

    Args:
        path: of the store.
        name: of the array in it; "" if the store is one array.
        region: where, made of whole shards.
        numbers: of the shape of the region.

    Raises:
        ValueError: the region cuts a shard, or the numbers do not have its shape or type.
    """
    import zarr

    with _warning_nobody():
        array = zarr.open_array(store=str(path), path=name, mode="r+", config={"write_empty_chunks": True})
        check_aligned(region, array.shape, array.shards or array.chunks)
        expected = tuple(each.stop - each.start for each in region)
        if numbers.shape != expected or numbers.dtype != array.dtype:
            raise ValueError(f"{numbers.shape} {numbers.dtype} for a region of {expected} {array.dtype}")
        array[region] = numbers


def regions(shape: Sequence[int], whole: Sequence[int]) -> Iterator[Region]:
    """Yield regions of one shard each, which together are the array.

    >>> list(regions((3, 4), (2, 4)))
    [(slice(0, 2, None), slice(0, 4, None)), (slice(2, 3, None), slice(0, 4, None))]
    """
    along = (
        [slice(start, min(start + each, size)) for start in range(0, size, each)]
        for size, each in zip(shape, whole, strict=True)
    )
    yield from product(*along)


def check_aligned(region: Region, shape: Sequence[int], whole: Sequence[int]) -> None:
    """Refuse a region that holds a part of a shard: another writer could hold the rest.

    Raises:
        ValueError: with the axis.
    """
    if len(region) != len(shape):
        raise ValueError(f"a region of {len(region)} axes in an array of {len(shape)}")
    for axis, (part, size, each) in enumerate(zip(region, shape, whole, strict=True)):
        ends = part.stop == size or part.stop % each == 0
        if part.step not in (None, 1) or part.start % each or not ends or not 0 <= part.start <= part.stop <= size:
            raise ValueError(f"the region {part.start}:{part.stop} of axis {axis} cuts shards of {each}")


@contextmanager
def _warning_nobody() -> Iterator[None]:
    """Return a context in which the library warns nobody: its warnings are for programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _saying() -> Iterator[None]:
    """Return a context that turns whatever the library raises on a broken store into one error."""
    with broken("broken Zarr array", passed=(ImportError,)), _warning_nobody():
        yield
