"""How far from what was observed a recipe may be because of rounding, if it is the one that was computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.check.case import Case
from attncli.check.compare import Comparison
from attncli.check.precision import SOME
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.rounding import EVERYTHING, FLOAT32, Precision, Rounding
from attncli.check.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many times what rounding everything to half precision costs an explanation may leave: of 1200 right outputs, by
# all routes, the furthest was off by 2.3 times that, and one in a hundred by 1.4 times.
COSTS_IN_HALF = 3.0


def allowed(recipe: Recipe, case: Case, sample: Sample) -> float:
    """Return how large a share of a row rounding may be, for a recipe that may round worse than the right one.

    In half precision that is a few times what it costs to round everything of this recipe to it. The tolerance is
    larger, lest a right output be blamed; what is wrong has to be explained by more than that.

    Args:
        recipe: the right one, or one with mistakes in it.
        case: what is to be explained.
        sample: the rows in which the recipe is computed, as it is and less precisely.
    """
    precision, reference = case.precision, case.reference
    by_codes = _by_codes(recipe, sample)
    if precision.is_half:
        cost = _apart(Rounding(precision, EVERYTHING).applied(recipe), recipe, sample)
        # What it costs the right recipe is measured for the output alone; of results on the way the limit tells it.
        least = reference.half[precision] if recipe.until == OUTPUT else case.limit / precision.margin
        return max(COSTS_IN_HALF * max(cost, least) + by_codes, reference.limit(FLOAT32))
    less, times = recipe.with_operands(dtype=np.dtype(np.float32)), precision.eps / FLOAT32.eps
    return max(case.limit, 2 * FLOAT32.margin * times * _apart(less, recipe, sample) + by_codes)


def beyond_rounding(comparison: Comparison, precision: Precision) -> NDArray[np.bool_]:
    """Return which rows differ, in half precision by less than the tolerance too: (batch, heads, L)."""
    return comparison.excess > COSTS_IN_HALF / precision.margin if precision.is_half else comparison.wrong


def _by_codes(recipe: Recipe, sample: Sample) -> float:
    """Return how large a share numbers near the middle between two codes of a cache may be."""
    held = {name: each.loosened() for name, each in recipe.operands.held.items()}
    return SOME * _apart(recipe.with_operands(held=held), recipe, sample) if held else 0.0


def _apart(one: Recipe, other: Recipe, sample: Sample) -> float:
    """Return how far apart two recipes are in the sample, as a share of a row's size."""
    worst = 0.0
    for group in sample.groups:
        place = (group.batch, group.head, group.rows)
        apart = np.abs(one.compute(*place) - other.compute(*place)) / group.size
        worst = max(worst, float(apart[np.isfinite(apart)].max(initial=0.0)))
    return worst
