"""The output of a recipe, how far rounding takes it, and how far an observed one is from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.compare import distance
from attncli.check.diagnosis import normal
from attncli.check.precision import LESS
from attncli.check.recipe import Recipe
from attncli.check.rounding import EVERYTHING, FLOAT16, FLOAT32, HALVES, TOGETHER, Precision, Rounding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# However coarse a precision is, what is further away than this share of the values is another answer.
MOST = 0.25


def right(o: Operands) -> Recipe:
    """Return the recipe of a problem as it stands, in float64."""
    double = np.dtype(np.float64)
    return Recipe(replace(normal(o), dtype=double, output_dtype=double).core)


@dataclass(frozen=True, eq=False)
class Made:
    """What a recipe makes.

    Attributes:
        recipe: the recipe.
        shape: (batch, heads, L, Ev) of the output, whatever shapes the recipe works with.
    """

    recipe: Recipe
    shape: tuple[int, ...]

    @cached_property
    def output(self) -> Array:
        """The output, in float64."""
        return self._of(self.recipe, list(np.ndindex(self.shape[:2]))).reshape(self.shape)

    @cached_property
    def some(self) -> list[tuple[int, int]]:
        """Some heads, as batch item and head: they stand for all where that is enough."""
        batches, heads = self.shape[:2]
        return sorted({(0, heads // 2), (batches - 1, heads // 4)})

    def _of(self, recipe: Recipe, places: Sequence[tuple[int, int]]) -> Array:
        """Return what a recipe makes in some heads, (heads, L, Ev)."""
        rows = np.arange(self.shape[2])
        return np.stack([recipe.compute(batch, head, rows) for batch, head in places])

    @cached_property
    def _of_some(self) -> Array:
        return self._of(self.recipe, self.some)

    def _observed(self, observed: Array) -> Array:
        """Return what was observed in some heads."""
        return np.stack([observed[place] for place in self.some])

    @cached_property
    def size(self) -> float:
        """The largest value: how large the numbers are that an output is the mean of."""
        values = np.asarray(self.recipe.operands.value, dtype=np.float64)
        return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) or 1.0

    def apart(self, observed: Array) -> float:
        """Return the largest difference, as a share of the largest value; ∞ where one is a number and one is none."""
        return float(distance(self.output, observed).max()) / self.size

    def roughly(self, observed: Array) -> float:
        """Return the same of some heads: no more than it is of all."""
        return float(distance(self._of_some, self._observed(observed)).max()) / self.size

    def cost(self, kind: Precision) -> float:
        """Return how far rounding everything to half precision takes the output of some heads, likewise."""
        rounded = self._of(_rounded(self.recipe, kind), self.some)
        apart = distance(rounded, self._of_some) / self.size
        return max(float(apart[np.isfinite(apart)].max(initial=0.0)), kind.eps / 2)

    @cached_property
    def tolerance(self) -> float:
        """How far float32 may take it: its rounding costs as much less than that of float16 as it is finer."""
        return FLOAT32.margin * max(self.cost(FLOAT16) * FLOAT32.eps / FLOAT16.eps, FLOAT32.eps)

    def coarse_tolerance(self, kind: Precision) -> float:
        """How far half precision may take it."""
        return min(MOST, kind.margin * self.cost(kind))

    def rounding(self, observed: Array) -> Rounding | None:
        """Return what, rounded to half precision, brings it much nearer to what was observed, if anything does."""
        some = self._observed(observed)
        tried = [Rounding(kind, places) for kind, places in product(HALVES, TOGETHER)]
        apart = [_squares(self._of(each.applied(self.recipe), self.some), some) for each in tried]
        nearest = int(np.argmin(apart))
        return tried[nearest] if apart[nearest] * LESS**2 <= _squares(self._of_some, some) else None


def _rounded(recipe: Recipe, kind: Precision) -> Recipe:
    """Return a recipe in which everything is rounded, scores after their cap included."""
    found = Rounding(kind, EVERYTHING).applied(recipe)
    return replace(found, cap=lambda scores, o: kind.round(recipe.cap(scores, o)))


def _squares(made: Array, observed: Array) -> float:
    difference = distance(made, observed)
    return float((difference[np.isfinite(difference)] ** 2).sum())
