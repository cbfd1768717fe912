"""One concrete mistake: what it changes in the recipe for attention, and how it is described."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from attncli.check.deadline import Deadline
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.pieces import Piece
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands
    from attncli.check.sample import Sample

Either = TypeVar("Either", "Variant", "Variant | Unknown")


@dataclass(frozen=True)
class Variant:
    """One mistake with everything that was open about it decided.

    Attributes:
        mistakes: what it is; several where they come to the same numbers and nothing could tell them apart.
        piece: what it replaces.
        form: what it replaces it by, in a word or two. Piece and form identify the mistake in every part of a problem.
        apply: makes the mistake; None where it cannot be made in that recipe.
        description: what went wrong, in a sentence without a full stop.
        fix: what to change.
        detail: numbers and names, for scripts.
        options: the options of the computation that give exactly what was observed; None where none do.
        number: the number in it that was searched for, where one was.
        raw: whether it is made before query and key are rotated.
        alone: whether it is looked for only where nothing else is wrong.
        flips: whether numbers near the middle between two codes may go to either, so that a few rows differ.
        quick: makes the same of some rows without a copy of what has the size of the problem; None: `apply` does.
    """

    mistakes: tuple[Mistake, ...]
    piece: Piece
    form: str
    apply: Callable[[Recipe], Recipe | None]
    description: Sentence
    fix: Sentence
    detail: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] | None = None
    number: float | None = None
    raw: bool = False
    alone: bool = False
    flips: bool = False
    quick: Callable[[Recipe], Recipe | None] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it, with `number`: the piece that it replaces and the form that the piece gets."""
        return self.piece.name, self.form


@dataclass(frozen=True)
class Unknown:
    """A mistake with a number in it that has to be found.

    Attributes:
        piece: see `Variant`.
        numbers: good guesses, or what makes them from a recipe and the observed rows.
        of: the mistake with this number.
        smooth: whether the number can be refined, since small changes of it make small changes to the output.
        alone: whether it is looked for only where nothing else is wrong.
    """

    piece: Piece
    numbers: Sequence[float] | Callable[[Recipe, Sample], Sequence[float]]
    of: Callable[[float], Variant]
    smooth: bool = True
    alone: bool = False

    def guesses(self, recipe: Recipe, sample: Sample) -> list[float]:
        """Return good guesses for the number."""
        return list(self.numbers(recipe, sample) if callable(self.numbers) else self.numbers)


def in_order(variants: Iterable[Either]) -> list[Either]:
    """Return mistakes in the order in which they are made."""
    return sorted(variants, key=lambda each: each.piece.order)


@dataclass(frozen=True)
class Observed:
    """What generators fit their mistakes to.

    Attributes:
        right: the right recipe.
        sample: some rows of what is to be explained, those first in which most is wrong.
        expected: (batch, heads, L, Ev) all of it.
        output: (batch, heads, L, Ev) what is right.
        wrong: (batch, heads, L) which rows of it differ from the right ones.
        share: how large a share of a row rounding may be.
        given: the problem before its query, key and value are projected and normalised; None: there is none to change.
        deadline: when the search ends; what takes more than an instant looks at it between its steps.
    """

    right: Recipe
    sample: Sample
    expected: NDArray[Any]
    output: NDArray[Any]
    wrong: NDArray[np.bool_]
    share: float
    given: Operands | None = None
    deadline: Deadline = field(default_factory=Deadline)


@dataclass(frozen=True)
class Generator:
    """Mistakes that are read off what was observed: whatever was done instead, of one kind.

    Attributes:
        piece: see `Variant`.
        make: returns the mistakes that may have been made, the likeliest first; each is then tried like any other.
        in_layers: whether it can read what a gate or a matrix made of the weighted sums.
    """

    piece: Piece
    make: Callable[[Observed], Iterable[Variant | Unknown]]
    in_layers: bool = False
