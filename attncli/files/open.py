"""Open what a command was given, find out its format, and pass it to the module that reads that format."""

from __future__ import annotations

import codecs
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from shlex import quote
from typing import cast

from attncli.errors import InputError
from attncli.files import foreign, typed
from attncli.files.contents import Contents
from attncli.files.formats import (
    FOLDERS,
    FORMATS,
    READ,
    Format,
    folder_of,
    is_address,
    is_index,
    of_suffix,
    sniff,
    suffixes,
)
from attncli.files.margins import UNSAID, Margins
from attncli.files.samples import PREFIX, find
from attncli.text import listed

STDIN = "-"
# Parsing text takes ten times its size in memory; larger matrices belong in a file that is mapped.
MOST_TEXT = 1 << 31
HEAD = 4096  # bytes that tell the format


def read(given: str, margins: Margins = UNSAID, *, lists: bool = False) -> Contents:
    """Read ``PATH``, ``PATH:name`` (one array or problem of an archive), ``sample:NAME`` or ``-`` (standard input).

    Text that begins with ``[`` is the matrix itself, unless there is a file of that name.

    Args:
        given: what stands on the command line.
        margins: what stands around the numbers of a table; by default that is found out.
        lists: whether numbers with commas between them are an array too.

    Raises:
        InputError: with the file, the place and the fix, whatever is wrong with it.
    """
    path, name = split_name(given)
    with naming(path):
        if is_typed(path):
            return typed.bracketed(path)
        if lists and not _exists(path) and typed.is_list(given):
            return typed.listed(given)
        try:
            return _read(path, name, margins)
        except FileNotFoundError:
            hint = "a matrix on the command line stands in brackets, as in '[1, 2, 3]'" if typed.is_list(given) else ""
            raise InputError("no such file", hint=hint) from None


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Return a context that turns whatever goes wrong with a file into an error that names it."""
    try:
        yield
    except InputError as error:
        error.place = ": ".join(filter(None, [shown(path), error.place]))
        raise
    except FileNotFoundError:
        raise InputError("no such file", place=shown(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(getattr(error, "strerror", None) or str(error), place=shown(path)) from None
    except MemoryError:
        raise InputError("too big for the memory of this machine", place=shown(path)) from None


def split_name(given: str) -> tuple[str, str | None]:
    """Split ``F:name``; a file whose own name has a colon wins, and a matrix that is typed has no name in it.

    An address has colons of its own; a name stands behind the suffix of a format.

    >>> split_name("dump.npz:query"), split_name("sample:decode:query")
    (('dump.npz', 'query'), ('sample:decode', 'query'))
    >>> split_name("s3://host:80/x.zarr:a/b:c"), split_name("s3://host:80/x.zarr")
    (('s3://host:80/x.zarr', 'a/b:c'), ('s3://host:80/x.zarr', None))
    """
    if is_address(given):
        ends = [at + len(each) for each in suffixes(FOLDERS) if (at := given.find(f"{each}:")) >= 0]
        return (given[: min(ends)], given[min(ends) + 1 :]) if ends else (given, None)
    if _exists(given):
        return given, None
    if given.startswith(PREFIX) and not Path(PREFIX[:-1]).is_file():
        sample, colon, name = given.removeprefix(PREFIX).partition(":")
        return PREFIX + sample, name if colon else None
    for at, letter in enumerate(given):
        if letter == ":" and _exists(given[:at]):  # the name may hold anything
            return given[:at], given[at + 1 :]
    if typed.is_bracketed(given):
        return given, None
    path, colon, name = given.rpartition(":")
    return (path, name) if colon and path and not {"/", "\\"} & set(name) else (given, None)


def _exists(path: str) -> bool:
    try:
        return path == STDIN or Path(path).exists()
    except (OSError, ValueError):  # the name is too long, or contains a NUL
        return False


def is_typed(path: str) -> bool:
    """Tell whether what is given is no file, but the text of a matrix."""
    return typed.is_bracketed(path) and not _exists(path)


def shown(path: str) -> str:
    """Return what messages call the file."""
    if path == STDIN:
        return "standard input"
    if path == PREFIX:
        return "sample"  # of no name, and so no more than what all have before theirs
    return typed.called(path) if is_typed(path) else path


def _read(path: str, name: str | None, margins: Margins) -> Contents:
    if path == STDIN:
        if sys.stdin is None:
            raise InputError("is closed")
        return read_stream(cast(BufferedReader, sys.stdin.buffer), None, name, margins)
    if is_address(path):
        return _read_folder(at_address(path), path, name)
    file = file_of(path)
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        if (folder := folder_of(file)) is not None:
            return _read_folder(folder, file, name)
        if (meant := of_suffix(file.name)) in FOLDERS and meant is not None:
            raise InputError(f"is no {meant.title} store: it has none of {', '.join(meant.marks)}")
        hint = f"attn inspect {quote(f'{path}:*')} lists the layers of its weights"
        raise InputError("is a directory, not a file", hint=hint if any(file.glob("*.safetensors")) else "")
    if not stat.S_ISREG(mode):  # a pipe, such as <(command) makes
        with file.open("rb") as stream:
            return read_stream(stream, of_suffix(file.name), name, margins)
    if is_index(file.name):
        from attncli.files import shards

        return shards.read_path(file, name)
    kind = kind_of(file, path)
    only = _only(kind, name)
    if kind.text:
        _check_length(file.stat().st_size)
        return _parse(kind, file.read_bytes(), only, margins)
    with kind.codec() as codec:
        return codec.read_path(file, **dict(kind.settings), **only)


def at_address(path: str) -> Format:
    """Return the format of what lies at an address.

    Raises:
        InputError: it is read from files alone.
    """
    kind = of_suffix(path.rstrip("/"))
    if kind is None or not kind.is_folder:
        raise InputError(f"is an address, and at addresses {listed(suffixes(FOLDERS), 'or')} alone are read")
    return kind


def _read_folder(kind: Format, path: Path | str, name: str | None) -> Contents:
    with kind.codec() as codec:
        return codec.read_path(path, **_only(kind, name))


def file_of(path: str) -> Path:
    """Return the file of this path, or of a sample."""
    return find(path.removeprefix(PREFIX)) if path.startswith(PREFIX) and not _exists(path) else Path(path)


def kind_of(file: Path, path: str) -> Format:
    """Return the format of a regular file.

    Args:
        file: where it is.
        path: what the user called it.

    Raises:
        InputError: it is empty, of another program, or not what its suffix says.
    """
    with file.open("rb") as stream:
        return _kind(stream.read(HEAD), of_suffix(file.name), path)


def read_stream(
    stream: BufferedReader, known: Format | None = None, name: str | None = None, margins: Margins = UNSAID
) -> Contents:
    """Read what comes through a pipe.

    Args:
        stream: at its first byte.
        known: the format that the pipe's name promises, if it has a suffix.
        name: the array or problem that is wanted of an archive.
        margins: what stands around the numbers of a table.

    Raises:
        InputError: as `read`, without the name of the file.
    """
    kind = _kind(stream.peek(HEAD), known)
    only = _only(kind, name)
    if kind.in_place:
        with kind.codec() as codec:
            return codec.read_stream(stream)
    data = _read_all(stream)
    if kind.text:
        return _parse(kind, data, only, margins)
    with kind.codec() as codec:
        return codec.read_bytes(data, **dict(kind.settings), **only)


def _kind(head: bytes, known: Format | None, path: str = "") -> Format:
    """Return the format, by the name of the file if that says it, and refuse a file of another format."""
    if not head:
        raise InputError("is empty")
    real = sniff(head)
    foreign.check(path, head, real)
    kind = real if known is None or known not in READ else known
    if kind.is_folder:
        raise InputError(f"is a file, and {kind.title} stores are folders")
    _check_kind(kind, real, head)
    return kind


def _check_kind(kind: Format, real: Format, head: bytes) -> None:
    if not real.text and real is not kind:
        message = f"is {_with_article(real)} file, not {kind.title}"
        raise InputError(message, hint=f"rename it to {real.suffix}")
    if not kind.text and real is not kind:
        raise InputError(f"is not {_with_article(kind)} file: wrong magic bytes")
    if kind.text and b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"is binary, not {kind.title}", hint=", ".join(suffixes(READ)) + " files are read")


def _with_article(kind: Format) -> str:
    # Capitals are spelled out: an "en pee why" file.
    vowel = kind.title.isupper() and kind.title[0] in "AEFHILMNORSX"
    return f"{'an' if vowel else 'a'} {kind.title}"


def _only(kind: Format, name: str | None) -> dict[str, str]:
    """Return what tells a reader to pick one array; that may then have any name at all."""
    if name is None:
        return {}
    if not kind.is_archive:
        raise InputError(f"holds one array without a name, so there is no {name!r} in it")
    return {"only": name}


def _read_all(stream: BufferedReader) -> bytes:
    """Read to the end in pieces, so that an endless stream is noticed in time."""
    data = bytearray()
    while chunk := stream.read(1 << 20):
        data += chunk
        _check_length(len(data))
    return bytes(data)


def _check_length(size: int) -> None:
    if size > MOST_TEXT:
        mapped = ", ".join(each.suffix for each in FORMATS.values() if each.in_place)
        hint = f"save the matrix as {mapped}, which is mapped, not read"
        raise InputError(f"more than {MOST_TEXT} bytes are too many", hint=hint)


def _parse(kind: Format, data: bytes, only: dict[str, str], margins: Margins) -> Contents:
    text = _decode(data)
    with kind.codec() as codec:
        return codec.parse(text, **dict(kind.settings), **only, **margins.settings_of(kind))


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("is UTF-16 text, not UTF-8", hint="save it as UTF-8 (in Excel: CSV UTF-8)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise InputError(message, place=f"line {line}", hint="save it as UTF-8") from None
