"""The whole explanation: an introduction, then the steps that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attncli.explain import score_step, softmax_step, sum_step
from attncli.explain.blocks import Block, Heading, Paragraph
from attncli.explain.lesson import Lesson

STEPS: dict[str, Callable[[Lesson], Iterator[Block]]] = {
    "score": score_step.teach,
    "softmax": softmax_step.teach,
    "sum": sum_step.teach,
}


def teach(lesson: Lesson, steps: Sequence[str]) -> Iterator[Block]:
    """Return the explanation of these steps, in the order of the pipeline."""
    title = lesson.about.title
    yield Heading(lesson.say("title") + (f" — {title}" if title else ""), level=1)
    yield Paragraph(_introduction(lesson))
    for step, teach_step in STEPS.items():
        if step in steps:
            yield from teach_step(lesson)


def _features(lesson: Lesson) -> str:
    query, key = lesson.about.operands.sizes.features, lesson.about.key_features
    return lesson.say("features" if query == key else "features_apart", query=query, key=key)


def _introduction(lesson: Lesson) -> str:
    """Say what meets what."""
    sizes, (batch, batches, head, heads) = lesson.about.operands.sizes, lesson.about.where
    queries = lesson.about.rows.total
    places = [lesson.say("where_batch", batch=batch, batches=batches)] if batches > 1 else []
    places += [lesson.say("where_head", head=head, heads=heads)] if heads > 1 else []
    where = lesson.say("where", places=lesson.say("list_join").join(places)) if places else ""
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
