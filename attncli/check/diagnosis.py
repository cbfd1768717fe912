"""Compare an expected output with the one computed, and name the mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.blas import one_thread
from attncli.attend.operands import Operands
from attncli.attend.stages.mask import to_the_last_key
from attncli.attend.types import own
from attncli.check import dropout, observations
from attncli.check.compare import Comparison, compare
from attncli.check.explanation import CONFIRMED, Explanation, dropped, explained, told_apart
from attncli.check.layouts import Layout, readings
from attncli.check.mistakes.variant import Variant
from attncli.check.precision import EPS, KINDS, Reference, decimals, grids
from attncli.check.probe import choose
from attncli.check.recipe import Recipe
from attncli.check.search import Candidate, Search
from attncli.check.subset import is_large, narrowed

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[float], None]
# Candidates that are looked at again with rounding to half precision.
MOST_ROUNDED = 8


@dataclass(frozen=True)
class Finding:
    """What came of a check.

    Attributes:
        comparison: with the right output.
        layout: how the expected output was read.
        rounding: what less precise computation explains a difference that is none, in words; empty where there is none.
        diagnosed: whether mistakes were looked for.
        explanations: what explains the difference; all reproduce it equally well.
        facts: what can be said where nothing explains it.
        blind: what the data cannot tell, by what hides it.
        apart: what would tell the explanations apart.
    """

    comparison: Comparison
    layout: Layout
    rounding: str = ""
    diagnosed: bool = False
    explanations: Sequence[Explanation] = ()
    facts: Sequence[str] = ()
    blind: Mapping[str, str] = field(default_factory=dict)
    apart: Sequence[str] = ()

    @property
    def agrees(self) -> bool:
        """Whether the expected output is right."""
        return self.comparison.agrees


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        rtol: relative tolerance; None: what the precision explains.
        atol: absolute tolerance, likewise.
        diagnose: whether mistakes are looked for.
    """

    rtol: float | None = None
    atol: float | None = None
    diagnose: bool = True


def check(o: Operands, expected: NDArray[Any], wanted: Wanted, progress: Progress | None = None) -> Finding:
    """Compare, and look for what explains a difference.

    Args:
        o: the problem as it should be.
        expected: what another program made of it, in any layout.
        wanted: tolerances, and whether mistakes are looked for.
        progress: told the share that is done.

    Raises:
        InputError: the expected output has no shape that an output of this problem can have.
    """
    reference = Reference.of(normal(o), progress)
    levels = levels_of(o, expected)
    layout, comparison = chosen(reference, readings(expected, o.sizes), levels, wanted)
    finding = Finding(comparison, layout, rounding=rounding(comparison, levels), blind=observations.blind(o))
    if comparison.agrees or not wanted.diagnose:
        return finding
    finding = replace(finding, diagnosed=True)
    search = prepared(reference, layout.array, comparison)
    found = diagnosed(reference, layout.array, search)
    told = list(observations.observed(comparison, layout.array, reference.output)) if not found else ()
    return replace(finding, explanations=found, facts=told, apart=told_apart(found, finding.blind))


def normal(o: Operands) -> Operands:
    """Return the problem with a mask that reaches to the last key, as mistakes take it."""
    if o.mask is None or o.mask.shape[-1] == o.sizes.keys:
        return o
    return replace(o, mask=to_the_last_key(o.mask, o.sizes.keys))


def levels_of(o: Operands, expected: NDArray[Any]) -> list[str]:
    """Return the precisions that a right output may have, the finest first.

    That of the arrays; float32, in which many programs take the softmax of anything; and half precision where every
    expected number can be written in it, as if it had been rounded.
    """
    own_type = expected.dtype if expected.dtype.name in EPS else own(expected.dtype)
    coarsest = max((o.output_dtype.name, own_type.name), key=lambda name: EPS[name])
    on = [kind for kind in grids(expected) if EPS[kind] > EPS[coarsest]]
    # What is on the grid of bfloat16 is mostly on that of float16 too, which has more digits: the coarser one counts.
    return [*dict.fromkeys([coarsest, *["float32"] * (coarsest == "float64")]), *on[-1:]]


def chosen(
    reference: Reference, layouts: Sequence[Layout], levels: Sequence[str], wanted: Wanted
) -> tuple[Layout, Comparison]:
    """Compare in each layout; return the one that agrees, or else the problem's own, or the nearest."""
    tried = [(layout, compared(reference, layout.array, levels, wanted)) for layout in layouts]
    for level in ("given", *levels):
        for layout, comparison in tried:
            if comparison.agrees and comparison.level == level:
                return layout, comparison
    agreeing = next((each for each in tried if each[1].agrees), None)
    if agreeing is not None:
        return agreeing
    own = [each for each in tried if each[0].own]
    return own[0] if own else min(tried, key=lambda each: float(np.median(each[1].badness)))


def compared(reference: Reference, expected: NDArray[Any], levels: Sequence[str], wanted: Wanted) -> Comparison:
    """Compare at the finest precision at which the outputs agree, or else at the coarsest that they may have."""
    if wanted.rtol is not None or wanted.atol is not None:
        allowed = (wanted.atol or 0.0) + (wanted.rtol or 0.0) * np.abs(reference.output)
        return compare(expected, reference.output, np.maximum(allowed, np.finfo(float).tiny), "given")
    first = compare(expected, reference.output, reference.tolerance(levels[0]), levels[0])
    count = None if first.agrees else decimals(expected)
    if count is not None:
        digits = reference.tolerance(levels[0]) + 0.5 * 10.0**-count * (1 + 1e-6)
        found = compare(expected, reference.output, digits, f"{count} decimals")
        if found.agrees:
            return found
    found = first
    for level in levels[1:] if not first.agrees else ():
        found = compare(expected, reference.output, reference.tolerance(level), level)
        if found.agrees:
            return found
    if not found.agrees and found.level not in KINDS:
        told = reference.rounding_of(expected)
        if told:
            half = compare(expected, reference.output, reference.tolerance(told.split()[0]), told)
            return half if half.agrees else found
    return found


def rounding(comparison: Comparison, levels: Sequence[str]) -> str:
    """Say what less precise computation explains the difference, where one does."""
    return comparison.level if comparison.agrees and comparison.level not in ("given", levels[0]) else ""


def prepared(reference: Reference, expected: NDArray[Any], comparison: Comparison) -> Search:
    """Return the search at the precision of the comparison."""
    level = comparison.level if comparison.level in EPS else "float32"
    probe = choose(expected, comparison.badness, reference.size, reference.operands.sizes.keys)
    limit = limit_of(reference, level)
    return Search(Recipe(in_float64(reference.operands)), probe, EPS[level], limit, progress=reference.progress)


def in_float64(o: Operands) -> Operands:
    """Return the operands with their states in float64, where they are small enough: thousands of recipes use them."""
    assert o.value is not None
    if o.query.size + o.key.size + o.value.size > 1 << 25:
        return o
    query, key, value = (np.asarray(array, dtype=np.float64) for array in (o.query, o.key, o.value))
    return replace(o, query=query, key=key, value=value)


def diagnosed(reference: Reference, expected: NDArray[Any], search: Search) -> list[Explanation]:
    """Look for one mistake, then for two, then for dropout, and then for both beside rounding to half precision."""
    with one_thread(1 << 30):
        singles = search.singles()
        confirmed = explained(reference, expected, search, search.explaining(singles))
        if confirmed:
            return confirmed
        pairs = two_at_once(reference, search)
        confirmed = explained(reference, expected, search, search.explaining(pairs))
        if confirmed or search.eps > EPS["float32"]:
            return confirmed
        confirmed = without_dropout(search, expected)
        coarse = replace(search, eps=EPS["bfloat16"], limit=limit_of(reference, "bfloat16"))
        for found in (singles, pairs) if not confirmed else ():
            near = sorted(coarse.explaining(found), key=lambda each: each.distance)[:MOST_ROUNDED]
            rounded = [each for each in near if reference.rounding_of(expected, each.recipe)]
            confirmed = confirmed or explained(reference, expected, coarse, rounded)
    return confirmed


def limit_of(reference: Reference, level: str) -> float:
    """Return how large a share of a row rounding may be."""
    return float((reference.tolerance(level) / reference.size).max())


def two_at_once(reference: Reference, search: Search) -> list[Candidate]:
    """Return the pairs that come near what was observed; of a large problem those that do so in a part of it."""
    if not is_large(reference.operands):
        return search.pairs()
    part = narrowed(search, reference.operands)
    # The widest limit: what is held against the whole later must not be lost here.
    widest = limit_of(reference, "bfloat16")
    near = [each for each in part.pairs() if each.distance <= max(part.allowed(each.recipe), widest)]
    found = [search.again(each) for each in sorted(near, key=lambda each: each.distance)[:CONFIRMED]]
    return [each for each in found if each is not None]


def without_dropout(search: Search, expected: NDArray[Any]) -> list[Explanation]:
    """Look for dropout, alone or beside one other mistake that leaves numbers where they are."""
    others = [each for each in search.known if isinstance(each, Variant) and each.piece.keeps_places]
    for other in (None, *others):
        recipe = search.made([] if other is None else [other])
        lost = None if recipe is None else dropout.find(recipe, search.probe)
        if lost is None:
            continue
        alone = dropped(lost, expected)
        if other is None:
            return [alone]
        both = replace(
            alone,
            mistakes=(other.mistakes[0].id, *alone.mistakes),
            keys=(other.key, *alone.keys),
            descriptions=(other.description, *alone.descriptions),
            fixes=(other.fix, *alone.fixes),
            detail={other.mistakes[0].id: dict(other.detail), **alone.detail},
        )
        return [both]
    return []
