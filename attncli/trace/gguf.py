"""What a GGUF file says of itself: its header, in which every count is held against the bytes that are there.

The library that reads these files believes the counts. Source: the specification, docs/gguf.md of ggml.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attncli.errors import InputError

MAGIC = b"GGUF"
# Since the second version counts have 64 bits; a file of the other byte order has a large number there.
VERSIONS = (2, 3)
# What a value is, by its number: formats of `struct`, and two that hold others.
SCALARS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
# Fewest bytes of a string, an array, an entry and a tensor.
LENGTH, NESTED, ENTRY, TENSOR = 8, 12, 13, 24
MOST_AXES = 8


@dataclass(frozen=True)
class Held:
    """What a file holds.

    Attributes:
        sizes: the number of tensors, and the longest axis among them.
        numbers: the whole numbers of its metadata by name, dots replaced by underscores.
    """

    sizes: tuple[int, int]
    numbers: dict[str, int]


def read(path: Path) -> Held:
    """Read the header of a file.

    Raises:
        InputError: it is no such file, or promises more than it holds.
    """
    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise InputError("is not a GGUF file: wrong magic bytes", place=str(path))
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Reader(data).header()
            except (struct.error, ValueError, RecursionError):
                raise InputError("broken GGUF header", place=str(path)) from None


class _Reader:
    """Reads a header from its beginning; raises ValueError where it promises more than there is."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, len(MAGIC)

    def header(self) -> Held:
        if self.number("I") not in VERSIONS:
            raise ValueError
        tensors, entries = self.number("Q"), self.number("Q")
        self.check(tensors * TENSOR + entries * ENTRY)
        named = [(self.string(), self.value(self.number("I"))) for _ in range(entries)]
        longest = max((self.axis() for _ in range(tensors)), default=0)
        numbers = {name.replace(".", "_"): value for name, value in named if type(value) is int}
        return Held((tensors, longest), numbers)

    def check(self, size: int) -> None:
        """Refuse to read more bytes than are left."""
        if size > len(self.data) - self.at:
            raise ValueError

    def number(self, kind: str) -> Any:
        (found,) = struct.unpack_from("<" + kind, self.data, self.at)
        self.at += struct.calcsize("<" + kind)
        return found

    def skip(self, size: int) -> None:
        self.check(size)
        self.at += size

    def string(self) -> str:
        start = self.at + LENGTH
        self.skip(self.number("Q"))
        return self.data[start : self.at].decode(errors="replace")

    def value(self, kind: int) -> Any:
        """Return a number; of a string or an array only where it ends matters."""
        if kind in SCALARS:
            return self.number(SCALARS[kind])
        if kind == STRING:
            self.skip(self.number("Q"))
        elif kind == ARRAY:
            self.array(self.number("I"), self.number("Q"))
        else:
            raise ValueError
        return None

    def array(self, kind: int, count: int) -> None:
        if kind in SCALARS:
            self.skip(count * struct.calcsize("<" + SCALARS[kind]))
            return
        self.check(count * (LENGTH if kind == STRING else NESTED))
        for _ in range(count):
            self.value(kind)

    def axis(self) -> int:
        """Return the longest axis of a tensor, and leave it behind."""
        self.skip(self.number("Q"))
        axes = self.number("I")
        if axes > MOST_AXES:
            raise ValueError
        longest = max((self.number("Q") for _ in range(axes)), default=0)
        self.skip(12)  # its type, and where it lies
        return longest
