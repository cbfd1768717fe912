"""One concrete mistake: what it changes in the recipe attention is computed, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from attncli.check.recipe import Recipe

if TYPE_CHECKING:
    from attncli.check.probe import Probe

# In this order mistakes are made to a recipe: what comes later finds what comes earlier done.
STAGES = ("rope", "rules", "layout", "numbers", "closing", "softmax", "output")


@dataclass(frozen=True)
class Variant:
    """One mistake with everything that was open about it decided.

    Attributes:
        mistakes: its ids; several where they come to the same numbers and nothing could tell them apart.
        slot: what it decides; no two mistakes of one slot are made at once.
        stage: see `STAGES`.
        apply: makes the mistake; None where it cannot be made in that recipe.
        said: what went wrong, in a sentence without a full stop.
        fix: what to change.
        detail: numbers and names, for scripts.
        options: the options of the computation that give exactly what was observed; None where none do.
        number: the number in it that was looked for, where one was.
        raw: whether it is made before query and key are rotated.
    """

    mistakes: tuple[str, ...]
    slot: str
    stage: str
    apply: Callable[[Recipe], Recipe | None]
    said: str
    fix: str
    detail: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] | None = None
    number: float | None = None
    raw: bool = False


@dataclass(frozen=True)
class Unknown:
    """A mistake with a number in it that has to be found.

    Attributes:
        slot: see `Variant`.
        stage: see `Variant`.
        numbers: good guesses for a recipe, from what was observed.
        of: the mistake with this number.
        smooth: whether the number can be refined, since small changes of it make small changes to the output.
        alone: whether it is looked for only where nothing else is wrong.
    """

    slot: str
    stage: str
    numbers: Callable[[Recipe, Probe], Iterable[float]]
    of: Callable[[float], Variant]
    smooth: bool = True
    alone: bool = False
