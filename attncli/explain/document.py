"""The whole explanation: an introduction, then the steps that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module

import numpy as np

from attncli.attend.steps import STAGES, names
from attncli.attend.steps import STEPS as ALL_STEPS
from attncli.explain import backward, tiles
from attncli.explain.blocks import Block, Working
from attncli.explain.gradients import BACKWARD
from attncli.explain.lesson import Lesson, StageLesson
from attncli.explain.running import TILES
from attncli.show.blocks import Heading, Paragraph, apart

# The stages that each step is taught with, in the order in which they are computed; one has the step's own name.
STEPS = {step: tuple(stage.name for stage in STAGES if stage.step == step) for step in ALL_STEPS}


def stage_lesson(stage: str) -> StageLesson:
    """Return what a stage says, from the module of its name."""
    lesson: StageLesson = import_module(f"attncli.explain.lessons.{stage}").LESSON
    return lesson


def teach(lesson: Lesson, steps: Sequence[str]) -> list[Block]:
    """Return the explanation of these steps, in the order in which they are computed."""
    # NaN, ∞ and numbers at the rims of the range are taught as they are.
    with np.errstate(all="ignore"):
        return list(_teach(lesson, steps))


def _teach(lesson: Lesson, steps: Sequence[str]) -> Iterator[Block]:
    title = lesson.about.title
    yield Heading(lesson.say("title") + (f" — {apart(title)}" if title else ""), level=1)
    yield Paragraph(_introduction(lesson))
    for step in STEPS:
        if step in steps and does_something(lesson, step):
            yield from teach_step(lesson, step)
        if step == "sum" and TILES in steps:
            yield from tiles.taught(lesson)
        elif step == "sum" and step in steps:
            yield Paragraph(lesson.say("tiles_elsewhere"))
    if BACKWARD in steps:
        yield from backward.taught(lesson, [stage_lesson(stage.name) for stage in STAGES])


def does_something(lesson: Lesson, step: str) -> bool:
    """Tell whether a step makes anything of this problem."""
    return bool(names(lesson.about.source, [step]))


def teach_step(lesson: Lesson, step: str) -> Iterator[Block]:
    """Return the explanation of one step: what it is for, one element worked out, tables, and what to notice.

    The stage that gives the step its name says first what it is for; everything else goes in the order of the stages.
    """
    stages = [stage_lesson(name) for name in STEPS[step]]
    own = stage_lesson(step)
    yield from own.purpose(lesson)
    for each in stages:
        if each is not own:
            yield from each.purpose(lesson)
    yield Paragraph(own.element(lesson))
    yield Working(tuple(line for each in stages for line in each.working(lesson)))
    for each in stages:
        yield from each.tables(lesson)
    points = [point for each in stages for point in each.points(lesson)]
    if points:
        yield lesson.points(points)


def _features(lesson: Lesson) -> str:
    query, key = lesson.about.operands.sizes.features, lesson.about.key_features
    if query != key:
        return lesson.say("features_apart", query=query, key=key)
    return lesson.say("features", query=query, word=lesson.say("feature_word" if query == 1 else "features_word"))


def _introduction(lesson: Lesson) -> str:
    """Say what meets what."""
    sizes, (batch, batches, head, heads) = lesson.about.operands.sizes, lesson.about.where
    queries = lesson.about.rows.total
    places = [lesson.say("where_batch", batch=batch, batches=batches)] if batches > 1 else []
    places += [lesson.say("where_head", head=head, heads=heads)] if heads > 1 else []
    where = lesson.say("where", places=lesson.say("where_join").join(places)) if places else ""
    text = lesson.say(
        "intro",
        queries=queries,
        queries_word=lesson.say("query_word" if queries == 1 else "queries_word"),
        meet_word=lesson.say("meets_word" if queries == 1 else "meet_word"),
        keys=sizes.keys,
        keys_word=lesson.say("key_word" if sizes.keys == 1 else "keys_word"),
        features=_features(lesson),
        where=where,
        dtype=lesson.about.operands.dtype.name,
    )
    key_head, group = lesson.about.key_head
    return text + (lesson.say("group", head=head, key_head=key_head, group=group) if group > 1 else "")
