"""Binary files that are damaged, cut off or contradict themselves are refused, and never computed with."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncli.errors import InputError
from attncli.files.contents import Contents, Matrix, Named
from attncli.files.formats import DATA, Format
from attncli.files.open import read, read_stream
from attncli.files.save import encoded
from tests.support.files import member, npy, put, zipped
from tests.support.memory import peak

TWO = npy("<f4", "(1, 2)", struct.pack("<2f", 1, 2))
STATES = Named({"query": np.ones((2, 3)), "hidden": np.ones((4, 3))}, {"key_labels": ("a", "b", "c", "d")})
BINARY = [each for each in DATA if not each.text]
START = 30 + len("query.npy")  # where the data of the first member begin, if it has no extra field


def refused(path: Path) -> str:
    """Return the message about a file, which is the same if it comes through a pipe."""
    with pytest.raises(InputError) as from_file:
        read(str(path))
    with pytest.raises(InputError) as from_pipe:
        read_stream(io.BufferedReader(io.BytesIO(path.read_bytes())))
    assert from_file.value.message == from_pipe.value.message
    return from_file.value.message


@pytest.mark.parametrize("kind", BINARY, ids=[each.name for each in BINARY])
def test_a_file_that_is_cut_off_anywhere_is_refused(kind: Format, tmp_path: Path) -> None:
    """By an error that the reader itself words."""
    whole = encoded(kind, STATES)
    for length in range(len(whole)):
        with pytest.raises(InputError):
            read(str(put(tmp_path, f"x{kind.suffix}", whole[:length])))


@pytest.mark.parametrize("version", [b"\1\0", b"\2\0"])
def test_a_header_that_is_cut_off_is_told_as_such(version: bytes, tmp_path: Path) -> None:
    """Not as one that is broken; by itself and in an archive."""
    whole = npy("<f4", "(1, 2)", b"", version=version)
    for length in range(8, len(whole)):
        message = "truncated: the NPY header ends before its end"
        assert refused(put(tmp_path, "x", whole[:length])) == message
        assert refused(put(tmp_path, "z", zipped(member(b"q.npy", whole[:length])))) == f"query: {message}"


@pytest.mark.parametrize("deflate", [False, True])
def test_one_bit_that_is_not_what_it_was(deflate: bool, tmp_path: Path) -> None:
    """In the numbers of an archive, far behind its header, where nothing but the checksum shows it."""
    many = npy("<f4", "(1, 100_002)", struct.pack("<100002f", *range(100_002)))
    whole = bytearray(zipped(member(b"query.npy", many, deflate), member(b"key.npy", TWO)))
    numbers = START + len(many) - 8
    if deflate:
        assert "query.npy" in refused(put(tmp_path, "x", _with_checksum(whole, 7)))
        return
    for place in (numbers, numbers + 5, numbers + 7):
        for bit in (1, 64):
            whole[place] ^= bit
            assert refused(put(tmp_path, "x", bytes(whole))) == "broken ZIP archive: Bad CRC-32 for file 'query.npy'"
            # What is not asked for is not looked at.
            assert isinstance(read(f"{tmp_path / 'x'}:key"), Matrix)
            whole[place] ^= bit


def _with_checksum(whole: bytes | bytearray, checksum: int) -> bytes:
    """Put another checksum for the first member into an archive, in both places."""
    other, central = bytearray(whole), whole.index(b"PK\1\2")
    struct.pack_into("<I", other, 14, checksum)
    struct.pack_into("<I", other, central + 16, checksum)
    return bytes(other)


@pytest.mark.parametrize(
    ("place", "kind", "value"), [(8, "<H", 8), (14, "<I", 1), (18, "<I", 4), (22, "<I", 4)], ids=str
)
def test_two_headers_that_contradict_each_other(place: int, kind: str, value: int, tmp_path: Path) -> None:
    """Method, checksum and sizes stand before the data and in the directory; programs differ in which they believe."""
    whole = bytearray(zipped(member(b"query.npy", TWO)))
    struct.pack_into(kind, whole, place, value)
    message = "query: its header and the directory of the archive contradict each other"
    assert refused(put(tmp_path, "x", bytes(whole))) == message


def test_a_size_that_reaches_beyond_the_data(tmp_path: Path) -> None:
    """The checksum of what is stored would be right, but the array would go on behind it."""
    whole = zipped(member(b"query.npy", TWO[:-4], size=len(TWO)), member(b"key.npy", TWO))
    message = "query: its header and the directory of the archive contradict each other"
    assert refused(put(tmp_path, "x", bytes(whole))) == message


def test_archives_of_which_the_headers_differ_as_they_may(tmp_path: Path) -> None:
    """Extra fields, sizes of 64 bits, and sizes that come after the data, as in what was written to a pipe."""
    first = np.arange(6.0).reshape(2, 3)
    np.savez(tmp_path / "64.npz", query=first)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as end, os.fdopen(writing, "wb") as begin:
        with zipfile.ZipFile(begin, "w") as archive, archive.open("query.npy", "w") as stream:
            np.save(stream, first)
        begin.close()
        put(tmp_path, "later.npz", end.read())
    with zipfile.ZipFile(tmp_path / "extra.npz", "w") as archive:
        info = zipfile.ZipInfo("query.npy")
        info.extra = b"\xca\xfe\4\0four"
        archive.writestr(info, npy("<f8", "(2, 3)", first.tobytes()))
    for path in tmp_path.iterdir():
        assert_array_equal(_arrays(read(str(path)))["query"], first)


def _arrays(contents: Contents) -> dict[str, np.ndarray]:
    assert isinstance(contents, Named)
    return dict(contents.arrays)


def test_an_archive_is_checked_without_being_held(tmp_path: Path) -> None:
    """205 MB, of which a table shows little."""
    np.savez(tmp_path / "x.npz", query=np.zeros((800_000, 64), "f4"), hidden=np.zeros((10, 64), "f4"))
    out, megabytes = peak("compute", tmp_path / "x.npz")
    assert "799999" in out
    assert megabytes < 120


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (npy("<U2", "(1,)", struct.pack("<2I", 97, 0x110000)), "no character U+110000"),
        (npy(">U2", "(1,)", struct.pack(">2I", 0xFFFFFFFF, 97)), "no character U+FFFFFFFF"),
        (npy("|S2", "(1,)", b"a\xff"), "key_labels is not UTF-8 text"),
    ],
)
def test_texts_that_are_none(text: bytes, message: str, tmp_path: Path) -> None:
    """NumPy makes strings of them that cannot be written, or are written as what no other program reads."""
    assert refused(put(tmp_path, "x", zipped(member(b"query.npy", TWO), member(b"key_labels.npy", text)))).endswith(
        message
    )


def test_empty_texts_are_texts(tmp_path: Path) -> None:
    """No texts at all, and texts that are empty; but not a billion lists of none."""
    for descr, shape, data, expected in (
        ("<U0", "(0,)", b"", ()),
        ("<U1", "(2,)", bytes(8), ("", "")),
        ("<U1", "(1000000000000, 0)", b"", ()),
    ):
        labels = npy(descr, shape, data)
        found = read(str(put(tmp_path, "x", zipped(member(b"query.npy", TWO), member(b"key_labels.npy", labels)))))
        assert isinstance(found, Named)
        assert found.labels == {"key_labels": expected}
    endless = member(b"key_labels.npy", npy("<U0", "(1000000000000,)", b""))
    assert refused(put(tmp_path, "y", zipped(endless))) == "key_labels: broken NPY header: texts without length"


@pytest.mark.parametrize("name", ["key_labels", "title", "options"])
def test_texts_are_not_numbers_by_whatever_name_they_are_picked(name: str, tmp_path: Path) -> None:
    """FILE:NAME takes one array out of an archive."""
    text = npy("<U2", "(1,)", "ab".encode("utf-32-le"))
    put(tmp_path, "x.npz", zipped(member(b"query.npy", TWO), member(f"{name}.npy".encode(), text)))
    with pytest.raises(InputError) as caught:
        read(f"{tmp_path}/x.npz:{name}")
    assert caught.value.message == f"{name}: holds texts, not numbers"
