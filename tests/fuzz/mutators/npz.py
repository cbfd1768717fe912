"""NPZ files broken by their ZIP directory, and by their members."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from tests.fuzz import hostile
from tests.fuzz.mutators import bytes_, json_, npy
from tests.support.files import npy as npy_file

NAMES = (
    "query.npy", "q.npy", "quary.npy", ".npy", "", "../../evil.npy", "/evil.npy", "C:\\evil.npy", "query",
    "a/b/query.npy",
    "query.npy.npy", "options.npy", "title.npy", "key_labels.npy", "labels.npy", "expected.npy", "weights.npy",
    "decoder.3.query.npy", "..query.npy", ".query.npy", "[Content_Types].xml", "mask.npy", "key_lengths.npy",
)  # fmt: skip
# Of the local header, the entry of the directory and the end of the directory: the bytes of their fields.
FIELDS = {
    b"PK\3\4": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\1\2": ((6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (42, 4)),
    b"PK\5\6": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
}
Members = list[tuple[str, bytes]]
# Bytes of an archive that is unpacked here, to be packed in another way; a bomb is none.
MOST = 1 << 18


def members(data: bytes) -> Members:
    """Return the members of an archive that can still be read, and are small: inputs have kilobytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > MOST:
                return []
            return [(info.filename, archive.read(info)) for info in archive.infolist()]
    except Exception:  # broken by another mutator before
        return []


def pack(found: Members, rng: random.Random) -> bytes:
    """Return an archive of these members; some writers compress them."""
    out = io.BytesIO()
    method = rng.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    with zipfile.ZipFile(out, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two of one name are meant
        for name, data in found:
            info = zipfile.ZipInfo(name.encode("utf-8", "replace").decode() or "_", (2020, 1, 1, 0, 0, 0))
            info.compress_type = method
            info.extra = rng.choice((b"", b"", b"\1\0\0\0", struct.pack("<HHQQ", 1, 16, 2**63, 2**63)))
            archive.writestr(info, data)
        archive.comment = rng.choice((b"", b"", b"PK\5\6" + bytes(18)))
    return out.getvalue()


def _of_members(change: Callable[[random.Random, Members], Members]) -> Callable[[random.Random, bytes], bytes]:
    def mutate(rng: random.Random, data: bytes) -> bytes:
        found = members(data)
        return pack(change(rng, found), rng) if found else data

    mutate.__name__ = change.__name__
    return mutate


@_of_members
def renamed(rng: random.Random, found: Members) -> Members:
    """Give a member another name."""
    at = rng.randrange(len(found))
    found[at] = (rng.choice(NAMES) if rng.random() < 0.7 else hostile.either(rng)[:200] + ".npy", found[at][1])
    return found


@_of_members
def reordered(rng: random.Random, found: Members) -> Members:
    """Leave a member out, or shuffle them."""
    if rng.random() < 0.5:
        found.pop(rng.randrange(len(found)))
    else:
        rng.shuffle(found)
    return found


@_of_members
def swapped(rng: random.Random, found: Members) -> Members:
    """Give a member the contents of another."""
    one, other = rng.randrange(len(found)), rng.randrange(len(found))
    found[one] = (found[one][0], found[other][1])
    return found


@_of_members
def broken_member(rng: random.Random, found: Members) -> Members:
    """Break a member as an NPY file is broken."""
    at = rng.randrange(len(found))
    found[at] = (found[at][0], rng.choice((*npy.MUTATORS, *npy.MUTATORS, *bytes_.MUTATORS))(rng, found[at][1]))
    return found


@_of_members
def other_labels(rng: random.Random, found: Members) -> Members:
    """Say something hostile in labels, which stay as many as they were."""
    for at, (name, held) in enumerate(found):
        if name.endswith(("labels.npy", "title.npy", "source.npy")):
            with suppress(ValueError):  # broken by another mutator before
                texts = np.load(io.BytesIO(held), allow_pickle=False)
                out = io.BytesIO()
                np.save(out, np.array(json_.respelt(rng, texts.tolist()), dtype=np.str_))
                found[at] = (name, out.getvalue())
    return found


@_of_members
def other_text(rng: random.Random, found: Members) -> Members:
    """Add or replace a text, labels or options; characters are four bytes each, and may be none."""
    name = rng.choice(("title", "source", "options", "query_labels", "key_labels", "labels"))
    text = hostile.either(rng) if name != "options" or rng.random() < 0.3 else options(rng)
    width, count = max(1, len(text)), rng.choice((1, 1, 3))
    data = text.ljust(width, "\0").encode("utf-32-le", "surrogatepass") * count
    if rng.random() < 0.15:
        data = b"\xff" * 4 + data[4:]  # no character has this number
    shape = "()" if not name.endswith("labels") else f"({count},)"
    kind = f"<U{width}"
    if rng.random() < 0.2:
        data, kind = text.encode("utf-8", "surrogatepass").ljust(1, b"\0"), "|S"
        kind += str(len(data))
        data *= count
    made = npy_file(kind, shape if rng.random() < 0.9 else "(1, 1)", data)
    return [(each, held) for each, held in found if each != f"{name}.npy"] + [(f"{name}.npy", made)]


def options(rng: random.Random) -> str:
    """Return an object of options, one of them hostile."""
    name = rng.choice(
        ("heads", "kv_heads", "offset", "window", "scale", "softcap", "rope_theta", "score", "dtype", "xyz")
    )
    value = rng.choice(
        (rng.choice(hostile.NUMBERS), f'"{rng.choice(hostile.NUMBERS)}"', "[1, 2, 3]", "{}", "null", "true")
    )
    return f'{{"{name}": {value}}}'


def field(rng: random.Random, data: bytes) -> bytes:
    """Write an interesting number into a field of a header or of the directory."""
    magic = rng.choice(list(FIELDS))
    places = [at for at in range(len(data)) if data.startswith(magic, at)]
    if not places:
        return data
    offset, width = rng.choice(FIELDS[magic])
    at = rng.choice(places) + offset
    old = int.from_bytes(data[at : at + width], "little")
    number = rng.choice((old + 1, old - 1, old ^ 1, old * 2, *bytes_.WIDE, 8, 12, 14, 99)) % (1 << 8 * width)
    return data[:at] + number.to_bytes(width, "little") + data[at + width :]


def flipped_number(rng: random.Random, data: bytes) -> bytes:
    """Flip a bit of the contents of a member, whose checksum then is wrong."""
    found = [held for _, held in members(data) if len(held) > 128]
    held = max(found, key=len) if found and rng.random() < 0.5 else rng.choice(found or [data])
    at = data.find(held)
    if at < 0 or not found:  # compressed
        return bytes_.flip(rng, data)
    at += rng.randrange(128, len(held))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def bomb(rng: random.Random, data: bytes) -> bytes:
    """Add a member that unpacks to far more than it is, and may say that it is small."""
    size = rng.choice((1 << 20, 70 << 20))
    packed = zlib.compress(bytes(size), 9)[2:-4]
    name, claimed = b"mask.npy", rng.choice((size, 100))
    fields = (zlib.crc32(bytes(size)), len(packed), claimed, len(name), 0)
    local = struct.pack("<4s5HIIIHH", b"PK\3\4", 20, 0, 8, 0, 33, *fields) + name + packed
    central = struct.pack("<4s6HIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 33, *fields, 0, 0, 0, 0, 0) + name
    return local + central + struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)


MUTATORS = (
    renamed,
    reordered,
    swapped,
    broken_member,
    broken_member,
    other_text,
    other_labels,
    other_text,
    field,
    field,
    flipped_number,
    bomb,
)
