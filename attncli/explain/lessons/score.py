"""The first step, taught: how well each key answers each query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.scores import FUNCTIONS
from attncli.attend.shapes import show
from attncli.attend.stages.score import STAGE
from attncli.explain.blocks import Block, Formula, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.explain.workings import WORKINGS
from attncli.show.blocks import Heading, Paragraph

if TYPE_CHECKING:
    from numpy.typing import NDArray


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what the score is, why it is scaled, and which shapes meet."""
    about, score = lesson.about, lesson.about.operands.options.score
    yield Heading(lesson.say("score_heading"))
    yield Paragraph(lesson.say(f"score_purpose_{score}"))
    yield Formula(FUNCTIONS[score].formula, FUNCTIONS[score].tex)
    yield Paragraph(_scale(lesson))
    if "block_table" in about.operands.inputs:
        yield Paragraph(lesson.say("pages_purpose", size=_page_size(lesson)))
    scores = show((about.rows.total, about.operands.sizes.keys))
    yield Paragraph(lesson.say("shapes", text=f"{WORKINGS[score].shapes(about)} → scores {scores}"))


def _page_size(lesson: Lesson) -> int:
    """Return the number of keys of a page."""
    o = lesson.about.operands
    return o.sizes.keys // int(o.inputs["block_table"].shape[1])


def _page(lesson: Lesson) -> Iterator[str]:
    """Say in which page the worked key lies; behind the length of the batch item there is none."""
    o, column = lesson.about.operands, lesson.about.column
    if "block_table" not in o.inputs or (o.key_lengths is not None and column >= int(o.key_lengths.ravel()[0])):
        return
    place, at = divmod(column, _page_size(lesson))
    page = int(o.inputs["block_table"][0, place])
    yield lesson.say("pages_key", key=lesson.key(column), page=page, at=at, place=place)


def _scale(lesson: Lesson) -> str:
    """Say what the scale is, and why."""
    o = lesson.about.operands
    if o.options.scale == "none":
        return lesson.say("scale_none")
    if o.options.scale == "sqrt":
        return lesson.say("scale_sqrt", features=o.sizes.features, factor=o.factor)
    is_sqrt = bool(np.isclose(o.factor, o.sizes.features**-0.5, rtol=1e-6))
    known = lesson.say("as_sqrt", features=o.sizes.features) if is_sqrt else ""
    return lesson.say("scale_number", factor=o.factor, as_sqrt=known)


def element(lesson: Lesson) -> str:
    """Say which score is worked out."""
    return lesson.element("score_element")


def working(lesson: Lesson) -> Iterator[str]:
    """Work out one score."""
    about, o = lesson.about, lesson.about.operands
    yield from _page(lesson)
    with np.errstate(all="ignore"):
        before = total = yield from WORKINGS[o.options.score].lines(lesson, *about.met)
        if o.factor != 1:
            total = total * o.factor if "query_scale" in o.inputs else about.element("scores")
            yield lesson.say("scaled", scale=o.factor, total=lesson.signed(before), score=total)
        if "query_scale" in o.inputs:
            factor = np.broadcast_to(o.inputs["query_scale"], (1, 1, len(about.rows.indices)))[0, 0, about.at]
            values = {"scale": float(factor), "total": lesson.signed(total), "score": about.element("scores")}
            yield lesson.say("scaled_by_query", **values)


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the scores."""
    yield Table(lesson.say("table_scores"), lesson.grid("scores", lesson.about.column))


def points(lesson: Lesson) -> Iterator[str]:
    """Say what is worth noticing in the scores of the row, or in its logits where they are not the same."""
    about, row = lesson.about, lesson.row
    logits = about.line("logits")
    if np.isnan(row.peak) or row.peak == np.inf:
        yield lesson.say("not_a_number", row=lesson.query(about.row))
        return
    if row.open == 0:
        yield lesson.say("softmax_empty", row=lesson.query(about.row))
        return
    if row.open < len(logits):
        counts = {"closed": len(logits) - row.open, "keys": len(logits), "open": row.open}
        yield lesson.say("closed_count", row=lesson.query(about.row), **counts)
    first, *others = np.argsort(-logits, kind="stable").tolist()
    plain = np.array_equal(about.line("scores"), logits)
    yield lesson.say(
        "score_best" if plain else "logit_best",
        row=lesson.query(about.row),
        best=lesson.key(first),
        score=logits[first],
    )
    if row.open > 1:
        yield _lead(lesson, others[0])


def _lead(lesson: Lesson, second: int) -> str:
    """Say how far the best key is ahead of the second, and what that means to softmax."""
    name, gap = lesson.key(second), lesson.row.gap
    if gap == 0:
        return lesson.say("score_gap_tie", second=name)
    with np.errstate(over="ignore"):
        ratio = np.exp(np.float64(gap))
    return lesson.say("score_gap", second=name, score=lesson.about.line("logits")[second], gap=gap, ratio=ratio)


def onward(lesson: Lesson) -> Iterator[str]:
    """Lead the gradient of the score back to the query and the key that met."""
    about = lesson.about
    if about.is_closed:
        return
    given, whole = about.element("d_scores"), about.line("d_met_query")
    for state, slope in slopes(lesson).items():
        shares = {"given": given, "slope": lesson.vector(slope), "share": lesson.vector(given * slope)}
        yield lesson.say(f"back_{state}", **shares)
    yield lesson.say("back_all_keys", total=lesson.vector(whole))


def slopes(lesson: Lesson) -> dict[str, NDArray[Any]]:
    """Return how the worked score grows with each feature of the query (E) and of the key (Ek), by state."""
    about = lesson.about
    one = about.operands.select(rows=np.array([about.at]))
    query, key = (each[None, None, None] for each in about.met)
    found = STAGE.backward(one, {"met_query": query, "met_key": key}, {"scores": np.ones((1, 1, 1, 1), one.dtype)})
    return {state: found[f"met_{state}"][0, 0, 0] for state in ("query", "key")}


def back_points(lesson: Lesson) -> Iterator[str]:
    """Say that the scale comes in on the way back too."""
    factor = lesson.about.operands.factor
    if factor != 1:
        yield lesson.say("back_scale", scale=factor)


LESSON = StageLesson(
    purpose=purpose,
    element=element,
    working=working,
    tables=tables,
    points=points,
    onward=onward,
    back_points=back_points,
)
