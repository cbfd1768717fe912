"""Right gradients that took another route, or were rounded on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from tests.mistakes.back import Gradients, Made, forward, run
from tests.mistakes.cases_back import THREE, UNLIKE, BackCase, outcome
from tests.mistakes.controls import bfloat16, float16
from tests.mistakes.problems import EVERY_KIND, suits
from tests.mistakes.stages import Array, Problem, Way, cast_to, factor

CONTROLS: dict[str, dict[str, Any]] = {
    "exact": {},
    "δ of the weights": {"delta": lambda made, g, d_weights, p: (made.weights * d_weights).sum(-1, keepdims=True)},
    "float32": {"way": replace(Way(), cast=partial(cast_to, change=lambda x: x.astype(np.float32)))},
    "inputs in float16": {"way": replace(Way(), cast=partial(cast_to, change=float16))},
    "inputs in bfloat16": {"way": replace(Way(), cast=partial(cast_to, change=bfloat16))},
    "everything in float16": {"spoil": float16},
    "everything in bfloat16": {"spoil": bfloat16},
    "results in float16": {"finish": lambda found: {name: float16(each) for name, each in found.items()}},
    "results in bfloat16": {"finish": lambda found: {name: bfloat16(each) for name, each in found.items()}},
    "4 decimals": {"finish": lambda found: {name: np.round(each, 4) for name, each in found.items()}},
    "weights in bfloat16": {"again": lambda p, made: made._replace(weights=bfloat16(made.weights))},
    "weights in float16": {"again": lambda p, made: made._replace(weights=float16(made.weights))},
}


def tiles(p: Problem, g: Array, dtype: Any, accumulate: Callable[[Array], Array], size: int = 4) -> Gradients:
    """Tile by tile as kernels do it, with the weights made again from lse; sums are passed through `accumulate`."""
    p = cast_to(p, lambda x: x.astype(dtype))
    made: Made = forward(p)
    g = g.astype(dtype)
    delta = (g * made.output).sum(-1, keepdims=True)
    query, key = np.zeros_like(made.query), np.zeros_like(made.key)
    value = np.zeros((*made.value.shape[:3], g.shape[-1]), dtype)
    lse = np.where(np.isneginf(made.lse), np.inf, made.lse).astype(dtype)
    scale = dtype(factor(p))
    for first in range(0, p.keys, size):
        keys = slice(first, first + size)
        for start in range(0, p.queries, size):
            rows = slice(start, start + size)
            weights = np.exp(made.logits[:, :, rows, keys] - lse[:, :, rows])
            d_weights = g[:, :, rows] @ made.value[:, :, keys].swapaxes(-1, -2)
            d_scores = weights * (d_weights - delta[:, :, rows])
            if "softcap" in p.options:
                d_scores = d_scores * (1 - np.tanh(made.scores[:, :, rows, keys] / dtype(p.number("softcap"))) ** 2)
            turned = weights.swapaxes(-1, -2), d_scores.swapaxes(-1, -2)
            value[:, :, keys] = accumulate(value[:, :, keys] + turned[0] @ g[:, :, rows])
            key[:, :, keys] = accumulate(key[:, :, keys] + scale * turned[1] @ made.query[:, :, rows])
            query[:, :, rows] = accumulate(query[:, :, rows] + scale * d_scores @ made.key[:, :, keys])
    heads = p.arrays["key"].shape[1]
    sums = {"value": value, "key": key}
    found = {n: accumulate(x.reshape(len(x), heads, -1, *x.shape[2:]).sum(2)) for n, x in sums.items()}
    return found | {"query": query}


TILED: dict[str, tuple[Any, Callable[[Array], Array]]] = {
    "tiles in float32": (np.float32, lambda x: x),
    "tiles in float64": (np.float64, lambda x: x),
    "tiles added up in float16": (np.float64, float16),
    "tiles added up in bfloat16": (np.float64, bfloat16),
}


def labels(seed: int) -> dict[str, tuple[str, str, str]]:
    """Every control in every kind of problem, each in one of three shapes; how to make each, by its label."""
    chosen = {}
    for i, name in enumerate((*CONTROLS, *TILED)):
        for j, kind in enumerate(EVERY_KIND):
            shapes = [shape for shape in THREE if suits(kind, shape)]
            # The tiles know of no rotation, sinks or bias.
            if kind in UNLIKE or not shapes or (name in TILED and any(x in kind for x in ("rope", "sinks", "bias"))):
                continue
            chosen[f"{name} in {kind}"] = (name, kind, shapes[(i + j) % len(shapes)])
    return chosen


def control(name: str, kind: str, shape: str, seed: int) -> BackCase:
    """Right gradients by another route, or rounded on the way."""
    made = outcome(seed, kind, shape)
    if name in TILED:
        found = tiles(made.problem, made.loss, *TILED[name])
    else:
        found = run(made.problem, made.loss, **CONTROLS[name])
    expected = {each: array.astype(np.float32) for each, array in found.items()}
    return BackCase(f"{name} in {kind} {shape}", made.problem, made.loss, expected, frozenset())
