"""Check the value given to an option: text from a flag, a JSON value from a file, or a Python object.

Each takes the option's name, for the message, and the value; it returns the value in the option's type.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from attncli.errors import InputError
from attncli.text import quoted

Scale = float | Literal["none", "sqrt"]
Offset = int | Literal["end"]
Window = tuple[int, int]
# Beyond it not every whole number is a float64; and sums of some such numbers stay within 64 bits.
MOST_WHOLE = 2**53 - 1
Check = Callable[[str, object], object]


def or_none(parse: Check) -> Check:
    """Extend a check to accept None."""
    return lambda name, value: None if value is None else parse(name, value)


def single(value: object) -> object:
    """Return Python's own value for a scalar of NumPy, or for an array or tensor without axes; any other as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value


def one_of(*choices: str) -> Callable[[str, object], str]:
    """Return a check that accepts only these words."""

    def parse(name: str, value: object) -> str:
        # An array is equal to a word in each of its elements; a type of NumPy is equal to its name.
        found = next((each for each in choices if (value == each) is True), None)
        if found is None:
            raise InputError(f"{name} must be {' or '.join(choices)}, not {quoted(value)}")
        return found

    return parse


def flag(name: str, value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{name} must be true or false, not {quoted(value)}")
    return value


def scale(name: str, value: object) -> Scale:
    """Read a factor: none, sqrt or a number."""
    if isinstance(value, str) and (value == "none" or value == "sqrt"):
        return "none" if value == "none" else "sqrt"
    if value is None:
        hint = "sqrt is 1/√d, which PyTorch means by None; none leaves the scores as they are"
        raise InputError(f"{name} must be none, sqrt or a number, not None", hint=hint)
    wanted = "none, sqrt or a number"
    if not isinstance(value, str) or value.count("/") != 1:
        return number(name, value, wanted)
    above, below = (number(name, part, wanted) for part in value.split("/"))
    if below == 0 or not math.isfinite(above / below):
        raise InputError(f"{name} must be {wanted}, not {value!r}")
    return above / below


def offset(name: str, value: object) -> Offset:
    """Read a position: end or a whole number."""
    return "end" if isinstance(value, str) and value == "end" else whole(name, value, "end or a whole number")


def count(name: str, value: object) -> int:
    """Read a whole number of at least 1."""
    found = whole(name, value, "a whole number from 1")
    if found < 1:
        raise InputError(f"{name} must be a whole number from 1, not {quoted(value)}")
    return found


def window(name: str, value: object) -> Window:
    """Read LEFT or LEFT,RIGHT: text from the command line, a number or a list from elsewhere."""
    wanted = "LEFT or LEFT,RIGHT, whole numbers from -1 (no bound)"
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    if len(parts) not in (1, 2):
        raise InputError(f"{name} must be {wanted}, not {quoted(value)}")
    left, right = [whole(name, part, wanted) for part in (*parts, -1)[:2]]
    if min(left, right) < -1:
        raise InputError(f"{name} must be {wanted}, not {quoted(value)}")
    return left, right


def softcap(name: str, value: object) -> float | None:
    """Read a cap; 0 means none."""
    found = number(name, value, "a number above 0, or 0 for none")
    if found < 0:
        raise InputError(f"{name} must be a number above 0, or 0 for none, not {quoted(value)}")
    return found or None


def positive(name: str, value: object) -> float:
    """Read a number above 0."""
    found = number(name, value, "a number above 0")
    if found <= 0:
        raise InputError(f"{name} must be a number above 0, not {quoted(value)}")
    return found


def number(name: str, value: object, wanted: str) -> float:
    """Read a finite number, in plain notation."""
    # float() accepts what people hardly mean as a number: True, 1_000, digits of other scripts, bytes, an array of one.
    if isinstance(value, str):
        odd = "_" in value or not value.isascii()
    else:
        odd = isinstance(value, bool) or hasattr(value, "__len__")
    try:
        found = math.nan if odd else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{name} must be {wanted}, not {quoted(value)}")
    return found


def whole(name: str, value: object, wanted: str) -> int:
    """Read a whole number."""
    found = number(name, value, wanted)
    if not found.is_integer():
        raise InputError(f"{name} must be {wanted}, not {quoted(value)}")
    if abs(found) > MOST_WHOLE:
        raise InputError(f"{name} must be {wanted}, up to 2^53 - 1, not {quoted(value)}")
    return int(found)
