"""Rotary embedding, taught: by how much the worked query and key are turned, and what that does to one pair."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.stages.rotate import angles, pairs
from attncli.explain.blocks import Block, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.explain.positions import standing
from attncli.show.blocks import Heading, Paragraph


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say why query and key are rotated."""
    options = lesson.about.operands.options
    if options.rope is not None:
        yield Heading(lesson.say("rope_heading"))
        yield Paragraph(lesson.say("rope_purpose", theta=options.rope_theta))


def working(lesson: Lesson) -> Iterator[str]:
    """Say by how much the query and the key are turned, and work out the first pair of features of the query."""
    about, o = lesson.about, lesson.about.operands
    if o.options.rope is None:
        return
    yield from standing(lesson)
    # Past keys were turned before they were put into the cache, by the same rule.
    positions = np.array([about.position, about.column])
    turned = angles(positions, o.sizes.features, o.options.rope_theta)
    degrees = np.degrees(turned[:, 0])
    yield lesson.say(
        "rope_angles",
        query=positions[0],
        key=positions[1],
        query_angle=turned[0, 0],
        key_angle=turned[1, 0],
        query_degrees=degrees[0],
        key_degrees=degrees[1],
        distance=positions[0] - positions[1],
    )
    if about.key_features == o.sizes.features:  # only then do their last pairs turn alike
        yield lesson.say("rope_last", angle=abs(turned[0, -1] - turned[1, -1]))
    first, second = (part.start for part in pairs(o.sizes.features, o.options.rope))
    before, after = o.query[0, 0, about.at], about.made["rotated_query"][about.at]
    a, b, x, y = (np.float64(vector[place]) for vector in (before, after) for place in (first, second))
    yield lesson.say("rope_pair", first=first, second=second, a=a, b=b, x=x, y=y)
    if about.column < o.sizes.past:
        yield lesson.say("rope_past", key=about.column)


def element(lesson: Lesson) -> str:
    """Say which pair is worked out."""
    return lesson.element("rope_element")


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the rotated query and key."""
    for state in ("query", "key") if lesson.about.operands.options.rope is not None else ():
        title = lesson.say("table_rotated", state=lesson.say(f"word_{state}"))
        yield Table(title, lesson.state_grid(f"rotated_{state}"))


LESSON = StageLesson(purpose=purpose, element=element, working=working, tables=tables)
