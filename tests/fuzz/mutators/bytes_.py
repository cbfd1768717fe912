"""Files broken by bytes, and texts by characters."""

from __future__ import annotations

import random

from tests.fuzz import hostile

# What integers in headers are set to: the ends of their ranges, and what looks like something else.
INTERESTING = (0, 1, 2, 7, 0x0A, 0x20, 0x22, 0x2C, 0x5B, 0x7F, 0x80, 0xFE, 0xFF)
WIDE = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1, 10**12)


def place(rng: random.Random, data: bytes) -> int:
    """Return a place in a file, more often near its begin or its end, where headers are."""
    if rng.random() < 0.4:
        return min(len(data), rng.randrange(64))
    return max(0, len(data) - rng.randrange(64)) if rng.random() < 0.3 else rng.randint(0, len(data))


def flip(rng: random.Random, data: bytes) -> bytes:
    """Flip bits."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) * bool(found)):
        found[min(place(rng, data), len(data) - 1)] ^= 1 << rng.randrange(8)
    return bytes(found)


def overwrite(rng: random.Random, data: bytes) -> bytes:
    """Write an interesting number over what is there."""
    at, width = place(rng, data), rng.choice((1, 1, 2, 4, 8))
    number = rng.choice(INTERESTING if width == 1 else WIDE) % (1 << 8 * width)
    return data[:at] + number.to_bytes(width, rng.choice(("little", "big"))) + data[at + width :]


def truncate(rng: random.Random, data: bytes) -> bytes:
    """Keep only the begin, or only the end."""
    at = place(rng, data)
    return data[:at] if rng.random() < 0.8 else data[at:]


def cut(rng: random.Random, data: bytes) -> bytes:
    """Leave out a part."""
    at = place(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 8, 64)) :]


def repeat(rng: random.Random, data: bytes) -> bytes:
    """Insert a part again."""
    at, start = place(rng, data), place(rng, data)
    return data[:at] + data[start : start + rng.choice((1, 8, 64, 512))] * rng.choice((1, 1, 2, 9)) + data[at:]


def insert(rng: random.Random, data: bytes) -> bytes:
    """Insert random bytes."""
    at = place(rng, data)
    return data[:at] + rng.randbytes(rng.choice((1, 2, 4, 64))) + data[at:]


def splice(rng: random.Random, data: bytes) -> bytes:
    """Put the begin of the file before its end, with another part between."""
    one, other = sorted((place(rng, data), place(rng, data)))
    return data[:other] + data[one:]


def blank(rng: random.Random, data: bytes) -> bytes:
    """Fill a part with one byte."""
    at, length = place(rng, data), rng.choice((1, 8, 64))
    return data[:at] + bytes([rng.choice(INTERESTING)]) * length + data[at + length :]


def character(rng: random.Random, data: bytes) -> bytes:
    """Insert a hostile text between two characters."""
    text = data.decode("utf-8", "surrogateescape")
    at = rng.randint(0, len(text))
    before, after = (
        part.encode("utf-8", "surrogateescape") for part in (text[:at], text[at + rng.choice((0, 0, 1)) :])
    )
    return before + hostile.either(rng).encode("utf-8", rng.choice(("surrogatepass", "replace"))) + after


def replaced(rng: random.Random, data: bytes) -> bytes:
    """Write one kind of character in another way, everywhere: as other keyboards and programs do."""
    old, new = rng.choice(
        (
            (",", "，"),
            (":", "："),
            ('"', "”"),
            ('"', "'"),
            ("[", "【"),
            ("1", "１"),
            ("-", "−"),
            (" ", "\u00a0"),
            (",", ";"),
            (",", " "),
            (".", ","),
            ("\n", "\r\n"),
            ("\n", "\r"),
            ("\n", "\n\n"),
            ("\n", "\u2028"),
            ("]", ",]"),
            ("e", "E+"),
        )
    )
    return data.decode("utf-8", "surrogateescape").replace(old, new).encode("utf-8", "surrogateescape")


def encoding(rng: random.Random, data: bytes) -> bytes:
    """Write the text in another encoding."""
    text = data.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-7")), "replace")


MUTATORS = (flip, overwrite, truncate, cut, repeat, insert, splice, blank)
TEXT = (character, replaced, encoding)
