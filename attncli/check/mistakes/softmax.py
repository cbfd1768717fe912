"""Wrong closing and wrong softmax: values that do not mask, empty rows, the axis, sinks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import pieces
from attncli.check.mistakes.registry import (
    EMPTY_ROW,
    MASK_ADDED,
    MASK_AFTER_SOFTMAX,
    MASK_VALUE,
    SINK,
    SOFTMAX_AXIS,
    Mistake,
)
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Closing, Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Masking values are looked for among these, and then refined.
LOGITS = (-6.0, -4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0, 6.0)
TIMES = (0.1, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0, 8.0)
UNSCALED = "put one more logit per head, unscaled, into the sum of softmax"
ONE_TOO_MANY = "divide by the sum of the keys' exponentials only"
FILLS = (-1.0, -2.0, -5.0, -10.0, -20.0, 1.0, 5.0)


def closing(o: Operands) -> Iterator[Variant | Unknown]:
    """Keys are closed in a way that does not close them."""
    rules = [name for name in rules_of(o) if name != "bias"]
    sets = ([tuple(rules)] if len(rules) > 1 else []) + [(rule,) for rule in rules]
    for names in sets:
        yield from _not_closed(names)
    if rules:
        yield from _empty()


def _not_closed(names: tuple[str, ...]) -> Iterator[Variant | Unknown]:
    """The keys that these rules close stay open in one way or another."""
    what = _named(names)
    description = f"closed keys ({what}) were given the logit 0: a fill of 0, of -1e-9, or scores times the mask"
    yield _closing(names, MASK_VALUE, "filled with 0", Closing("select", 0.0), description, {"fill": 0.0})
    description = f"the 0/1 mask ({what}) was added to the scores"
    detail: dict[str, object] = {"added": "1 where open"}
    yield _closing(names, MASK_ADDED, "added where open", Closing("add", 1.0), description, detail)
    description = f"the 0/1 mask ({what}, 1 where closed) was added to the scores"
    detail = {"added": "1 where closed"}
    yield _closing(names, MASK_ADDED, "added where closed", Closing("subtract", 1.0), description, detail)
    description = f"the mask ({what}) was applied after softmax, and the weights not renormalised"
    yield _closing(names, MASK_AFTER_SOFTMAX, "after softmax", Closing("after"), description, {})
    yield Unknown(pieces.CLOSING, FILLS, partial(_filled, names=names))


def _named(names: tuple[str, ...]) -> str:
    return " and ".join({"length": "padding"}.get(name, name) for name in names)


def rules_of(o: Operands) -> list[str]:
    """Return the rules in force, without looking at more of the problem than a row."""
    return list(openings(o.select(batch=0, head=0, rows=np.arange(1))))


def _filled(value: float, *, names: tuple[str, ...]) -> Variant:
    description = f"closed keys ({_named(names)}) were given the logit {value:.6g}, which does not close them"
    return _closing(names, MASK_VALUE, "filled", Closing("select", value), description, {"fill": value})


def _closing(
    names: tuple[str, ...], mistake: Mistake, form: str, how: Closing, description: str, detail: Mapping[str, object]
) -> Variant:
    def apply(recipe: Recipe) -> Recipe | None:
        there = rules_of(recipe.masking)
        return replace(recipe, closing=dict.fromkeys(names, how)) if set(names) <= set(there) else None

    fix = "set the logits of closed keys to −∞ before softmax"
    detail = {"rules": list(names), **detail}
    return Variant((mistake,), pieces.CLOSING, f"{_named(names)} {form}", apply, description, fix, detail)


def _empty() -> Iterator[Variant]:
    policies = {
        "nan": "rows in which all keys are closed became NaN (softmax of −∞ alone)",
        "mean": "rows in which all keys are closed became the mean of all values (a large finite fill)",
        "all": "rows in which all keys are closed became the softmax over all keys (a number added instead of −∞)",
    }
    for policy, description in policies.items():
        apply, fix = partial(_emptied, policy=policy), "give such rows the output 0"
        yield Variant((EMPTY_ROW,), pieces.EMPTY, policy, apply, description, fix, {"policy": policy})


def _emptied(recipe: Recipe, *, policy: str) -> Recipe:
    return replace(recipe, empty=policy)


def axis(o: Operands) -> Iterator[Variant]:
    """Softmax runs along another axis, or not at all."""
    others = {
        "none": "there was no softmax: the scores themselves weighed the values",
        "queries": "softmax ran along the queries",
        "heads": "softmax ran along the heads",
        "batch": "softmax ran along the batch",
    }
    for name, description in others.items():
        for empty in ("zero", "nan") if rules_of(o) and name != "none" else ("zero",):
            yield Variant(
                (SOFTMAX_AXIS,),
                pieces.SOFTMAX,
                f"{name}, empty rows nan" if empty == "nan" else name,
                partial(_along, axis=name, empty=empty),
                description,
                "take softmax along the keys, the last axis of the scores",
                {"axis": name},
            )


def _along(recipe: Recipe, *, axis: str, empty: str) -> Recipe:
    return replace(recipe, axis=axis, empty=empty)


def sink(o: Operands) -> Iterator[Variant | Unknown]:
    """The sink is left out, scaled, or not wanted."""
    if o.sinks is None:
        description = "softmax had one more logit of 0 in its sum (softmax off by one, add_zero_attn)"
        yield _sink(np.zeros(o.sizes.heads), "0 added", description, ONE_TOO_MANY)
        yield Unknown(pieces.SINK, LOGITS, partial(_one_more, o), alone=True)
        return
    own = np.asarray(o.sinks, dtype=np.float64)
    yield _sink(None, "left out", "the sink was left out", UNSCALED)
    others = {
        "taken as 0": ("the sink's logit was taken as 0", 0 * own),
        "sign": ("the sink was taken with the other sign", -own),
    }
    if o.factor not in (0, 1):
        others["scaled"] = ("the sink was multiplied by the scale", own * o.factor)
        others["divided"] = ("the sink was divided by the scale", own / o.factor)
    with np.errstate(all="ignore"):
        plain = np.where(own > 0, np.log(own), -np.inf)
    others["no exponential"] = ("the sink itself, not its exponential, was added to the sum", plain)
    for form, (description, value) in others.items():
        yield _sink(value, form, description, UNSCALED)
    yield Unknown(pieces.SINK, TIMES, partial(_times, own), alone=True)


def _one_more(o: Operands, logit: float) -> Variant:
    description = f"softmax had one more logit of {logit:.6g} in its sum"
    return _sink(np.full(o.sizes.heads, logit), "a number added", description, ONE_TOO_MANY)


def _times(own: NDArray[np.float64], factor: float) -> Variant:
    return _sink(own * factor, "multiplied", f"the sinks were multiplied by {factor:.6g}", UNSCALED)


def _sink(value: NDArray[Any] | None, form: str, description: str, fix: str) -> Variant:
    def apply(recipe: Recipe) -> Recipe | None:
        fits = value is None or len(value) == recipe.operands.sizes.heads
        return recipe.with_operands(sinks=value) if fits else None

    return Variant((SINK,), pieces.SINK, form, apply, description, fix, {"sink": description})
