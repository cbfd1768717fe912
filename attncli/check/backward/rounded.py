"""What rounding costs on the way back: the size of all that is added up, and every number in half precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early, steps
from attncli.attend.operands import Operands
from attncli.attend.stages.stage import Backward, Made
from attncli.attend.views import product, ready
from attncli.check.backward.way import STAGES, Array, Found, Way
from attncli.check.rounding import Precision

if TYPE_CHECKING:
    from numpy.typing import NDArray


# In how many parts sums are added up in half precision.
PARTS = 8
# Score functions whose gradients are sums of products.
OF_PRODUCTS = ("dot", "general")


# --- sizes ------------------------------------------------------------------------------------------------------------


def has_sizes(o: Operands) -> bool:
    """Tell whether the sizes of all sums can be followed on the way back: there are no norms, and nothing around."""
    plain = o.early is None and not o.has_after and o.options.qk_norm is None
    return plain and o.options.score in OF_PRODUCTS


def sizes(way: Way) -> Way:
    """Return the way on which everything is added up that is added or subtracted on the right one, without its sign."""
    o = way.operands
    changed = {name: np.abs(ready(array, o.dtype)) for name, array in o.states.items()}
    parameters = {name: np.abs(array) for name, array in o.parameters.items()}
    positive = replace(o, factor=abs(o.factor), parameters=parameters, **changed)
    made = replace(way, operands=positive, output=np.abs(way.output), made=_sizes_of(o), beside={"right": o})
    return made.with_stage("softmax", _softmax).with_stage("rotate", _rotate)


def _sizes_of(whole: Operands) -> Any:
    def made(way: Way) -> Made:
        found = steps.results(way.beside["right"])
        return {**found, **{name: np.abs(found[name]) for name in ("met_query", "met_key")}}

    return made


def _softmax(o: Any, made: Made, found: Made, right: Backward) -> Found:
    delta = product(made["weights"], found["weights"]).sum(axis=-1, keepdims=True)
    sinks = {name: np.abs(each) for name, each in right(o, made, found).items() if name == "sinks"}
    return {"logits": product(made["weights"], found["weights"] + delta)} | sinks


def _rotate(o: Any, made: Made, found: Made, right: Backward) -> Found:
    """Leave sizes as they are: a rotation makes none more than √2 times as large."""
    return {name: found[f"met_{name}"] for name in ("query", "key")}


# --- half precision ---------------------------------------------------------------------------------------------------


def in_half(way: Way, kind: Precision) -> Way:
    """Return the way on which every number is rounded to half precision, and sums are added up in it part by part."""
    every = rounding(way, kind, frozenset(WHERE))
    for name, in_parts in (("score", _score), ("sum", _sum)):
        every = every.with_stage(name, _adding_up(kind, in_parts))
    return every


# What is rounded together: of the states and d_output, and of results on the way there and back. The output is rounded
# where δ is made of it; "δ" is not: it is made of an output of which nothing is rounded.
DELTA = "δ"
WHERE = ("inputs", "d_output", "scores", "weights", "output", "d_weights", "d_scores", "gradients")
TOGETHER = (
    ("inputs",),
    ("inputs", "d_output"),
    ("scores",),
    ("weights",),
    ("d_scores",),
    ("weights", "d_scores"),
    ("weights", "d_weights", "d_scores"),
    ("inputs", "d_output", "weights", "d_scores"),
    ("inputs", "d_output", "weights", "d_scores", "output"),
    ("weights", DELTA),
    ("weights", "d_scores", DELTA),
    ("inputs", "d_output", "weights", "d_scores", DELTA),
    WHERE,
)
# Of which results and gradients each of these words speaks.
MADE = {"scores": ("scores", "capped", "logits"), "weights": ("weights",), "output": ("output", "context", "gated")}
FOUND = {"d_weights": ("weights",), "d_scores": ("logits", "capped", "scores")}


def rounding(way: Way, kind: Precision, where: frozenset[str]) -> Way:
    """Return the way on which some numbers are rounded to half precision."""
    o, round_, made = way.operands, kind.round, way
    if "inputs" in where:
        states: dict[str, Any] = {name: round_(ready(array, o.dtype)) for name, array in o.states.items()}
        made = replace(made, operands=replace(o, **states))
    made = replace(made, output=round_(way.output)) if "d_output" in where else made
    names = frozenset(name for word in where for name in MADE.get(word, ()))
    if names:
        made = replace(made, made=lambda way: _made(way, kind, names, right_output=DELTA in where))
    if {"output", DELTA} & where:
        made = made.with_stage("softmax", _of_output)
    gradients = frozenset(name for word in where for name in FOUND.get(word, ()))
    every = "gradients" in where
    for name in STAGES:
        made = made.with_stage(name, _rounded(kind, gradients, every=every))
    return made.with_finish(lambda found: {name: round_(each) for name, each in found.items()}) if every else made


def _made(way: Way, kind: Precision, names: frozenset[str], *, right_output: bool) -> Made:
    """Return what the forward pass makes with some results rounded."""
    core = way.operands.core
    made = dict(core.made)
    for stage in steps.STAGES:
        if stage not in early.STAGES:
            results = stage.forward(core, made).items()
            made |= {name: kind.round(each) if name in names else each for name, each in results}
    return {**made, "output": steps.results(way.operands)["output"]} if right_output else made


def _of_output(o: Any, made: Made, found: Made, right: Backward) -> Found:
    """Return the gradient of softmax with δ = rowsum(d_output ∘ output)."""
    if o.has_after:
        return right(o, made, found)
    delta = (found["output"] * made["output"]).sum(axis=-1, keepdims=True)
    return right(o, made, found) | {"logits": product(made["weights"], found["weights"] - delta)}


def _rounded(kind: Precision, names: frozenset[str], *, every: bool) -> Any:
    """Return what rounds some gradients of results, or whatever a stage finds."""
    intermediate = frozenset(name for each in FOUND.values() for name in each)

    def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
        gradients = right(o, made, found)
        chosen = (name for name in gradients if name in names or (every and name not in intermediate))
        return gradients | {name: kind.round(gradients[name]) for name in chosen}

    return change


def _adding_up(kind: Precision, in_parts: Any) -> Any:
    def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
        return right(o, made, found) | in_parts(o, made, found, right, kind)

    return change


def _cut(array: Array, axis: int) -> Iterator[Array]:
    """Yield an array with all but some of its entries along an axis set to 0, in turn."""
    length = array.shape[axis]
    for run in np.array_split(np.arange(length), min(PARTS, length)):
        some = np.zeros_like(array)
        where: tuple[Any, ...] = (..., run) if axis == -1 else (..., run, slice(None))
        some[where] = array[where]
        yield some


def _summed(parts: Iterator[NDArray[Any]], kind: Precision) -> Array:
    total: Any = 0.0
    for part in parts:
        total = kind.round(total + kind.round(part))
    return np.asarray(total)


def _score(o: Any, made: Made, found: Made, right: Backward, kind: Precision) -> Found:
    def of(name: str, axis: int) -> Iterator[Array]:
        return (right(o, made, {**found, "scores": some})[name] for some in _cut(found["scores"], axis))

    return {"met_query": _summed(of("met_query", -1), kind), "met_key": _summed(of("met_key", -2), kind)}


def _sum(o: Any, made: Made, found: Made, right: Backward, kind: Precision) -> Found:
    each = (right(o, {**made, "weights": some}, found)["value"] for some in _cut(made["weights"], -2))
    return {"value": _summed(each, kind)}
