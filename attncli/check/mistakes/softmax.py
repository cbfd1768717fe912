"""Wrong closing and wrong softmax: values that do not mask, empty rows, the axis, sinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Closing, Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Masking values are looked for among these, and then refined.
LOGITS = (-6.0, -4.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 4.0, 6.0)
TIMES = (0.1, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0, 8.0)
FILLS = (-1.0, -2.0, -5.0, -10.0, -20.0, 1.0, 5.0)


def closing(o: Operands) -> Iterator[Variant | Unknown]:
    """Keys are closed in a way that does not close them."""
    rules = [name for name in rules_of(o) if name != "bias"]
    sets = ([tuple(rules)] if len(rules) > 1 else []) + [(rule,) for rule in rules]
    for names in sets:
        what = " and ".join({"length": "padding"}.get(name, name) for name in names)
        fix = "set the logits of closed keys to −∞ before softmax"
        detail: dict[str, object] = {"rules": list(names)}
        said = f"closed keys ({what}) were given the logit 0: a fill of 0, of -1e-9, or scores times the mask"
        yield _closing(names, "mask-value", Closing("select", 0.0), said, fix, detail | {"fill": 0.0})
        said = f"the 0/1 mask ({what}) was added to the scores"
        yield _closing(names, "mask-added", Closing("add", 1.0), said, fix, detail | {"added": "1 where open"})
        said = f"the 0/1 mask ({what}, 1 where closed) was added to the scores"
        yield _closing(names, "mask-added", Closing("subtract", 1.0), said, fix, detail | {"added": "1 where closed"})
        said = f"the mask ({what}) was applied after softmax, and the weights not renormalised"
        yield _closing(names, "mask-after-softmax", Closing("after"), said, fix, detail)
        yield Unknown(
            "closing", "closing", lambda recipe, probe: FILLS, partial(_filled, names=names, what=what, fix=fix)
        )
    if rules:
        yield from _empty(o)


def rules_of(o: Operands) -> list[str]:
    """Return the rules in force, without looking at more of the problem than a row."""
    return list(openings(o.select(batch=0, head=0, rows=np.arange(1))))


def _filled(value: float, *, names: tuple[str, ...], what: str, fix: str) -> Variant:
    said = f"closed keys ({what}) were given the logit {value:.6g}, which does not close them"
    return _closing(names, "mask-value", Closing("select", value), said, fix, {"rules": list(names), "fill": value})


def _closing(
    names: tuple[str, ...], mistake: str, how: Closing, said: str, fix: str, detail: dict[str, object]
) -> Variant:
    def apply(recipe: Recipe) -> Recipe | None:
        there = rules_of(recipe.masking)
        return replace(recipe, closing=dict.fromkeys(names, how)) if set(names) <= set(there) else None

    return Variant((mistake,), "closing", "closing", apply, said, fix, detail)


def _empty(o: Operands) -> Iterator[Variant]:
    policies = {
        "nan": "rows in which all keys are closed became NaN (softmax of −∞ alone)",
        "mean": "rows in which all keys are closed became the mean of all values (a large finite fill)",
        "all": "rows in which all keys are closed became the softmax over all keys (a number added instead of −∞)",
    }
    for policy, said in policies.items():
        yield Variant(
            ("empty-row",),
            "empty",
            "closing",
            lambda recipe, policy=policy: replace(recipe, empty=policy),  # type: ignore[misc]
            said,
            "give such rows the output 0",
            {"policy": policy},
        )


def axis(o: Operands) -> Iterator[Variant]:
    """Softmax runs along another axis, or not at all."""
    others = {
        "none": "there was no softmax: the scores themselves weighed the values",
        "queries": "softmax ran along the queries",
        "heads": "softmax ran along the heads",
        "batch": "softmax ran along the batch",
    }
    for name, said in others.items():
        for empty in ("zero", "nan") if rules_of(o) and name != "none" else ("zero",):
            yield Variant(
                ("softmax-axis",),
                "axis",
                "softmax",
                lambda recipe, name=name, empty=empty: replace(recipe, axis=name, empty=empty),  # type: ignore[misc]
                said,
                "take softmax along the keys, the last axis of the scores",
                {"axis": name},
            )


def sink(o: Operands) -> Iterator[Variant | Unknown]:
    """The sink is left out, scaled, or not wanted."""
    fix = "put one more logit a head, unscaled, into the sum of softmax"
    if o.sinks is None:
        said = "softmax had one more logit of 0 in its sum (softmax off by one, add_zero_attn)"
        yield _sink(np.zeros(o.sizes.heads), said, "divide by the sum of the keys' exponentials only")
        yield Unknown("sink", "softmax", lambda recipe, probe: LOGITS, partial(_one_more, o), alone=True)
        return
    own = np.asarray(o.sinks, dtype=np.float64)
    yield _sink(None, "the sink was left out", fix)
    others = {"the sink's logit was taken as 0": 0 * own, "the sink was taken with the other sign": -own}
    if o.factor not in (0, 1):
        others |= {"the sink was multiplied by the scale": own * o.factor, "the sink was divided by it": own / o.factor}
    with np.errstate(all="ignore"):
        others["the sink itself, not its exponential, was added to the sum"] = np.where(own > 0, np.log(own), -np.inf)
    for said, value in others.items():
        yield _sink(value, said, fix)
    yield Unknown("sink", "softmax", lambda recipe, probe: TIMES, partial(_times, own, fix), alone=True)


def _one_more(o: Operands, logit: float) -> Variant:
    said = f"softmax had one more logit of {logit:.6g} in its sum"
    return _sink(np.full(o.sizes.heads, logit), said, "divide by the sum of the keys' exponentials only")


def _times(own: NDArray[np.float64], fix: str, factor: float) -> Variant:
    return _sink(own * factor, f"the sinks were multiplied by {factor:.6g}", fix)


def _sink(value: NDArray[Any] | None, said: str, fix: str) -> Variant:
    def apply(recipe: Recipe) -> Recipe | None:
        fits = value is None or len(value) == recipe.operands.sizes.heads
        return recipe.with_operands(sinks=value) if fits else None

    return Variant(("sink",), "sink", "softmax", apply, said, fix, {"sink": said})
