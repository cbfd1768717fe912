"""What a stage says in a lesson, and whether the numbers in it hold."""

from __future__ import annotations

import math
import re

from attncli.attend.options import Options
from attncli.attend.steps import STEPS
from attncli.explain.document import stage_lesson
from attncli.explain.lesson import Lesson
from attncli.explain.subject import choose
from attncli.languages import catalogue
from attncli.problem.factory import attention_of
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.show.screen import Screen
from attncli.show.view import View
from tests.support.declared import Given


def taught(arrays: Given, options: Given, stage: str, lang: str) -> str:
    """Return what a stage says that it is for, and how it works out the first query with each key."""
    computation = attention_of(Problem(arrays, dict.fromkeys(arrays, "test"), options=Options.parse(options)))
    view = View(Screen.of_stdout("never"))
    said = []
    for column in range(computation.operands.sizes.keys):
        subject = choose(computation, Choice(), view, row="0", column=str(column), steps=STEPS)
        lesson, own = Lesson(subject, catalogue(lang), view.digits), stage_lesson(stage)
        said += [*map(str, own.purpose(lesson)), *own.working(lesson)]
    return "\n".join(said)


def worked(text: str) -> None:
    """Assert that the weight that an explanation works out, to six digits, is the quotient that it says."""
    numerator, total, weight = re.findall(r" = ([\d.e-]+) / ([\d.e-]+) = ([\d.e-]+)", text)[0]
    assert math.isclose(float(numerator) / float(total), float(weight), rel_tol=1e-4)
