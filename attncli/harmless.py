"""Text from strangers, made harmless before it reaches a terminal or a page."""

from __future__ import annotations

import unicodedata

# Controls, formats (bidirectional overrides among them), surrogates, unassigned, line and paragraph separators.
UNSAFE = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")
# Joiners are formats too, but Persian, Hindi and many emoji are spelled with them.
JOINERS = "\u200c\u200d"


def is_printable(character: str) -> bool:
    r"""Tell whether a character may reach a terminal as it is.

    >>> is_printable("é"), is_printable("\x1b")
    (True, False)
    """
    return character.isprintable() or character in JOINERS or unicodedata.category(character) not in UNSAFE


def visible(text: str) -> str:
    r"""Write what a terminal would obey as what a person can read.

    >>> visible("red\x1b[31m")
    'red\\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(each if is_printable(each) else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
