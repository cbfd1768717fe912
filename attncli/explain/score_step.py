"""The first step, taught: how well each key answers each query, and what becomes of the score before softmax."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.scores import FUNCTIONS
from attncli.attend.shapes import show
from attncli.attend.stages.mask import additions, openings
from attncli.attend.stages.rotate import angles, pairs, rotated
from attncli.attend.views import ready
from attncli.explain import row_statistics
from attncli.explain.blocks import Block, Formula, Heading, Paragraph, Table, Working
from attncli.explain.lesson import Lesson

if TYPE_CHECKING:
    from numpy.typing import NDArray


def teach(lesson: Lesson) -> Iterator[Block]:
    """Explain the score."""
    about, options = lesson.about, lesson.about.operands.options
    yield Heading(lesson.say("score_heading"))
    yield Paragraph(lesson.say(f"score_purpose_{options.score}"))
    function = FUNCTIONS[options.score]
    yield Formula(function.formula, function.tex)
    yield Paragraph(_scale(lesson))
    yield Paragraph(lesson.say("shapes", text=_shapes(lesson)))
    if options.rope is not None:
        yield Paragraph(lesson.say("rope_purpose", theta=options.rope_theta))
    if options.alibi:
        yield Paragraph(lesson.say("alibi_purpose", slope=about.slope))
    yield Paragraph(lesson.element("score_element"))
    yield Working(tuple(_working(lesson)))
    yield Table(lesson.say("table_scores"), lesson.grid("scores", about.column))
    if not np.array_equal(about.made["scores"], about.made["logits"], equal_nan=True):
        yield Table(lesson.say("table_logits"), lesson.grid("logits", None))
    yield lesson.points(_points(lesson))


def _shapes(lesson: Lesson) -> str:
    """Say which shapes meet, and what comes of it."""
    about, sizes = lesson.about, lesson.about.operands.sizes
    queries, parameters = about.rows.total, about.operands.parameters
    scores = f"scores {show((queries, sizes.keys))}"
    if about.operands.options.score != "additive":
        between = f" · W {show(parameters['w_score'].shape)}" if "w_score" in parameters else ""
        key = show((about.key_features, sizes.keys))
        return f"Q {show((queries, sizes.features))}{between} · Kᵀ {key} → {scores}"
    sides = [("Q", (queries, sizes.features), "w_query", "W₁"), ("K", (sizes.keys, about.key_features), "w_key", "W₂")]
    texts = [
        f"{name} {show(shape)}" + (f" · {symbol} {show(parameters[weight].shape)}" if weight in parameters else "")
        for name, shape, weight, symbol in sides
    ]
    return f"v·tanh({' + '.join(texts)}) → {scores}"


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


def _working(lesson: Lesson) -> Iterator[str]:
    """Computation out one score, and what becomes of it before softmax."""
    about, o = lesson.about, lesson.about.operands
    if o.options.rope is not None:
        yield from _rotation(lesson)
    turned_query, turned_key = rotated(o)
    query, key = turned_query[0, 0, about.at], turned_key[0, 0, about.column]
    score = about.line("scores")[about.column]
    with np.errstate(all="ignore"):
        total = yield from WORKINGS[o.options.score](lesson, query, key)
        if o.factor == 1:
            total = score
        else:
            yield lesson.say("scaled", scale=o.factor, total=lesson.signed(total), score=score)
    yield from _after(lesson, score)


def _dot(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Generator[str, None, Any]:
    total = query @ key
    terms = lesson.terms(list(zip(query, key, strict=True)), "more_terms")
    yield lesson.say("product_sum", terms=terms, total=total)
    return total


def _cosine(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Generator[str, None, Any]:
    product = yield from _dot(lesson, query, key)
    lengths = [np.float64(math.hypot(*each.tolist())) for each in (query, key)]
    total = product / (lengths[0] * lengths[1]) if all(lengths) else np.float64(0)
    yield lesson.say("cosine", product=product, query=lengths[0], key=lengths[1], total=total)
    return total


def _general(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Generator[str, None, Any]:
    weights = lesson.about.operands.parameters.get("w_score")
    if weights is not None:
        query = query @ ready(weights, query.dtype)
        yield lesson.say("projected", what="q·W", numbers=lesson.vector(query))
    return (yield from _dot(lesson, query, key))


def _additive(lesson: Lesson, query: NDArray[Any], key: NDArray[Any]) -> Generator[str, None, Any]:
    parameters = lesson.about.operands.parameters
    for name, what in (("w_query", "q·W₁"), ("w_key", "k·W₂")):
        if name in parameters:
            projected = (query if name == "w_query" else key) @ ready(parameters[name], query.dtype)
            query, key = (projected, key) if name == "w_query" else (query, projected)
            yield lesson.say("projected", what=what, numbers=lesson.vector(projected))
    bent = np.tanh(query + key)
    yield lesson.say("projected", what="tanh(q·W₁ + k·W₂)", numbers=lesson.vector(bent))
    factors = ready(parameters["v_score"], query.dtype) if "v_score" in parameters else np.ones_like(bent)
    total = factors @ bent
    terms = lesson.terms(list(zip(factors, bent, strict=True)), "more_terms")
    yield lesson.say("additive_sum", terms=terms, total=total)
    return total


WORKINGS = {"dot": _dot, "cosine": _cosine, "general": _general, "additive": _additive}


def _rotation(lesson: Lesson) -> Iterator[str]:
    """Say how far this query and this key are turned, and work out the first pair of features of the query."""
    about, o = lesson.about, lesson.about.operands
    assert o.options.rope is not None  # called only where there is a rotation
    features = o.sizes.features
    # Past keys were turned before they were put into the cache, by the same rule.
    both = np.array([about.position, about.column])
    turned = angles(both, features, o.options.rope_theta)
    degrees = np.degrees(turned[:, 0])
    yield lesson.say(
        "rope_angles",
        query=both[0],
        key=both[1],
        query_angle=turned[0, 0],
        key_angle=turned[1, 0],
        query_degrees=degrees[0],
        key_degrees=degrees[1],
        distance=both[0] - both[1],
    )
    yield lesson.say("rope_last", angle=turned[0, -1] - turned[1, -1])
    first, second = (part.start for part in pairs(features, o.options.rope))
    before, after = o.query[0, 0, about.at], rotated(o)[0][0, 0, about.at]
    numbers = {"a": before[first], "b": before[second], "x": after[first], "y": after[second]}
    yield lesson.say("rope_pair", first=first, second=second, **{k: np.float64(v) for k, v in numbers.items()})
    if about.column < o.sizes.past:
        yield lesson.say("rope_past", key=about.column)


def _after(lesson: Lesson, score: Any) -> Iterator[str]:
    """Say what softcap did, what was added, and which rules close this key."""
    about, o = lesson.about, lesson.about.operands
    reached = score
    if o.options.softcap is not None:
        reached = about.line("capped")[about.column]
        yield lesson.say("softcapped", cap=o.options.softcap, score=lesson.signed(score), capped=reached)
    closed = [name for name, rule in openings(o).items() if not about.element_of(rule)]
    for name, added in additions(o).items() if not closed else ():
        number = about.element_of(added)
        if name == "alibi":
            yield lesson.say("alibi", slope=about.slope, query=about.position, key=about.column, number=number)
        yield lesson.say(
            "added",
            name=lesson.say(f"name_{name}"),
            before=reached,
            number=lesson.signed(number),
            after=reached + number,
        )
        reached = reached + number
    for name in closed:
        yield lesson.say(f"closed_{name}", **_closing(lesson, name))
    if closed:
        yield lesson.say("closed")


def _closing(lesson: Lesson, name: str) -> dict[str, Any]:
    """Return the numbers that say why a rule closes the key."""
    about, o = lesson.about, lesson.about.operands
    if name == "causal":
        return {"position": about.position, "key": about.column}
    if name == "window":
        left, right = o.options.window or (-1, -1)
        first = "0" if left < 0 else str(max(about.position - left, 0))
        last = str(o.sizes.keys - 1 if right < 0 else min(about.position + right, o.sizes.keys - 1))
        return {"position": about.position, "key": about.column, "first": first, "last": last}
    if name == "length":
        assert o.key_lengths is not None  # the rule is in force only with them
        return {"length": int(o.key_lengths[0]), "key": about.column}
    return {}


def _points(lesson: Lesson) -> Iterator[str]:
    """Say what is worth noticing in the scores."""
    about = lesson.about
    logits = about.line("logits")
    row = row_statistics.of_row(logits, about.line("weights"))
    if np.isnan(logits).any() or row.peak == np.inf:
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
        second = {"second": lesson.key(others[0]), "score": logits[others[0]]}
        with np.errstate(over="ignore"):
            ratio = np.exp(np.float64(row.gap))
        yield lesson.say("score_gap_tie" if row.gap == 0 else "score_gap", **second, gap=row.gap, ratio=ratio)
    if about.operands.options.softcap is not None:
        yield _largest_cut(lesson, logits > -np.inf)


def _largest_cut(lesson: Lesson, opened: NDArray[np.bool_]) -> str:
    """Say which score of the row, of those that count, softcap changed most."""
    about = lesson.about
    scores, capped = about.line("scores"), about.line("capped")
    most = int(np.argmax(np.where(opened, np.abs(scores - capped), -1)))
    return lesson.say("softcap_most", key=lesson.key(most), before=scores[most], after=capped[most])
