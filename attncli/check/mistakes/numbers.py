"""Wrong numbers: the scale, softcap, and a factor on the output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import additions
from attncli.check.known_scales import name_of, scales_of
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.probe import Probe
from attncli.check.recipe import Recipe

# Scales are looked for between these powers of 10, and then refined.
SCALES = np.logspace(-4, 2.5, 40)
CAPS = np.logspace(-1.5, 3, 24)


def scale(o: Operands) -> Iterator[Variant | Unknown]:
    """The factor on the scores is another one."""
    for value in scales_of(o):
        if not math.isclose(value, o.factor, rel_tol=1e-9):
            yield _scale(o, value)
    signed = [*SCALES, *-SCALES[::4]]
    yield Unknown("scale", "numbers", lambda recipe, probe: signed, partial(_scale, o))


def _scale(o: Operands, value: float) -> Variant:
    known = name_of(value, scales_of(o))
    what = _equals(value, known) if known else f"{value:.6g}, which is no known constant"
    return Variant(
        mistakes=("scale",),
        slot="scale",
        stage="numbers",
        apply=lambda recipe: recipe.with_operands(factor=value),
        said=f"the scores were multiplied by {what}",
        fix="do not scale the scores" if o.factor == 1 else f"multiply by {_equals(o.factor, plain_name(o))}",
        detail={"scale": value, "constant": known.split(":")[0] or None},
        options={"scale": value},
    )


def _equals(value: float, name: str) -> str:
    """Write a number and what it is.

    >>> _equals(0.25, "1/√d"), _equals(1.0, "1: no scale was applied"), _equals(3.0, "")
    ('0.25 = 1/√d', '1: no scale was applied', '3')
    """
    number = f"{value:.6g}"
    return name if name.startswith(f"{number}:") else f"{number} = {name}" if name and name != number else number


def plain_name(o: Operands) -> str:
    """Return what the scale in force is called."""
    return name_of(o.factor, scales_of(o)).split(":")[0]


def softcap(o: Operands) -> Iterator[Variant | Unknown]:
    """Softcap is missing, in the wrong place, or another one."""
    cap = o.options.softcap
    if cap is not None:
        fix = f"apply {cap:g}·tanh(score/{cap:g}) after the scale and before bias and mask"
        said = "softcap was left out"
        yield _capped(said, fix, {"place": "missing"}, lambda recipe: _with_cap(recipe, None), {"softcap": 0})
        orders = {
            "after the mask": ("scale", "add", "close", "softcap"),
            "before the scale": ("softcap", "scale", "add", "close"),
            "without multiplying by X again": ("scale", "tanh", "add", "close"),
        }
        if additions(o):
            orders["after the bias"] = ("scale", "add", "softcap", "close")
        for place, order in orders.items():
            said = f"softcap was applied {place}"
            yield _capped(said, fix, {"place": place}, lambda recipe, order=order: replace(recipe, order=order), None)
    yield Unknown("softcap", "numbers", lambda recipe, probe: CAPS, partial(_other_cap, o))


def _other_cap(o: Operands, value: float) -> Variant:
    right = "no softcap" if o.options.softcap is None else f"a softcap of {o.options.softcap:g}"
    detail = {"softcap": value, "place": "other"}
    said = f"the scores were capped at {value:.6g}"
    return _capped(said, f"use {right}", detail, lambda recipe: _with_cap(recipe, value), {"softcap": value})


def _with_cap(recipe: Recipe, value: float | None) -> Recipe:
    return recipe.with_operands(options=replace(recipe.operands.options, softcap=value))


def _capped(said: str, fix: str, detail: dict[str, object], apply: object, options: object) -> Variant:
    return Variant(("softcap",), "softcap", "numbers", apply, said, fix, detail, options)  # type: ignore[arg-type]


def factor(o: Operands) -> Iterator[Variant | Unknown]:
    """The whole output is multiplied by a number."""
    yield Unknown("factor", "output", _ratio, partial(_factor, o))


def _factor(o: Operands, value: float) -> Variant:
    known = name_of(value, scales_of(o))
    said = f"the output is {value:.6g}" + (f" = {known.split(':')[0]}" * bool(known)) + " times what it should be"
    return Variant(
        mistakes=("output-factor",),
        slot="factor",
        stage="output",
        apply=lambda recipe: replace(recipe, factor=recipe.factor * value),
        said=said,
        fix="look for a factor on the values or behind softmax, such as the scale applied there",
        detail={"factor": value, "constant": known.split(":")[0] or None},
    )


def _ratio(recipe: Recipe, probe: Probe) -> list[float]:
    """Return the factor that brings what is made nearest to what was observed."""
    made, observed = probe.together(recipe)
    with np.errstate(all="ignore"):
        ratio = float((made * observed).sum() / (made * made).sum())
    return [ratio] if math.isfinite(ratio) and ratio else []
