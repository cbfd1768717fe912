"""The options of the computation, each declared once for files, the command line and Python.

A field of `Options` and its `Option` record declare everything about an option. The command line flags, the checks of
values, the notice that an option has no effect, the facts above tables and the reference are generated from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Literal, NamedTuple

from attncli.attend.checks import (
    Offset,
    Scale,
    Window,
    count,
    flag,
    offset,
    one_of,
    or_none,
    positive,
    scale,
    softcap,
    window,
)
from attncli.attend.elsewhere import right_word
from attncli.attend.scores import FUNCTIONS
from attncli.errors import InputError
from attncli.text import plain

# What options decide besides the stages: the layout of arrays, and the precision of everything.
LAYOUT, PRECISION = "layout", "precision"


# A prepared problem, `attncli.attend.operands.ScoreOperands`; that module imports this one.
Facts = Any
Words = Callable[[Facts], str]


class Option(NamedTuple):
    """One option of the computation.

    Attributes:
        stage: the stage that it belongs to; or `LAYOUT` or `PRECISION`.
        parse: takes the name of the option and a value from a flag (text), a file or Python; returns the checked value.
        help: what it does, with its default in brackets; one sentence.
        metavar: placeholder after the flag in help texts; empty for an on/off option.
        choices: the words that it accepts, if it accepts nothing else.
        needs: it has no effect unless one of these options is given too.
        words: describes its effect on a prepared problem (`Facts`), for tables; empty if there is nothing to say.
    """

    stage: str
    parse: Callable[[str, object], object]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    words: Words = lambda facts: ""


def _option(default: object, record: Option) -> Any:
    return field(default=default, metadata={"option": record})


def _choice(stage: str, choices: tuple[str, ...], help: str, *, optional: bool = False, words: Words) -> Option:  # noqa: A002
    parse: Callable[[str, object], object] = one_of(*choices)
    return Option(stage, or_none(parse) if optional else parse, help, "|".join(choices), choices, words=words)


def _score_words(facts: Facts) -> str:
    return f"score {facts.options.score}" + (f" with {', '.join(facts.parameters)}" if facts.parameters else "")


def _scale_words(facts: Facts) -> str:
    scale = facts.options.scale
    if scale == "sqrt":
        return f"scale sqrt = 1/√{facts.sizes.features} = {plain(facts.factor, 4)}"
    return f"scale {scale if isinstance(scale, str) else plain(scale, 4)}"


def _rope_words(facts: Facts) -> str:
    options = facts.options
    return "" if options.rope is None else f"rope {options.rope}, theta {plain(options.rope_theta, 6)}"


def _window_words(facts: Facts) -> str:
    if facts.options.window is None:
        return ""
    left, right = ("any" if side < 0 else str(side) for side in facts.options.window)
    return f"window {left} back, {right} ahead"


def _offset_words(facts: Facts) -> str:
    if not any(facts.options.in_force(name) for name in POSITIONAL):
        return ""
    places = list(dict.fromkeys(facts.positions[:, 0].tolist()))
    return f"first query at position {', '.join(map(str, places[:5]))}{', …' * (len(places) > 5)}"


# The options for which the position of a query matters.
POSITIONAL = ("causal", "window", "alibi", "rope")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of one problem; the fields are the long flags with underscores."""

    score: str = _option(
        "dot",
        _choice(
            "score",
            tuple(FUNCTIONS),
            "How a query meets a key (default dot).",
            words=_score_words,
        ),
    )
    scale: Scale = _option(
        "none",
        Option(
            "score",
            scale,
            "Factor on the scores; sqrt is 1/√d, d the features of one head (default none).",
            "none|sqrt|NUMBER",
            words=_scale_words,
        ),
    )
    states: Literal["rows", "columns"] = _option(
        "rows",
        _choice(
            LAYOUT,
            ("rows", "columns"),
            "Whether each state is a row or a column of its matrix (default rows).",
            words=lambda facts: f"states {facts.options.states}",
        ),
    )
    heads: int | None = _option(
        None,
        Option(
            LAYOUT,
            or_none(count),
            "Split a packed last axis into N heads, each a contiguous block of features (default: not packed).",
            "N",
            words=lambda facts: "" if facts.options.heads is None else f"{facts.head_count} heads side by side",
        ),
    )
    kv_heads: int | None = _option(
        None,
        Option(
            LAYOUT,
            or_none(count),
            "The same for key and value (default: as --heads).",
            "N",
            words=lambda facts: f"{facts.sizes.group} query heads per key head" if facts.sizes.group > 1 else "",
        ),
    )
    rope: Literal["half", "interleaved"] | None = _option(
        None,
        _choice(
            "rotate",
            ("half", "interleaved"),
            "Rotate query and key (not past keys) by their positions: feature i pairs with i + E/2, or 2i with 2i + 1 "
            "(default off).",
            optional=True,
            words=_rope_words,
        ),
    )
    rope_theta: float = _option(
        10000.0,
        Option(
            "rotate",
            positive,
            "Base of the rotary frequencies (default 10000).",
            "NUMBER",
            needs=("rope",),
        ),
    )
    softcap: float | None = _option(
        None,
        Option(
            "cap",
            or_none(softcap),
            "X in X·tanh(score/X), before any mask or bias; 0 means none (default none).",
            "X",
            words=lambda facts: "" if facts.options.softcap is None else f"softcap {plain(facts.options.softcap, 4)}",
        ),
    )
    causal: bool = _option(
        False,
        Option(
            "mask",
            flag,
            "A query at position p sees keys up to p (default off).",
            words=lambda facts: "causal" if facts.options.causal else "",
        ),
    )
    window: Window | None = _option(
        None,
        Option(
            "mask",
            or_none(window),
            "A query at position p sees keys from p-LEFT to p+RIGHT; -1, or no RIGHT, means no bound (default none).",
            "LEFT[,RIGHT]",
            words=_window_words,
        ),
    )
    offset: Offset | None = _option(
        None,
        Option(
            "mask",
            or_none(offset),
            "Position of the first query; end is keys - queries (default 0, the length of past-key, or key-lengths - "
            "queries).",
            "N|end",
            needs=POSITIONAL,
            words=_offset_words,
        ),
    )
    alibi: bool = _option(
        False,
        Option(
            "mask",
            flag,
            "Add -slope·|p - j| for key j, with a slope for each head (default off).",
            words=lambda facts: "alibi" if facts.options.alibi else "",
        ),
    )
    dtype: Literal["float32", "float64"] | None = _option(
        None,
        _choice(
            PRECISION,
            ("float32", "float64"),
            "Precision (default: float64 for text, that of the arrays otherwise, at least float32).",
            optional=True,
            words=lambda facts: f"computed in {facts.dtype.name}",
        ),
    )

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Options:
        """Check values given by the names of the fields or of the long flags.

        Raises:
            InputError: an unknown name (the hint offers the closest known one), or a value that the option cannot take.

        Example:
            >>> Options.parse({"scale": "0.125", "causal": True}).scale
            0.125
        """
        known = records()
        parsed: dict[str, object] = {}
        for given_as, value in given.items():
            name = given_as.replace("-", "_")
            if name not in known:
                hint = right_word(given_as, map(as_flag, known))
                raise InputError(f"unknown option {given_as!r}", hint=hint)
            parsed[name] = known[name].parse(name, value)
        if parsed.get("kv_heads") is not None and parsed.get("heads") is None:
            raise InputError("kv-heads is given without heads", hint="give --heads too; both split a packed last axis")
        return cls(**parsed)  # type: ignore[arg-type]  # each record's parse gives the type of its field

    def changed(self) -> dict[str, object]:
        """Return the options that differ from their default: what a file must contain to mean the same."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def in_force(self, name: str) -> bool:
        """Tell whether an option differs from its default."""
        return name in self.changed()

    def without_effect(self) -> dict[str, tuple[str, ...]]:
        """Return the options that are given but have no effect, each with the options of which it needs one."""
        changed = self.changed()
        needed = {name: records()[name].needs for name in changed}
        return {name: needs for name, needs in needed.items() if needs and not changed.keys() & set(needs)}


@cache
def records() -> dict[str, Option]:
    """Return the record of each option, by name."""
    return {each.name: each.metadata["option"] for each in fields(Options)}


def as_flag(name: str) -> str:
    """Return the name of an option or array as spelled in flags.

    >>> as_flag("rope_theta")
    'rope-theta'
    """
    return name.replace("_", "-")
