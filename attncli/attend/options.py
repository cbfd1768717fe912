"""The options of the computation: one frozen record, whoever gives them (Python, a file, the command line)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from attncli.errors import InputError
from attncli.text import nearest

ScoreName = Literal["dot", "cosine", "general", "additive"]
Scale = float | Literal["none", "sqrt"]
Offset = int | Literal["end"]
Window = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Say how query, key and value meet; the fields are the long flags with underscores.

    Attributes:
        score: how a query meets a key; see `attncli.attend.stages.score`.
        scale: factor on the scores: ``"none"`` (1), ``"sqrt"`` (1/√d, d the features of one head) or a number.
        states: whether each state is a row or a column of its matrix.
        heads: into how many heads a packed last axis is split; None: it is not packed.
        kv_heads: the same for key and value; None: as many as ``heads``.
        causal: a query at position p sees the keys at positions ≤ p.
        offset: position of the first query; ``"end"`` is keys − queries; None is the length of ``past_key``, or
            ``key_lengths`` − queries, or 0.
        window: (left, right): a query at p sees the keys from p − left to p + right; −1 is no bound.
        softcap: X in X·tanh(score/X); None or 0: no cap.
        alibi: add −slope·(p − j), a slope for each head.
        rope: rotate query and key by their positions, pairing feature i with i + E/2 (``"half"``) or 2i with 2i + 1.
        rope_theta: base of the rotary frequencies.
        dtype: precision of the computation; None takes the arrays' own, at least float32.
    """

    score: ScoreName = "dot"
    scale: Scale = "none"
    states: Literal["rows", "columns"] = "rows"
    heads: int | None = None
    kv_heads: int | None = None
    causal: bool = False
    offset: Offset | None = None
    window: Window | None = None
    softcap: float | None = None
    alibi: bool = False
    rope: Literal["half", "interleaved"] | None = None
    rope_theta: float = 10000.0
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
        if parsed.get("kv_heads") is not None and parsed.get("heads") is None:
            raise InputError("kv-heads says how a packed key is split, and heads is missing", hint="give --heads too")
        return cls(**parsed)  # type: ignore[arg-type]  # PARSERS gives each field its own type

    def changed(self) -> dict[str, object]:
        """Return the options that are not at their default: what a file must say to mean the same."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def _or_none(parse: Callable[[str, object], object]) -> Callable[[str, object], object]:
    return lambda name, value: None if value is None else parse(name, value)


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


def _count(name: str, value: object) -> int:
    number = _whole(name, value, "a whole number from 1")
    if number < 1:
        raise InputError(f"{name} is a whole number from 1, not {value!r}")
    return number


def _window(name: str, value: object) -> Window:
    """Read LEFT or LEFT,RIGHT, from the command line as text, elsewhere as a number or a list of them."""
    wanted = "LEFT or LEFT,RIGHT, whole numbers from -1 (no bound)"
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    if len(parts) not in (1, 2):
        raise InputError(f"{name} is {wanted}, not {value!r}")
    left, right = [_whole(name, part, wanted) for part in (*parts, -1)[:2]]
    if min(left, right) < -1:
        raise InputError(f"{name} is {wanted}, not {value!r}")
    return left, right


def _softcap(name: str, value: object) -> float | None:
    number = _number(name, value, "a number above 0, or 0 for none")
    if number < 0:
        raise InputError(f"{name} is a number above 0, or 0 for none, not {value!r}")
    return number or None


def _positive(name: str, value: object) -> float:
    number = _number(name, value, "a number above 0")
    if number <= 0:
        raise InputError(f"{name} is a number above 0, not {value!r}")
    return number


def _number(name: str, value: object, wanted: str) -> float:
    # float() takes more than people mean to write as a number: True, 1_000, digits of other scripts.
    odd = isinstance(value, bool) or (isinstance(value, str) and ("_" in value or not value.isascii()))
    try:
        number = math.nan if odd else float(value)  # type: ignore[arg-type]
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
    "score": _one_of("dot", "cosine", "general", "additive"),
    "scale": _scale,
    "states": _one_of("rows", "columns"),
    "heads": _or_none(_count),
    "kv_heads": _or_none(_count),
    "causal": _flag,
    "offset": _or_none(_offset),
    "window": _or_none(_window),
    "softcap": _or_none(_softcap),
    "alibi": _flag,
    "rope": _or_none(_one_of("half", "interleaved")),
    "rope_theta": _positive,
    "dtype": _or_none(_one_of("float32", "float64")),
}
