"""Bytes: of the types of numbers, of quantised vectors, and as they are read and written."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from attncli.errors import InputError
from attncli.text import quoted

DTYPES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
PREFIXES = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
QUANTITY = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?) *([kmgtpe]?)(i?)(b|bytes|flops?|)(?:/s)?", re.IGNORECASE)
LONGEST = 40
BINARY = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
DECIMAL = ("", " k", " M", " G", " T", " P", " E", " Z")


class Quantized(NamedTuple):
    """A way to hold a cache in fewer bytes.

    Attributes:
        bits: of a number.
        group: numbers that share a scale; 0: all of a layer do.
        scale: bytes of a scale.
    """

    bits: int
    group: int
    scale: int

    def vector(self, features: int) -> int:
        """Return the bytes of a vector, with its own scales.

        >>> QUANTIZED["int4"].vector(128), QUANTIZED["int8"].vector(80), QUANTIZED["fp8"].vector(128)
        (72, 86, 128)
        """
        return -(-features * self.bits // 8) + (-(-features // self.group) * self.scale if self.group else 0)


# int8 and int4 as llama.cpp's Q8_0 and Q4_0 hold them, a float16 scale for 32 numbers; fp8 as vLLM does, with a float32
# scale for all keys of a layer and one for all values.
QUANTIZED = {"int8": Quantized(8, 32, 2), "fp8": Quantized(8, 0, 4), "int4": Quantized(4, 32, 2)}


def quantity(name: str, text: str | None, unit: str) -> int | None:
    """Read a number with a prefix: 80GB, 64GiB, 312T, 2TB/s, 3.35e12.

    Args:
        name: of the flag, for the message.
        text: what was given; None: nothing.
        unit: what it may be of: bytes, or operations.

    Raises:
        InputError: it is none, or is not above 0.

    Example:
        >>> quantity("memory", "80GB", "b"), quantity("memory", "1.5 GiB", "b"), quantity("flops", "312T", "flop")
        (80000000000, 1610612736, 312000000000000)
    """
    if text is None:
        return None
    found = QUANTITY.fullmatch(text.strip()) if len(text) <= LONGEST else None
    wanted = "bytes, such as 80GB or 64GiB" if unit == "b" else "operations a second, such as 312T or 67e12"
    try:
        number = Decimal(found[1]) if found else Decimal(0)
    except InvalidOperation:
        number = Decimal(0)
    fits = (
        found is not None and (not found[4] or found[4].lower().startswith(unit)) and abs(number.adjusted()) < LONGEST
    )
    if found is None or not fits or number <= 0:
        raise InputError(f"{name} must be a number of {wanted}, not {quoted(text)}")
    prefix = PREFIXES[found[2].lower()]
    value = int(number * (1024**prefix if found[3] else 1000**prefix))
    if value < 1 or (found[3] and not prefix):
        raise InputError(f"{name} must be a number of {wanted}, not {quoted(text)}")
    return value


def as_bytes(count: int) -> str:
    """Write a number of bytes for people, in powers of 1024.

    >>> as_bytes(4 << 30), as_bytes(131072), as_bytes(100), as_bytes(1023 << 10)
    ('4.0 GiB', '128.0 KiB', '100 bytes', '1023.0 KiB')
    """
    power = 0
    while power + 1 < len(BINARY) and count >= 1024 ** (power + 1):
        power += 1
    return f"{count} {BINARY[0]}" if not power else f"{count / 1024**power:.1f} {BINARY[power]}"


def as_decimal(count: int) -> str:
    """Write a number of bytes as makers of memory do, in powers of 1000.

    >>> as_decimal(80_000_000_000), as_decimal(500)
    ('80.0 GB', '500 B')
    """
    text = as_count(count)
    return f"{text}B" if text[-1].isalpha() else f"{text} B"


def as_count(count: int) -> str:
    """Write a large number for people, in powers of 1000.

    >>> as_count(536887296), as_count(99999), as_count(1_999_999_999_999)
    ('536.9 M', '99999', '2.0 T')
    """
    if count < 100_000:
        return str(count)
    power = 1
    while power + 1 < len(DECIMAL) and round(count / 1000**power, 1) >= 1000:
        power += 1
    return f"{count / 1000**power:.1f}{DECIMAL[power]}"


def as_seconds(seconds: float) -> str:
    """Write a time for people.

    >>> as_seconds(0.0123), as_seconds(75.0), as_seconds(2e-7)
    ('12.3 ms', '75.0 s', '0.2 µs')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            return f"{seconds / size:.3g} {unit}" if seconds / size < 1 else f"{seconds / size:.1f} {unit}"
    raise AssertionError
