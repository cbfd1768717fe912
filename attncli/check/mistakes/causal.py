"""Wrong causal rules: missing, unwanted, shifted, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.masks import both_open, with_empty, with_rule_options
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import (
    CAUSAL_CORNER,
    CAUSAL_DIAGONAL,
    CAUSAL_UNWANTED,
    MASK_DROPPED,
    MASK_INVERTED,
)
from attncli.check.mistakes.runs import reach
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word


def causal(o: Operands) -> Iterator[Variant | Unknown]:
    """The causal rule is missing, unwanted, shifted, or the other way round."""
    if not o.options.causal:
        for shift, corner in corners(o).items():
            description = sentence("causal_unwanted", corner=word("corner", corner))
            yield aligned(o, CAUSAL_UNWANTED, corner, shift, description, {"corner": corner})
        yield from _reach(o)
        return
    yield Variant(
        (MASK_DROPPED,),
        pieces.CAUSAL,
        "dropped",
        lambda recipe: with_rule_options(recipe, causal=False),
        sentence("causal_dropped"),
        sentence("fix_causal"),
        {"rule": "causal"},
        {"causal": False},
    )
    yield from _aligned(o)
    for strict in (False, True):
        yield from with_empty(_turned_round(strict))
    yield from _reach(o)


def _reach(o: Operands) -> Iterator[Unknown]:
    """The rule begins anywhere; of one query alone that says no more than which keys were left out."""
    if o.sizes.queries > 1:
        yield Unknown(pieces.CAUSAL, reach, partial(_found_causal, o), smooth=False)


def corners(o: Operands) -> dict[int, str]:
    """Return the positions that people give the first query, by name; one that has two names gets the first."""
    found: dict[int, str] = {}
    for shift, corner in (
        (0, "top left"),
        (o.sizes.keys - o.sizes.queries, "bottom right"),
        (o.sizes.past, "behind the past keys"),
    ):
        found.setdefault(shift, corner)
    return found


def _aligned(o: Operands) -> Iterator[Variant]:
    """The causal rule begins in another corner, or its diagonal is off by one."""
    first = int(o.positions[0, 0])
    for shift, corner in corners(o).items():
        if shift != first:
            description = sentence("causal_corner", corner=word("aligned", corner), first=first)
            detail: dict[str, object] = {"corner": corner, "offset": shift}
            variant = aligned(o, CAUSAL_CORNER, corner, shift, description, detail)
            yield from with_empty(_left_behind(o, variant, shift=shift))
    for step in (-1, 1):
        how = f"p{'+' if step > 0 else '−'}1"
        description = sentence("causal_diagonal", how=how)
        variant = aligned(o, CAUSAL_DIAGONAL, f"up to {how}", first + step, description, {"diagonal": step})
        variant = replace(variant, apply=partial(shifted, by=step))
        yield from with_empty(_left_behind(o, variant, by=step))


def _turned_round(strict: bool) -> Variant:
    return Variant(
        (MASK_INVERTED,),
        pieces.CAUSAL,
        "inverted, strict" if strict else "inverted",
        partial(_upper, strict=strict),
        sentence("causal_inverted", start="p" + " + 1" * strict),
        sentence("fix_causal_inverted"),
        {"rule": "causal", "diagonal": not strict},
    )


def _left_behind(o: Operands, variant: Variant, **shift: Any) -> Variant:
    """Return a shift of the causal rule in which a window, where there is one, stays where it was."""
    if o.options.window is None:
        return variant
    return replace(variant, apply=partial(shifted, alone=True, **shift), options=None)


def aligned(
    o: Operands, mistake: Mistake, form: str, shift: int, description: Sentence, detail: Mapping[str, object]
) -> Variant:
    """Return a causal rule under which the first query stands at position ``shift``."""
    plain = o.options.rope is None and not o.options.alibi and o.options.window is None
    where = sentence("fix_causal_place", first=int(o.positions[0, 0]))
    return Variant(
        (mistake,),
        pieces.CAUSAL,
        form,
        partial(shifted, shift=shift),
        description,
        where if o.options.causal else sentence("fix_no_causal"),
        detail,
        {"causal": True, "offset": shift} if plain else None,
    )


def _found_causal(o: Operands, shift: float) -> Variant:
    description = sentence("causal_reach", reach=f"p{shift - int(o.positions[0, 0]):+.0f}")
    mistake = CAUSAL_DIAGONAL if o.options.causal else CAUSAL_UNWANTED
    return aligned(o, mistake, "another position", int(shift), description, {"offset": int(shift)})


def shifted(recipe: Recipe, *, shift: int | None = None, by: int = 0, alone: bool = False) -> Recipe | None:
    """Return the recipe with a causal rule that begins at another position; a window stays behind, or goes with it.

    Args:
        recipe: the recipe as it is.
        shift: position of the first query; None leaves it, and moves every query…
        by: …by this many positions.
        alone: whether a window stays behind.
    """
    o = recipe.masking
    positions = o.positions + by if shift is None else np.full((1, 1), shift) + np.arange(o.sizes.queries)
    if alone:
        before = np.arange(o.sizes.keys) <= positions[:, None, :, None]
        return recipe.with_rules(mask=both_open(before, o), options=replace(o.options, causal=False))
    if o.options.causal and np.array_equal(np.broadcast_to(positions, o.positions.shape), o.positions):
        return None
    return recipe.with_rules(positions=positions, options=replace(o.options, causal=True))


def _upper(recipe: Recipe, *, strict: bool) -> Recipe:
    """Return the recipe with the upper triangle open instead of the lower."""
    o = recipe.masking
    ahead = np.arange(o.sizes.keys) >= (o.positions + strict)[:, None, :, None]
    return recipe.with_rules(options=replace(o.options, causal=False), mask=both_open(ahead, o))
