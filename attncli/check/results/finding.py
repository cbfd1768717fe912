"""Compare all results that are there with the right ones, and name the mistake that the first wrong one shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import EXPECTED_RESULTS, RESULTS
from attncli.attend.operands import Operands
from attncli.attend.stages.cache import held
from attncli.attend.stages.out import finished
from attncli.attend.views import ready
from attncli.check import diagnosis, observations
from attncli.check.case import Case
from attncli.check.compare import distance
from attncli.check.deadline import SECONDS, Deadline
from attncli.check.diagnosis import Finding, Wanted
from attncli.check.explanation import Explanation
from attncli.check.mistakes.general import NOT_WRITTEN
from attncli.check.mistakes.pieces import Piece
from attncli.check.phases import diagnosed
from attncli.check.precision import Reference
from attncli.check.recipe import REACHED
from attncli.check.results.facts import facts_of
from attncli.check.results.right import Results
from attncli.check.results.seen import BASE_2, PREFIX, Seen, seen_of
from attncli.check.results.start import among, behind_weights, first_wrong, right_until
from attncli.check.rounding import FLOAT32
from attncli.check.search import Search
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Progress = Callable[[float], None]
OUTPUT = "expected"


@dataclass(frozen=True)
class ResultsFinding:
    """What came of a check of results on the way.

    Attributes:
        seen: all that were compared, in the order of the stages.
        diagnosed: whether mistakes were looked for.
        explanations: what explains the first that is wrong.
        facts: what can be said of it where nothing explains it, as of an output.
        own_facts: and what can be said of it alone.
        untried: what there was no time to try.
        seconds: how long the search was allowed to take.
        follows: whether the output is what the weights of the same program give; None: both are not there.
        explains_output: whether the same explains the output; None: that is right, or not there, or it is not known.
    """

    seen: tuple[Seen, ...]
    diagnosed: bool = False
    explanations: Sequence[Explanation] = ()
    facts: Sequence[Sentence] = ()
    own_facts: Sequence[Sentence] = ()
    untried: Sequence[Sentence] = ()
    seconds: float = SECONDS
    explains_output: bool | None = None
    follows: bool | None = None

    @property
    def agrees(self) -> bool:
        """Whether all of them are right."""
        return self.first is None

    @property
    def first(self) -> Seen | None:
        """The first that is wrong."""
        return first_wrong(self.seen)

    @property
    def every_fact(self) -> Sequence[Sentence]:
        """What can be said of the first wrong one."""
        return [*self.facts, *self.own_facts]

    @property
    def right_until(self) -> str:
        """The last stage whose results are right; empty: none is known to be."""
        return right_until(self.seen)


def expected_of(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return what another program made of results on the way, by their names, in the order of the stages."""
    return {name.removeprefix(PREFIX): arrays[name] for name in EXPECTED_RESULTS if name in arrays}


@np.errstate(all="ignore")
def check(
    operands: Operands,
    arrays: Mapping[str, Array],
    wanted: Wanted,
    progress: Progress | None = None,
    deadline: Deadline | None = None,
) -> tuple[Finding | None, ResultsFinding]:
    """Compare the results on the way, and the output if it is there; look for what explains the first difference.

    Args:
        operands: the problem as it should be.
        arrays: what is expected, among others, by name.
        wanted: tolerances, and whether to look for mistakes.
        progress: called with the share that is done.
        deadline: when all searches end; None: when the seconds that are asked for are over.

    Returns:
        What came of the output, None where there is none to compare; and of the results before it.

    Raises:
        InputError: the shape of an array is not that of its result in any layout.
    """
    expected = expected_of(arrays)
    results = Results(operands, tuple(expected))
    seen = tuple(seen_of(name, array, results, wanted) for name, array in expected.items())
    output = None
    if OUTPUT in arrays:
        output = diagnosis.check(operands, arrays[OUTPUT], replace(wanted, diagnose=False), progress)
    found = ResultsFinding(excused(seen, output))
    if found.first is not None:
        found = replace(found, own_facts=list(facts_of(found.first)))
    if not wanted.diagnose or (found.agrees and (output is None or output.agrees)):
        return output, found
    pieces, deadline = among(found.seen), deadline or Deadline(wanted.seconds)
    if found.first is not None:
        is_last = output is None or output.agrees
        end = deadline.again() if is_last else Deadline(round(deadline.left / 2, 1))
        found = explained(found, found.first, pieces, end)
    if output is None or output.agrees:
        return output, found
    if found.first is not None and any(each.name == "weights" for each in found.seen):
        follows = follows_from(operands, found.seen, output)
        found = replace(found, follows=follows, explains_output=follows)
        if follows and found.explanations:
            return output, found
        if follows is False and found.explanations:
            pieces = behind_weights([name for each in found.explanations for name in each.pieces])
    # What explains the first wrong result is tried first; only where it does not explain the output is all tried.
    output = diagnosis.check(operands, arrays[OUTPUT], wanted, progress, pieces, deadline.again())
    is_over = output.explanations or found.follows or deadline.passed
    if pieces is not None and output.diagnosed and not is_over:
        output = diagnosis.check(operands, arrays[OUTPUT], wanted, progress, deadline=deadline.again())
        return output, replace(found, explains_output=False if found.explanations else None)
    return output, (found if found.follows is False else _together(output, found))


def follows_from(operands: Operands, seen: Sequence[Seen], output: Finding) -> bool | None:
    """Tell whether an output is what the weights of the same program give, whatever made these; None: not known."""
    weights = next(each for each in seen if each.name == "weights").expected.astype(np.float64)
    level = output.comparison.level
    if level.precision is None:
        return None
    reference = Reference.of(diagnosis.normal(operands))
    o = reference.operands
    value = np.repeat(held(o, "value", ready(o.value, o.dtype)), o.sizes.group, axis=1)
    context = weights @ value
    made = finished(o, context) if o.has_after else context
    # The weights are known no better than their own precision tells them.
    allowed = reference.tolerance(level.precision)[..., None]
    return bool((distance(output.layout.array.astype(np.float64), made) <= 2 * allowed).all())


def _together(output: Finding, found: ResultsFinding) -> ResultsFinding:
    """Return what came of the results with the explanations that the output has too, where there are such."""
    if found.first is None or not output.explanations:
        return found
    if not found.explanations:
        return replace(found, explanations=output.explanations, facts=(), own_facts=(), explains_output=True)
    keys = {each.keys for each in output.explanations}
    both = [each for each in found.explanations if each.keys in keys]
    return replace(found, explanations=both or found.explanations, explains_output=bool(both))


def excused(seen: Sequence[Seen], output: Finding | None) -> tuple[Seen, ...]:
    """Return the results; those that are another one are excused where all that comes later is right."""
    found: list[Seen] = []
    later = [] if output is None else [output.agrees]
    for each in reversed(seen):
        is_excused = bool(each.is_really) and bool(later) and all(later)
        found.append(replace(each, is_excused=is_excused))
        later.append(found[-1].agrees)
    return tuple(reversed(found))


def explained(
    found: ResultsFinding, first: Seen, pieces: frozenset[Piece] | None, deadline: Deadline
) -> ResultsFinding:
    """Look for the mistake that makes the first wrong result what it is."""
    said: list[Explanation] = []
    # A result that is an earlier one lacks what comes between, which is a mistake; a later one has another name.
    is_something_else = first.is_really == BASE_2 or first.is_really in RESULTS[RESULTS.index(first.name) + 1 :]
    if first.name in REACHED and first.right.taken is None and not is_something_else:
        level = first.comparison.level
        precision = level.precision if level.is_plain else None
        case = Case(first.right, first.expected, precision or FLOAT32, deadline)
        made = diagnosed(Search.of(case, first.comparison, pieces), first.comparison)
        said = [_of_result(each, first.name) for each in made]
    found = replace(found, diagnosed=True, seconds=deadline.seconds)
    if said:
        return replace(found, explanations=said, own_facts=())
    observed = [] if is_something_else else observations.observed(first.comparison, first.expected, first.right.output)
    return replace(found, facts=list(observed), untried=deadline.untried())


def _of_result(found: Explanation, name: str) -> Explanation:
    """Return an explanation with the name of the result, where it says of an output that it was not written."""
    if found.mistakes != (NOT_WRITTEN.id,):
        return found
    (_, kind), *_ = found.keys
    return replace(found, descriptions=(sentence("result_throughout", name=name, what=word("throughout", kind)),))
