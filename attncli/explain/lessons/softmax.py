"""The second step, taught: from scores to shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from attncli.attend.shapes import show
from attncli.explain import jacobian, row_statistics
from attncli.explain.blocks import Block, Formula, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Heading, Paragraph


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what softmax does, and what a sink changes."""
    about = lesson.about
    shape = show((about.rows.total, about.operands.sizes.keys))
    yield Heading(lesson.say("softmax_heading"))
    yield Paragraph(lesson.say("softmax_purpose" if about.sink is None else "softmax_purpose_sink"))
    if about.sink is None:
        yield Formula(
            "weights[i, j] = exp(logits[i, j] − mᵢ) / Σₖ exp(logits[i, k] − mᵢ)",
            r"\mathrm{weights}_{ij} = \frac{e^{\mathrm{logits}_{ij} - m_i}}{\sum_k e^{\mathrm{logits}_{ik} - m_i}}, "
            r"\quad m_i = \max_k \mathrm{logits}_{ik}",
        )
    else:
        yield Paragraph(lesson.say("sink_purpose", sink=about.sink))
        yield Formula(
            "weights[i, j] = exp(logits[i, j] − mᵢ) / (exp(sink − mᵢ) + Σₖ exp(logits[i, k] − mᵢ))",
            r"\mathrm{weights}_{ij} = \frac{e^{\mathrm{logits}_{ij} - m_i}}"
            r"{e^{\mathrm{sink} - m_i} + \sum_k e^{\mathrm{logits}_{ik} - m_i}}",
        )
    yield Paragraph(lesson.say("shapes", text=f"logits {shape} → weights {shape}"))


def element(lesson: Lesson) -> str:
    """Say which weight is worked out."""
    return lesson.element("softmax_element")


def working(lesson: Lesson) -> Iterator[str]:
    """Work out one weight."""
    about = lesson.about
    logits, weights = about.line("logits"), about.line("weights")
    peak = logits.max() if about.sink is None else np.maximum(logits.max(), about.sink)
    if np.isnan(peak) or peak == np.inf:
        yield lesson.say("not_a_number", row=lesson.query(about.row))
        return
    if logits.max() == -np.inf:
        yield lesson.say("softmax_empty", row=lesson.query(about.row))
        return
    exponentials = np.exp(logits - peak)
    numerator, total = exponentials[about.column], exponentials.sum()
    terms = lesson.terms([(each,) for each in exponentials], "more_exponentials")
    yield lesson.say("softmax_peak" if about.sink is None else "softmax_peak_sink", peak=peak)
    minus = lesson.signed(peak)
    yield lesson.say("softmax_numerator", logit=logits[about.column], peak=minus, numerator=numerator)
    yield lesson.say("softmax_total", terms=terms, total=total)
    if about.sink is not None:
        drain = np.exp(about.sink - peak)
        yield lesson.say("softmax_sink", sink=about.sink, peak=minus, drain=drain, total=total + drain)
        total = total + drain
    yield lesson.say("softmax_quotient", numerator=numerator, total=total, weight=weights[about.column])


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the weights."""
    yield Table(lesson.say("table_weights"), lesson.grid("weights", lesson.about.column))


def points(lesson: Lesson) -> Iterator[str]:
    """Say what is worth noticing in the weights."""
    about, row = lesson.about, lesson.row
    weights = about.line("weights")
    if np.isnan(weights).any():
        yield lesson.say("not_a_number", row=lesson.query(about.row))
        return
    if row.open == 0:
        yield lesson.say("softmax_empty", row=lesson.query(about.row))
        return
    top = [int(j) for j in row.ranking[:3] if weights[j] > 0]
    ranked = (lesson.say("ranked", label=lesson.key(j), weight=weights[j]) for j in top)
    yield lesson.say("most_weight", row=lesson.query(about.row), ranking=lesson.say("list_join").join(ranked))
    if about.sink is not None:
        yield lesson.say("sink_takes", sink=1 - weights.sum(), rest=weights.sum())
    elif row.open == 1:
        yield lesson.say("only_key")
    else:
        yield lesson.say("effective", effective=row.effective, open=row.open)
        yield _saturation(lesson, weights[top[0]], top[0])
    yield _naive(lesson, row.peak)
    if about.sink is None:
        yield from _extremes(lesson)


def _saturation(lesson: Lesson, weight: Any, best: int) -> str:
    """Say whether the row is saturated."""
    key = "saturated" if weight > row_statistics.SATURATED else "not_saturated"
    return lesson.say(key, best=lesson.key(best), weight=weight, gradient=float(weight) * (1 - float(weight)))


def _naive(lesson: Lesson, peak: float) -> str:
    """Say what exponentials without the maximum subtracted would have done."""
    dtype, single = lesson.about.operands.dtype, np.dtype(np.float32)
    fate = row_statistics.naive_exponential(peak, dtype)
    values: dict[str, Any] = {"peak": peak, "dtype": dtype.name, "limit": f"{row_statistics.exponent_limit(dtype):.1f}"}
    if fate == "fits":
        values["exponential"] = np.exp(np.float64(peak))
    text = lesson.say(f"naive_{fate}", **values)
    if fate == "fits" and row_statistics.naive_exponential(peak, single) != "fits" and peak > 0:
        text += lesson.say("naive_fits_not_float32", limit=f"{row_statistics.exponent_limit(single):.1f}")
    return text


def _extremes(lesson: Lesson) -> Iterator[str]:
    """Compare the rows that are shown."""
    about = lesson.about
    effective = [row_statistics.effective_keys(row) if row.sum() > 0 else np.nan for row in about.made["weights"]]
    if np.isfinite(effective).sum() < 2:
        return
    few, many = int(np.nanargmin(effective)), int(np.nanargmax(effective))
    if effective[few] < effective[many]:
        sharp, flat = (lesson.query(int(about.rows.indices[i])) for i in (few, many))
        yield lesson.say("sharpest", sharp=sharp, few=effective[few], flat=flat, many=effective[many])


LESSON = StageLesson(
    purpose=purpose,
    element=element,
    working=working,
    tables=tables,
    points=points,
    back=jacobian.working,
    back_points=jacobian.points,
)
