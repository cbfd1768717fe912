"""What a program's outputs answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.deadline import SECONDS, Deadline
from attncli.check.diagnosis import Finding, Wanted, check
from attncli.check.layouts import readings
from attncli.errors import InputError
from attncli.probe.marker import ENTRY, parsed
from attncli.probe.outputs import right
from attncli.probe.question import Answer, Phrase
from attncli.probe.registry import IDS, PRECISION, QUESTIONS
from attncli.probe.search import Match, Search
from attncli.probe.trials import check_scores

if TYPE_CHECKING:
    from attncli.problem.problem import Problem

# float64 is finer than this share of the values.
FINER = 1e-12
# Of how many problems whose outputs nothing explains pairs of answers are tried, and of how many it is diagnosed: each
# takes seconds.
DEEP, DIAGNOSED = 3, 1


class Verdict(Enum):
    """How an answer relates to what was asked for."""

    AS_ASKED = "as-asked"
    OTHER = "other"
    UNKNOWN = "unknown"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, eq=False)
class Reply:
    """The answer to one question.

    Attributes:
        question: its id.
        problem: the name of the problem that asks it.
        verdict: whether it is what was asked for.
        asked: what was asked for.
        answers: what the program does: one, or several that come to the same numbers here; none: it is not known.
        why: why an output cannot be compared.
        finding: of an output that no known answer explains, what `attn check` says of it.
    """

    question: str
    problem: str
    verdict: Verdict
    asked: Phrase | None
    answers: Sequence[Phrase] = ()
    why: str = ""
    finding: Finding | None = None


@dataclass
class _Told:
    """What outputs told so far.

    Attributes:
        answers: what is not as asked, by question.
        beside: what shows in problems that do not ask for it, likewise, as replies.
        unknown: how many outputs nothing explained.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    beside: dict[str, Reply] = field(default_factory=dict)
    unknown: int = 0

    def note(self, name: str, operands: Operands, match: Match, own: Collection[str]) -> None:
        """Note what a problem tells, also beyond what it asks if nothing that is not understood stands behind it."""
        for answer in match.answers[0] if len(match.answers) == 1 else ():
            question = answer.question
            if question not in own and self.unknown:
                continue
            self.answers.setdefault(question, answer)
            if question not in own and question not in self.beside:
                wanted = QUESTIONS[question].asked(operands)
                self.beside[question] = Reply(question, name, Verdict.OTHER, wanted, [answer.said])


def replies(
    problems: Mapping[str, Problem],
    *,
    diagnose: bool = True,
    seconds: float = SECONDS,
    progress: Callable[[float], None] | None = None,
) -> list[Reply]:
    """Return the answers, in the order of the questions.

    Args:
        problems: those of a probe, by name.
        diagnose: whether outputs that no known answer explains are looked at further.
        seconds: how long each problem may take.
        progress: called with the share that is done.

    Raises:
        InputError: a problem is not what `attn probe` wrote.
    """
    told = _Told()
    asked = {name: _questions(problem) for name, problem in problems.items()}
    # What shows everywhere is settled first, whatever the order in the file.
    order = sorted(problems, key=lambda name: min(map(IDS.index, asked[name])))
    found = []
    for done, name in enumerate(order):
        found += list(_of(name, problems[name], asked[name], told, Deadline(seconds), diagnose=diagnose))
        if progress is not None:
            progress((done + 1) / len(order))
    known = {each.question for each in found if each.verdict is Verdict.OTHER}
    found += [each for question, each in told.beside.items() if question not in known]
    return sorted(found, key=lambda each: IDS.index(each.question))


def _questions(problem: Problem) -> dict[str, str]:
    with problem.naming_files():
        return parsed(problem.texts[ENTRY])


def _of(
    name: str, problem: Problem, asked: Mapping[str, str], told: _Told, deadline: Deadline, *, diagnose: bool
) -> Iterator[Reply]:
    """Return the answers of one problem."""
    operands = problem.operands()
    with problem.naming_files():
        _check(operands)
    wanted = {each: _asked(each, asked[each], operands) for each in asked}
    expected = problem.arrays.get("expected")
    if expected is None:
        yield from (Reply(each, name, Verdict.UNANSWERED, wanted[each]) for each in asked)
        return
    try:
        with problem.naming_files():
            layouts = readings(expected, operands.sizes, operands.options.layout)
    except InputError as error:
        yield from (Reply(each, name, Verdict.UNKNOWN, wanted[each], why=error.message) for each in asked)
        return
    with np.errstate(all="ignore"):
        match = None
        for layout in layouts:
            own, deep = list(asked), told.unknown < DEEP
            match = Search(right(operands), layout.array, own, told.answers, deep, deadline).find()
            if match is not None:
                break
    if match is not None:
        told.note(name, operands, match, asked)
        yield from (_answered(each, name, wanted[each], asked[each], match, told) for each in asked)
        return
    finding = None
    told.unknown += 1
    if diagnose and told.unknown <= DIAGNOSED:
        finding = check(operands, expected, Wanted(seconds=deadline.seconds), deadline=deadline)
    yield from (Reply(each, name, Verdict.UNKNOWN, wanted[each], finding=finding) for each in asked)


def _check(operands: Operands) -> None:
    """Refuse what `attn probe` does not write: problems that are too large, or go on after the weighted sum.

    Raises:
        InputError: with the reason.
    """
    sizes = operands.sizes
    check_scores(sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    if operands.has_after:
        raise InputError("a gate or a matrix comes after the attention, which no probe has")


def _asked(question: str, said: str, operands: Operands) -> Phrase | None:
    if question == PRECISION:
        return Phrase("type", {"type": said}) if said else None
    return QUESTIONS[question].asked(operands)


def _answered(question: str, name: str, wanted: Phrase | None, said: str, match: Match, told: _Told) -> Reply:
    """Return the answer to a question of a problem whose output is explained."""
    if question == PRECISION:
        kind, found = _precision(match)
        fits = not said or kind == said or (kind == "float64" and said == "float32")
        return Reply(question, name, Verdict.AS_ASKED if fits else Verdict.OTHER, wanted, [found])
    others = [[each for each in answers if each.question == question] for answers in match.answers]
    if not all(others):
        told.answers.pop(question, None)
        assert wanted is not None  # but for the precision every question asks for something
        return Reply(question, name, Verdict.AS_ASKED, wanted, [wanted])
    several = {each.key: each.said for answers in others for each in answers}
    return Reply(question, name, Verdict.OTHER, wanted, list(several.values()))


def _precision(match: Match) -> tuple[str, Phrase]:
    """Return the type in which was computed, and the answer that says so."""
    if match.rounding is None:
        kind = "float64" if match.apart < FINER else "float32"
        return kind, Phrase("type", {"type": kind})
    kind = match.rounding.kind.name
    places = "-".join(each.name for each in match.rounding.places)
    return kind, Phrase(places if len(match.rounding.places) < 3 else "everything", {"type": kind})
