"""Text from strangers, made harmless before it reaches a terminal or a page."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

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


def a_few(names: Iterable[object], most: int = 3) -> str:
    """Return the first of some names, with a sign that there are more.

    >>> a_few("abc"), a_few("abcd")
    ('a, b, c', 'a, b, c, …')
    """
    every = list(map(str, names))
    return ", ".join(every[:most]) + ", …" * (len(every) > most)


def listed(names: Iterable[str], last: str = "and") -> str:
    """Return names as a sentence lists them.

    >>> listed(["a", "b", "c"]), listed(["a", "b"], "or"), listed(["a"])
    ('a, b and c', 'a or b', 'a')
    """
    *others, end = names
    return f"{', '.join(others)} {last} {end}" if others else end


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint that offers the known names nearest to ``name``, or all of them where none is near.

    >>> nearest("quary", ["query", "key"])
    'did you mean "query"?'
    >>> nearest("zebra", ["query", "key"])
    'known names: query, key'
    """
    from difflib import get_close_matches

    known = list(known)
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f'did you mean "{by_lower[close[0]]}"?' if close else "known names: " + ", ".join(known)
