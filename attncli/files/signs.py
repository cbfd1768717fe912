"""Characters that look like those of numbers and JSON: East Asian keyboards and word processors type them."""

from __future__ import annotations

import re
from typing import NamedTuple

FULL_WIDTH = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)} | {"\u3000": " "}
# What else they are called, and the character that is meant.
OTHERS = {
    "、": ("an ideographic comma", ","),
    "。": ("an ideographic full stop", "."),
    "“": ("a curly quote", '"'),
    "”": ("a curly quote", '"'),
    "„": ("a low quote", '"'),
    "‘": ("a curly quote", '"'),
    "’": ("a curly quote", '"'),
    "「": ("a corner bracket", '"'),
    "」": ("a corner bracket", '"'),
    "『": ("a corner bracket", '"'),
    "』": ("a corner bracket", '"'),
    "«": ("an angle quote", '"'),
    "»": ("an angle quote", '"'),
    "【": ("a lenticular bracket", "["),
    "】": ("a lenticular bracket", "]"),
    "〔": ("a tortoise shell bracket", "["),
    "〕": ("a tortoise shell bracket", "]"),
    "−": ("a typographic minus", "-"),
    "–": ("an en dash", "-"),
    "—": ("an em dash", "-"),
    "‑": ("a no-break hyphen", "-"),
    "\u00a0": ("a no-break space", " "),
    "\u202f": ("a narrow no-break space", " "),
    "\u2009": ("a thin space", " "),
    "\ufeff": ("a byte order mark", ""),
    "\u200b": ("a zero-width space", ""),
}
WORDS = {
    ",": "comma",
    ":": "colon",
    ";": "semicolon",
    ".": "full stop",
    "-": "minus",
    "+": "plus",
    "%": "percent sign",
    "/": "slash",
    "#": "number sign",
    "=": "equals sign",
    " ": "space",
} | dict.fromkeys("\"'", "quote")
MEANT = FULL_WIDTH | {each: plain for each, (_, plain) in OTHERS.items()}
PLAIN = str.maketrans(MEANT)
ANY = re.compile(f"[{re.escape(''.join(MEANT))}]")


class Sign(NamedTuple):
    """One such character.

    Attributes:
        at: its index in the text.
        name: what messages call it, with the character itself.
        meant: the character that is meant; empty if none is.
    """

    at: int
    name: str
    meant: str

    @property
    def hint(self) -> str:
        """What to write instead."""
        return {"": "remove it", " ": "write a plain space"}.get(self.meant, f"write {self.meant}")


def first(text: str, meant: str = "") -> Sign | None:
    """Return the first of them in a text; only one that means one of these characters, if some are given.

    >>> first("１，２", ",;")
    Sign(at=1, name='a full-width comma (，)', meant=',')
    """
    found = (sign_at(text, each.start()) for each in ANY.finditer(text))
    return next((sign for sign in found if sign and (not meant or sign.meant in meant)), None)


def that_mean(meant: str) -> list[str]:
    """Return all those that mean one character."""
    return [each for each, plain in MEANT.items() if plain == meant]


def plain(text: str) -> str:
    """Return a text with the characters that were meant.

    >>> plain("［１，−２］")
    '[1,-2]'
    """
    return text.translate(PLAIN)


def sign_at(text: str, at: int) -> Sign | None:
    """Return what stands at one place of a text, if it is one of them."""
    character = text[at : at + 1]
    if not ANY.match(character):
        return None
    meant = MEANT[character]
    name = OTHERS[character][0] if character in OTHERS else f"a full-width {_word(meant)}"
    return Sign(at, f"{name} ({character if character.isprintable() else f'U+{ord(character):04X}'})", meant)


def _word(meant: str) -> str:
    if meant.isdigit():
        return "digit"
    if meant.isalpha():
        return "letter"
    return "bracket" if meant in "()[]{}<>" else WORDS.get(meant, "character")
