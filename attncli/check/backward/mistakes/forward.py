"""Mistakes of the forward pass on the way back: made in both passes, or only where weights are computed again.

A kernel keeps the logarithm of each row's sum, and computes the weights again from it; then what is closed, scaled or
added otherwise than in the forward pass gives weights that do not sum to 1. Other programs compute the softmax again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from attncli.attend import steps
from attncli.attend.operands import Operands
from attncli.attend.stages import mask, score
from attncli.attend.stages.rotate import to_meet
from attncli.attend.stages.softmax import log_sum
from attncli.attend.stages.stage import Backward, Made
from attncli.attend.views import product, ready, within
from attncli.check.backward.change import Change
from attncli.check.backward.way import Array, Found, Way
from attncli.check.families import FAMILIES
from attncli.check.mistakes.pieces import LAYOUT, OPERANDS
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence

STATES = Operands.NAMES
RIGHT, RULES = "right", "rules"
# What the stages must be as they are for a recipe to have a gradient here.
NEEDED = ("products", "softmax", "masked", "empty", "weigh", "finish")
LOGITS = ("logits", "scale", "cap", "added", "close")
# By how much a score is moved to see how its logit follows.
STEP = 1e-4
# Where a mistake is made → what is said of it: what one pass does wrong is as simple as both.
BOTH, AGAIN, OWN = "both passes", "backward, from lse", "backward, softmax again"
SAID = {BOTH: "in_both_passes", AGAIN: "in_backward_from_lse", OWN: "in_backward_softmax_again"}


def carried(way: Way, *, right_output: bool | None) -> Iterator[Change]:
    """Every mistake of the forward pass that has a gradient.

    Args:
        way: the right one.
        right_output: whether the forward pass is known to be right, or to be wrong; None: it is not known.
    """
    o = way.operands
    if o.has_after or o.early is not None or o.sizes.past:
        return
    where = [BOTH] * (right_output is not True) + [AGAIN, OWN] * (right_output is not False)
    for family in FAMILIES:
        for each in family(o):
            # A number that has to be looked for is not: the numbers that people use have their own variants.
            if isinstance(each, Unknown) or not _fits(each, o):
                continue
            for place in where:
                yield _change(each, place)


def _fits(variant: Variant, o: Operands) -> bool:
    """Tell whether a mistake is made to what the user gave, not to what is rotated already."""
    return variant.raw or o.options.rope is None or variant.piece not in (LAYOUT, OPERANDS)


def _change(variant: Variant, place: str) -> Change:
    return Change(
        variant.mistakes[0],
        f"{variant.piece.name}, {variant.form}, {place}",
        partial(_applied, variant=variant, place=place),
        sentence(SAID[place], what=variant.description),
        variant.fix,
        {**variant.detail, "where": place},
        others=variant.mistakes[1:],
    )


def _applied(way: Way, *, variant: Variant, place: str) -> Way | None:
    right = Recipe(way.operands)
    recipe = variant.apply(right)
    if recipe is None or recipe.whole or not recipe.has_right(*NEEDED):
        return None
    if place != BOTH and (recipe.back or recipe.factor != 1):
        return None
    made = _with_recipe(way, recipe, place)
    moved = [name for name in STATES if getattr(recipe.operands, name) is not getattr(way.operands, name)]
    if moved:
        back = _returning(variant, way.operands, recipe, moved)
        if back is None:
            return None
        made = made.with_finish(back, is_whole=True)
    shape = recipe.operands.sizes.output_shape
    if recipe.back:
        places = recipe.places
        output = np.zeros(places.size)
        output[places.ravel()] = np.broadcast_to(way.output, places.shape).ravel()
        made = replace(made, output=output.reshape(shape), is_whole=True)
    if made.output.shape != shape or (shape != way.output.shape and _has_over_scores(way.operands)):
        return None
    return replace(made, output=made.output * recipe.factor) if recipe.factor != 1 else made


def _has_over_scores(o: Operands) -> bool:
    """Tell whether anything has axes that belong to the heads and queries of the right problem."""
    return o.mask is not None or o.bias is not None or o.sinks is not None or bool(o.inputs)


# --- a recipe in reverse ----------------------------------------------------------------------------------------------


def _with_recipe(way: Way, recipe: Recipe, place: str) -> Way:
    """Return the way back of what a recipe computes, of the operands that it has."""
    beside = {RIGHT: way.operands} | ({} if recipe.rules is None else {RULES: recipe.rules})
    made = replace(
        way, operands=recipe.operands, beside=beside, made=partial(_made, recipe=recipe, place=place), stages={}
    )
    made = (
        made.with_stage("cap", lambda o, made, found, right: {}).with_stage("mask", _logits).with_stage("score", _score)
    )
    return made if place == BOTH else made.with_stage("softmax", _softmax)


def _made(way: Way, *, recipe: Recipe, place: str) -> Made:
    """Return what a recipe makes of the operands of a way, or of a part of it."""
    o = way.operands
    recipe = replace(recipe, operands=o, rules=way.beside.get(RULES))
    query, key = to_meet(o)
    raw = recipe.products(o)
    opened = mask.openings(recipe.masking)
    logits = recipe.logits(recipe, raw, o, opened)
    made: dict[str, Any] = {"met_query": query, "met_key": key, "scores": raw, "logits": logits}
    made |= {"weights": recipe.softmax(logits, o), "slope": _slope(recipe, raw, o, opened)}
    made |= {"lse": log_sum(logits, o.sinks)} if o.sinks is not None else {}
    if place != BOTH:
        right = steps.results(way.beside[RIGHT])
        made["right_output"] = right["output"]
        if place == AGAIN:
            made["lse"] = right["lse"]
            made["weights"] = np.exp(logits - _finite(right["lse"])[..., None])
    return made


def _finite(lse: Array) -> Array:
    """Return logarithms of sums with ∞ for the −∞ of rows in which nothing is open: their weights stay 0."""
    return np.where(lse == -np.inf, np.inf, lse)


def _slope(recipe: Recipe, raw: Array, o: Operands, opened: Any) -> Array:
    """Return how the logit of each score follows it: a stage that makes logits of scores does so one by one."""
    if recipe.has_right(*LOGITS) and o.options.softcap is None:
        return np.broadcast_to(score.by_query(o, np.full((1, 1, 1, 1), o.factor)), raw.shape)
    more, less = (recipe.logits(recipe, raw + step, o, opened) for step in (STEP, -STEP))
    # −∞ on both sides: nothing follows.
    return np.nan_to_num((more - less) / (2 * STEP), nan=0.0, posinf=0.0, neginf=0.0)


def _logits(o: Any, made: Made, found: Made, right: Backward) -> Found:
    """Return the gradients of the products before the scale, and of what is added as in the right computation."""
    return right(o, made, found) | {"scores": product(found["logits"], made["slope"])}


def _score(o: Any, made: Made, found: Made, right: Backward) -> Found:
    rest = {name: array for name, array in o.inputs.items() if name != "query_scale"}
    return right(replace(o, factor=1.0, inputs=rest), made, found)


def _softmax(o: Any, made: Made, found: Made, right: Backward) -> Found:
    """Return the gradient of the logits with the δ of the right output."""
    delta = (ready(found["output"], o.dtype) * made["right_output"]).sum(axis=-1, keepdims=True)
    gradients = {"logits": product(made["weights"], found["weights"] - delta)}
    if o.sinks is not None:
        share = np.exp(within(o.sinks, o.dtype)[:, None] - _finite(made["lse"]))
        gradients["sinks"] = -product(share, delta[..., 0]).sum(axis=(0, 2))
    return gradients


# --- states that come from elsewhere ----------------------------------------------------------------------------------


def _returning(variant: Variant, o: Operands, recipe: Recipe, moved: list[str]) -> Callable[[Found], Found] | None:
    """Return what brings the gradients of the states of a recipe to those that the user gave; None: nothing does."""
    if o.options.rope is not None and recipe.operands.options.rope is None:
        return _turning(variant, o)
    return _scattering(variant, o, moved)


def _scattering(variant: Variant, o: Operands, moved: list[str]) -> Callable[[Found], Found] | None:
    """Return what adds each number of a gradient where the number that it is of comes from."""
    starts = np.cumsum([0, *(o.states[name].size for name in STATES)])
    ids: dict[str, Any] = {
        name: np.arange(starts[at], starts[at + 1], dtype=np.float64).reshape(o.states[name].shape)
        for at, name in enumerate(STATES)
    }
    recipe = variant.apply(Recipe(replace(o, **ids)))
    if recipe is None:
        return None
    places = {name: np.asarray(getattr(recipe.operands, name)) for name in STATES}
    every = np.concatenate([places[name].ravel() for name in moved])
    if (every != np.rint(every)).any() or every.min() < 0 or every.max() >= starts[-1]:
        return None
    marked = variant.apply(Recipe(replace(o, **{name: 2 * array for name, array in ids.items()})))
    if marked is None or any(not np.array_equal(getattr(marked.operands, n), 2 * places[n]) for n in moved):
        return None

    def back(found: Found) -> Found:
        total = np.zeros(int(starts[-1]))
        for name in STATES:
            np.add.at(total, places[name].ravel().astype(np.int64), found[name].ravel())
        apart = {
            name: total[starts[at] : starts[at + 1]].reshape(o.states[name].shape) for at, name in enumerate(STATES)
        }
        return found | apart

    return back


def _turning(variant: Variant, o: Operands) -> Callable[[Found], Found] | None:
    """Return what undoes another rotation: it does the same to every head, and is linear in the features."""
    features = o.query.shape[-1]
    if o.key.shape[-1] != features:
        return None
    matrices: dict[str, list[Any]] = {"query": [], "key": []}
    for feature in range(features):
        one: dict[str, Any] = {}
        for name in matrices:
            batch, _, length, _ = o.states[name].shape
            one[name] = np.zeros((batch, 1, length, features))
            one[name][..., feature] = 1
        recipe = variant.apply(Recipe(replace(o, **one)))
        if recipe is None:
            return None
        for name, columns in matrices.items():
            columns.append(getattr(recipe.operands, name))
    whole = {name: np.stack(columns, axis=-1) for name, columns in matrices.items()}  # (batch, 1, length, out, in)

    def back(found: Found) -> Found:
        return found | {name: (found[name][..., None, :] @ matrix)[..., 0, :] for name, matrix in whole.items()}

    return back
