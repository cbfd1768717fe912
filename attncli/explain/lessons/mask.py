"""Masks and biases, taught: which rules open or close the worked key, and what is added to its score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.stages.mask import additions, openings
from attncli.explain.blocks import Block, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.explain.positions import query_place, standing
from attncli.show.blocks import Paragraph


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what ALiBi takes off; what other rules are is said where they apply."""
    if lesson.about.operands.options.alibi:
        yield Paragraph(lesson.say("alibi_purpose", slope=lesson.about.slope))


def working(lesson: Lesson) -> Iterator[str]:
    """Say of each rule why it opens or closes the key, and what is added to the score of an open one."""
    about, o = lesson.about, lesson.about.operands
    if o.options.rope is None:  # which has said it already
        yield from standing(lesson)
    rules = {name: bool(about.element_of(rule)) for name, rule in openings(o).items()}
    for name, is_open in rules.items():
        yield _ruled(lesson, name, "open" if is_open else "closed")
    if all(rules.values()):
        yield from _added(lesson)
    else:
        yield lesson.say("closed")


def _ruled(lesson: Lesson, name: str, state: str) -> str:
    """Say what a rule is, and why it opens or closes the key."""
    about, o = lesson.about, lesson.about.operands
    key = about.column
    match name:
        case "causal":
            return lesson.say(f"causal_{state}", key=key, seen=_seen(lesson, 0, about.position))
        case "window":
            return lesson.say(f"window_{state}", key=key, **_window(lesson))
        case "length":
            assert o.key_lengths is not None  # the rule is in force only with them
            return lesson.say(f"length_{state}", key=key, length=int(o.key_lengths[0]))
    array = o.mask if name == "mask" else o.bias
    assert array is not None
    covered = array.shape[-1]
    if name == "mask" and covered < o.sizes.keys and key >= covered:
        return lesson.say("mask_short", key=key, count=covered)
    if array.dtype == bool:
        return lesson.say(f"mask_{state}")
    number = additions(o)[name]
    return lesson.say(f"numbers_{state}", name=lesson.say(f"name_{name}"), number=about.element_of(number))


def _window(lesson: Lesson) -> dict[str, str]:
    """Return what the window says, and which keys that are here."""
    about, o = lesson.about, lesson.about.operands
    left, right = o.options.window or (-1, -1)
    first = 0 if left < 0 else about.position - left
    last = o.sizes.keys - 1 if right < 0 else about.position + right
    return {
        "left": lesson.say("window_first") if left < 0 else f"p − {left}" if left else "p",
        "right": lesson.say("window_last") if right < 0 else f"p + {right}" if right else "p",
        "seen": _seen(lesson, first, last),
    }


def _seen(lesson: Lesson, first: int, last: int) -> str:
    """Name the keys, of those that there are, from one place to another."""
    first, last = max(first, 0), min(last, lesson.about.operands.sizes.keys - 1)
    return lesson.say("keys_seen", first=first, last=last) if first <= last else lesson.say("no_key_seen")


def _added(lesson: Lesson) -> Iterator[str]:
    """Add one number after the other to the score, which softcap may have changed."""
    about = lesson.about
    reached = about.element("capped" if "capped" in about.made else "scores")
    for name, added in additions(about.operands).items():
        number = about.element_of(added)
        if name == "alibi":
            query, key = (
                int(each[0, 0, 0]) for each in (query_place(lesson), about.operands.keys_standing[..., [about.column]])
            )
            yield lesson.say("alibi", slope=about.slope, query=query, key=key, number=number)
        before, reached = reached, reached + number
        called = lesson.say(f"name_{name}")
        yield lesson.say("added", name=called, before=before, number=lesson.signed(number), after=reached)


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show what softmax sees, where that is not the scores over again."""
    made = lesson.about.made
    if not np.array_equal(made["scores"], made["logits"], equal_nan=True):
        yield Table(lesson.say("table_logits"), lesson.grid("logits", None))


LESSON = StageLesson(purpose=purpose, working=working, tables=tables)
