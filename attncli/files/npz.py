"""NPZ: a ZIP archive of NPY members. Members that are not compressed are memory-mapped in place."""

from __future__ import annotations

import io
import json
import struct
import sys
import zipfile
from contextlib import AbstractContextManager, contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import KINDS, Kind
from attncli.attend.types import is_own
from attncli.errors import InputError
from attncli.files import npy
from attncli.files.archive import Entries, contents
from attncli.files.broken import broken, ended
from attncli.files.contents import TEXT, AnyLabels, Contents, Entry, Matrix, Named, Tensors
from attncli.files.formats import FOLDERS
from attncli.files.json import parse_object
from attncli.files.maps import mapped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# A deflated matrix of measured numbers shrinks little, a mask of trues a thousandfold. Beyond both of these bounds an
# archive is taken for a bomb; uncompressed, the same array costs no memory and has no bound.
BOMB_SIZE = 1 << 26
BOMB_RATIO = 100


def read_path(path: Path, only: str | None = None) -> Contents:
    """Read an archive file, or only the array or problem of this name; it may be a packed folder of another format."""
    with _opened(path) as stream:
        return _read(stream, mapped(path), only, path)


def read_bytes(data: bytes, only: str | None = None) -> Contents:
    """Read an archive that came from a stream."""
    with broken_archive():
        return _read(io.BytesIO(data), memoryview(data), only)


def broken_archive() -> AbstractContextManager[None]:
    """Turn whatever zipfile and its decompressors raise on a broken archive into one error."""
    return broken("broken ZIP archive", ended)


def tensors(path: Path) -> Tensors:
    """Open an archive; no member is read before it is asked for."""
    whole = mapped(path)

    def entry(name: str) -> Entry:
        with _opened(path) as stream, _members(stream, whole) as (archive, members):
            return _entry(archive, members[name], name)

    def array(name: str) -> NDArray[Any]:
        with _opened(path) as stream, _members(stream, whole) as (archive, members):
            return _member(archive, members[name], whole, name, text=False)

    with _opened(path) as stream, _members(stream, whole) as (_, members):
        return Tensors(members.keys(), entry, array)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with path.open("rb") as stream, broken_archive():
        yield stream


@contextmanager
def _members(stream: Any, whole: memoryview) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open an archive, and return it with its members by their names."""
    with zipfile.ZipFile(stream) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if "[Content_Types].xml" in members:
            raise InputError("is an Office document, not an NPZ archive", hint="save the sheet as CSV UTF-8")
        check_bomb(archive.infolist(), len(whole))
        yield archive, members


def _read(stream: Any, whole: memoryview, only: str | None, path: Path | None = None) -> Contents:
    with _members(stream, whole) as (archive, members):
        if packed := next((kind for kind in FOLDERS if members.keys() & set(kind.marks)), None):
            if path is None:
                raise InputError(f"is a packed {packed.title} store, which is read as a file alone")
            with packed.codec() as codec:
                found: Contents = codec.read_path(path, only)
                return found

        def named(entries: Entries) -> Named:
            def one(name: str, meant: str) -> NDArray[Any]:
                return _member(archive, members[name], whole, meant, text=KINDS[meant] is not Kind.ARRAY)

            return _named({meant: one(name, meant) for name, meant in entries.items()})

        def matrix(name: str) -> Matrix:
            return Matrix(_member(archive, members[name], whole, name, text=False))

        def entry(name: str) -> Entry:
            return _entry(archive, members[name], name)

        return contents([info.filename.removesuffix(".npy") for info in archive.infolist()], named, matrix, entry, only)


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Entry:
    try:
        with archive.open(info) as opened:
            header = npy.read_header(opened, text=True)
    except InputError as error:
        return Entry(name, None, error.message)
    return Entry(name, header.shape, TEXT if header.dtype.kind in "US" else header.dtype.name)


def _named(arrays: dict[str, NDArray[Any]]) -> Named:
    kept = {name: texts(array, name, 0) for name, array in arrays.items() if KINDS[name] is Kind.OBJECT}
    objects = {name: parse_object(text, name) for name, text in kept.items()}
    return Named(
        arrays={name: array for name, array in arrays.items() if KINDS[name] is Kind.ARRAY},
        labels={name: labels(array, name) for name, array in arrays.items() if KINDS[name] is Kind.LABELS},
        texts={name: texts(array, name, 0) for name, array in arrays.items() if KINDS[name] is Kind.TEXT},
        options=objects.get("options", {}),
        show=objects.get("show", {}),
    )


def check_bomb(members: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse an archive that would unpack to far more than it is, before anything is unpacked."""
    packed = [info for info in members if info.compress_type != zipfile.ZIP_STORED]
    held = sum(info.compress_size for info in packed)
    unpacked = sum(info.file_size for info in packed)
    if held > size:
        raise InputError("broken ZIP archive: its members claim to be larger than it is")
    if unpacked > BOMB_SIZE and unpacked > BOMB_RATIO * held:
        raise InputError(
            f"{held} bytes would unpack to {unpacked}: refused as a possible ZIP bomb",
            hint="save it with numpy.savez, uncompressed",
        )


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, whole: memoryview, name: str, *, text: bool
) -> NDArray[Any]:
    """Return an array, whose bytes have been checked against their checksum; what is not packed stays in the map."""
    try:
        with archive.open(info) as stream:
            start = _start(info, whole)
            header = npy.read_header(stream, text=text)
            npy.check_size(header, info.file_size - header.start)
            if info.compress_type == zipfile.ZIP_STORED:
                # In pieces, for it may be larger than memory. At the end zipfile compares the checksum.
                while stream.read(npy.CHUNK):
                    continue
                return npy.array_in(whole[start : start + info.file_size], text=text)
        return npy.array_in(archive.read(info), text=text)
    except InputError as error:
        error.message = f"{name}: {error.message}"
        raise


# A member's header: version, flags, method, time, date, checksum, packed and unpacked size, lengths of what follows.
LOCAL = struct.Struct("<4x5H3I2H")
SAID_LATER, SAID_ELSEWHERE = 1 << 3, 0xFFFFFFFF


def _start(info: zipfile.ZipInfo, whole: memoryview) -> int:
    """Return where the data of a member begin, which its own header says; it must agree with the directory.

    The length of the extra field may differ, and that of one that was written to a pipe says its sizes after the data.
    """
    _, flags, method, _, _, checksum, packed, size, names, extras = LOCAL.unpack_from(whole, info.header_offset)
    said = [(method, info.compress_type)]
    if not flags & SAID_LATER:
        said += [(checksum, info.CRC), (packed, info.compress_size), (size, info.file_size)]
    if info.compress_type == zipfile.ZIP_STORED:
        said += [(info.file_size, info.compress_size)]
    if any(own not in (listed, SAID_ELSEWHERE) for own, listed in said):
        raise InputError("its header and the directory of the archive contradict each other")
    return info.header_offset + LOCAL.size + names + extras


def labels(array: NDArray[Any], name: str) -> AnyLabels:
    """Return the texts of a string array: one list of them, or one list for each item of a batch."""
    if array.ndim == 2:
        return tuple(map(tuple, texts(array, name, 2)))
    return tuple(texts(array, name, 1))


def texts(array: NDArray[Any], name: str, rank: int) -> Any:
    """Return the texts of a string array of this rank.

    Raises:
        InputError: it is not a string array, or has another number of axes.
    """
    if array.dtype.kind not in "US" or array.ndim != rank:
        wanted = "one text (a 0-d string array)" if rank == 0 else "a 1-D array of texts"
        raise InputError(f"{name} must be {wanted}, not {array.ndim}-D {array.dtype}")
    if array.dtype.kind == "S":
        try:
            array = np.char.decode(array, "utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{name} is not UTF-8 text") from None
    if array.size == 0:
        return []  # (10¹², 0) would be as many empty lists
    # NumPy would make characters of them that Python does not have.
    most = np.frombuffer(array.tobytes(), array.dtype.byteorder.replace("|", "=") + "u4").max()
    if most > sys.maxunicode:
        raise InputError(f"{name} is not a text: there is no character U+{most:X}")
    return array.tolist()


def write(named: Named, file: IO[bytes]) -> None:
    """Write all arrays, labels, texts and options; the same input gives the same bytes."""
    members: dict[str, Any] = {name: own_type(array) for name, array in named.arrays.items()}
    said: dict[str, Any] = {**named.labels, **named.texts}
    said |= {name: json.dumps(each) for name, each in named.objects.items()}
    members |= {name: np.array(text, dtype=np.str_) for name, text in said.items()}
    try:
        # As numpy.savez does; but that takes allow_pickle for an array in NumPy 2.0, and leaves the archive open there.
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in members.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    except ValueError as error:
        raise _first(error) from None


def _first(error: BaseException) -> BaseException:
    """Return what went wrong first: zipfile closes what it could not write, and complains about that instead."""
    return error if error.__context__ is None else _first(error.__context__)


def own_type(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in a type that NumPy can write: float32 holds bfloat16 and the like exactly."""
    return np.asarray(array) if is_own(array.dtype) else np.asarray(array, dtype=np.float32)
