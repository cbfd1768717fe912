"""Short texts: escape what may not reach a screen, and format numbers and names for people."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from attncli.said import Said

# Control, format (including bidirectional overrides), surrogate, unassigned, line and paragraph separator.
UNSAFE = ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")
# Joiners are format characters too, but Persian, Hindi and many emoji need them.
JOINERS = "\u200c\u200d"
# These signs of Arabic, Syriac and Kaithi are format characters that are seen: they stand around a number.
SIGNS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
# Skin tones, which change the emoji before them, and the letters of which two make a flag: the first and the last.
TONES, FLAGS = ("\U0001f3fb", "\U0001f3ff"), ("\U0001f1e6", "\U0001f1ff")
# Characters of what a message quotes, and of the beginning of it: it is to be recognised, and its end is telling too.
MOST_QUOTED, QUOTED_START = 80, 50
# Beyond this many digits a difference from a whole number is rounding.
MOST_DIGITS = 8


# So many names are listed where none is close to what was given: a hint is one line.
MOST_NAMES = 30


def is_printable(character: str) -> bool:
    r"""Tell whether a character may reach a screen, or a page, unescaped.

    >>> is_printable("é"), is_printable("\x1b")
    (True, False)
    """
    safe = character.isprintable() or character in JOINERS + SIGNS
    return safe or unicodedata.category(character) not in UNSAFE


def visible(text: str) -> str:
    r"""Escape control characters, those that turn the direction of a text, and all others that cannot be seen.

    >>> visible("red\x1b[31m")
    'red\\x1b[31m'
    """
    return text if text.isprintable() else text.translate({ord(each): _escape(each) for each in _unprintable(text)})


def as_json(value: object, **how: Any) -> str:
    r"""Write JSON that means the same on a terminal, in a file and in a page: what is not printable is escaped.

    Args:
        value: what is written.
        how: arguments of `json.dumps`, such as ``indent``.

    Example:
        >>> as_json(["é", "\u202e", "\x7f"])
        '["é", "\\u202e", "\\u007f"]'
    """
    import json

    text = json.dumps(value, ensure_ascii=False, **how)
    if text.isprintable():
        return text
    # A line break between values is one; within a text it is escaped already.
    return text.translate({ord(each): json.dumps(each)[1:-1] for each in _unprintable(text) if each != "\n"})


def _unprintable(text: str) -> set[str]:
    return {each for each in set(text) if not is_printable(each)}


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def clusters(text: str) -> Iterator[str]:
    r"""Cut a text where a reader would: an accent stays with its letter, and what several characters draw is whole.

    >>> list(map(len, clusters("e\u0301\U0001f469\u200d\U0001f52c\U0001f1e8\U0001f1f3x")))
    [2, 3, 2, 1]
    """
    cluster = ""
    for each in text:
        if cluster and not _joins(cluster, each):
            yield cluster
            cluster = ""
        cluster += each
    if cluster:
        yield cluster


def _joins(cluster: str, after: str) -> bool:
    """Tell whether a character is drawn together with those before it."""
    if after.isascii():
        return False
    flag = FLAGS[0] <= after <= FLAGS[1] and len(cluster) == 1 and FLAGS[0] <= cluster <= FLAGS[1]
    tone = TONES[0] <= after <= TONES[1]
    return flag or tone or cluster[-1] == JOINERS[-1] or after in JOINERS or unicodedata.category(after)[0] == "M"


def shortened(text: str, most: int) -> str:
    """Return a text of at most this many clusters; a longer one ends in an ellipsis.

    >>> shortened("attention", 5), shortened("query", 5)
    ('atte…', 'query')
    """
    if len(text) <= most:
        return text
    parts = list(clusters(text))
    return text if len(parts) <= most else "".join(parts[: most - 1]) + "…"


def quoted(value: object) -> str:
    r"""Return a value as messages quote it: as Python writes it, in one line; a long one without its middle.

    >>> quoted("a\nb"), quoted(0.5), len(quoted("x" * 1_000_000)), quoted(10**5000)
    ("'a\\nb'", '0.5', 80, 'a value of type int')
    """
    if isinstance(value, str) and len(value) > 2 * MOST_QUOTED:
        value = value[:MOST_QUOTED] + value[-MOST_QUOTED:]
    try:
        written = repr(value)
    except Exception:  # a whole number of more digits than Python writes, or an object that is broken
        written = f"a value of type {type(value).__name__}"
    line = " ".join(each.strip() for each in written.splitlines())
    return line if len(line) <= MOST_QUOTED else f"{line[:QUOTED_START]}…{line[QUOTED_START + 1 - MOST_QUOTED :]}"


def a_few(names: Iterable[object], limit: int = 3) -> str:
    """Return the first few names, with an ellipsis if there are more.

    >>> a_few("abc"), a_few("abcd")
    ('a, b, c', 'a, b, c, …')
    """
    every = [each if isinstance(each, str) else str(each) for each in names]
    return joined([*every[:limit], *"…" * (len(every) > limit)])


def joined(names: Iterable[str]) -> str:
    """Join names with the comma of the language in which they are said.

    >>> joined(["a", "b"])
    'a, b'
    """
    return _halves(list(names), lambda first, rest: Said("{first}, {rest}", first=first, rest=rest))


def dotted(names: Iterable[str]) -> str:
    """Join facts with dots between them, in the language in which they are said.

    >>> dotted(["a", "b"])
    'a · b'
    """
    return _halves(list(names), lambda first, rest: Said("{first} · {rest}", first=first, rest=rest))


def _halves(texts: Sequence[str], join: Callable[[str, str], str]) -> str:
    """Join texts two by two: what is said of a thousand is not a thousand sentences deep."""
    if len(texts) < 2:
        return texts[0] if texts else ""
    half = len(texts) // 2
    return join(_halves(texts[:half], join), _halves(texts[half:], join))


def listed(names: Iterable[str], last: Literal["and", "or"] = "and") -> str:
    """Join names as a sentence would, in the language in which it is said.

    >>> listed(["a", "b", "c"]), listed(["a", "b"], "or"), listed(["a"])
    ('a, b and c', 'a or b', 'a')
    """
    *others, end = names
    if not others:
        return end
    if last == "or":
        return Said("{others} or {last}", others=joined(others), last=end)
    return Said("{others} and {last}", others=joined(others), last=end)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name closest to ``name``, or with all of them, if they fit, where none is close.

    >>> nearest("quary", ["query", "key"])
    'did you mean "query"?'
    >>> nearest("zebra", ["query", "key"])
    'known names: query, key'
    """
    known = list(known)
    return did_you_mean(name, known) or "known names: " + a_few(known, MOST_NAMES)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint with the known name closest to ``name``, or nothing if none is close.

    >>> did_you_mean("quary", ["query", "key"]), did_you_mean("zebra", ["query", "key"])
    ('did you mean "query"?', '')
    """
    from difflib import get_close_matches

    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_lower, n=1)
    return f'did you mean "{by_lower[close[0]]}"?' if close else ""


def number(value: float, digits: int, *, narrow: bool = False) -> str:
    """Format a number for a table column, which should stay narrow.

    Below 1 it has ``digits`` digits after the point, from 1 up ``digits`` significant digits; numbers too small or too
    large for that get an exponent.

    >>> number(0.02558, 4), number(12.3456, 4), number(3.0590222e-07, 4), number(0.0, 4), number(-math.inf, 4)
    ('0.0256', '12.35', '3.059e-07', '0', '−∞')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if size == 0:
        return "0"  # no decimal point: an exact zero means a closed key, 0.0000 would be a small weight
    if narrow and size < 10.0**-digits:
        return f"{value:.0e}"
    if size < 10.0**-digits or size >= 1e6:
        return f"{value:.{digits - 1}e}"
    return f"{value:#.{digits}g}".rstrip(".") if size >= 1 else f"{value:.{digits}f}"


def plain(value: float, digits: int) -> str:
    """Format a number for a sentence: ``digits`` significant digits, or more if it would wrongly look whole.

    >>> plain(55.0, 4), plain(0.25, 4), plain(0.9999997, 4), plain(1e20, 4)
    ('55', '0.25', '0.9999997', '1e+20')
    """
    if not math.isfinite(value):
        return number(value, digits)
    if abs(value) >= 1e6:
        return f"{value:.{digits}g}"
    if value == int(value):
        return str(int(value))
    texts = [f"{value:.{more}g}" for more in range(digits, max(digits, MOST_DIGITS) + 1)]
    return next((text for text in texts if float(text) != int(float(text))), texts[0])
