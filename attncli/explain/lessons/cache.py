"""The cache, taught: keys and values in fewer bits, and what that changes in the worked row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps
from attncli.attend.cache.divergence import divergence
from attncli.attend.cache.option import GROUP, Kept, kept_as
from attncli.attend.stages import rotate
from attncli.attend.views import ready
from attncli.explain.blocks import Block, Formula, Table
from attncli.explain.lesson import Lesson, StageLesson
from attncli.show.blocks import Heading, Paragraph

if TYPE_CHECKING:
    from numpy.typing import NDArray


def kept(lesson: Lesson) -> dict[str, Kept]:
    """Return how those are kept of keys and values that are there and rounded."""
    option = lesson.about.operands.options.cache
    found = {} if option is None else kept_as(option)
    return {state: how for state, how in found.items() if f"cached_{state}" in lesson.about.made}


def purpose(lesson: Lesson) -> Iterator[Block]:
    """Say why a cache keeps fewer bits, and how keys and values are kept."""
    found = kept(lesson)
    if not found:
        return
    yield Heading(lesson.say("cache_heading"))
    yield Paragraph(lesson.say("cache_purpose"))
    yield Formula("x → round(x / scale) · scale", r"x \to \mathrm{round}(x / s) \cdot s")
    for state, how in found.items():
        word = lesson.say(f"word_{state}")
        scales = lesson.say(f"cache_{GROUP}", size=how.group) if how.group else lesson.say(f"cache_{how.scales}")
        largest, name = f"{how.type.largest:g}", how.type.name
        yield Paragraph(lesson.say("cache_kept", state=word, type=name, largest=largest, scales=scales))
    yield Paragraph(lesson.say("cache_rounding"))


def _before(lesson: Lesson, state: str) -> NDArray[Any]:
    """Return keys or values of this head as they are before they are rounded, (S, features)."""
    o = lesson.about.operands
    return rotate.to_meet(o)[1][0, 0] if state == "key" else ready(o.states["value"], o.dtype)[0, 0]


def _worked(lesson: Lesson) -> tuple[str, NDArray[Any], int]:
    """Return the state that is worked out, its numbers before, and the feature that is rounded by most."""
    state, column = next(iter(kept(lesson))), lesson.about.column
    before = _before(lesson, state)[column]
    apart = np.abs(lesson.about.made[f"cached_{state}"][column] - before)
    return state, before, int(np.argmax(np.where(np.isfinite(apart), apart, -1)))


def element(lesson: Lesson) -> str:
    """Say which number is worked out."""
    state, _, feature = _worked(lesson)
    return lesson.say(f"cache_element_{state}", feature=feature, which=lesson.key(lesson.about.column))


def working(lesson: Lesson) -> Iterator[str]:
    """Work out one number of the worked key, or of its value: its scale, its code, and what comes back."""
    found = kept(lesson)
    if not found:
        return
    state, before, feature = _worked(lesson)
    held, how = lesson.about.operands.held[state], found[state]
    x, back = np.float64(before[feature]), lesson.about.made[f"cached_{state}"][lesson.about.column][feature]
    if how.scales == "unscaled":
        yield lesson.say("cache_plain", x=x, back=back)
        return
    peaks = held.tokens(before[None, None]) if held.peaks is None else held.peaks
    peak = np.float64(np.broadcast_to(peaks.reshape(-1), before.shape)[feature])
    scale = (peak or 1.0) / how.type.largest
    yield lesson.say("cache_scale", peak=peak, largest=f"{how.type.largest:g}", scale=scale)
    code = np.float64(held.codes(np.array(x / scale)))
    yield lesson.say("cache_code", x=lesson.signed(x), scale=scale, quotient=x / scale, code=code)
    yield lesson.say("cache_back", code=lesson.signed(code), scale=scale, back=back, error=np.float64(back) - x)


def tables(lesson: Lesson) -> Iterator[Block]:
    """Show what the cache gives back."""
    for state in kept(lesson):
        title = lesson.say("table_cached", state=lesson.say(f"word_{state}"))
        yield Table(title, lesson.state_grid(f"cached_{state}"))


def points(lesson: Lesson) -> Iterator[str]:
    """Say how far keys and values are off, and what that does to the logits and weights of the worked row."""
    about = lesson.about
    for state in kept(lesson):
        before = _before(lesson, state).astype(np.float64)
        apart = about.made[f"cached_{state}"] - before
        finite = np.isfinite(apart) & np.isfinite(before)
        size = float(np.square(before[finite]).sum())
        if size:
            share = float(np.sqrt(np.square(apart[finite]).sum() / size))
            yield lesson.say(f"cache_error_{state}", share=share, most=float(np.abs(apart[finite]).max()))
    if "key" in kept(lesson) and np.isfinite(lesson.row.peak):
        yield _row(lesson)


def _row(lesson: Lesson) -> str:
    """Say what the cache changes in the worked row."""
    about = lesson.about
    one = about.operands.select(rows=np.array([about.at]))
    exact = steps.results(replace(one, options=replace(one.options, cache=None), held={}), "softmax")
    exact = {name: exact[name][0, 0] for name in ("logits", "weights", "lse")}
    now = {name: about.made[name][about.at][None] for name in exact}
    most = float(np.abs(np.where(exact["logits"] > -np.inf, now["logits"] - exact["logits"], 0)).max())
    first, before = int(np.argmax(now["weights"])), int(np.argmax(exact["weights"]))
    values = {"most": most, "divergence": float(divergence(exact, now)[0]), "row": lesson.query(about.row)}
    if exact["weights"][0, first] == exact["weights"][0, before]:
        return lesson.say("cache_row_same", key=lesson.key(first), **values)
    return lesson.say("cache_row_other", key=lesson.key(first), before=lesson.key(before), **values)


LESSON = StageLesson(purpose=purpose, element=element, working=working, tables=tables, points=points)
