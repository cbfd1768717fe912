"""What goes wrong with input, said so that the person who gave it can mend it."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(ValueError):
    """Tell what is wrong with the input, in one line.

    Args:
        message: the fact, with the user's own shapes, names and numbers.
        hint: what would mend it, where that is known.
        place: the file, with line and column where there are some. Left empty by code that knows no files.
        arrays: names of the arrays at fault, for the edge that knows which files they came from.
    """

    def __init__(self, message: str, *, hint: str = "", place: str = "", arrays: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = place
        self.arrays = tuple(arrays)


def a_few(names: Iterable[object], most: int = 3) -> str:
    """Return the first of some names, with a sign that there are more.

    >>> a_few("abc"), a_few("abcd")
    ('a, b, c', 'a, b, c, …')
    """
    every = list(map(str, names))
    return ", ".join(every[:most]) + ", …" * (len(every) > most)


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
