"""What comes after the weighted sum, taught: all heads put together by one matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.shapes import show
from attncli.attend.stages.gate import gated
from attncli.attend.views import ready
from attncli.explain.blocks import Block, Formula, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Heading, Paragraph

if TYPE_CHECKING:
    from numpy.typing import NDArray


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what the matrix after the attention does."""
    about = lesson.about
    if not about.source.has_after:
        return
    yield Heading(lesson.say("out_heading"))
    out = about.source.layer.out
    if out is None:
        return
    yield Paragraph(lesson.say("out_purpose"))
    yield Formula("output = context · W_o + b_o", r"\mathrm{output} = \mathrm{context} \cdot W_o + b_o")
    if out.weight is not None:
        heads, features = about.source.sizes.heads, about.source.sizes.value_features
        yield Paragraph(lesson.say("out_rows", shape=show(out.weight.shape), heads=heads, features=features))


def element(lesson: Lesson) -> str:
    """Say which number is worked out."""
    return lesson.say("out_element", row=lesson.query(lesson.about.row), column=_column(lesson))


def _column(lesson: Lesson) -> int:
    return lesson.about.feature if lesson.about.feature < lesson.about.whole["output"].shape[-1] else 0


def shares(lesson: Lesson) -> NDArray[Any]:
    """Return what each head gives to the worked row of the output, (heads, out)."""
    about, out = lesson.about, lesson.about.source.layer.out
    sums = about.whole["gated"][:, about.at]  # (heads, Ev)
    if out is None or out.weight is None:
        return np.diagflat(sums).reshape(len(sums), -1)
    weight = ready(out.weight, sums.dtype).reshape(*sums.shape, -1)
    return np.einsum("hf,hfo->ho", sums, weight)


def working(lesson: Lesson) -> Iterator[str]:
    """Work out one number of the output, head by head."""
    about, out = lesson.about, lesson.about.source.layer.out
    if out is None:
        return
    column = _column(lesson)
    each = shares(lesson)[:, column]
    terms = lesson.terms([(one,) for one in each], "more_heads")
    yield lesson.say("out_terms", column=column, terms=terms, total=each.sum())
    if out.bias is not None:
        bias = ready(out.bias, each.dtype)[column]
        total = about.whole["output"][about.at, column]
        yield lesson.say("out_bias", before=lesson.signed(each.sum()), bias=lesson.signed(bias), total=total)


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the output."""
    if lesson.about.source.has_after:
        yield Table(lesson.say("table_out"), lesson.whole_grid(_column(lesson)))


def points(lesson: Lesson) -> Iterator[str]:
    """Say which head gives most to the output of the row."""
    about = lesson.about
    if not about.source.has_after:
        return
    lengths = np.sqrt(np.square(shares(lesson).astype(np.float64)).sum(axis=-1))
    if len(lengths) > 1 and np.isfinite(lengths).all() and lengths.sum() > 0:
        most = int(lengths.argmax())
        yield lesson.say("out_most", head=most, length=lengths[most], share=lengths[most] / lengths.sum())
    if about.operands.gate is not None:
        before, after = (np.abs(about.whole[name][:, about.at]).sum() for name in ("context", "gated"))
        if before > 0:
            yield lesson.say("gate_rest", share=after / before)
    yield lesson.say("out_residual")


def back(lesson: Lesson) -> Iterator[str]:
    """Lead the gradient of the output back through the rows of the matrix that belong to this head."""
    about, out = lesson.about, lesson.about.source.layer.out
    if out is None or out.weight is None or about.loss is None:
        return
    given = about.loss.output[0, 0, about.at].astype(about.operands.dtype)  # (out)
    own = np.split(ready(out.weight, given.dtype), about.source.sizes.heads)[about.where[2]]  # (Ev, out)
    yield lesson.say("back_out", given=lesson.vector(given), head=about.where[2], total=lesson.vector(given @ own.T))


def all_heads(o: Any, made: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the sums of all heads before and after the gate, (heads, rows, Ev), and the output, (rows, out).

    Args:
        o: the operands of all heads and these rows.
        made: their results.
    """
    context, output = made["context"], made["output"][0]
    _, heads, rows, _ = made["output"].shape
    packed = output.swapaxes(0, 1).reshape(rows, -1) if heads > 1 else output[0]
    return {"context": context[0], "gated": gated(o, context)[0], "output": packed}


LESSON = StageLesson(purpose=purpose, element=element, working=working, tables=tables, points=points, back=back)
