"""What programs read must be readable: each format is parsed as strictly as its readers may be."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import numpy as np

from tests.fuzz.guard import BrokenError
from tests.fuzz.hostile import TAG

# Joiners that scripts need; all else that is not seen must be shown as what it is.
HARMLESS = "\n\u200c\u200d"
# Names in the first row of what `attn cost` writes of one case, and of several.
COST = {"formula", "pairs.open"}
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def parse(name: str, data: bytes) -> None:
    """Assert that what was written in a format is whole and can be read."""
    try:
        READERS[name](data)
    except BrokenError:
        raise
    except Exception as error:
        raise BrokenError(f"{name} that cannot be read: {type(error).__name__}", f"{error}: {data[:200]!r}") from error


def text(data: bytes, also: str = "") -> str:
    """Return what is written, which holds nothing that a terminal or an editor obeys."""
    found, known = data.decode(), HARMLESS + also
    odd = sorted({each for each in found if each not in known and unicodedata.category(each) in UNSEEN})
    if odd:
        at = found.index(odd[0])
        raise BrokenError(
            "characters that are not seen are written as they are", f"{odd!r} in {found[max(0, at - 40) : at + 40]!r}"
        )
    return found


def _json(data: bytes) -> None:
    def refuse(word: str) -> float:
        raise BrokenError("JSON that is not JSON", word)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise BrokenError("a name stands twice in JSON", str([name for name, _ in pairs]))
        return dict(pairs)

    json.loads(text(data), parse_constant=refuse, object_pairs_hook=once)


def _table(delimiter: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        rows = list(csv.reader(io.StringIO(text(data, delimiter)), delimiter=delimiter, strict=True))
        labelled = bool(rows) and rows[0][0] == "" and len(rows[0]) > 1
        if len({len(row) for row in rows}) != 1:
            raise BrokenError("a table whose rows have different lengths", data[:200].decode())
        if COST & set(rows[0]):  # a report: names, numbers, and texts that say how they come about
            return
        if (
            rows[0][:1] == ["problem"] or "output_change" in rows[0]
        ):  # records: what is null is empty, and some are texts
            varied = set(rows[0][:1])
            texts = {at for at, name in enumerate(rows[0]) if name in {"problem", "word", *varied}}
            for row in rows[1:]:
                list(map(float, (cell for at, cell in enumerate(row) if cell and at not in texts)))
            return
        for row in rows[labelled:]:
            list(map(_number, row[labelled:]))

    return read


def _number(cell: str) -> float:
    """Return the number of a cell; those of a mask may be true or false."""
    return float(cell == "True") if cell in ("True", "False") else float(cell)


def _npy(data: bytes) -> None:
    np.load(io.BytesIO(data), allow_pickle=False)


def _npz(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if len(set(archive.namelist())) < len(archive.namelist()) or archive.testzip() is not None:
            raise BrokenError("an NPZ with broken members", str(archive.namelist()))
    with np.load(io.BytesIO(data), allow_pickle=False) as members:
        for name in members:
            _ = members[name].shape


def _safetensors(data: bytes) -> None:
    from safetensors import deserialize

    for _, tensor in deserialize(data):  # type: ignore[no-untyped-call]
        _ = tensor["shape"]


class _Page(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == TAG:
            raise BrokenError("a label that becomes a tag of the page", self.get_starttag_text() or "")


def _html(data: bytes) -> None:
    _Page().feed(text(data))


def _svg(data: bytes) -> None:
    for each in ElementTree.fromstring(text(data)).iter():
        if each.tag.rpartition("}")[2] == TAG:
            raise BrokenError("a label that becomes an element of the picture", each.tag)


def _starts(magic: bytes) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        if not data.startswith(magic):
            raise BrokenError("a picture that is none", repr(data[:20]))

    return read


# What reads each format that the program writes. A format that is declared and missing here fails a test.
READERS: Mapping[str, Callable[[bytes], object]] = {
    "json": _json,
    "csv": _table(","),
    "tsv": _table("\t"),
    "npy": _npy,
    "npz": _npz,
    "safetensors": _safetensors,
    "markdown": text,
    "table": text,
    "png": _starts(b"\x89PNG\r\n"),
    "svg": _svg,
    "pdf": _starts(b"%PDF-"),
    "html": _html,
}
