"""How far from what was observed a recipe may be because of rounding, if it is the one that was computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.case import Case
from attncli.check.precision import SOME
from attncli.check.recipe import Recipe
from attncli.check.rounding import BFLOAT16, FLOAT32
from attncli.check.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


def allowed(recipe: Recipe, case: Case, sample: Sample) -> float:
    """Return how large a share of a row rounding may be, for a recipe that may round worse than the right one.

    Args:
        recipe: the right one, or one with mistakes in it.
        case: what is to be explained.
        sample: the rows in which the recipe is computed, as it is and less precisely.
    """
    eps = case.precision.eps
    if eps > FLOAT32.eps:
        states = {name: _half(getattr(recipe.operands, name)) for name in ("query", "key", "value")}
        less, times = recipe.with_operands(**states), 1.0
    else:
        less, times = recipe.with_operands(dtype=np.dtype(np.float32)), eps / FLOAT32.eps
    share = 2 * FLOAT32.margin * times * _apart(less, recipe, sample)
    held = {name: each.loosened() for name, each in recipe.operands.held.items()}
    share += SOME * _apart(recipe.with_operands(held=held), recipe, sample) if held else 0
    return max(case.limit, share)


def _apart(one: Recipe, other: Recipe, sample: Sample) -> float:
    """Return how far apart two recipes are in the sample, as a share of a row's size."""
    worst = 0.0
    for group in sample.groups:
        place = (group.batch, group.head, group.rows)
        apart = np.abs(one.compute(*place) - other.compute(*place)) / group.size
        worst = max(worst, float(apart[np.isfinite(apart)].max(initial=0.0)))
    return worst


def _half(array: NDArray[Any]) -> NDArray[Any]:
    return BFLOAT16.round(np.asarray(array, dtype=np.float64))
