"""NPZ: a ZIP archive of NPY members. Members that are stored plain are memory-mapped in place."""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attncli.errors import InputError
from attncli.files import npy
from attncli.files.contents import Named
from attncli.files.json import parse_options
from attncli.names import KINDS, Kind, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC = b"PK\x03\x04"

# A deflated matrix of measured numbers shrinks little, a mask of trues a thousandfold. Beyond both of these bounds a
# member is taken for a bomb; stored plain, the same array costs no memory and has no bound.
BOMB_SIZE = 1 << 26
BOMB_RATIO = 100


def read_path(path: Path) -> Named:
    """Read an archive file."""
    with path.open("rb") as stream, broken_archive():
        # The arrays point into the map and keep it alive; the file itself can be closed.
        whole = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        return _read(stream, whole)


def read_bytes(data: bytes) -> Named:
    """Read an archive that came from a stream."""
    with broken_archive():
        return _read(io.BytesIO(data), memoryview(data))


@contextmanager
def broken_archive() -> Iterator[None]:
    """Turn all that zipfile and zlib raise on a broken archive into one error."""
    try:
        yield
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"broken ZIP archive: {error}") from None
    except (ValueError, OverflowError, UnicodeDecodeError) as error:
        raise InputError(f"broken ZIP archive: {error}") from None


def _read(stream: Any, whole: memoryview) -> Named:
    with zipfile.ZipFile(stream) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        meant = canonical(info.filename.removesuffix(".npy") for info in archive.infolist())
        arrays = {meant[name]: _member(archive, info, whole, meant[name]) for name, info in members.items()}
    return Named(
        arrays={name: array for name, array in arrays.items() if KINDS[name] is Kind.ARRAY},
        labels={name: tuple(texts(array, name, 1)) for name, array in arrays.items() if KINDS[name] is Kind.LABELS},
        texts={name: texts(array, name, 0) for name, array in arrays.items() if KINDS[name] is Kind.TEXT},
        options=parse_options(texts(arrays["options"], "options", 0)) if "options" in arrays else {},
    )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, whole: memoryview, name: str) -> NDArray[Any]:
    try:
        if info.file_size > BOMB_SIZE and info.file_size > BOMB_RATIO * info.compress_size:
            raise InputError(
                f"{info.compress_size} bytes would unpack to {info.file_size}: refused as a possible ZIP bomb",
                hint="save it with numpy.savez, uncompressed",
            )
        with archive.open(info) as stream:
            header = npy.read_header(stream, text=KINDS[name] is not Kind.ARRAY)
            npy.check_size(header, info.file_size - header.start)
        if info.compress_type == zipfile.ZIP_STORED:
            # What precedes the data is the local header, whose extra field may differ from the central one's.
            names, extras = struct.unpack("<HH", whole[info.header_offset + 26 : info.header_offset + 30])
            start = info.header_offset + 30 + names + extras
            return npy.array_in(whole[start : start + info.file_size], text=True)
        return npy.array_in(archive.read(info), text=True)
    except InputError as error:
        error.message = f"{name}: {error.message}"
        raise


def texts(array: NDArray[Any], name: str, rank: int) -> Any:
    """Return the texts of a string array of this rank.

    Raises:
        InputError: it is no string array, or has another number of axes.
    """
    if array.dtype.kind not in "US" or array.ndim != rank:
        wanted = "one text (a 0-d string array)" if rank == 0 else "a 1-D array of texts"
        raise InputError(f"{name} must be {wanted}, not {array.ndim}-D {array.dtype}")
    if array.dtype.kind == "S":
        import numpy as np

        array = np.char.decode(array, "utf-8")
    return array.tolist()
