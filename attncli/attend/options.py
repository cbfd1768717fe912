"""The options of the computation, each declared once for files, the command line and Python.

A field of `Options` and its record declare everything about an option: see `attncli.attend.words`. The command line
flags, the checks of values, the notice that an option has no effect, the facts above tables and the reference are
generated from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache

from attncli.attend.checks import single
from attncli.attend.elsewhere import right_word
from attncli.attend.rotary.values import as_text
from attncli.attend.words.cache import CacheOptions
from attncli.attend.words.cap import CapOptions
from attncli.attend.words.layout import LayoutOptions
from attncli.attend.words.mask import MaskOptions
from attncli.attend.words.norm import NormOptions
from attncli.attend.words.option import Option
from attncli.attend.words.precision import PrecisionOptions
from attncli.attend.words.project import ProjectOptions
from attncli.attend.words.rotate import RotateOptions
from attncli.attend.words.score import ScoreOptions
from attncli.errors import InputError
from attncli.text import quoted


# A dataclass has the fields of its last base first: these are in the order of the stages, read from below.
@dataclass(frozen=True, kw_only=True)
class Options(
    PrecisionOptions,
    MaskOptions,
    CapOptions,
    ScoreOptions,
    CacheOptions,
    RotateOptions,
    NormOptions,
    ProjectOptions,
    LayoutOptions,
):
    """The options of one problem; the fields are the long flags with underscores."""

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
                raise InputError(f"unknown option {quoted(given_as)}", hint=hint)
            parsed[name] = known[name].parse(name, single(value))
        for name, value in list(parsed.items()):
            if value is not None and (split := known[name].split) is not None:
                parsed[name], others = split(value)
                parsed = {**others, **parsed}
        if parsed.get("kv_heads") is not None and parsed.get("heads") is None:
            raise InputError("kv-heads is given without heads", hint="give --heads too; both split a packed last axis")
        if parsed.get("states") == "columns" and parsed.get("layout", "bhsd") != "bhsd":
            fact = f"states columns and layout {parsed['layout']} contradict each other"
            raise InputError(fact, hint="give one of them: in other layouts than bhsd each state is a row")
        return cls(**parsed)  # type: ignore[arg-type]  # each record's parse gives the type of its field

    def changed(self) -> dict[str, object]:
        """Return the options that differ from their default: what a file must contain to mean the same."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def in_force(self, name: str) -> bool:
        """Tell whether an option differs from its default."""
        return name in self.changed()

    def without_effect(self, arrays: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
        """Return the options that are given but have no effect, each with the options and arrays of which it needs one.

        Args:
            arrays: the names of those that are given.
        """
        given = self.changed().keys() | set(arrays)
        needed = {name: records()[name].needs for name in self.changed()}
        return {name: needs for name, needs in needed.items() if needs and not given & set(needs)}


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


def written(value: object) -> str:
    """Return the value of an option as a flag would give it.

    >>> written((4, "last")), written({"rope_type": "linear", "factor": 4.0}), written(True)
    ('4,last', 'linear,factor=4', 'True')
    """
    if isinstance(value, Mapping):
        return as_text(value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
