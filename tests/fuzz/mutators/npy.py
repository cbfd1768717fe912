"""NPY files broken by their header."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

MAGIC = b"\x93NUMPY"
TYPES = (
    "'<f4'", "'<f8'", "'>f8'", "'<f2'", "'|b1'", "'|i1'", "'<i8'", "'<u8'", "'<f16'", "'<c8'", "'<c16'", "'|O'",
    "'|S4'", "'<U2'", "'|V8'", "'|V0'", "'<M8[s]'", "'<m8[ns]'", "'f'", "'d'", "''", "'<f4,<f4'", "'(2,)<f4'",
    "'<f3'", "'<f8' * 2", "[('a', '<f4')]", "[('a', '<f4', (2,)), ('', '|O')]", "{'names': ['a'], 'formats': ['O']}",
    "('<f4', (1000000000, 1000000000))", "None", "1", "'<f8\\x00'", "'\u202e'", "'bfloat16'", "'<f" + "4" * 50 + "'",
)  # fmt: skip
SHAPES = (
    "()", "(0,)", "(1,)", "(1, 1)", "(2, 3)", "(3, 2)", "(-1,)", "(-1, -2)", "(1, -1)", "(2**70,)",
    "(0, 9223372036854775807)",
    "(4611686018427387904, 4)", "(9223372036854775807, 9223372036854775807)", "(1000000, 1000000)", "(1.0, 2)",
    "(True, 2)", "[2, 3]", "2", "None", "('2', 3)", "((2, 3),)", "(" + "1, " * 40 + ")", "(" * 60 + "1," + ")" * 60,
    "(1,) * 1000000000", "(__import__('os').mkdir('evil'),)", "(1_0,)", "(0x2, 3)", "(2L, 3L)",
    "(99999999999999999999,)",
)  # fmt: skip


def split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the text of the header, that text, and the numbers; all of it before, if there is none.

    >>> split(b"no file")
    (b'no file', b'', b'')
    """
    field = 2 if data[6:7] == b"\x01" else 4
    start = 8 + field
    length = int.from_bytes(data[8:start], "little")
    if not data.startswith(MAGIC) or len(data) < start + length:
        return data, b"", b""
    return data[:start], data[start : start + length], data[start + length :]


def put(before: bytes, header: bytes, numbers: bytes, *, lie: int = 0) -> bytes:
    """Return a file with this text as its header, whose length is off by as much as it lies."""
    field = len(before) - 8
    if field not in (2, 4):
        return before + header + numbers
    length = max(0, len(header) + lie) % (1 << 8 * field)
    return before[:8] + length.to_bytes(field, "little") + header + numbers


def _edited(name: str, choices: tuple[str, ...]) -> Callable[[random.Random, bytes], bytes]:
    def edit(rng: random.Random, data: bytes) -> bytes:
        before, header, numbers = split(data)
        pattern = rf"'{name}': (\([^)]*\)|'[^']*'|\w+)".encode()
        value = rng.choice(choices).encode("utf-8", "surrogatepass")
        return put(before, re.sub(pattern, lambda _: f"'{name}': ".encode() + value, header), numbers)

    edit.__name__ = f"other_{name}"
    return edit


def same_size(rng: random.Random, data: bytes) -> bytes:
    """Claim other axes, or a type, with which the numbers are as long."""
    before, _, numbers = split(data)
    size = len(numbers)
    width, kind = rng.choice(((8, "<f8"), (4, "<f4"), (2, ">f2"), (1, "|i1"), (8, "<i8"), (1, "|b1"), (4, "<u4")))
    shape = rng.choice(
        (f"({size // width},)", f"(1, {size // width})", f"({size // width}, 1)", f"(1, 1, {size // width}, 1)")
    )
    text = f"{{'descr': '{kind}', 'fortran_order': {rng.random() < 0.5}, 'shape': {shape}, }}\n"
    return put(before, text.encode(), numbers)


def other_length(rng: random.Random, data: bytes) -> bytes:
    """Claim another length of the header."""
    before, header, numbers = split(data)
    return put(before, header, numbers, lie=rng.choice((-100, -64, -1, 1, 64, 1000, 60000)))


def other_version(rng: random.Random, data: bytes) -> bytes:
    """Claim another version; 2.0 with the field that it has."""
    before, header, numbers = split(data)
    if rng.random() < 0.4:
        return put(before[:6] + b"\x02\x00" + bytes(4), header, numbers)
    return data[:6] + bytes([rng.choice((0, 1, 2, 3, 255)), rng.choice((0, 0, 1, 255))]) + data[8:]


def other_header(rng: random.Random, data: bytes) -> bytes:
    """Write something else where a dictionary should be."""
    before, _, numbers = split(data)
    text = rng.choice(
        (
            "{}", "[]", "1", "", "{'descr': '<f4'}", "{" * 500, "[" * 5000, "(" * 50000, "{1: 2, 'shape': ()}",
            "-" * 3000 + "1",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}", "9" * 5000, "\x00" * 64, "f'{1}'",
            "lambda: 0",
            "{'descr': '<f8', 'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "# nothing", "\\", "'" * 3,
            "\udcff",
        )
    )  # fmt: skip
    return put(before, text.encode("utf-8", "surrogateescape"), numbers)


def other_numbers(rng: random.Random, data: bytes) -> bytes:
    """Hold other numbers: NaN and infinity that signal, and those at the ends of the range."""
    before, header, numbers = split(data)
    pattern = rng.choice(
        (b"\xff", b"\x00\x00\xa0\x7f", b"\x01\x00\x00\x00\x00\x00\xf0\x7f", b"\xff\xff\x7f\x7f", b"\x01" + bytes(7))
    )
    at = rng.randint(0, len(numbers)) // 8 * 8
    return put(before, header, (numbers[:at] + pattern + numbers[at + len(pattern) :])[: len(numbers)])


MUTATORS = (
    same_size,
    same_size,
    _edited("descr", TYPES),
    _edited("shape", SHAPES),
    _edited("fortran_order", ("True", "False", "1", "None", "'no'", "0.0", "[]")),
    other_length,
    other_version,
    other_header,
    other_numbers,
)
