"""The norm, taught: queries and keys of one size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.layer import LETTERS
from attncli.attend.norms import Norm, is_whole
from attncli.attend.views import ready
from attncli.explain.blocks import Block, Formula, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Heading, Paragraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMULAS = {
    "rms": ("x / √(mean x² + ε) · w", r"\frac{x}{\sqrt{\overline{x^2} + \varepsilon}} \cdot w"),
    "l2": ("x / √(Σ x² + ε) · w", r"\frac{x}{\sqrt{\sum x^2 + \varepsilon}} \cdot w"),
    "layer": ("(x − mean) / √(var + ε) · w", r"\frac{x - \bar{x}}{\sqrt{\mathrm{var} + \varepsilon}} \cdot w"),
}


def how(lesson: Lesson) -> Norm | None:
    """Return the norm in force."""
    text = lesson.about.operands.options.qk_norm
    return None if text is None else Norm.of(text)


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say why queries and keys are normalised, and how."""
    found, options = how(lesson), lesson.about.operands.options
    if found is None:
        return
    yield Heading(lesson.say("norm_heading"))
    yield Paragraph(lesson.say("norm_purpose"))
    yield Paragraph(lesson.say(f"norm_{found.kind}", eps=options.norm_eps))
    yield Formula(*FORMULAS[found.kind])
    for state, weights in lesson.about.source.layer.norms.items():
        if weights is None:
            continue
        whole, apart = is_whole(weights, _before(lesson, state).shape[-1]), weights.ndim == 2
        said = "norm_whole" if whole else "norm_apart" if apart else "norm_weights"
        yield Paragraph(lesson.say(said, name=f"{LETTERS[state]}_norm"))
    if found.plus_one:
        yield Paragraph(lesson.say("norm_plus_one"))
    if found.after_rope:
        yield Paragraph(lesson.say("norm_after_rope"))


def _before(lesson: Lesson, state: str) -> NDArray[Any]:
    """Return what is normalised of this head, (rows, features)."""
    found, about = how(lesson), lesson.about
    late = found is not None and found.after_rope and f"rotated_{state}" in about.made
    for name in [f"rotated_{state}"] * late + [f"projected_{state}"]:
        if name in about.made:
            return about.made[name]
    source = about.source.states[state]
    batch, head = about.where[0] % len(source), about.where[2] * source.shape[1] // about.source.sizes.heads
    one = source[batch, head]
    return ready(one[about.rows.indices] if state == "query" else one, about.operands.dtype)


def element(lesson: Lesson) -> str:
    """Say which number is worked out."""
    return lesson.say("norm_element", which=lesson.query(lesson.about.row))


def working(lesson: Lesson) -> Iterator[str]:
    """Work out the first feature of one query."""
    found, about = how(lesson), lesson.about
    if found is None:
        return
    x, made = _whole_row(lesson), about.made["normed_query"][about.at]
    own = _before(lesson, "query")[about.at]
    value = own[0]
    if found.kind == "layer":
        yield lesson.say("norm_mean", mean=x.mean())
        x, value = x - x.mean(), value - x.mean()
    size = np.square(x).sum() if found.kind == "l2" else np.square(x).mean()
    eps = about.operands.options.norm_eps
    root = np.sqrt(size + eps)
    yield lesson.say(f"norm_root_{found.kind}", size=size, eps=eps, root=root)
    weights = about.source.layer.norms.get("query")
    if weights is None:
        yield lesson.say("norm_quotient", x=value, root=root, total=made[0])
        return
    at = about.where[2] * own.size if weights.size > own.size else 0
    factor = float(weights.flat[at]) + found.plus_one
    yield lesson.say("norm_product", x=value, root=root, weight=lesson.signed(factor), total=made[0])


def _whole_row(lesson: Lesson) -> NDArray[Any]:
    """Return all numbers that the norm of the worked query goes over: of its head, or of all heads together."""
    about = lesson.about
    own, weights = _before(lesson, "query")[about.at], about.source.layer.norms.get("query")
    if weights is None or not is_whole(weights, own.size):
        return own
    core = about.source.core
    all_heads = core.made.get("projected_query", about.source.query)
    return ready(all_heads[about.where[0] % len(all_heads), :, about.row], own.dtype).ravel()


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show what the norm made."""
    for state in lesson.about.source.layer.norms:
        if f"normed_{state}" in lesson.about.made:
            title = lesson.say("table_normed", state=lesson.say(f"word_{state}"))
            yield Table(title, lesson.state_grid(f"normed_{state}"))


def points(lesson: Lesson) -> Iterator[str]:
    """Say how long queries and keys were, and how long they are."""
    if how(lesson) is None:
        return
    for state in ("query", "key"):
        if f"normed_{state}" not in lesson.about.made:
            continue
        before, after = (
            np.sqrt(np.square(each.astype(np.float64)).sum(axis=-1))
            for each in (_before(lesson, state), lesson.about.made[f"normed_{state}"])
        )
        lengths = {"least": before.min(), "most": before.max(), "now_least": after.min(), "now_most": after.max()}
        yield lesson.say(f"norm_lengths_{state}", **lengths)


def back_points(lesson: Lesson) -> Iterator[str]:
    """Say what the norm takes from the gradients of query and key."""
    if how(lesson) is not None:
        yield lesson.say("back_norm")


LESSON = StageLesson(
    purpose=purpose,
    element=element,
    working=working,
    tables=tables,
    points=points,
    back_points=back_points,
)
