"""One concrete mistake on the way back: what it changes, and how it is described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from attncli.check.backward.way import Changed, Way
from attncli.check.mistakes.mistake import Mistake
from attncli.sentences import Sentence


@dataclass(frozen=True)
class Change:
    """One mistake with everything that was open about it decided.

    Attributes:
        mistake: what it is.
        form: its form, in a word or two; mistake and form identify it.
        apply: makes the mistake; None where it cannot be made here.
        description: what went wrong, in a sentence without a full stop.
        fix: what to change.
        detail: numbers and names, for scripts.
        rank: 1, or more where something simpler that explains as much is to be believed first.
        others: names for the same numbers.
    """

    mistake: Mistake
    form: str
    apply: Callable[[Way], Way | None]
    description: Sentence
    fix: Sentence
    detail: Mapping[str, object] = field(default_factory=dict)
    rank: int = 1
    others: tuple[Mistake, ...] = ()

    def ranked(self, rank: int) -> Change:
        """Return the same change with another rank."""
        return replace(self, rank=rank)


def in_stage(name: str, change: Changed) -> Callable[[Way], Way]:
    """Return what changes the ``backward`` of one stage."""
    return lambda way: way.with_stage(name, change)


def whole(apply: Callable[[Way], Way]) -> Callable[[Way], Way]:
    """Return the same for a mistake that shows only where all queries and heads are there."""
    return lambda way: replace(apply(way), is_whole=True)
