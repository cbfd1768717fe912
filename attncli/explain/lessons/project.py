"""Projection, taught: query, key and value made of what each token holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.layer import LETTERS, Projection
from attncli.attend.shapes import show
from attncli.attend.views import ready
from attncli.explain.blocks import Block, Formula, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Heading, Paragraph


def states(lesson: Lesson) -> dict[str, Projection]:
    """Return the projections, by state."""
    return dict(lesson.about.source.layer.projections)


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what the projections do, and which columns of the matrices belong to this head."""
    about, found = lesson.about, states(lesson)
    if not found:
        return
    yield Heading(lesson.say("project_heading"))
    yield Paragraph(lesson.say("project_purpose"))
    yield Formula("Q = x · W_q + b_q", r"Q = x \, W_q + b_q")
    if "w_qkv" in about.source.taking_part:
        yield Paragraph(lesson.say(f"project_fused_{about.operands.options.qkv}"))
    for state, each in found.items():
        given = [name for name in each.given if name.startswith("w_")]
        if given and each.weight is not None:
            first, stop = _columns(lesson, state)
            shape, of_x = show(each.weight.shape), about.source.states[state].shape[3]
            values = {"state": lesson.say(f"word_{state}"), "name": given[0], "shape": shape, "features": of_x}
            said = "project_part" if given[0] == "w_qkv" else "project_columns"
            yield Paragraph(lesson.say(said, **values, letter=LETTERS[state], first=first, last=stop - 1))


def _columns(lesson: Lesson, state: str) -> tuple[int, int]:
    """Return the first column of the matrix that belongs to this head, and the one after the last."""
    about = lesson.about
    heads, features = about.source.split[state], about.made[f"projected_{state}"].shape[-1]
    at = about.where[2] * heads // about.source.sizes.heads
    return at * features, (at + 1) * features


def _shown(lesson: Lesson) -> tuple[str, Projection]:
    """Return the state that is worked out: the first that is projected."""
    return next(iter(states(lesson).items()))


def element(lesson: Lesson) -> str:
    """Say which number is worked out."""
    state, _ = _shown(lesson)
    about = lesson.about
    which = lesson.query(about.row) if state == "query" else lesson.key(about.column)
    return lesson.say("project_element", which=which, state=lesson.say(f"word_{state}"))


def working(lesson: Lesson) -> Iterator[str]:
    """Work out the first feature of one state."""
    found, about = states(lesson), lesson.about
    if not found:
        return
    state, each = _shown(lesson)
    past = 0 if state == "query" else about.source.sizes.past
    place = about.row if state == "query" else about.column - past
    if place < 0:
        yield lesson.say("project_past", key=about.column)
        return
    batch = about.where[0] if len(about.source.states[state]) > 1 else 0
    x = ready(about.source.states[state][batch, :, place].reshape(1, -1), about.source.dtype)[0]
    first, _ = _columns(lesson, state)
    total = x[first] if each.weight is None else x @ ready(each.weight[:, first], x.dtype)
    if each.weight is not None:
        terms = list(zip(x, ready(each.weight[:, first], x.dtype), strict=True))
        text = lesson.terms(terms, "more_terms")
        yield lesson.say("project_terms", letter=LETTERS[state], column=first, terms=text, total=total)
    if each.bias is not None:
        bias = ready(each.bias, x.dtype)[first]
        numbers = {"before": lesson.signed(total), "bias": lesson.signed(bias), "total": total + bias}
        yield lesson.say("project_bias", letter=LETTERS[state], column=first, **numbers)


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show what the projections made."""
    for state in states(lesson):
        name = f"projected_{state}"
        yield Table(lesson.say("table_projected", state=lesson.say(f"word_{state}")), lesson.state_grid(name))


def points(lesson: Lesson) -> Iterator[str]:
    """Say what is worth noticing."""
    found, about = states(lesson), lesson.about
    if not found:
        return
    yield lesson.say("project_same")
    key_heads, heads = about.source.split["key"], about.source.sizes.heads
    if key_heads < heads and {"query", "key"} & found.keys():
        yield lesson.say("project_groups", heads=heads, key_heads=key_heads)
    given = [each.weight for each in found.values() if each.weight is not None]
    if len(given) == 3 and not any(np.shares_memory(given[0], each) for each in given[1:]):
        count = sum(each.size for each in given)
        yield lesson.say("project_count", count=count)


LESSON = StageLesson(purpose=purpose, element=element, working=working, tables=tables, points=points)
