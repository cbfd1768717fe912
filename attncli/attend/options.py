"""The options of the computation: one frozen record, whoever gives them (Python, a file, the command line)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from attncli.errors import InputError, nearest

Scale = float | Literal["none", "sqrt"]
Offset = int | Literal["end"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Say how query, key and value meet; the fields are the long flags with underscores.

    Attributes:
        score: the score function, ``"dot"``.
        scale: factor on the scores: ``"none"`` (1), ``"sqrt"`` (1/√d, d the features of one head) or a number.
        states: whether each state is a row or a column of its matrix.
        causal: a query at position p sees the keys at positions ≤ p.
        offset: position of the first query; ``"end"`` is keys − queries, None is 0.
        dtype: precision of the computation; None takes the arrays' own, at least float32.
    """

    score: Literal["dot"] = "dot"
    scale: Scale = "none"
    states: Literal["rows", "columns"] = "rows"
    causal: bool = False
    offset: Offset | None = None
    dtype: Literal["float32", "float64"] | None = None

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Options:
        """Check what was given, by the names of the fields or of the long flags.

        Raises:
            InputError: an unknown name (the nearest known one is offered), or a value that the option cannot take.

        Example:
            >>> Options.parse({"scale": "0.125", "causal": True}).scale
            0.125
        """
        names = [field.name for field in fields(cls)]
        parsed: dict[str, object] = {}
        for flag, value in given.items():
            name = flag.replace("-", "_")
            if name not in names:
                known = (each.replace("_", "-") for each in names)
                raise InputError(f"unknown option {flag!r}", hint=nearest(flag, known))
            parsed[name] = PARSERS[name](name, value)
        return cls(**parsed)  # type: ignore[arg-type]  # PARSERS gives each field its own type

    def changed(self) -> dict[str, object]:
        """Return the options that are not at their default: what a file must say to mean the same."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def _one_of(*choices: str) -> Callable[[str, object], str]:
    def parse(name: str, value: object) -> str:
        if value not in choices:
            raise InputError(f"{name} is {' or '.join(choices)}, not {value!r}")
        return str(value)

    return parse


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{name} is true or false, not {value!r}")
    return value


def _scale(name: str, value: object) -> Scale:
    if value == "none" or value == "sqrt":
        return "none" if value == "none" else "sqrt"
    return _number(name, value, "none, sqrt or a number")


def _offset(name: str, value: object) -> Offset:
    return "end" if value == "end" else _whole(name, value, "end or a whole number")


def _number(name: str, value: object, wanted: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} is {wanted}, not {value!r}")
    return number


def _whole(name: str, value: object, wanted: str) -> int:
    number = _number(name, value, wanted)
    # Positions are 64-bit integers; a bound well inside leaves room to add to them.
    if not number.is_integer() or abs(number) > 2**62:
        raise InputError(f"{name} is {wanted}, not {value!r}")
    return int(number)


PARSERS: dict[str, Callable[[str, object], object]] = {
    "score": _one_of("dot"),
    "scale": _scale,
    "states": _one_of("rows", "columns"),
    "causal": _flag,
    "offset": _offset,
    "dtype": lambda name, value: None if value is None else _one_of("float32", "float64")(name, value),
}
