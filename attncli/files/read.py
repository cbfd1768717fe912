"""Open what a command was given, find out what it is, and hand it to the reader of its format."""

from __future__ import annotations

import codecs
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from attncli.errors import InputError
from attncli.files.contents import Contents

STDIN = "-"
# Text takes ten times its size while it is read; what is larger than this belongs in an NPY file, which is mapped.
MOST_TEXT = 1 << 31


@dataclass(frozen=True)
class Format:
    """One format: the module that reads it, whether it is text, and whether it holds named arrays."""

    name: str
    module: str
    text: bool = False
    archive: bool = False


NPY = Format("NPY", "npy")
NPZ = Format("NPZ", "npz", archive=True)
SAFETENSORS = Format("safetensors", "safetensors", archive=True)
JSON = Format("JSON", "json", text=True, archive=True)
CSV = Format("CSV", "delimited", text=True)
TSV = Format("TSV", "delimited", text=True)

SUFFIXES = {".npy": NPY, ".npz": NPZ, ".safetensors": SAFETENSORS, ".json": JSON, ".csv": CSV, ".tsv": TSV}
BINARY = {b"\x93NUMPY": NPY, b"PK\x03\x04": NPZ, b"PK\x05\x06": NPZ}


def read(given: str) -> Contents:
    """Read ``PATH``, ``PATH:name`` (one array of an archive) or ``-`` (standard input).

    Raises:
        InputError: with the file, the place and the fix, whatever is wrong with it.
    """
    path, name = split_name(given)
    try:
        return _read(path, name)
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
    """Split ``F:name``; a file whose own name has a colon wins.

    >>> split_name("dump.npz:query")
    ('dump.npz', 'query')
    """
    if _exists(given):
        return given, None
    for at, letter in enumerate(given):
        if letter == ":" and _exists(given[:at]):  # the name may hold anything
            return given[:at], given[at + 1 :]
    path, colon, name = given.rpartition(":")
    return (path, name) if colon and path and not {"/", "\\"} & set(name) else (given, None)


def _exists(path: str) -> bool:
    try:
        return path == STDIN or Path(path).exists()
    except (OSError, ValueError):  # too long a name, or one with a NUL
        return False


def shown(path: str) -> str:
    """Return what messages call the file."""
    return "standard input" if path == STDIN else path


def _read(path: str, name: str | None) -> Contents:
    if path == STDIN:
        if sys.stdin is None:
            raise InputError("is closed")
        return _read_stream(cast(BufferedReader, sys.stdin.buffer), None, name)
    file = Path(path)
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError("is a directory, not a file")
    known = SUFFIXES.get(file.suffix.lower())
    if not stat.S_ISREG(mode):  # a pipe, such as <(command) makes
        with file.open("rb") as stream:
            return _read_stream(stream, known, name)
    with file.open("rb") as stream:
        head = stream.read(4096)
    if not head:
        raise InputError("is empty")
    kind = known or sniff(head)
    _check_kind(kind, head)
    if kind.text:
        _check_length(file.stat().st_size)
        return _parse(kind, file.read_bytes(), name)
    return _reader(kind, "read_path")(file, **_only(kind, name))


def _only(kind: Format, name: str | None) -> dict[str, str]:
    """Return what tells a reader to pick one array; picked by name, an array may have any name at all."""
    if name is None:
        return {}
    if not kind.archive:
        raise InputError(f"holds one array without a name, so there is no {name!r} in it")
    return {"only": name}


def _read_stream(stream: BufferedReader, known: Format | None, name: str | None) -> Contents:
    head = stream.peek(4096)
    if not head:
        raise InputError("is empty")
    kind = known or sniff(head)
    _check_kind(kind, head)
    if kind is NPY:
        _only(kind, name)
        return _reader(kind, "read_stream")(stream)
    data = _read_some(stream)
    return _parse(kind, data, name) if kind.text else _reader(kind, "read_bytes")(data, **_only(kind, name))


def _read_some(stream: BufferedReader) -> bytes:
    """Read to the end, in pieces: asked for all at once, Python would take the memory for the most there may be."""
    data = bytearray()
    while chunk := stream.read(1 << 20):
        data += chunk
        _check_length(len(data))
    return bytes(data)


def sniff(head: bytes) -> Format:
    """Tell the format from the first bytes: magic of NPY and NPZ, a header's length, a bracket for JSON, else CSV."""
    for magic, kind in BINARY.items():
        if head.startswith(magic):
            return kind
    # A header of less than 4 GB, whose length comes first and which is JSON. A NUL is nowhere in text.
    if head[4:9] == b"\0\0\0\0{":
        return SAFETENSORS
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return JSON if start in (b"{", b"[") else CSV


def _check_kind(kind: Format, head: bytes) -> None:
    """Refuse a file that is not what its name says, or no text where text is wanted."""
    real = sniff(head)
    if kind.text and not real.text:
        raise InputError(f"is no {kind.name} but an {real.name} file", hint=f"rename it to .{real.name.lower()}")
    if kind.text and b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"is binary, not {kind.name}", hint=", ".join(SUFFIXES) + " files are read")
    if not kind.text and real is not kind:
        raise InputError(f"is no {kind.name} file: its first bytes are not those of one")


def _check_length(size: int) -> None:
    if size > MOST_TEXT:
        raise InputError(
            f"more than {MOST_TEXT} bytes are too many", hint="save the matrix as .npy, which is mapped, not read"
        )


def _parse(kind: Format, data: bytes, name: str | None) -> Contents:
    text, only = _decode(data), _only(kind, name)
    if kind is TSV:
        return _reader(kind, "parse")(text, "\t")
    return _reader(kind, "parse")(text, **only)


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("is UTF-16 text, not UTF-8", hint="save it as UTF-8 (in Excel: CSV UTF-8)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 text: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise InputError(message, place=f"line {line}", hint="save it as UTF-8") from None


def _reader(kind: Format, function: str) -> Callable[..., Any]:
    # Imported when needed: each reader costs start-up time that the others need not pay.
    return getattr(import_module(f"attncli.files.{kind.module}"), function)
