"""Factors: the scale on the way back, another loss, and gradients that are multiplied by a number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.stage import Backward, Made
from attncli.check.backward.change import Change, in_stage
from attncli.check.backward.registry import D_OUTPUT, GRADIENT_FACTOR, SCALE_BACK
from attncli.check.backward.way import Found, Way
from attncli.check.mistakes.layout import merge, split

if TYPE_CHECKING:
    from attncli.check.backward.seen import Seen

ONCE = "multiply by the scale once in each: d_query = scale · d_scores · key, d_key = scale · d_scoresᵀ · query"
ALIKE = 1e-4


def scale(way: Way, seen: Seen) -> Iterator[Change]:
    """The gradients of query and key lack the scale, or have it twice, or another one."""
    known = _scales(way.operands.factor)
    numbers = {**known, **dict.fromkeys((c for c in seen.ratios() if not _name(c, known)), "")}
    for names in (("query",), ("key",), ("query", "key")):
        whose = " and ".join(f"d_{name}" for name in names)
        for number, name in numbers.items():
            change = partial(_times, number=number, names=names)
            what = f"{whose} {name}" if name else f"{whose} is {number:.6g} times what it should be"
            detail = {"arrays": list(names), "factor": number}
            mistake = SCALE_BACK if name else GRADIENT_FACTOR
            rank = 1 if name else 2
            form = f"{name or 'a number'}: {' '.join(names)}"
            yield Change(mistake, form, in_stage("score", change), what, ONCE, detail, rank)
    if way.operands.factor not in (0, 1):
        lacking, twice = 1 / way.operands.factor, way.operands.factor
        for first, second in ((lacking, twice), (twice, lacking)):
            both = partial(_each, query=first, key=second)
            what = f"d_query {known[first]}, and d_key {known[second]}"
            detail = {"query": first, "key": second}
            yield Change(SCALE_BACK, f"{first:.3g}, {second:.3g}", in_stage("score", both), what, ONCE, detail)


def _scales(factor: float) -> dict[float, str]:
    """Return what d_query or d_key may be multiplied by, with what was done then."""
    found = {}
    if factor not in (0, 1):
        found = {1 / factor: "lacks the scale", factor: "was multiplied by the scale twice"}
        if factor > 0:
            found[factor**-0.5] = "was multiplied by the root of the scale"
    more = {math.log(2): "was multiplied by ln(2)", math.log2(math.e): "was multiplied by log2(e)"}
    return {number: name for number, name in (found | more).items() if math.isfinite(number)}


def _name(number: float, known: Mapping[float, str]) -> str:
    return next((name for each, name in known.items() if math.isclose(each, number, rel_tol=ALIKE)), "")


def _times(o: Any, made: Made, found: Made, right: Backward, *, number: float, names: tuple[str, ...]) -> Found:
    return _each(o, made, found, right, **dict.fromkeys(names, number))


def _each(o: Any, made: Made, found: Made, right: Backward, **numbers: float) -> Found:
    gradients = right(o, made, found)
    return gradients | {f"met_{name}": gradients[f"met_{name}"] * number for name, number in numbers.items()}


def value(way: Way, seen: Seen) -> Iterator[Change]:
    """The gradient of the value is multiplied by a number."""
    for number in seen.ratios():
        change = partial(_value, number=number)
        what = f"d_value is {number:.6g} times what it should be"
        detail = {"arrays": ["value"], "factor": number}
        fix = "look for what is added up twice, or for a factor in the last step of d_value"
        yield Change(GRADIENT_FACTOR, "value", in_stage("sum", change), what, fix, detail, 2)


def _value(o: Any, made: Made, found: Made, right: Backward, *, number: float) -> Found:
    gradients = right(o, made, found)
    return gradients | {"value": gradients["value"] * number}


def loss(way: Way, seen: Seen) -> Iterator[Change]:
    """The loss is another one: its gradient is multiplied by a number, all ones, or laid out in another way."""
    known = _losses(way)
    ratios = {
        ratio: next((c for c in known if math.isclose(c, ratio, rel_tol=ALIKE)), ratio) for ratio in seen.ratios()
    }
    for number in dict.fromkeys(ratios.values()):
        name = known.get(number, "")
        what = f"all gradients are {number:.6g}" + f" = {name}" * bool(name) + " times what they should be"
        fix = "take the sum, not a mean, of the loss, or undo the loss scale"
        detail = {"factor": number, "constant": name or None}
        apply = partial(_other_loss, output=way.output * number)
        yield Change(D_OUTPUT, f"times {name or 'a number'}", apply, what, fix, detail, 1 if name else 2)
    if not (way.output == 1).all():
        ones = np.ones_like(way.output, dtype=np.float64)
        what, fix = "d_output was taken to be all ones", "start from the d_output that is given"
        yield Change(D_OUTPUT, "ones", partial(_other_loss, output=ones), what, fix, {"d_output": "ones"})
    if way.output.shape[1] > 1:
        for form, turn in (("split", split), ("merged", merge)):
            output = turn(np.asarray(way.output))
            what = "d_output was read with length and heads in the other order"
            fix = "bring d_output to the layout of the output first"
            apply = partial(_other_loss, output=output, is_whole=True)
            yield Change(D_OUTPUT, form, apply, what, fix, {"d_output": form})


def _other_loss(way: Way, *, output: Any, is_whole: bool = False) -> Way:
    return replace(way, output=output, is_whole=way.is_whole or is_whole)


def _losses(way: Way) -> dict[float, str]:
    """Return the numbers by which losses differ, with what they are."""
    batch, heads, length, features = way.output.shape
    scale = way.operands.factor
    found: dict[float, str] = {}
    counts = {
        "L": length,
        "B": batch,
        "Ev": features,
        "H": heads,
        "(B·L)": batch * length,
        "(L·Ev)": length * features,
        "(H·L)": heads * length,
        "(H·Ev)": heads * features,
        "(H·L·Ev)": heads * length * features,
        "(B·L·Ev)": batch * length * features,
        "(B·H·L)": batch * heads * length,
        "(B·H·L·Ev)": batch * heads * length * features,
    }
    for name, count in counts.items():
        if count > 1:
            found.setdefault(1 / count, f"1/{name}: a mean was taken for the sum")
    found |= {2.0**power: f"2^{power}: a loss scale was not undone" for power in range(4, 25)}
    found.setdefault(2.0, "2: the backward pass was added up twice, or the loss was a square")
    found.setdefault(0.5, "1/2")
    found.setdefault(-1.0, "−1: the loss had the other sign")
    if scale not in (0, 1):
        found.setdefault(scale, "the scale")
        found.setdefault(1 / scale, "1 over the scale")
    return found
