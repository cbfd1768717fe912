"""The record that declares everything about an option, and the fields that carry it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, NamedTuple

from attncli.attend.checks import one_of, or_none

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
        needs: it has no effect unless one of these options and arrays is given too.
        replaced_by: it has no effect where one of these arrays is given.
        split: splits a value, where it may speak of other options too, into itself and their values, by name; those
            count unless the options are given themselves.
        no_gradient: why nothing has a gradient where it is in force; empty: all that has one has it still.
        words: describes its effect on a prepared problem (`Facts`), for tables; empty if there is nothing to say.
    """

    stage: str
    parse: Callable[[str, object], object]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    split: Callable[[Any], tuple[object, Mapping[str, object]]] | None = None
    no_gradient: str = ""
    words: Words = lambda facts: ""


def option(default: object, record: Option) -> Any:
    """Return the field of an option: its default, and the record that declares it."""
    return field(default=default, metadata={"option": record})


def choice(
    stage: str,
    choices: tuple[str, ...],
    help: str,  # noqa: A002
    *,
    optional: bool = False,
    needs: tuple[str, ...] = (),
    words: Words,
) -> Option:
    """Return the record of an option that is one of a few words."""
    parse: Callable[[str, object], object] = one_of(*choices)
    return Option(stage, or_none(parse) if optional else parse, help, "|".join(choices), choices, needs, words=words)
