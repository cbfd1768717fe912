"""Masks and biases, taught: which rules open or close the worked key, and what is added to its score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.rules import Rules
from attncli.attend.stages.mask import additions, openings
from attncli.explain.blocks import Block, Table
from attncli.explain.drawing import drawing
from attncli.explain.lesson import Lesson, StageLesson
from attncli.explain.positions import query_place, standing
from attncli.show.blocks import Paragraph
from attncli.text import a_few

# So many of the keys that are named for a query are listed.
MOST_NAMED = 12


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
        yield from _ruled(lesson, name, "open" if is_open else "closed")
    if all(rules.values()):
        yield from _added(lesson)
    else:
        yield lesson.say("closed")


def _ruled(lesson: Lesson, name: str, state: str) -> Iterator[str]:
    """Say what a rule is, and why it opens or closes the key."""
    match name:
        case "causal":
            yield from _causal(lesson, state)
        case "segments":
            query, key = _id_of(lesson, "segment")
            yield lesson.say(f"segments_{state}", query=query, key=key)
        case "chunk":
            yield _chunk(lesson, state)
        case "indices":
            yield lesson.say(f"indices_{state}", key=lesson.about.column, named=_named(lesson))
        case _:
            yield _given(lesson, name, state)


def _given(lesson: Lesson, name: str, state: str) -> str:
    """Say what a window, lengths, a mask or a bias is, and why it opens or closes the key."""
    about, o = lesson.about, lesson.about.operands
    key = about.column
    match name:
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


def _causal(lesson: Lesson, state: str) -> Iterator[str]:
    """Say what the causal rule says of the key, and what prefix and blocks make of it."""
    about, o = lesson.about, lesson.about.operands
    key, prefix = about.column, o.options.prefix
    seen = _seen(lesson, 0, about.position)
    if key <= about.position or (prefix is None and "blocks" not in o.inputs):
        yield lesson.say(f"causal_{state}", key=key, seen=seen)
        return
    yield lesson.say("causal_ahead", key=key, seen=seen)
    if prefix is not None:
        opened = "open" if key < prefix else "closed"
        yield lesson.say(f"prefix_{opened}", key=key, prefix=prefix)
    if "blocks" in o.inputs and (prefix is None or key >= prefix):
        query, block = _id_of(lesson, "block")
        yield lesson.say(f"blocks_{state}", query=_block(lesson, query), key=_block(lesson, block))


def _block(lesson: Lesson, block: int) -> str:
    return lesson.say("no_block") if block < 0 else lesson.say("one_block", block=block)


def _id_of(lesson: Lesson, name: str) -> tuple[int, int]:
    """Return by what rules tell the worked query and the worked key: ids of documents, chunks or blocks."""
    rules = Rules.of(lesson.about.operands)
    query, key = (getattr(places, name) for places in (rules.query, rules.key))
    return int(query[0, lesson.about.at]), int(key[0, lesson.about.column])


def _chunk(lesson: Lesson, state: str) -> str:
    """Say where the chunks of query and key begin."""
    o = lesson.about.operands
    query, key = _id_of(lesson, "chunk")
    if "segments" in o.inputs:
        return lesson.say(f"chunk_of_document_{state}", query=query, key=key, size=o.options.chunk)
    return lesson.say(f"chunk_{state}", query=query, key=key, size=o.options.chunk)


def _named(lesson: Lesson) -> str:
    """Name the keys that indices name for the worked query."""
    about = lesson.about
    found = about.operands.inputs["indices"][0, 0]
    keys = sorted({each for each in found[about.at % len(found)].tolist() if each >= 0})
    return a_few(keys, MOST_NAMED) if keys else lesson.say("no_key_named")


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
    """Draw the rules, and show what softmax sees, where that is not the scores over again."""
    drawn = drawing(lesson)
    if drawn is not None:
        yield drawn
    made = lesson.about.made
    if not np.array_equal(made["scores"], made["logits"], equal_nan=True):
        yield Table(lesson.say("table_logits"), lesson.grid("logits", None))


def onward(lesson: Lesson) -> Iterator[str]:
    """Say that what was added to a score changes nothing in its gradient."""
    names = [lesson.say(f"name_{name}").strip() for name in additions(lesson.about.operands)]
    if names and not lesson.about.is_closed:
        yield lesson.say("back_added", names=lesson.say("list_join").join(names))


def back_points(lesson: Lesson) -> Iterator[str]:
    """Say that nothing comes back from behind a mask."""
    about, row = lesson.about, lesson.row
    keys = about.operands.sizes.keys
    if row.open < keys:
        yield lesson.say("back_closed_count", row=lesson.query(about.row), closed=keys - row.open, keys=keys)


LESSON = StageLesson(purpose=purpose, working=working, tables=tables, onward=onward, back_points=back_points)
