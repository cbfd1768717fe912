"""What may explain an output, and which of it does to within rounding."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.check.allowance import allowed
from attncli.check.case import Case
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.check.sample import Sample

# What explains an output leaves so many times less of the difference, and in half precision so many.
LESS, LESS_IN_HALF = 2.0, 3.0
# Rounding costs no row so many times what it costs another one; half precision, much of whose cost is common to all.
HOPELESS, HOPELESS_IN_HALF = 20.0, 5.0


@dataclass(frozen=True)
class Candidate:
    """Mistakes that, made together, come near to what was observed.

    Attributes:
        variants: in the order in which they are made.
        recipe: the recipe with them.
        distance: the largest difference in the sample, as a share of the row's size.
        fitted: how many of them have a number in them that was looked for.
    """

    variants: tuple[Variant, ...]
    recipe: Recipe
    distance: float
    fitted: int = 0


def explaining(found: list[Candidate], case: Case, sample: Sample, apart: float) -> list[Candidate]:
    """Return the candidates that explain what was observed to within rounding.

    In half precision much is within rounding: there those come first that come nearest, and what another one explains
    much better is left out.

    Args:
        found: the candidates.
        case: the output that is to be explained.
        sample: the rows in which they were tried.
        apart: the share of a row that the right recipe leaves there.
    """
    # Whatever changes nothing, or little, explains nothing.
    half = case.precision.is_half
    most = apart / (LESS_IN_HALF if half else LESS)
    if not half:
        return [each for each in found if each.distance <= most and _is_rounding(each, case, sample)]
    explaining: list[Candidate] = []
    for each in sorted(found, key=lambda each: each.distance):
        # The rest is too far off, whatever rounding costs it.
        if each.distance > (LESS_IN_HALF * explaining[0].distance if explaining else most):
            break
        explaining += [each] * (each.distance <= most and _is_rounding(each, case, sample))
    kept = {id(each) for each in explaining}
    near = [each for each in found if id(each) in kept]
    return sorted(near, key=lambda each: float(f"{each.distance:.2g}"))


def _is_rounding(candidate: Candidate, case: Case, sample: Sample) -> bool:
    """Tell whether what a candidate leaves may be rounding; one row mostly shows that it is far more."""
    few = allowed(candidate.recipe, case, sample.few)
    times = HOPELESS_IN_HALF if case.precision.is_half else HOPELESS
    return candidate.distance <= times * few and candidate.distance <= allowed(candidate.recipe, case, sample)
