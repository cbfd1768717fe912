"""Compare an expected output with the one computed, and name the mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import to_the_last_key
from attncli.attend.types import own
from attncli.check import observations
from attncli.check.case import Case
from attncli.check.compare import Comparison, compare
from attncli.check.deadline import SECONDS, Deadline
from attncli.check.explanation import Explanation, distinguish
from attncli.check.facts import facts as facts_of
from attncli.check.layouts import Layout, readings
from attncli.check.mistakes.pieces import Piece
from attncli.check.phases import diagnosed
from attncli.check.precision import Reference, Right, decimals, grids
from attncli.check.rounding import FLOAT32, FLOAT64, GIVEN, PRECISIONS, Level, Precision
from attncli.check.ruled_out import RuledOut
from attncli.check.search import FAR, Search
from attncli.check.sharper import sharper
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[float], None]
# Why mistakes were not looked for, where nobody says otherwise.
NOT_ASKED = sentence("not_asked", flag="--no-diagnose")


@dataclass(frozen=True)
class Finding:
    """What came of a check.

    Attributes:
        comparison: with the right output.
        layout: how the expected output was read.
        rounding: the less precise computation that explains the difference; None: none does, or none is needed.
        diagnosed: whether mistakes were looked for.
        why_not: why they were not, if so.
        explanations: what explains the difference; all of them reproduce it equally well.
        facts: what can be said of a difference that nothing explains.
        blind: what hides something of the data, by name.
        distinguish: what would tell the explanations apart.
        untried: what there was no time to try.
        seconds: how long the search was allowed to take.
        ruled_out: the families of mistakes with the nearest of each; None: none were looked for in the whole output.
    """

    comparison: Comparison
    layout: Layout
    rounding: Level | None = None
    diagnosed: bool = False
    why_not: Sentence = NOT_ASKED
    explanations: Sequence[Explanation] = ()
    facts: Sequence[Sentence] = ()
    blind: Sequence[str] = ()
    distinguish: Sequence[Sentence] = ()
    untried: Sequence[Sentence] = ()
    seconds: float = SECONDS
    ruled_out: RuledOut | None = None

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
        seconds: how long they may be looked for.
    """

    rtol: float | None = None
    atol: float | None = None
    diagnose: bool = True
    seconds: float = SECONDS


# NaN and ∞ are compared here like other numbers: what makes them needs no warning.
@np.errstate(all="ignore")
def check(
    operands: Operands,
    expected: NDArray[Any],
    wanted: Wanted,
    progress: Progress | None = None,
    among: frozenset[Piece] | None = None,
    deadline: Deadline | None = None,
) -> Finding:
    """Compare, and look for what explains a difference.

    Args:
        operands: the problem as it should be.
        expected: the output of another program, in any layout.
        wanted: tolerances, and whether to look for mistakes.
        progress: called with the share that is done.
        among: where mistakes are looked for; None: everywhere.
        deadline: when the search ends; None: when the seconds that are asked for are over.

    Raises:
        InputError: the shape of the expected output is not that of an output of this problem in any layout.
    """
    deadline = deadline or Deadline(wanted.seconds)
    reference = Reference.of(normal(operands), progress)
    precisions = precisions_of(operands, expected)
    layout, comparison = chosen(
        reference, readings(expected, operands.sizes, operands.options.layout), precisions, wanted
    )
    blind = tuple(observations.blind(operands.core))
    finding = Finding(comparison, layout, rounding=rounding(comparison, precisions), blind=blind)
    if not wanted.diagnose:
        return finding
    if comparison.agrees:
        return below_tolerance(finding, reference, wanted)
    finding = replace(finding, diagnosed=True)
    precision = comparison.level.precision if comparison.level.is_plain else None
    case = Case(reference, layout.array, precision or FLOAT32, deadline)
    search = Search.of(case, comparison, among)
    found = diagnosed(search, comparison)
    facts = list(observations.observed(comparison, layout.array, reference.output)) if not found else []
    facts += facts_of(search.observed) if not found else []
    return replace(
        finding,
        explanations=found,
        facts=facts,
        distinguish=distinguish(found, finding.blind),
        untried=() if found else case.deadline.untried(),
        seconds=case.deadline.seconds,
        ruled_out=RuledOut.of(search, FAR),
    )


def below_tolerance(finding: Finding, reference: Reference, wanted: Wanted) -> Finding:
    """Return what was found of an output that agrees: that it differs, where a mistake explains it much better."""
    # What a gate or a matrix makes of rounding is not measured that closely.
    better = None
    if not reference.operands.has_after:
        better = sharper(reference, finding.layout.array, finding.comparison, wanted.seconds)
    if better is None:
        return finding
    comparison, found = better
    return replace(
        finding,
        comparison=comparison,
        rounding=None,
        diagnosed=True,
        explanations=found,
        distinguish=distinguish(found, finding.blind),
        seconds=wanted.seconds,
    )


def normal(operands: Operands) -> Operands:
    """Return the problem with a mask that reaches to the last key: mistakes are made to such masks."""
    mask, keys = operands.mask, operands.sizes.keys
    if mask is None or mask.shape[-1] == keys:
        return operands
    return replace(operands, mask=to_the_last_key(mask, keys))


def precisions_of(operands: Operands, expected: NDArray[Any]) -> list[Precision]:
    """Return the precisions that a right output may have, the finest first.

    They are that of the arrays; float32, in which many programs compute softmax whatever they are given; and half
    precision where every expected number can be written in it, as if it had been rounded.
    """
    own_type = expected.dtype if expected.dtype.name in PRECISIONS else own(expected.dtype)
    coarsest = max(
        (PRECISIONS[name] for name in (operands.output_dtype.name, own_type.name)), key=lambda each: each.eps
    )
    on = [kind for kind in grids(expected) if kind.eps > coarsest.eps]
    # Numbers of bfloat16 are mostly numbers of float16 too, which has more digits: the coarser precision counts.
    return [coarsest, *[FLOAT32] * (coarsest == FLOAT64), *on[-1:]]


def chosen(
    reference: Right, layouts: Sequence[Layout], precisions: Sequence[Precision], wanted: Wanted
) -> tuple[Layout, Comparison]:
    """Compare in each layout; return the one that agrees, or else the problem's own, or the nearest."""
    tried = [(layout, compared(reference, layout.array, precisions, wanted)) for layout in layouts]
    for level in (GIVEN, *map(Level, precisions)):
        for layout, comparison in tried:
            if comparison.agrees and comparison.level == level:
                return layout, comparison
    agreeing = next((each for each in tried if each[1].agrees), None)
    if agreeing is not None:
        return agreeing
    own = [each for each in tried if each[0].own]
    return own[0] if own else min(tried, key=lambda each: float(np.median(each[1].excess)))


def compared(reference: Right, expected: NDArray[Any], precisions: Sequence[Precision], wanted: Wanted) -> Comparison:
    """Compare at the finest level at which the outputs agree, or else at the coarsest that they may have."""
    if wanted.rtol is not None or wanted.atol is not None:
        allowed = (wanted.atol or 0.0) + (wanted.rtol or 0.0) * np.abs(reference.output)
        return compare(expected, reference.output, np.maximum(allowed, np.finfo(float).tiny), GIVEN)
    found = None
    for level in levels_of(reference, expected, precisions):
        comparison = compare(expected, reference.output, allowed_at(reference, level), level)
        if comparison.agrees:
            return comparison
        found = comparison if level.is_plain else found
    assert found is not None  # the first level is plain
    return found


def levels_of(reference: Right, expected: NDArray[Any], precisions: Sequence[Precision]) -> Iterator[Level]:
    """Return the levels at which to compare, what takes longer to find out after what does not."""
    yield Level(precisions[0])
    count = decimals(expected)
    if count is not None:
        yield Level(precisions[0], decimals=count)
    yield from map(Level, precisions[1:])
    if not precisions[-1].is_half:
        rounding = reference.rounding_of(expected)
        if rounding is not None:
            yield Level(rounding.kind, rounding=rounding)


def allowed_at(reference: Right, level: Level) -> NDArray[Any]:
    """Return the tolerance of each row at a level, (batch, heads, L)."""
    assert level.precision is not None
    allowed = reference.tolerance(level.precision)
    return allowed if level.decimals is None else allowed + 0.5 * 10.0**-level.decimals * (1 + 1e-6)


def rounding(comparison: Comparison, precisions: Sequence[Precision]) -> Level | None:
    """Return the less precise computation that explains the difference, where one does."""
    expected = (GIVEN, Level(precisions[0]))
    return comparison.level if comparison.agrees and comparison.level not in expected else None
