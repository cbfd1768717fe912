"""Softcap, taught: what it makes of the worked score, and which score of the row it changes most."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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


LESSON = StageLesson(working=working, points=points)
