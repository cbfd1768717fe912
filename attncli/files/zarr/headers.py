"""What a Zarr array says of itself, checked before the library zarr sees it.

Whoever wrote a store chooses its codecs, and some codecs of numcodecs unpickle what they read. So only those that
are listed here are let through, which turn bytes into numbers and do nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.errors import InputError
from attncli.files.zarr.places import Place, below

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

# Files that make a folder an array or a group, of version 3 and of version 2.
V3, ARRAY_2, GROUP_2, ATTRIBUTES_2 = "zarr.json", ".zarray", ".zgroup", ".zattrs"
INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
TYPES = ("bool", *INTEGERS, "float16", "float32", "float64")
OLD_TYPE = re.compile(r"[<>|](b1|[iu][1248]|f[248])")
# Checksums, compressors, and what comes before them.
SUMS = ("adler32", "crc32", "crc32c", "fletcher32", "jenkins_lookup3")
PACKERS = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")
CHANGES = ("astype", "bitround", "delta", "fixedscaleoffset", "packbits", "quantize", "shuffle")
FILTERS = (*SUMS, *PACKERS, *CHANGES)
CODECS = ("bytes", "transpose", "blosc", "gzip", "zstd", "crc32c", *(f"numcodecs.{each}" for each in FILTERS))
SHARDING = "sharding_indexed"
# The library makes a list of all chunks that it reads.
MOST_CHUNKS = 1 << 20
MOST_AXES = 32


@dataclass(frozen=True)
class Header:
    """What the metadata of an array promise, which is something that can be read.

    Attributes:
        chunks: the shape of what is read at once: of a chunk, or of one within a shard.
        shards: the shape of what is written at once; as `chunks` where there are no shards.
        version: of the format of the store: 2 or 3.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    shards: tuple[int, ...]
    version: int

    @property
    def size(self) -> int:
        """How many bytes the array takes. Python's integers do not wrap around, as NumPy's would."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def shard_size(self) -> int:
        """How many bytes a shard takes in memory."""
        return math.prod(self.shards) * self.dtype.itemsize


def node(place: Place, key: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return what lies at a key: "array", "group" or nothing (""), its metadata, and its attributes.

    Raises:
        InputError: its metadata are broken, or of a version that is not read.
    """
    found = place.header(key, V3)
    if found is not None:
        if found.get("zarr_format") != 3 or found.get("node_type") not in ("array", "group"):
            raise InputError(f"{below(key, V3)} is broken: it is no array or group of Zarr 3")
        return found["node_type"], found, _attributes(found.get("attributes", {}), key)
    for kind, name in (("array", ARRAY_2), ("group", GROUP_2)):
        found = place.header(key, name)
        if found is not None:
            if found.get("zarr_format") != 2:
                raise InputError(f"{below(key, name)} is broken: it is not of Zarr 2")
            return kind, found, place.header(key, ATTRIBUTES_2) or {}
    return "", {}, {}


def _attributes(found: object, key: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise InputError(f"{below(key, V3)} is broken: its attributes are no object")
    return found


def header(metadata: Mapping[str, Any]) -> Header:
    """Check the metadata of an array.

    Raises:
        InputError: they are broken, or it is none of numbers, or it has a codec that is not read.
    """
    try:
        made = _new(metadata) if metadata["zarr_format"] == 3 else _old(metadata)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError("its metadata are broken") from None
    if not len(made.shape) == len(made.chunks) == len(made.shards) <= MOST_AXES:
        raise InputError("its metadata are broken: its shape and its chunks do not have the same axes")
    for outer, inner in ((made.shape, made.shards), (made.shards, made.chunks)):
        count = math.prod(-(-most // each) for most, each in zip(outer, inner, strict=True))
        if count > MOST_CHUNKS:
            raise InputError(f"has {count} chunks, and more than {MOST_CHUNKS} are not read", hint="make them larger")
    return made


def _new(metadata: Mapping[str, Any]) -> Header:
    grid, codecs = metadata["chunk_grid"], metadata["codecs"]
    if grid["name"] != "regular" or metadata.get("storage_transformers"):
        raise InputError(f"has chunks of the kind {grid['name']!r}, which is not read")
    shards = _sizes(grid["configuration"]["chunk_shape"], 1)
    chunks = shards
    _check_codecs((each["name"] for each in codecs), (*CODECS, SHARDING))
    if inner := next((each["configuration"] for each in codecs if each["name"] == SHARDING), None):
        _check_codecs((each["name"] for each in (*inner["codecs"], *inner["index_codecs"])), CODECS)
        chunks = _sizes(inner["chunk_shape"], 1)
        if len(chunks) == len(shards) and any(whole % each for whole, each in zip(shards, chunks, strict=True)):
            raise ValueError("chunks that do not fit into a shard")
    return Header(_sizes(metadata["shape"], 0), _type(metadata["data_type"], TYPES), chunks, shards, 3)


def _old(metadata: Mapping[str, Any]) -> Header:
    codecs = [*(metadata["filters"] or ()), *filter(None, [metadata["compressor"]])]
    dtype = _type(metadata["dtype"], OLD_TYPE)
    _check_codecs((each["id"] for each in codecs), FILTERS)
    chunks = _sizes(metadata["chunks"], 1)
    return Header(_sizes(metadata["shape"], 0), dtype, chunks, chunks, 2)


def _type(name: Any, known: Iterable[str] | re.Pattern[str]) -> np.dtype[Any]:
    if isinstance(known, re.Pattern):
        if name == "|O":
            raise InputError("holds Python objects, which are never loaded", hint="save it as an array of numbers")
        fits = isinstance(name, str) and known.fullmatch(name) is not None
    else:
        fits = name in known
    if not fits:
        said = name.get("name") if isinstance(name, dict) else name if isinstance(name, str) else "a structure"
        raise InputError(f"holds {said}, not numbers", hint="float16, float32, float64, integers and bool are read")
    plain: DTypeLike = name
    return np.dtype(plain)


def _check_codecs(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse what may do more than turn bytes into numbers."""
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        message = f"is stored with the codec {str(unknown)[:40]!r}, which is not read"
        raise InputError(message, hint="save it with blosc, zstd, gzip or uncompressed; nothing is ever unpickled")


def _sizes(given: Any, least: int) -> tuple[int, ...]:
    if not isinstance(given, list) or any(type(size) is not int or not least <= size < 1 << 62 for size in given):
        raise ValueError("no shape")
    return tuple(given)
