"""Precisions, what may be rounded to them, and what a tolerance stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Round = Callable[[NDArray[Any]], NDArray[Any]]

# Two right answers may differ by this many times the error that plain computation shows…
MARGIN = 12
# …and in half precision, whose cost is measured with everything rounded, by this many times that.
HALF_MARGIN = 8


@dataclass(frozen=True)
class Precision:
    """One floating-point type.

    Attributes:
        name: of the type.
        eps: the distance from 1 to the next number.
        is_half: whether it is one of the half precisions.
    """

    name: str
    eps: float
    is_half: bool = False

    @property
    def margin(self) -> int:
        """By how many times the measured cost of this precision right outputs may differ."""
        return HALF_MARGIN if self.is_half else MARGIN

    def round(self, array: NDArray[Any]) -> NDArray[Any]:
        """Round numbers to half precision; they stay float64."""
        return to_half(array, self.name)


FLOAT64 = Precision("float64", 2.0**-52)
FLOAT32 = Precision("float32", 2.0**-23)
FLOAT16 = Precision("float16", 2.0**-10, is_half=True)
BFLOAT16 = Precision("bfloat16", 2.0**-7, is_half=True)
PRECISIONS = {each.name: each for each in (FLOAT64, FLOAT32, FLOAT16, BFLOAT16)}
HALVES = (FLOAT16, BFLOAT16)


@dataclass(frozen=True)
class Place:
    """Some of the numbers of a computation.

    Attributes:
        name: what they are.
        wrap: returns a recipe whose stages round them.
    """

    name: str
    wrap: Callable[[Recipe, Round], Recipe]


def _round_inputs(recipe: Recipe, rounded: Round) -> Recipe:
    right, weigh = recipe.products, recipe.weigh
    return replace(
        recipe,
        products=lambda o: right(replace(o, query=rounded(o.query), key=rounded(o.key))),
        weigh=lambda weights, value: weigh(weights, rounded(value)),
    )


def _round_scores(recipe: Recipe, rounded: Round) -> Recipe:
    scale = recipe.scale
    return replace(recipe, scale=lambda scores, o: rounded(scale(scores, o)))


def _round_weights(recipe: Recipe, rounded: Round) -> Recipe:
    weigh = recipe.weigh
    return replace(recipe, weigh=lambda weights, value: weigh(rounded(weights), value))


def _round_output(recipe: Recipe, rounded: Round) -> Recipe:
    finish = recipe.finish
    return replace(recipe, finish=lambda output: rounded(finish(output)))


INPUTS = Place("inputs", _round_inputs)
SCORES = Place("scores", _round_scores)
WEIGHTS = Place("weights", _round_weights)
OUTPUT = Place("output", _round_output)
EVERYTHING = (INPUTS, SCORES, WEIGHTS, OUTPUT)
# What programs round together.
TOGETHER = ((INPUTS,), (SCORES,), (WEIGHTS,), (OUTPUT,), (INPUTS, WEIGHTS), EVERYTHING)


@dataclass(frozen=True)
class Rounding:
    """Some numbers of a computation, rounded to half precision.

    Attributes:
        kind: the precision.
        places: which numbers.
    """

    kind: Precision
    places: tuple[Place, ...]

    def applied(self, recipe: Recipe) -> Recipe:
        """Return a recipe in which these numbers are rounded."""
        for place in self.places:
            recipe = place.wrap(recipe, self.kind.round)
        return recipe

    def words(self) -> Sentence:
        """Say which numbers: such as bfloat16 inputs and weights, or float16 everywhere."""
        if self.places == EVERYTHING:
            return sentence("rounded_everywhere", kind=self.kind.name)
        return sentence("rounded", kind=self.kind.name, places=words("place", (each.name for each in self.places)))


@dataclass(frozen=True)
class Level:
    """What a tolerance stands for.

    Attributes:
        precision: in which the output was computed; None: the tolerance was given.
        decimals: to how many decimals the output was rounded, where it was.
        rounding: what was rounded on the way, where that is not everything.
        times_better: how many times less a mistake leaves than the right computation rounded in any way, where that
            says more than the precision.
    """

    precision: Precision | None
    decimals: int | None = None
    rounding: Rounding | None = None
    times_better: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is a precision and nothing else."""
        return self.precision is not None and self.decimals is None and self.rounding is None

    def words(self) -> Sentence:
        """Name it: such as given, float32, 3 decimals, or bfloat16 weights."""
        if self.precision is None:
            return sentence("given")
        if self.decimals is not None:
            return sentence("decimals", count=self.decimals)
        return sentence("precision", name=self.precision.name) if self.rounding is None else self.rounding.words()

    def tolerance(self) -> Sentence:
        """Say how large the tolerance is: such as 12 times the error of float32 on these inputs."""
        if self.precision is None:
            return sentence("tolerance_given")
        if self.decimals is not None:
            return sentence("tolerance_decimals", count=self.decimals)
        if self.times_better is not None:
            return sentence("tolerance_sharper", times=f"{self.times_better:.0f}", name=self.precision.name)
        key = "tolerance_half" if self.precision.is_half else "tolerance_times"
        return sentence(key, times=self.precision.margin, name=self.precision.name)


GIVEN = Level(None)


def to_half(array: NDArray[Any], kind: str) -> NDArray[Any]:
    """Round numbers to float16 or bfloat16, to nearest and ties to even; they stay float64.

    >>> to_half(np.array([1.001, 3.14159]), "bfloat16").tolist()
    [1.0, 3.140625]
    """
    with np.errstate(over="ignore"):
        if kind == "float16":
            return array.astype(np.float16).astype(np.float64)
        bits = array.astype(np.float32).view(np.uint32)
    rounded = bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)
    # The bits of ∞ and NaN must not be added to.
    kept = np.where(np.isfinite(array), rounded & np.uint32(0xFFFF0000), bits)
    return kept.astype(np.uint32).view(np.float32).astype(np.float64)
