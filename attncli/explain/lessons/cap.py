"""Softcap, taught: what it makes of the worked score, and which score of the row it changes most."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.stages.cap import slope
from attncli.explain.lesson import Lesson, StageLesson


def working(lesson: Lesson) -> Iterator[str]:
    """Work out what softcap makes of the score."""
    about, cap = lesson.about, lesson.about.operands.options.softcap
    if cap is not None:
        score = lesson.signed(about.element("scores"))
        yield lesson.say("softcapped", cap=cap, score=score, capped=about.element("capped"))


def points(lesson: Lesson) -> Iterator[str]:
    """Say which score of the row, of those that count, softcap changes most."""
    about = lesson.about
    if about.operands.options.softcap is None or not np.isfinite(lesson.row.peak):
        return
    scores, capped = about.line("scores"), about.line("capped")
    opened = about.line("logits") > -np.inf
    most = int(np.argmax(np.where(opened, np.abs(scores - capped), -1)))
    yield lesson.say("softcap_most", key=lesson.key(most), before=scores[most], after=capped[most])


def onward(lesson: Lesson) -> Iterator[str]:
    """Lead the gradient back through softcap, which is the flatter the larger the score."""
    about, cap = lesson.about, lesson.about.operands.options.softcap
    if cap is None or about.is_closed:
        return
    values = {"given": about.element("d_logits"), "score": lesson.signed(about.element("scores")), "cap": cap}
    lets = slope(about.line("scores"), cap)[about.column]
    yield lesson.say("back_cap", **values, slope=lets, total=about.element("d_scores"))


def back_points(lesson: Lesson) -> Iterator[str]:
    """Say where softcap lets least of the gradient through, of the keys that count."""
    about, cap = lesson.about, lesson.about.operands.options.softcap
    if cap is None:
        return
    lets = np.where(about.line("logits") > -np.inf, slope(about.line("scores"), cap), np.inf)
    least = int(lets.argmin())
    yield lesson.say("back_cap_least", key=lesson.key(least), score=about.line("scores")[least], slope=lets[least])


LESSON = StageLesson(working=working, points=points, onward=onward, back_points=back_points)
