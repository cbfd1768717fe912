r"""What is wrong with a text that should be JSON, in words of our own: Python's differ from version to version."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from attncli.errors import InputError
from attncli.files import signs
from attncli.files.json_spot import MOST_SHOWN, Spot

WORD = re.compile(r"[^\s,:;=\[\](){}\"'`#]+")
TAIL = re.compile(r"[\w.+\-]*$")
INCOMPLETE = "is the file complete?"
FAR = 400  # no number, and no text whose end is looked for, is longer
# A quote that looks as if it ended a text.
QUOTE = re.compile("[" + "".join(signs.that_mean('"')) + r"](?=\s*(?:[,:\]}，：］｝]|$))", re.MULTILINE)
CLOSING = {"[": "]", "{": "}"}
SPELLED = {
    "nan": '"NaN"',
    "-nan": '"NaN"',
    "inf": '"Infinity"',
    "infinity": '"Infinity"',
    "∞": '"Infinity"',
    "-inf": '"-Infinity"',
    "-infinity": '"-Infinity"',
    "-∞": '"-Infinity"',
    "true": "true",
    "false": "false",
} | dict.fromkeys(
    ("none", "null", "nil", "undefined", "na", "n/a", "<na>"),
    '"NaN" for a missing number, null where a mask closes a key',
)
INSTEAD = {
    ";": ("a semicolon (;)", "write ,"),
    "=": ("an equals sign (=)", "write :"),
    "(": ("a round bracket", "write ["),
    ")": ("a round bracket", "write ]"),
}

BEGINS = "JSON begins with { or [; a table of numbers without them is CSV"

# Where it is, what it is, and what to do.
Said = tuple[int, str, str]


def error(text: str, at: int) -> InputError:
    """Return the error about a text.

    Args:
        text: not JSON.
        at: the first place that a parser could not read.
    """
    spot = Spot.of(text, at)
    if (sign := _sign(spot)) is not None:
        return InputError(sign.name, hint=sign.hint, place=f"line {spot.line_of(sign.at)}")
    where, message, hint = next(said for check in CHECKS if (said := check(spot)) is not None)
    return InputError(f"broken JSON: {message}", hint=hint, place=spot.place_of(where))


def _sign(spot: Spot) -> signs.Sign | None:
    """Return a character that only looks like one of JSON: here, or in place of the quote that ends a text."""
    start = end = -1
    if spot.inside >= 0:
        start, end = spot.inside, spot.at
    elif spot.opens_text:
        start, end = spot.at, spot.at + FAR
    elif spot.last[1] == spot.at and WORD.match(spot.here):  # the next quote begins a text, and seemed to end one
        start, end = spot.last
    found = QUOTE.search(spot.text, start, end) if start >= 0 else None
    if found is not None:
        return signs.sign_at(spot.text, found.start())
    return signs.sign_at(spot.text, spot.at) if spot.inside < 0 else None


def _text(spot: Spot) -> Said | None:
    """Say what can be wrong within a text."""
    if spot.opens_text:
        return spot.at, "a text is opened and never closed", 'write " at its end'
    if spot.inside < 0:
        return None
    if spot.here in ("\n", "\r"):
        return spot.inside, "a text is not closed in its line", r'write " at its end, or \n for a line break within it'
    if spot.here and spot.here < " ":
        shown = r"\t" if spot.here == "\t" else f"\\u{ord(spot.here):04x}"
        return spot.at, f"a control character ({shown}) within a text", f"write {shown}"
    at = max(spot.text.rfind("\\", spot.inside, spot.at + 1), spot.inside)
    escape = spot.text[at : at + 2]
    what = r"\u without four hexadecimal digits" if escape == r"\u" else f"{escape} means nothing within a text"
    return at, what, r"write \\ for a backslash"


def _end(spot: Spot) -> Said | None:
    if spot.here:
        return None
    at, hint = max(spot.before, 0), INCOMPLETE
    if spot.previous == "":
        return at, "there is nothing in it", ""
    if spot.bracket:
        return at, f"it ends before the {spot.bracket} of line {spot.line_of(spot.opened)} is closed", hint
    return at, "it ends too early", hint


def _comment(spot: Spot) -> Said | None:
    if spot.text.startswith(("//", "/*", "#"), spot.at):
        return spot.at, "a comment, which JSON does not have", 'remove it; "title" and "source" hold remarks'
    return None


def _quote(spot: Spot) -> Said | None:
    return (spot.at, "a text in single quotes", 'write " in place of each') if spot.here in ("'", "`") else None


def _comma(spot: Spot) -> Said | None:
    """Say what is wrong around a comma; Python points at it or at the bracket behind it, depending on its version."""
    at = spot.at if spot.here == "," else spot.before if spot.here in ("]", "}") else -1
    if at < 0 or spot.text[at] != ",":
        return None
    following = re.compile(r"\s*(\S?)").match(spot.text, at + 1)
    after = following[1] if following else ""
    if spot.here == "," and not spot.follows_value and spot.previous in (",", "[", "{"):
        what = (
            "two commas with nothing between them" if spot.previous == "," else f"a comma right after {spot.previous}"
        )
        return at, what, "remove one" if spot.previous == "," else "remove it"
    return (at, f"a trailing comma before {after}", "remove it") if after in ("]", "}") else None


def _name(spot: Spot) -> Said | None:
    found = WORD.match(spot.text, spot.at) if spot.wants_name else None
    if found is None:
        return None
    word = found[0][:MOST_SHOWN]
    return spot.at, f"the name {word} is not in quotes", f'write "{word}"'


def _word(spot: Spot) -> Said | None:
    """Say what is wrong with a number or a word."""
    tail = TAIL.search(spot.text[max(spot.at - FAR, 0) : spot.at])
    start = spot.at - (len(tail[0]) if tail else 0)
    found = WORD.match(spot.text, start, start + FAR)
    if found is None or not WORD.match(spot.here) or (start == spot.at and spot.follows_value):
        return None
    word = found[0]
    shown, spelled = word[:MOST_SHOWN], SPELLED.get(word.lower().removeprefix("+"))
    if spelled is not None:
        return start, f"{shown} is not JSON", f"write {spelled}"
    if spot.text[found.end() : found.end() + 1] == "(":
        return start, f"{shown}(…) is code, not JSON", "json.dump(array.tolist(), file) writes an array as JSON"
    if word[0] in "+-." or word[0].isdecimal():
        return start, f"{shown} is not a number as JSON writes them", _number(word)
    return start, f"{shown} is neither a number nor a text in quotes", f'write "{shown}" if it is a text'


def _number(word: str) -> str:
    """Return a hint with the number that a word means to Python, if it means one."""
    try:
        number = float(word)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    return f"write {int(number) if number.is_integer() and abs(number) < 1e15 else number!r}"


def _colon(spot: Spot) -> Said | None:
    if spot.name and spot.here in (",", "}", "]"):
        return spot.at, f"the name {spot.name} has no value", "write : and the value after it"
    if spot.name and spot.here not in INSTEAD:
        return spot.at, f"a colon is missing after the name {spot.name}", "write : after it"
    if spot.previous == ":" and spot.here in (",", "}", "]"):
        return spot.at, "a value is missing after the colon", ""
    return None


def _rest(spot: Spot) -> Said:
    """Say what else can stand where it must not."""
    at, here, bracket = spot.at, spot.here if spot.here.isprintable() else f"U+{ord(spot.here):04X}", spot.bracket
    if spot.previous == "":
        return at, f"it begins with {here}", BEGINS
    if here in INSTEAD:
        return at, *INSTEAD[here]
    if not bracket and (here in "]}" or spot.follows_value):
        if not spot.text.lstrip().startswith(("{", "[")):
            return at, f"{here} after a number or a text alone", BEGINS
        what = f"{here} closes nothing" if here in "]}" else "more follows the end of the JSON"
        return at, what, "a file holds one object or one array: write one pair of brackets around all"
    if spot.last[1] == at:
        return at, f"{here} follows a closing quote", 'is a quote (") missing before it?'
    if bracket and here in "]}" and CLOSING[bracket] != here:
        where = f"the {bracket} of line {spot.line_of(spot.opened)}"
        return at, f"{here} where {where} should be closed", f"write {CLOSING[bracket]}"
    if here == ":":
        return at, "a colon where none can be", "names and their values stand within { }"
    if spot.follows_value:
        return at, f"a comma is missing before {here}", "write , between elements"
    if spot.wants_name:
        return at, f"{here} where a name should be", 'a name, such as "query", and a colon go before each value'
    return at, f"{here} cannot stand here", ""


CHECKS: tuple[Callable[[Spot], Said | None], ...] = (
    _text,
    _end,
    _comment,
    _quote,
    _comma,
    _name,
    _word,
    _colon,
    _rest,
)
