"""Asking `attn check` all questions, in two processes."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, Wanted, check
from attncli.check.voice import IN_ENGLISH
from attncli.errors import InputError
from tests.mistakes.exam.judging import Said, is_visible, judged
from tests.mistakes.exam.kinds import KINDS, item, named, questions
from tests.mistakes.exam.routes import matching, output_of, routes
from tests.mistakes.exam.setups import problem
from tests.mistakes.stages import Array, Problem

PROCESSES = 2
# A check may take so much longer than it was told before it is stopped.
GRACE = 10.0


class Question(NamedTuple):
    """A kind, or a right route, in a problem; and how long it may take."""

    what: str
    setup: str
    size: str
    type: str
    seconds: float
    right: bool = False


class TooLongError(Exception):
    """The time is over."""


def asked(p: Problem, output: Array, seconds: float) -> Finding:
    """What the check finds; it is told the time that it has, if it wants to know."""
    fields = {each.name for each in dataclasses.fields(Wanted)}
    wanted = Wanted(**({"seconds": seconds} if "seconds" in fields else {}))  # type: ignore[arg-type]
    return check(prepare(p.arrays, Options.parse(p.options)), output, wanted)


def answered(question: Question) -> Said | None:
    """What came of a question; None: it cannot be asked."""
    family = question.what if question.right else KINDS[question.what].family
    name = " ".join((question.what, "in", *question[1:4]))
    start = time.process_time()
    try:
        with limited(question.seconds + GRACE):
            made = of_right(question) if question.right else of_wrong(question)
    except TooLongError:
        made = "stopped", ()
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError, InputError) as error:
        made = "error", (f"{type(error).__name__}: {error}",)
    return None if made is None else Said(name, family, *made, time.process_time() - start)


def of_wrong(question: Question) -> tuple[str, tuple[str, ...]] | None:
    """The outcome of a wrong output, and what was said; None: the kind cannot be made there, or cannot be seen."""
    one = item(KINDS[question.what], *question[1:4])
    if one is None or not is_visible(one):
        return None
    return judged(one, asked(one.problem, one.wrong.output, question.seconds))


def of_right(question: Question) -> tuple[str, tuple[str, ...]] | None:
    """The same of a right one: it agrees, is blamed, or is said to differ without any name."""
    p = problem(*question[1:4])
    output = output_of(routes()[question.what], p)
    if output is None:
        return None
    finding = asked(p, output, question.seconds)
    texts = tuple(
        f"{' + '.join(each.mistakes)}: {'; '.join(map(IN_ENGLISH.say, each.descriptions))}"
        for each in finding.explanations
    )
    far = f"differs by {finding.comparison.error:.3g}, tolerance {finding.comparison.tolerance:.3g}"
    return ("agrees" if finding.agrees else "blame" if texts else "none"), (*texts, far)


class limited:  # noqa: N801  # read as a word in `with`
    """Stops what runs within, after so many seconds of the processor, which do not count what others do."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self.stop)
        signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def stop(self, *_: object) -> None:
        raise TooLongError


def wrong_questions(pattern: str, *, held_out: bool | None, seconds: float) -> list[Question]:
    """All questions of kinds with a pattern in `id in set-up size type`, held out or not; None: all."""
    every = [Question(each.id, *q, seconds) for each in named("", held_out) for q in questions(each)]
    return [q for q in every if re.search(pattern, " ".join((q.what, "in", *q[1:4])))]


def right_questions(pattern: str, seconds: float) -> list[Question]:
    """All questions of right routes with a pattern in `route in set-up size type`."""
    every = [Question(route, *q, seconds, right=True) for route, each in routes().items() for q in matching(each)]
    return [q for q in every if re.search(pattern, " ".join((q.what, "in", *q[1:4])))]


def answers(asking: Sequence[Question], told: Callable[[Said], None], seconds: float) -> Iterator[Said]:
    """Ask everything in two processes, for so many seconds at most; in the order of the answers."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(PROCESSES, initializer=entered) as pool:
        for said in pool.imap_unordered(answered, asking):
            if said is not None:
                told(said)
                yield said
            if time.monotonic() - start > seconds:
                return


def entered() -> None:
    """Have all kinds in the registry of a process."""
    list(named("", None))
