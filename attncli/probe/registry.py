"""Every question, in the order in which it is asked: what shows everywhere is settled first."""

from __future__ import annotations

from attncli.probe.question import Question
from attncli.probe.questions import heads, masks, numbers, rotation, tiles

# What an output is rounded to shows by itself: no other answers are tried for it.
PRECISION = "precision"
QUESTIONS: dict[str, Question] = {
    each.id: each
    for each in (
        numbers.SCALE,
        heads.AXES,
        heads.SOFTMAX,
        masks.NO_MASK,
        heads.GROUPED_HEADS,
        masks.BOOLEAN_MASK,
        masks.ADDED_MASK,
        masks.PADDING,
        masks.EMPTY_ROW,
        masks.CAUSAL_CORNER,
        masks.WINDOW,
        numbers.SOFTCAP,
        rotation.ROTARY,
        tiles.TAIL,
        tiles.TILES,
        tiles.CAUSAL_TILES,
    )
}
IDS = (*QUESTIONS, PRECISION)
