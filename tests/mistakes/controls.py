"""Right outputs that took another route, or were rounded on the way."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np

from tests.mistakes.cases import Case
from tests.mistakes.problems import EVERY_KIND, SHAPES, problem, suits
from tests.mistakes.registry import needing
from tests.mistakes.stages import Array, Problem, Way, added, cast_to, factor, rotate, run, sink_logits, slopes
from tests.mistakes.wrong import left_open, masked_after, on


def float16(x: Array) -> Array:
    """Rounded to float16."""
    return x.astype(np.float16).astype(np.float64)


def bfloat16(x: Array) -> Array:
    """Rounded to bfloat16, ties to even."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    bits = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(np.float64)


def renormalised(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Mask after softmax, and each row divided by its sum."""
    weights = masked_after(logits, keep, p, way)
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


def extra_key(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """The sink as one more key, whose value is zero and so needs no weight afterwards."""
    column = np.broadcast_to(sink_logits(p), (*logits.shape[:3], 1))
    all_keys = np.exp(np.concatenate([logits, column], axis=-1))
    return (all_keys / all_keys.sum(-1, keepdims=True))[..., :-1]


def in_parts(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """The keys in two parts, each with its own softmax, merged with their log-sum-exp."""
    parts = np.array_split(logits, 2, axis=-1)
    sums = [np.logaddexp.reduce(part, axis=-1, keepdims=True) for part in parts]
    total = np.logaddexp(np.logaddexp(*sums), sink_logits(p))
    softmaxes = [np.nan_to_num(np.exp(part - each)) for part, each in zip(parts, sums, strict=True)]
    shares = [np.nan_to_num(np.exp(each - total)) for each in sums]
    return np.concatenate([part * share for part, share in zip(softmaxes, shares, strict=True)], axis=-1)


def root_on_both(p: Problem) -> Problem:
    """√c on query and key."""
    root = factor(p) ** 0.5
    names = [name for name in ("query", "key", "past_key") if name in p.arrays]
    return on(lambda x: x * root, *names)(p)


def grown_with_key(p: Problem, way: Way) -> Array:
    """ALiBi as m·j, which differs by one number a row where all keys are behind the query."""
    return slopes(p.heads).reshape(1, -1, 1, 1) * np.arange(p.keys)


SHIFT = partial(rotate, query=lambda x: x + 7, key=lambda x: x + 7)
CONTROLS: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("", {}),
    "mask after softmax, renormalised": ("hides no-sinks", {"close": left_open, "weights": renormalised}),
    "constant added": ("no-sinks", {"added": lambda p, way: added(p, way) + 3.7}),
    "shifted positions": ("rope uncached", {"rotate": SHIFT}),
    "ALiBi as m·j": ("alibi causal", {"added": grown_with_key}),
    "√c on both": ("", {"operands": root_on_both, "scale": lambda p: 1.0}),
    "sink as a key": ("sinks", {"weights": extra_key}),
    "merged parts": ("", {"weights": in_parts}),
    "float32": ("", {"cast": partial(cast_to, change=lambda x: x.astype(np.float32))}),
    "inputs in float16": ("", {"cast": partial(cast_to, change=float16)}),
    "inputs in bfloat16": ("", {"cast": partial(cast_to, change=bfloat16)}),
    "weights in float16": ("", {"spoil": float16}),
    "weights in bfloat16": ("", {"spoil": bfloat16}),
    "output in float16": ("", {"merge": float16}),
    "output in bfloat16": ("", {"merge": bfloat16}),
    "output to 4 decimals": ("", {"merge": lambda x: np.round(x, 4)}),
}


def controls(seed: int) -> dict[str, tuple[str, str, str]]:
    """Every control in every kind of problem that it suits, in one shape; how to make each, by its label."""
    chosen = {}
    for (i, (name, (needs, _))), (j, kind) in product(enumerate(CONTROLS.items()), enumerate(EVERY_KIND)):
        suited = [shape for shape in SHAPES if suits(kind, shape) and needing(needs)(problem(seed, kind, shape))]
        if suited:
            shape = suited[(2 * i + j) % len(suited)]  # so that each control meets all shapes, and each shape all kinds
            chosen[f"{name} in {kind} {shape}"] = (name, kind, shape)
    return chosen


def control(name: str, kind: str, shape: str, seed: int) -> Case:
    """A right output made by another route, or rounded on the way."""
    p = problem(seed, kind, shape)
    output = run(p, **CONTROLS[name][1]).astype(np.float32)
    return Case(f"{name} in {kind} {shape}", p, output, frozenset({frozenset()}))
