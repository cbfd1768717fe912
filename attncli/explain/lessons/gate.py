"""The gate, taught: each head's sum let through, or held back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.stages.gate import sigmoid
from attncli.attend.views import ready
from attncli.explain.blocks import Block, Formula
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Paragraph


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what the gate does."""
    if lesson.about.operands.gate is None:
        return
    by_matrix = {"w_g", "b_g"} & lesson.about.source.taking_part
    yield Paragraph(lesson.say("gate_purpose_made" if by_matrix else "gate_purpose"))
    yield Formula("gated = context · σ(gate)", r"\mathrm{gated} = \mathrm{context} \cdot \sigma(\mathrm{gate})")


def working(lesson: Lesson) -> Iterator[str]:
    """Work out one number of the gated sum of this head."""
    about = lesson.about
    if about.operands.gate is None or "context" not in about.made:
        return
    gate = ready(about.operands.gate, about.operands.dtype)[0, 0, about.at]
    number, sum_ = gate[about.of_sum % len(gate)], about.line("context")[about.of_sum]
    open_ = sigmoid(number)
    yield lesson.say("gate_open", gate=number, open=open_)
    yield lesson.say("gate_product", sum=lesson.signed(sum_), open=open_, total=sum_ * open_)


def back(lesson: Lesson) -> Iterator[str]:
    """Lead the gradient back through the gate, which holds it back as it did the sum."""
    about = lesson.about
    if about.operands.gate is None:
        return
    gate = np.broadcast_to(ready(about.operands.gate, about.operands.dtype)[0, 0, about.at], about.line("d_sums").shape)
    yield lesson.say("back_gate", open=lesson.vector(sigmoid(gate)), total=lesson.vector(about.line("d_sums")))


LESSON = StageLesson(purpose=purpose, working=working, back=back)
