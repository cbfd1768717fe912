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
from attncli.check.backward.mistakes.arrays import of_arrays
from attncli.check.backward.registry import D_OUTPUT, GRADIENT_FACTOR, SCALE_BACK
from attncli.check.backward.way import Found, Way
from attncli.check.known_scales import Constant
from attncli.check.mistakes.layout import merge, split
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from attncli.check.backward.seen import Seen

ONCE = sentence("fix_scale_back")
ALIKE = 1e-4


def scale(way: Way, seen: Seen) -> Iterator[Change]:
    """The gradients of query and key lack the scale, or have it twice, or another one."""
    known = _scales(way.operands.factor)
    numbers = {**known, **dict.fromkeys((c for c in seen.ratios() if not _name(c, known)), "")}
    for names in (("query",), ("key",), ("query", "key")):
        whose = of_arrays(names)
        for number, name in numbers.items():
            change = partial(_times, number=number, names=names)
            times = sentence("gradient_times", whose=whose, number=f"{number:.6g}")
            what = sentence(f"back_{name}", whose=whose) if name else times
            detail = {"arrays": list(names), "factor": number}
            mistake = SCALE_BACK if name else GRADIENT_FACTOR
            rank = 1 if name else 2
            form = f"{name or 'a number'}: {' '.join(names)}"
            yield Change(mistake, form, in_stage("score", change), what, ONCE, detail, rank)
    if way.operands.factor not in (0, 1):
        lacking, twice = 1 / way.operands.factor, way.operands.factor
        for first, second in ((lacking, twice), (twice, lacking)):
            both = partial(_each, query=first, key=second)
            what = sentence(f"back_{known[first]}_and_{known[second]}")
            detail = {"query": first, "key": second}
            yield Change(SCALE_BACK, f"{first:.3g}, {second:.3g}", in_stage("score", both), what, ONCE, detail)


def _scales(factor: float) -> dict[float, str]:
    """Return what d_query or d_key may be multiplied by, with a name for what was done then."""
    found = {}
    if factor not in (0, 1):
        found = {1 / factor: "lacking", factor: "twice"}
        if factor > 0:
            found[factor**-0.5] = "root"
    more = {math.log(2): "ln2", math.log2(math.e): "log2e"}
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
        what = sentence("gradient_times", whose="d_value", number=f"{number:.6g}")
        detail = {"arrays": ["value"], "factor": number}
        fix = sentence("fix_value_factor")
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
        constant = known.get(number)
        name = "" if constant is None else constant.name
        factor = f"{number:.6g}" if constant is None else constant.equal_to(number)
        what, fix = sentence("all_times", factor=factor), sentence("fix_loss")
        detail = {"factor": number, "constant": None if constant is None else constant.in_full()}
        apply = partial(_other_loss, output=way.output * number)
        yield Change(D_OUTPUT, f"times {name or 'a number'}", apply, what, fix, detail, 1 if name else 2)
    if not (way.output == 1).all():
        ones = np.ones_like(way.output, dtype=np.float64)
        what, fix = sentence("d_output_ones"), sentence("fix_d_output_ones")
        yield Change(D_OUTPUT, "ones", partial(_other_loss, output=ones), what, fix, {"d_output": "ones"})
    if way.output.shape[1] > 1:
        for form, turn in (("split", split), ("merged", merge)):
            output = turn(np.asarray(way.output))
            what, fix = sentence("d_output_layout"), sentence("fix_d_output_layout")
            apply = partial(_other_loss, output=output, is_whole=True)
            yield Change(D_OUTPUT, form, apply, what, fix, {"d_output": form})


def _other_loss(way: Way, *, output: Any, is_whole: bool = False) -> Way:
    return replace(way, output=output, is_whole=way.is_whole or is_whole)


def _losses(way: Way) -> dict[float, Constant]:
    """Return the numbers by which losses differ, with what they are."""
    batch, heads, length, features = way.output.shape
    scale = way.operands.factor
    found: dict[float, Constant] = {}
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
            found.setdefault(1 / count, Constant(f"1/{name}", word("loss", "mean")))
    found |= {2.0**power: Constant(f"2^{power}", word("loss", "scale")) for power in range(4, 25)}
    found.setdefault(2.0, Constant("2", word("loss", "twice")))
    found.setdefault(0.5, Constant("1/2"))
    found.setdefault(-1.0, Constant("−1", word("loss", "sign")))
    if scale not in (0, 1):
        found.setdefault(scale, Constant("the scale"))
        found.setdefault(1 / scale, Constant("1 over the scale"))
    return found
