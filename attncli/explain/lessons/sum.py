"""The third step, taught: mix the values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.shapes import show
from attncli.explain import row_statistics
from attncli.explain.blocks import Block, Formula, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Heading, Paragraph


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what the weighted sum does."""
    about, sizes = lesson.about, lesson.about.operands.sizes
    queries, features = about.rows.total, sizes.value_features
    yield Heading(lesson.say("sum_heading"))
    yield Paragraph(lesson.say("sum_purpose" if about.sink is None else "sum_purpose_sink", what=_what(lesson)))
    yield Formula(f"{about.sums} = weights · V", rf"\mathrm{{{about.sums}}} = \mathrm{{weights}} \cdot V")
    shape = f"weights {show((queries, sizes.keys))} · V {show((sizes.keys, features))} → "
    yield Paragraph(lesson.say("shapes", text=shape + f"{about.sums} {show((queries, features))}"))


def _what(lesson: Lesson) -> str:
    """Return what the sums are called: the output, unless anything comes after them."""
    return lesson.say(f"word_{lesson.about.sums}")


def element(lesson: Lesson) -> str:
    """Say which element of the output is worked out."""
    which = lesson.query(lesson.about.row)
    return lesson.say("sum_element", row=which, column=lesson.about.of_sum, what=_what(lesson))


def working(lesson: Lesson) -> Iterator[str]:
    """Work out one element of the output."""
    about = lesson.about
    weights, value = about.line("weights"), about.values[:, about.of_sum]
    # Closed keys contribute nothing; in a row where all are closed, one of them shows it.
    terms = [(w, v) for w, v in zip(weights, value, strict=True) if w != 0] or [(weights[0], value[0])]
    total = about.line(about.sums)[about.of_sum]
    yield lesson.say("sum_terms", terms=lesson.terms(terms, "more_terms"), total=total)


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the output."""
    sums = lesson.about.sums
    title = lesson.say("table_output" if sums == "output" else "table_context")
    yield Table(title, lesson.grid(sums, lesson.about.of_sum))


def points(lesson: Lesson) -> Iterator[str]:
    """Say what is worth noticing in the output."""
    about, row = lesson.about, lesson.row
    weights, logits, values = about.line("weights"), about.line("logits"), about.values
    if np.isnan(weights).any():
        yield lesson.say("not_a_number", row=lesson.query(about.row))
        return
    if row.open == 0:
        yield lesson.say("sum_empty", row=lesson.query(about.row), what=_what(lesson))
        return
    best = int(row.ranking[0])
    if row.open > 3:
        shares = {"share": weights[best], "three": weights[row.ranking[:3]].sum()}
        yield lesson.say("share", best=lesson.key(best), **shares)
    if weights[best] > row_statistics.SATURATED:
        yield _nearly(lesson, best)
    if row.open > 1 and about.sink is None:
        # Divided first, their sum stays in the range.
        mean = (values[logits > -np.inf, about.of_sum].astype(np.float64) / row.open).sum()
        value = about.line(about.sums)[about.of_sum]
        yield lesson.say("mean_distance", mean=mean, value=value, what=_what(lesson))
    if about.sink is not None:
        yield lesson.say("sink_shrinks", rest=weights.sum())
    if row.open < len(weights):
        yield lesson.say("masked_values")


def _nearly(lesson: Lesson, best: int) -> str:
    """Say how near the output is to the one value that has nearly all weight."""
    about = lesson.about
    with np.errstate(invalid="ignore"):
        difference = np.abs(about.line(about.sums).astype(np.float64) - about.values[best]).max()
    names = {"row": lesson.query(about.row), "best": lesson.key(best), "what": _what(lesson)}
    return lesson.say("is_one", **names) if difference == 0 else lesson.say("near_one", **names, difference=difference)


def back(lesson: Lesson) -> Iterator[str]:
    """Lead the gradient of the sum back to one weight."""
    about = lesson.about
    if about.is_closed:
        yield lesson.say("back_closed")
        return
    given, value = about.line("d_sums"), about.values[about.column]
    terms = lesson.terms(list(zip(given, value, strict=True)), "more_terms")
    yield lesson.say("back_weight", sums=about.sums, terms=terms, total=about.element("d_weights"))


def onward(lesson: Lesson) -> Iterator[str]:
    """Say what one value gets of the gradient of the sum."""
    about = lesson.about
    if about.is_closed:
        return
    given, weight = about.line("d_sums"), about.element("weights")
    share = {"weight": weight, "given": lesson.vector(given), "share": lesson.vector(weight * given)}
    yield lesson.say("back_value", sums=about.sums, **share)


LESSON = StageLesson(
    purpose=purpose,
    element=element,
    working=working,
    tables=tables,
    points=points,
    back=back,
    onward=onward,
)
