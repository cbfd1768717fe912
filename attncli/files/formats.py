"""The formats of files, each declared once: what it is called, how it is recognised, what it holds.

A format that is read has a module in this folder, which writes it too. The module of a text format defines
``parse(text)``, that of a binary one ``read_path(path)`` and ``read_bytes(data)``; an archive's also take ``only``, the
name of what is wanted, and it defines ``tensors(path)`` if weights may lie in it. All define ``write(named, file)``;
but one that is a folder ``write_folder(named, path, chunks)``, and nothing that takes bytes. To add a format, write
its module and add it to the table.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from attncli.errors import InputError


class Holds(Enum):
    """What one file of a format holds."""

    MATRIX = "one matrix"
    ARRAY = "one array with any number of axes"
    NAMED = "the named arrays of one problem"
    PROBLEMS = "the named arrays of several problems"
    TABLES = "results in tables, for people to read"
    PAGE = "a page, for people to look around in"
    PICTURE = "a picture"


class Format(NamedTuple):
    """One format.

    Attributes:
        name: what users type after ``-f``.
        title: what messages call it.
        suffixes: how its files end; the first is the usual one.
        holds: what one file holds.
        text: whether it is text, which may go to a terminal.
        module: the module in this folder that reads and writes it; empty if only people read it.
        recognise: whether a file has this format, judging by its first bytes; None if they do not show it.
        settings: keywords and values that the functions of the module take besides, if it serves several formats.
        extra: the extra of this package without which it cannot be read, or drawn.
        in_place: whether the numbers lie plainly behind a header. The module then defines ``read_stream(stream)``
            in place of ``read_bytes``, for pipes of any length, and ``begin(file, shape, dtype)``, for outputs larger
            than memory.
        every_type: whether it holds the types that NumPy lacks, such as bfloat16.
        margins: whether a header row and a column of labels may stand around its numbers. What its module defines then
            takes the keywords ``header`` and ``row_labels`` too.
        goes_back: whether its writer changes what it has written, so that for a pipe all of it is held first.
        marks: names of files any of which makes a folder one of this format, if it is a folder and not a file.
        read_only: whether it is read, and not written.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    holds: Holds
    text: bool = True
    module: str = ""
    recognise: Callable[[bytes], bool] | None = None
    settings: tuple[tuple[str, str], ...] = ()
    extra: str = ""
    in_place: bool = False
    every_type: bool = False
    margins: bool = False
    goes_back: bool = False
    marks: tuple[str, ...] = ()
    read_only: bool = False

    @property
    def suffix(self) -> str:
        """The usual suffix."""
        return self.suffixes[0]

    @property
    def is_archive(self) -> bool:
        """Whether its arrays have names."""
        return self.holds in (Holds.NAMED, Holds.PROBLEMS)

    @property
    def is_single(self) -> bool:
        """Whether it holds one array, without a name."""
        return self.holds in (Holds.MATRIX, Holds.ARRAY)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, which no pipe carries."""
        return bool(self.marks)

    @contextmanager
    def codec(self) -> Iterator[Any]:
        """Import the module that reads and writes it: only now, so that nobody waits for the others.

        Raises:
            InputError: the extra that it needs is not installed.
        """
        try:
            yield import_module(f"attncli.files.{self.module}")
        except ImportError:
            if not self.extra:
                raise
            hint = f"pip install 'attncli[{self.extra}]'"
            raise InputError(f"{self.suffix} files need an extra", hint=hint) from None


def starts(*magic: bytes) -> Callable[[bytes], bool]:
    """Return what recognises a format by its magic bytes."""
    return lambda head: head.startswith(magic)


def _is_json(head: bytes) -> bool:
    # Brackets as an East Asian keyboard types them are no JSON, but the error should be about JSON.
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"{", b"[", "｛".encode(), "［".encode()))


def _is_safetensors(head: bytes) -> bool:
    # First the header's length, here less than 4 GB, then the header, which is JSON. Text never contains a NUL.
    return head[4:9] == b"\0\0\0\0{"


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("json", "JSON", (".json",), Holds.NAMED, module="json", recognise=_is_json),
        Format("csv", "CSV", (".csv",), Holds.MATRIX, module="csv_tsv", margins=True),
        Format("tsv", "TSV", (".tsv",), Holds.MATRIX, module="csv_tsv", settings=(("delimiter", "\t"),), margins=True),
        Format("npy", "NPY", (".npy",), Holds.ARRAY, False, "npy", starts(b"\x93NUMPY"), in_place=True),
        Format(
            "npz",
            "NPZ",
            (".npz",),
            Holds.PROBLEMS,
            False,
            "npz",
            starts(b"PK\x03\x04", b"PK\x05\x06"),
            goes_back=True,
        ),
        Format(
            "safetensors",
            "safetensors",
            (".safetensors",),
            Holds.PROBLEMS,
            False,
            "safetensors",
            _is_safetensors,
            extra="safetensors",
            every_type=True,
        ),
        Format(
            "zarr",
            "Zarr",
            (".zarr",),
            Holds.PROBLEMS,
            False,
            "zarr.archive",
            extra="zarr",
            marks=("zarr.json", ".zgroup", ".zarray"),
        ),
        Format(
            "hdf5",
            "HDF5",
            (".h5", ".hdf5"),
            Holds.PROBLEMS,
            False,
            "hdf5",
            starts(b"\x89HDF\r\n\x1a\n"),
            extra="hdf5",
            read_only=True,
        ),
        Format("markdown", "Markdown", (".md",), Holds.TABLES),
        Format("table", "tables", (".txt",), Holds.TABLES),
        Format("png", "PNG", (".png",), Holds.PICTURE, False, extra="plot"),
        Format("svg", "SVG", (".svg",), Holds.PICTURE, extra="plot"),
        Format("pdf", "PDF", (".pdf",), Holds.PICTURE, False, extra="plot"),
        Format("html", "HTML", (".html",), Holds.PAGE),
    )
}
BY_SUFFIX = {suffix: each for each in FORMATS.values() for suffix in each.suffixes}
# What text is that no other format recognises.
PLAIN = FORMATS["csv"]
# The format whose suffix says no more than that it is text.
ANY_TEXT = FORMATS["table"]


def that_hold(*what: Holds) -> tuple[Format, ...]:
    """Return the formats that hold one of these.

    >>> [each.name for each in that_hold(Holds.PROBLEMS)]
    ['npz', 'safetensors', 'zarr', 'hdf5']
    """
    return tuple(each for each in FORMATS.values() if each.holds in what)


# The formats that name the tensors of a checkpoint, and the index of one that lies in several files.
OF_WEIGHTS = that_hold(Holds.PROBLEMS)
INDEX = "model.safetensors.index.json"
# What says in the folder of a model how it is built.
CONFIGURATION = "config.json"
# Those that are read; of them those that are written to files and pipes, those that are folders, and both.
READ = tuple(each for each in FORMATS.values() if each.module)
DATA = tuple(each for each in READ if not each.is_folder and not each.read_only)
FOLDERS = tuple(each for each in READ if each.is_folder)
NUMBERS = (*DATA, *FOLDERS)
# Those that hold several problems, and are written.
ARCHIVES = tuple(each for each in OF_WEIGHTS if not each.read_only)
# Those that carry the results of a command to programs or to people: through a pipe too, and to files.
RESULTS = (*DATA, *that_hold(Holds.TABLES))
WRITTEN = tuple(each for each in FORMATS.values() if each in (*RESULTS, *FOLDERS))
# What begins as an address of fsspec does, such as ``s3://`` or ``simplecache::s3://``; C: is a disk of Windows.
ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*::)*[A-Za-z][A-Za-z0-9+.-]+://")


def of_suffix(path: str) -> Format | None:
    """Return the format that a file's suffix names, if it names one.

    >>> of_suffix("query.CSV").title, of_suffix("query.xls")
    ('CSV', None)
    """
    return BY_SUFFIX.get(Path(path).suffix.lower())


def is_address(path: str) -> bool:
    """Tell whether a path is the address of something on another machine.

    >>> is_address("s3://bucket/x.zarr"), is_address("simplecache::s3://b/x.zarr"), is_address("C://x.zarr")
    (True, True, False)
    """
    return ADDRESS.match(path) is not None


def folder_of(path: Path) -> Format | None:
    """Return the format of a folder that is one of a format."""
    return next((each for each in FOLDERS if any((path / mark).is_file() for mark in each.marks)), None)


def is_index(name: str) -> bool:
    """Tell by the name of a file whether it lists the tensors of a checkpoint, which lie in several files.

    >>> is_index("model.safetensors.index.json"), is_index("vae.safetensors.index.fp16.json"), is_index("model.json")
    (True, True, False)
    """
    return name.endswith(".json") and ".safetensors.index." in name


def of_output(path: str, known: Iterable[Format], asked: Format | None = None) -> Format:
    """Return the format in which an output is written.

    Args:
        path: of the file.
        known: the formats that it can be written in.
        asked: the format that is asked for; a suffix that names none need not name it, and .txt is any text.

    Raises:
        InputError: its suffix names none of them, or another one than is asked for.
    """
    known, found = list(known), of_suffix(path)
    if asked is not None:
        if found in (asked, None) or (found is ANY_TEXT and asked.text):
            return asked
        message = f"-f asks for {asked.name}, and the extension for {Path(path).suffix.lower().lstrip('.')}"
        raise InputError(message, place=path, hint=f"leave out -f, or write a {asked.suffix} file")
    if found is None or found not in known:
        message = f"the extension {Path(path).suffix.lower()!r} names no format"
        raise InputError(message, place=path, hint=f"one of {', '.join(suffixes(known))}")
    return found


def sniff(head: bytes) -> Format:
    """Return the format of a file that starts with these bytes; text that nothing recognises is CSV.

    >>> sniff(b"[[1, 2]]").title, sniff(b"1,2").title
    ('JSON', 'CSV')
    """
    return next((each for each in READ if each.recognise is not None and each.recognise(head)), PLAIN)


def suffixes(formats: Iterable[Format]) -> list[str]:
    """Return the suffixes of some formats."""
    return [suffix for each in formats for suffix in each.suffixes]
