"""Wrong numbers: the scale, softcap, and a factor on the output."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import additions
from attncli.check.known_scales import Constant, constant_of, scales_of
from attncli.check.mistakes import pieces
from attncli.check.mistakes.registry import OUTPUT_FACTOR, SCALE, SOFTCAP
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe, add
from attncli.check.sample import Sample
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from attncli.check.recipe import Array, Opened

# Where the search for a scale and for a softcap starts.
SCALES = np.logspace(-4, 2.5, 40)
SIGNED = tuple(np.concatenate([SCALES, -SCALES[::4]]).tolist())
CAPS = tuple(np.logspace(-1.5, 3, 24).tolist())


def scale(o: Operands) -> Iterator[Variant | Unknown]:
    """The scores are multiplied by another factor."""
    known = scales_of(o)
    own = constant_of(o.factor, known)
    right = f"{o.factor:.6g}" if own is None else own.equal_to(o.factor, with_why=False)
    fix = sentence("fix_no_scale") if o.factor == 1 else sentence("fix_scale", scale=right)
    for value in known:
        if not math.isclose(value, o.factor, rel_tol=1e-9):
            yield _scale(known, fix, value)
    yield Unknown(pieces.SCALE, SIGNED, partial(_scale, known, fix))


def _scale(known: Mapping[float, Constant], fix: Sentence, value: float) -> Variant:
    constant = constant_of(value, known)
    name = "" if constant is None else constant.name
    what = sentence("scale_unknown", number=f"{value:.6g}") if constant is None else constant.equal_to(value)
    return Variant(
        (SCALE,),
        pieces.SCALE,
        name,
        lambda recipe: recipe.with_operands(factor=value),
        sentence("scale_other", scale=what),
        fix,
        {"scale": value, "constant": name or None},
        {"scale": value},
    )


def softcap(o: Operands) -> Iterator[Variant | Unknown]:
    """Softcap is missing, in the wrong place, or has another limit."""
    cap = o.options.softcap
    if cap is not None:
        fix = sentence("fix_softcap", cap=f"{cap:g}")
        without = partial(_with_cap, value=None)
        yield _capped("missing", without, sentence("softcap_missing"), fix, {"place": "missing"}, {"softcap": 0})
        places: dict[str, dict[str, Any]] = {
            "after the mask": {"logits": _cap_after_mask},
            "before the scale": {"logits": _cap_before_scale},
            "without multiplying by X again": {"cap": _tanh},
        }
        if additions(o):
            places["after the bias"] = {"logits": _cap_after_bias}
        for place, stages in places.items():
            apply = partial(_with_stages, stages=stages)
            yield _capped(place, apply, word("softcap", place), fix, {"place": place}, None)
    yield Unknown(pieces.CAP, CAPS, partial(_other_cap, o))


def _with_stages(recipe: Recipe, *, stages: Mapping[str, Any]) -> Recipe:
    return replace(recipe, **stages)


def _cap_after_mask(recipe: Recipe, scores: Array, o: Operands, opened: Opened) -> Array:
    return recipe.cap(recipe.close(add(recipe, recipe.scale(scores, o), o), opened), o)


def _cap_before_scale(recipe: Recipe, scores: Array, o: Operands, opened: Opened) -> Array:
    return recipe.close(add(recipe, recipe.scale(recipe.cap(scores, o), o), o), opened)


def _cap_after_bias(recipe: Recipe, scores: Array, o: Operands, opened: Opened) -> Array:
    return recipe.close(recipe.cap(add(recipe, recipe.scale(scores, o), o), o), opened)


def _tanh(scores: Array, o: Operands) -> Array:
    return scores if o.options.softcap is None else np.tanh(scores / o.options.softcap)


def _other_cap(o: Operands, value: float) -> Variant:
    cap = o.options.softcap
    fix = sentence("fix_no_softcap") if cap is None else sentence("fix_softcap_of", cap=f"{cap:g}")
    detail = {"softcap": value, "place": "other"}
    apply = partial(_with_cap, value=value)
    description = sentence("softcap_other_limit", cap=f"{value:.6g}")
    return _capped("other limit", apply, description, fix, detail, {"softcap": value})


def _with_cap(recipe: Recipe, *, value: float | None) -> Recipe:
    return recipe.with_operands(options=replace(recipe.operands.options, softcap=value))


def _capped(
    form: str,
    apply: Callable[[Recipe], Recipe | None],
    description: Sentence,
    fix: Sentence,
    detail: Mapping[str, object],
    options: Mapping[str, object] | None,
) -> Variant:
    return Variant((SOFTCAP,), pieces.CAP, form, apply, description, fix, detail, options)


def factor(o: Operands) -> Iterator[Variant | Unknown]:
    """The whole output is multiplied by a number."""
    yield Unknown(pieces.OUTPUT, _ratio, partial(_factor, scales_of(o)))


def _factor(known: Mapping[float, Constant], value: float) -> Variant:
    constant = constant_of(value, known)
    factor = f"{value:.6g}" if constant is None else constant.equal_to(value, with_why=False)
    return Variant(
        (OUTPUT_FACTOR,),
        pieces.OUTPUT,
        "factor",
        lambda recipe: replace(recipe, factor=recipe.factor * value),
        sentence("output_factor", factor=factor),
        sentence("fix_output_factor"),
        {"factor": value, "constant": None if constant is None else constant.name},
    )


def _ratio(recipe: Recipe, sample: Sample) -> list[float]:
    """Return the factor that brings what is made nearest to what was observed."""
    made, observed = sample.together(recipe)
    ratio = float((made * observed).sum() / (made * made).sum())
    return [ratio] if math.isfinite(ratio) and ratio else []
