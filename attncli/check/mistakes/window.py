"""Wrong windows: other bounds, other positions, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.causal import aligned, corners, shifted
from attncli.check.mistakes.masks import both_open, with_empty, with_rule_options
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import CAUSAL_CORNER, CAUSAL_DIAGONAL, MASK_DROPPED, WINDOW_BOUNDS
from attncli.check.mistakes.runs import behind
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word


def window(o: Operands) -> Iterator[Variant | Unknown]:
    """The window has other bounds, or is ignored."""
    if o.options.window is not None:
        left, right = o.options.window
        yield _window(o, (-1, -1), (WINDOW_BOUNDS, MASK_DROPPED), "dropped", sentence("window_ignored"))
        for bounds, how in _other_bounds(left, right).items():
            if bounds != (left, right) and min(bounds) >= -1 and bounds != (-1, -1):
                yield _window(o, bounds, (WINDOW_BOUNDS,), how, sentence("window_other", how=word("bounds", how)))
        yield from _chunks(o)
        yield from _moved(o)
    if o.options.window is not None or o.sizes.queries > 1:
        # Of one query alone it says no more than which keys were left out.
        yield Unknown(pieces.WINDOW, behind, partial(_found_window, o), smooth=False)


def _other_bounds(left: int, right: int) -> dict[tuple[int, int], str]:
    """Return bounds that are mistaken for these, each with how."""
    others = {
        (left - 1, right): "one key short on the left",
        (left + 1, right): "one key too long on the left",
        (left, -1): "its right bound was lost",
        (-1, right): "its left bound was lost",
        (left, left): "taken to both sides",
        (left, 0): "taken to the left side only",
        (right, left): "its sides were swapped",
    }
    if right >= 0:
        others |= {
            (left, right - 1): "one key short on the right",
            (left, right + 1): "one key too long on the right",
            (left - 1, right - 1): "one key short on both sides",
            (left + 1, right + 1): "one key too long on both sides",
            (right, right): "the right bound was taken to both sides",
        }
    if left > 0:
        others |= {(left // 2, left // 2): "split in half to both sides"}
    return others


def _window(
    o: Operands, bounds: tuple[int, int], mistakes: tuple[Mistake, ...], form: str, description: Sentence
) -> Variant:
    value = None if bounds == (-1, -1) else bounds
    right = o.options.window
    fix = sentence("fix_no_window") if right is None else sentence("fix_window", left=right[0], right=right[1])
    return Variant(
        mistakes,
        pieces.WINDOW,
        form,
        lambda recipe: None if recipe.masking.options.window == value else with_rule_options(recipe, window=value),
        description,
        fix,
        {"window": list(bounds)},
        {"window": ",".join(map(str, bounds))},
    )


def _moved(o: Operands) -> Iterator[Variant]:
    """Causal rule and window are shifted together."""
    if not o.options.causal:
        return
    first = int(o.positions[0, 0])
    for step in (-1, 1):
        how = f"p{'+' if step > 0 else '−'}1"
        description = sentence("window_moved", how=how)
        detail: dict[str, object] = {"diagonal": step, "window": "moved"}
        variant = aligned(o, CAUSAL_DIAGONAL, f"moved to {how}", first + step, description, detail)
        yield from with_empty(replace(variant, piece=pieces.WINDOW, apply=partial(shifted, by=step)))
    for shift, corner in corners(o).items():
        if shift != first:
            description = sentence("window_from", shift=shift, first=first)
            detail = {"offset": shift, "window": "moved"}
            yield from with_empty(aligned(o, CAUSAL_CORNER, f"window too, {corner}", shift, description, detail))


def _found_window(o: Operands, left: float) -> Variant:
    right = -1 if o.options.window is None else o.options.window[1]
    description = sentence("window_reach", left=int(left))
    return _window(o, (int(left), right), (WINDOW_BOUNDS,), "another left bound", description)


def _chunks(o: Operands) -> Iterator[Variant]:
    """Positions are counted from the start of a chunk of queries, not from that of the sequence."""
    left = (o.options.window or (-1, -1))[0]
    size = 8
    while size < o.sizes.queries and left >= 0:
        yield Variant(
            (WINDOW_BOUNDS,),
            pieces.WINDOW,
            f"chunks of {size}",
            partial(_local, size=size, left=left),
            sentence("window_chunks", size=size),
            sentence("fix_window_chunks"),
            {"chunk": size},
        )
        size *= 2


def _local(recipe: Recipe, *, size: int, left: int) -> Recipe:
    o = recipe.masking
    local = np.arange(o.sizes.queries) % size
    near = np.arange(o.sizes.keys) >= local[:, None] - left
    right = (o.options.window or (-1, -1))[1]
    return recipe.with_rules(mask=both_open(near[None, None], o), options=replace(o.options, window=(-1, right)))
