"""Masks and biases, taught: what is added to the worked score, and which rules close the key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from attncli.attend.stages.mask import additions, openings
from attncli.explain.blocks import Block, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Paragraph


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what ALiBi takes off; what other rules do is said where they apply."""
    if lesson.about.operands.options.alibi:
        yield Paragraph(lesson.say("alibi_purpose", slope=lesson.about.slope))


def working(lesson: Lesson) -> Iterator[str]:
    """Say what is added to the score, or which rules close the key."""
    about, o = lesson.about, lesson.about.operands
    closed = [name for name, rule in openings(o).items() if not about.element_of(rule)]
    if not closed:
        yield from _added(lesson)
        return
    for name in closed:
        yield lesson.say(f"closed_{name}", **_reason(lesson, name))
    yield lesson.say("closed")


def _added(lesson: Lesson) -> Iterator[str]:
    """Add one number after the other to the score, which softcap may have changed."""
    about = lesson.about
    reached = about.element("capped" if "capped" in about.made else "scores")
    for name, added in additions(about.operands).items():
        number = about.element_of(added)
        if name == "alibi":
            yield lesson.say("alibi", slope=about.slope, query=about.position, key=about.column, number=number)
        before, reached = reached, reached + number
        called = lesson.say(f"name_{name}")
        yield lesson.say("added", name=called, before=before, number=lesson.signed(number), after=reached)


def _reason(lesson: Lesson, name: str) -> dict[str, Any]:
    """Return the numbers that say why a rule closes the key."""
    about, o = lesson.about, lesson.about.operands
    if name == "causal":
        return {"position": about.position, "key": about.column}
    if name == "window":
        left, right = o.options.window or (-1, -1)
        first = "0" if left < 0 else str(max(about.position - left, 0))
        last = str(o.sizes.keys - 1 if right < 0 else min(about.position + right, o.sizes.keys - 1))
        return {"position": about.position, "key": about.column, "first": first, "last": last}
    if name == "length":
        assert o.key_lengths is not None  # the rule is in force only with them
        return {"length": int(o.key_lengths[0]), "key": about.column}
    return {}


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show what softmax sees, where that is not the scores over again."""
    made = lesson.about.made
    if not np.array_equal(made["scores"], made["logits"], equal_nan=True):
        yield Table(lesson.say("table_logits"), lesson.grid("logits", None))


LESSON = StageLesson(purpose=purpose, working=working, tables=tables)
