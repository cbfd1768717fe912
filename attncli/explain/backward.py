"""The way back, taught: from the gradient of the output to those of weights, logits, query, key and value.

What each stage does to a gradient is said by the lesson of the stage; here is why it does so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.shapes import show
from attncli.explain import jacobian
from attncli.explain.blocks import Block, Formula, Table, Working
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Heading, Paragraph


def taught(lesson: Lesson, stages: list[StageLesson]) -> Iterator[Block]:
    """Return the explanation of the way back.

    Args:
        lesson: the voice.
        stages: what each stage says, in the order in which they are computed.
    """
    yield from purpose(lesson)
    yield Paragraph(lesson.element("back_element"))
    reason = nothing(lesson)
    if reason:
        yield Working((reason,))
    else:
        yield Working(tuple(line for each in reversed(stages) for line in each.back(lesson)))
        yield Paragraph(lesson.say("back_check"))
        yield Working(tuple(jacobian.check(lesson)))
        further = tuple(line for each in reversed(stages) for line in each.onward(lesson))
        if further:
            yield Paragraph(lesson.say("back_onward"))
            yield Working(further)
    yield from tables(lesson)
    points = [] if reason else [point for each in reversed(stages) for point in each.back_points(lesson)]
    yield lesson.points([*points, *last_points(lesson)])


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say what gradients are, and how those of the weights, the logits, the query and the key come about."""
    about, loss = lesson.about, lesson.about.loss
    assert loss is not None  # the way back is taught only where it was gone
    sums, score = about.sums, about.operands.options.score
    yield Heading(lesson.say("back_heading"))
    yield Paragraph(lesson.say("back_purpose"))
    yield Paragraph(lesson.say("back_given" if loss.is_given else "back_ones"))
    if sums == "context":
        yield Paragraph(lesson.say("back_context"))
    yield Paragraph(lesson.say("back_sum"))
    letter = _letter(sums)
    yield Formula(
        f"d_weights = d_{sums} · Vᵀ, d_value = weightsᵀ · d_{sums}",
        rf"dP = d{letter} \, V^\top, \quad dV = P^\top d{letter}",
    )
    yield Paragraph(lesson.say("back_jacobian" if about.sink is None else "back_jacobian_sink"))
    yield Formula(
        "∂wₖ/∂sⱼ = wₖ·([k = j] − wⱼ), ∂w/∂s = diag(w) − w·wᵀ",
        r"\frac{\partial w_k}{\partial s_j} = w_k \, ([k = j] - w_j), \quad "
        r"\frac{\partial w}{\partial s} = \mathrm{diag}(w) - w w^\top",
    )
    yield Paragraph(lesson.say("back_collapse"))
    yield Formula("d_logitsⱼ = Σₖ d_weightsₖ · wₖ · ([k = j] − wⱼ) = wⱼ · (d_weightsⱼ − δ)", _collapse())
    yield Paragraph(lesson.say("back_delta_is", sums=sums))
    yield Formula(
        f"d_logits = weights ∘ (d_weights − δ), δ = rowsum(d_{sums} ∘ {sums})",
        rf"dS = P \circ (dP - \delta), \quad \delta = \mathrm{{rowsum}}(d{letter} \circ {letter})",
    )
    yield Paragraph(lesson.say("back_papers"))
    yield Paragraph(lesson.say(f"back_score_{score}"))
    if score == "dot":
        yield Formula(
            "d_query = scale · d_scores · K, d_key = scale · d_scoresᵀ · Q",
            r"dQ = \mathrm{scale} \cdot dS \, K, \quad dK = \mathrm{scale} \cdot dS^\top Q",
        )
    yield Paragraph(lesson.say("shapes", text=_shapes(lesson)))


def _collapse() -> str:
    return r"dS_j = \sum_k dP_k \, w_k \, ([k = j] - w_j) = w_j \, (dP_j - \delta), \quad \delta = \sum_k w_k \, dP_k"


def _letter(sums: str) -> str:
    return "O" if sums == "output" else "C"


def _shapes(lesson: Lesson) -> str:
    """Write the shapes that meet on the way back."""
    about, sizes = lesson.about, lesson.about.operands.sizes
    sums, scores = show((about.rows.total, sizes.value_features)), show((about.rows.total, sizes.keys))
    value = show((sizes.value_features, sizes.keys))
    query = show((about.rows.total, about.made["d_query"].shape[-1]))
    return f"d_{about.sums} {sums} · Vᵀ {value} → d_weights {scores} → d_logits {scores} → d_query {query}"


def nothing(lesson: Lesson) -> str:
    """Say why nothing can be worked out in this row, if so."""
    about = lesson.about
    if lesson.row.open == 0 and not np.isnan(lesson.row.peak):
        return lesson.say("back_empty", row=lesson.query(about.row))
    known = [about.line(name) for name in ("d_sums", "weights", "d_weights", "d_logits", "d_scores", "d_query")]
    if not all(np.isfinite(each).all() for each in known):
        return lesson.say("not_a_number", row=lesson.query(about.row))
    return ""


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show the gradients of the rows."""
    column = lesson.about.column
    yield Table(lesson.say("table_d_weights"), lesson.grid("d_weights", column))
    yield Table(lesson.say("table_d_logits"), lesson.grid("d_logits", column))
    if lesson.about.operands.options.softcap is not None:
        yield Table(lesson.say("table_d_scores"), lesson.grid("d_scores", column))
    yield Table(lesson.say("table_d_query"), lesson.state_grid("d_query"))


def last_points(lesson: Lesson) -> Iterator[str]:
    """Say what becomes of the gradients of query, key and value."""
    about, loss = lesson.about, lesson.about.loss
    key_head, group = about.key_head
    if group > 1:
        yield lesson.say("back_group", key_head=key_head, group=group)
    elif about.rows.total > 1:
        yield lesson.say("back_queries")
    if about.source.layer.projections:
        yield lesson.say("back_matrices")
    elif loss is not None and len(loss.hidden) > 1:
        parts = lesson.say("list_join").join(lesson.say(f"word_{state}") for state in loss.hidden)
        yield lesson.say("back_hidden", parts=parts)
