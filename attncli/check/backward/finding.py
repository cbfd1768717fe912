"""Compare gradients with the right ones, and name the mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.backpropagation import GIVEN
from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.words.array import Role
from attncli.check.backward import facts
from attncli.check.backward.mistakes.arrays import of_arrays
from attncli.check.backward.observing import PREFIX, observed_of, rounding_of
from attncli.check.backward.part import MOST
from attncli.check.backward.reference import FEW, SCORES, Gradients
from attncli.check.backward.registry import GRADIENTS_SWAPPED, GROUP_SUM
from attncli.check.backward.rounded import has_sizes
from attncli.check.backward.search import Candidate, Search
from attncli.check.backward.seen import Seen
from attncli.check.diagnosis import Wanted
from attncli.check.explanation import Explanation
from attncli.check.mistakes.mistake import Mistake
from attncli.check.rounding import Level
from attncli.errors import InputError
from attncli.sentences import Listed, Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What makes a problem; all else is of results and gradients.
OF_PROBLEM = (Role.STATE, Role.INPUT)


@dataclass(frozen=True)
class BackwardFinding:
    """What came of a check of gradients.

    Attributes:
        seen: all gradients that were compared, in the order in which they are found.
        roundings: the less precise computation that explains the difference of one, by name, where one does.
        diagnosed: whether mistakes were looked for.
        explanations: what explains the differences.
        facts: what can be said of differences that nothing explains; and that the output is wrong already, if it is.
        stopped: whether there was no time to try every mistake.
    """

    seen: Seen
    roundings: Mapping[str, Level]
    diagnosed: bool = False
    explanations: Sequence[Explanation] = ()
    facts: Sequence[Sentence] = ()
    stopped: bool = False

    @property
    def agrees(self) -> bool:
        """Whether all gradients are right."""
        return not self.seen.wrong


def expected_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return what another program made of gradients, by the names of the arrays that they are of."""
    return {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}


def scores_held(o: Operands, *, searching: bool) -> int:
    """Return of how many scores a check holds the results at a time: of all, but for a large problem.

    Args:
        o: the problem.
        searching: whether mistakes are looked for if gradients differ.
    """
    s = o.sizes
    scores = s.batch * s.heads * s.queries * s.keys
    # Where sizes cannot be followed, half precision is measured on the whole.
    if scores <= FEW or not has_sizes(o):
        return scores
    return max(MOST if searching else SCORES, s.keys)


@np.errstate(all="ignore")
def check(
    arrays: Mapping[str, NDArray[Any]],
    options: Options,
    wanted: Wanted,
    progress: Callable[[float], None] | None = None,
    *,
    right_output: bool | None = None,
) -> BackwardFinding:
    """Compare gradients, and look for what explains a difference.

    Args:
        arrays: of the problem, by name, ``d_output`` and the expected gradients among them.
        options: those of the problem.
        wanted: tolerances, and whether to look for mistakes.
        progress: called with the share that is done.
        right_output: whether the output of the same program was right; None: it is not known.

    Raises:
        InputError: a gradient is expected of an array that is not there or has none, or its shape is not that of any.
    """
    given = {name: array for name, array in arrays.items() if name == GIVEN or ARRAYS[name].role in OF_PROBLEM}
    gradients = Gradients.of(given, options)
    expected = expected_of(arrays)
    for name in expected:
        _check_there(name, gradients)
    seen = Seen(
        {name: observed_of(name, expected[name], gradients, wanted) for name in gradients.right if name in expected}
    )
    roundings = {each.name: level for each in seen if (level := rounding_of(each, gradients)) is not None}
    finding = BackwardFinding(seen, roundings)
    if finding.agrees or not wanted.diagnose:
        return finding
    first = [sentence("output_is_wrong")] * (right_output is False)
    by_shape = _by_shape(seen)
    if by_shape is not None:
        return replace(finding, diagnosed=True, explanations=[by_shape], facts=first)
    found = Search(gradients, _comparable(seen, gradients), right_output, progress).run()
    explanations = [one for each in found.candidates for one in explained(each)]
    said = () if explanations else facts.observed(seen)
    return replace(finding, diagnosed=True, explanations=explanations, facts=[*first, *said], stopped=found.stopped)


def _check_there(name: str, gradients: Gradients) -> None:
    """Refuse a gradient of what is not there.

    Raises:
        InputError: with the names of those that have one.
    """
    if name in gradients.right:
        return
    hint = "there are " + ", ".join(f"{PREFIX}{each}" for each in gradients.right)
    if name not in gradients.given:
        fact = f"{PREFIX}{name}: there is no {name}"
    elif name == "mask":
        fact = f"{PREFIX}mask: a mask of true and false has no gradient"
    else:
        fact = f"{PREFIX}{name}: {name} has no effect, and so no gradient"
    raise InputError(fact, hint=hint, arrays=[f"{PREFIX}{name}"])


# --- why --------------------------------------------------------------------------------------------------------------


def _comparable(seen: Seen, gradients: Gradients) -> Seen:
    """Return what can be compared with what mistakes make: all in the precision of the coarsest that agrees."""
    levels = [each.comparison.level for each in seen if each.agrees]
    coarsest = max((each.precision for each in levels if each.precision is not None), key=lambda e: e.eps, default=None)
    found = {}
    for each in seen:
        if each.like or each.is_apart:
            continue
        own = each.comparison.level
        if coarsest is not None and own.precision is not None and own.precision.eps < coarsest.eps:
            wider = np.maximum(each.tolerance, gradients.tolerance(each.name, coarsest))
            each = replace(each, tolerance=wider)
        found[each.name] = each
    return Seen(found)


def _by_shape(seen: Seen) -> Explanation | None:
    """Return what the shapes alone say, where all numbers agree with what has that shape."""
    odd = [each for each in seen if each.like or each.is_apart]
    if not odd or not all(each.comparison.agrees for each in seen):
        return None
    rows = sum(each.comparison.wrong.size for each in seen)
    residual = max(each.comparison.error for each in seen)
    if any(each.like for each in odd):
        order = {each.name: each.like for each in odd if each.like}
        takes = (sentence("is_that_of", whose=f"d_{one}", name=word("name", other)) for one, other in order.items())
        fix = sentence("fix_gradients_swapped")
        every = Listed(tuple(takes), "and")
        return _explanation(GRADIENTS_SWAPPED, "shape", every, fix, order, residual, (rows, rows))
    what, fix = sentence("group_apart", whose=of_arrays(each.name for each in odd)), sentence("fix_group_apart")
    detail = {"arrays": [each.name for each in odd], "form": "apart"}
    return _explanation(GROUP_SUM, "apart", what, fix, detail, residual, (rows, rows))


def explained(candidate: Candidate) -> list[Explanation]:
    """Return a candidate as one explanation for each name that it has."""
    change = candidate.change
    return [
        replace(
            _explanation(
                each, change.form, change.description, change.fix, change.detail, candidate.residual, candidate.rows
            ),
            rank=change.rank,
        )
        for each in (change.mistake, *change.others)
    ]


def _explanation(
    mistake: Mistake,
    form: str,
    what: Sentence | Listed,
    fix: Sentence,
    detail: Mapping[str, object],
    residual: float,
    rows: tuple[int, int],
) -> Explanation:
    return Explanation(
        (mistake.id,), ((mistake.id, form),), (what,), (fix,), {mistake.id: dict(detail)}, None, residual, rows
    )
