"""Wrong factors of single queries and heads: a temperature by position or by head lost, or added unasked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.views import one_of
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import QUERY_SCALE
from attncli.check.mistakes.registry import SCALE
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.check.refining import refined
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

STARTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
# In how many rows a factor is looked for, and how well a rule must fit the factors.
ROWS, NEAR = 8, 1e-2


def scales(o: Operands) -> Iterator[Variant]:
    """The scale is a quotient of whole numbers, which is 0, or comes after softmax."""
    if o.factor not in (0, 1):
        said, fix = sentence("scale_after_softmax", scale=f"{o.factor:.6g}"), sentence("fix_scale_before")
        apply, detail = partial(_after, factor=o.factor), {"scale": 1.0, "constant": "after softmax"}
        yield Variant((SCALE,), pieces.SCALE, "after softmax", apply, said, fix, detail)
    if o.factor:
        said, fix = sentence("scale_of_0"), sentence("fix_scale_float", scale=f"{o.factor:.6g}")
        apply = partial(_scaled, factor=0.0)
        yield Variant((SCALE,), pieces.SCALE, "0", apply, said, fix, {"scale": 0.0, "constant": "0"}, {"scale": 0.0})


def _scaled(recipe: Recipe, *, factor: float) -> Recipe:
    return recipe.with_operands(factor=factor)


def _after(recipe: Recipe, *, factor: float) -> Recipe:
    return replace(recipe.with_operands(factor=1.0), factor=factor * recipe.factor)


def given(o: Operands) -> Iterator[Variant]:
    """The factors that are given are lost, or are those of other queries, heads or keys."""
    if "query_scale" not in o.inputs:
        return
    right = np.asarray(o.inputs["query_scale"], dtype=np.float64)
    for form, other in _others(right).items():
        if other is None or not np.array_equal(np.broadcast_to(other, right.shape), right):
            yield _variant(form, word("factors", form), partial(_with, other=other))
    if o.sizes.queries == o.sizes.keys == right.shape[2] and right.shape[1] in (1, o.key.shape[1]):
        yield _variant("on keys", word("factors", "on keys"), partial(_on_keys, right=right))


def _others(right: Array) -> dict[str, Array | None]:
    """Return other factors, by their forms."""
    found: dict[str, Array | None] = {"left out": None, "twice": right**2, "divided": 1 / right}
    if right.shape[2] > 1:
        found["last for all"] = right[:, :, -1:]
        found["first for all"] = right[:, :, :1]
        found["late by one"] = _moved(right, -1)
        found["early by one"] = _moved(right, 1)
        found["mean"] = right.mean(2, keepdims=True)
        found["reversed"] = right[:, :, ::-1]
    if right.shape[1] > 1:
        found["mean of heads"] = right.mean(1, keepdims=True)
        found["head 0"] = right[:, :1]
        found["next head"] = np.roll(right, -1, axis=1)
        found["head before"] = np.roll(right, 1, axis=1)
        found["heads reversed"] = right[:, ::-1]
    if right.shape[0] > 1:
        found["item 0"] = right[:1]
    return found


def _moved(array: Array, by: int) -> Array:
    """Return what stands so far on, along the queries; the ends stay."""
    return array[:, :, np.clip(np.arange(array.shape[2]) + by, 0, array.shape[2] - 1)]


def _variant(form: str, said: Sentence, apply: Any, detail: dict[str, object] | None = None) -> Variant:
    fix, told = sentence("fix_factors"), detail or {"query_scale": form}
    return Variant((QUERY_SCALE,), pieces.SCALE, f"factors {form}", apply, said, fix, told)


def _with(recipe: Recipe, *, other: Array | None) -> Recipe:
    o = recipe.operands
    inputs = {name: array for name, array in o.inputs.items() if name != "query_scale"}
    return recipe.with_operands(inputs=inputs if other is None else inputs | {"query_scale": other})


def _on_keys(recipe: Recipe, *, right: Array) -> Recipe:
    key = recipe.operands.key
    return _with(recipe.with_operands(key=key * right[..., None]), other=None)


def unasked(o: Operands) -> Iterator[Generator]:
    """Scores are multiplied by a number that grows with the position of the query."""
    if o.sizes.queries > 2 and o.options.score == "dot":
        yield Generator(pieces.SCALE, _found, in_layers=True)


def _found(observed: Observed) -> Iterator[Variant]:
    o = observed.right.operands
    group = observed.sample.groups[0]
    positions = one_of(o.positions, group.batch)
    rows = [at for at, row in enumerate(group.rows.tolist()) if observed.wrong[group.batch, group.head, row]][:ROWS]
    factors = np.array([_factor(observed, at) or np.nan for at in rows])
    places = positions[group.rows[rows]].astype(np.float64)
    if len(rows) < 3 or not np.isfinite(factors).all() or np.ptp(places) == 0 or places.min() < 0:
        return
    for add in (1, 2):
        logs = np.log(places + add)
        if (logs > 0).all():
            rule = sentence("rule_of_logarithm", add=add)
            yield from _ruled(o, factors / logs, f"log(position + {add})", rule, np.log(o.positions + add))
    power = round(_slope(np.log(places + 1), np.log(np.abs(factors))), 2)
    if power and np.isfinite(power):
        by = np.power(o.positions + 1.0, np.float64(power))
        ratios, rule = factors / np.power(places + 1, np.float64(power)), sentence("rule_of_power", power=f"{power:g}")
        yield from _ruled(o, ratios, f"(position + 1)^{power:g}", rule, by)


def _slope(one: Array, other: Array) -> float:
    """Return the slope of the line through points, by least squares."""
    apart = one - one.mean()
    return float(apart @ (other - other.mean()) / (apart @ apart))


def _ruled(o: Operands, ratios: Array, form: str, rule: Sentence, by: Array) -> Iterator[Variant]:
    """Return the mistake of a rule, where the ratios of factors to it are all the same."""
    ratio = float(np.median(ratios))
    if ratio and np.abs(ratios / ratio - 1).max() <= NEAR:
        said = sentence("factors_by_rule", ratio=f"{ratio:.5g}", rule=rule)
        right = o.inputs.get("query_scale", 1.0)
        other = np.asarray(right * (ratio * by)[:, None])
        yield _variant(form, said, partial(_with, other=other), {"rule": form, "factor": ratio})


def _factor(observed: Observed, at: int) -> float | None:
    """Return by what the scores of a row have to be multiplied to make what was observed."""
    right, group = observed.right, observed.sample.groups[0]
    rows = group.rows[[at]]

    def apart(number: float) -> NDArray[Any]:
        made = right.with_operands(factor=right.operands.factor * number).compute(group.batch, group.head, rows)
        return np.nan_to_num(
            ((made - group.observed[[at]]) / group.size[[at]]).ravel(), nan=1e3, posinf=1e3, neginf=-1e3
        )

    squares = [float(each @ each) for each in map(apart, STARTS)]
    found = refined(apart, STARTS[int(np.argmin(squares))])
    if found is None or np.abs(apart(found)).max() > 4 * observed.share:
        return None
    return found
