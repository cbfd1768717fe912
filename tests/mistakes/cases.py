"""Problems with one or two mistakes in their expected output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tests.mistakes.problems import KINDS, problems
from tests.mistakes.registry import MISTAKES
from tests.mistakes.stages import Array, Problem, right, run


@dataclass(frozen=True)
class Case:
    """An expected output; `ids` are all names that may occur, `acceptable` the whole answers that are right."""

    name: str
    ids: frozenset[str]
    problem: Problem
    expected: Array
    acceptable: frozenset[frozenset[str]] = frozenset()


TALLY: Counter[tuple[str, str]] = Counter()
"""(variant, "made", "no effect" or "enough already") → how often, in the last run of `cases`, `pairs` or `controls`."""


def alike(one: Array, two: Array, tolerance: float) -> bool:
    """The same numbers but for the tolerance."""
    return one.shape == two.shape and np.allclose(one, two, rtol=0, atol=tolerance, equal_nan=True)


def wanted(name: str, kind: str, shape: str, limits: tuple[int, int, int]) -> bool:
    """Count a case in, unless there are enough of it: in all, of the kind, of the shape."""
    keys = [(name, "made"), (name, f"of {kind}"), (name, f"in {shape}")]
    enough = any(TALLY[key] >= limit for key, limit in zip(keys, limits, strict=True))
    TALLY.update([(name, "enough already")] if enough else keys)
    return not enough


def wrong_outputs(p: Problem) -> dict[str, Array]:
    """What each mistake that can be made in a problem gives."""
    return {name: mistake.wrong(p) for name, mistake in MISTAKES.items() if mistake.fits(p)}


def names_of(output: Array, outputs: Mapping[str, Array]) -> frozenset[str]:
    """The ids of all mistakes that give this output; a buffer read wrongly may always be called a wrong reshape."""
    ids = {MISTAKES[name].id for name, other in outputs.items() if alike(output, other, 1e-5)}
    return frozenset(ids | ({"head-reshape"} if "strides" in ids else set()))


def cases(seed: int, dtype: type[np.floating[Any]] = np.float32) -> Iterator[Case]:
    """Problems with one mistake, each variant in up to six of them; ids are all that give the same numbers."""
    TALLY.clear()
    for shape, p in problems(seed, KINDS, dtype):
        good, outputs = right(p), wrong_outputs(p)
        for name, output in outputs.items():
            if alike(output, good, 1e-4):
                TALLY[name, "no effect"] += 1
            elif wanted(name, p.kind, shape, (6, 3, 2)):
                ids = names_of(output, outputs)
                label = f"{name} in {p.kind} {shape}"
                yield Case(label, ids, p, output.astype(np.float32), frozenset(frozenset({x}) for x in ids))


PAIRS: list[tuple[str, str, str]] = [
    ("scale/none", "mask-dropped/causal", "causal"),
    ("scale/none", "mask-dropped/padding", "padded"),
    ("scale/none", "mask-dropped/mask", "masked"),
    ("scale/one-over-d", "causal-corner/top_left", "causal-end"),
    ("scale/none", "causal-corner/bottom_right", "causal"),
    ("softcap/missing", "scale/one-over-d", "softcap"),
    ("softcap/missing", "mask-dropped/causal", "softcap-causal"),
    ("rope-pairing/other", "mask-dropped/causal", "rope-causal"),
    ("rope-pairing/left-out", "scale/none", "rope-causal"),
    ("rope-pairing/other", "causal-corner/top_left", "rope-end"),
    ("rope-offset/query-at-0", "scale/none", "rope-cache"),
    ("rope-offset/query-at-0", "causal-corner/top_left", "rope-cache"),
    ("heads-tiled/both", "scale/none", "dense"),
    ("heads-tiled/both", "mask-dropped/causal", "causal"),
    ("causal-diagonal/one-ahead", "scale/none", "causal"),
    ("causal-diagonal/strict", "scale/one-over-d", "causal"),
    ("layout/heads-for-positions", "scale/none", "dense"),
    ("head-reshape/split", "scale/none", "dense"),
    ("head-reshape/merge", "scale/none", "causal"),
    ("operands-swapped/key-value", "scale/none", "dense"),
    ("operands-swapped/query-key", "scale/none", "causal"),
    ("window-bounds/left-1", "scale/none", "window-causal"),
    ("window-bounds/left+1", "causal-corner/top_left", "window-end"),
    ("mask-inverted/not-mask", "scale/none", "masked"),
    ("mask-added/all", "scale/none", "left-padded"),
    ("mask-value/0", "scale/one-over-d", "masked"),
    ("sink/left-out", "scale/none", "sinks"),
    ("alibi-slopes/from-0", "mask-dropped/causal", "alibi-causal"),
    ("mask-after-softmax/all", "scale/none", "masked"),
    ("mask-dropped/causal", "mask-inverted/not-mask", "masked-causal"),
    ("causal-unwanted/top_left", "scale/none", "dense"),
    ("softmax-axis/queries", "scale/none", "dense"),
    ("dropout/0.1", "scale/none", "dense"),
    ("window-bounds/left+1", "rope-pairing/other", "window-rope"),
]


def pair(first: str, second: str, shape: str, p: Problem) -> Case | None:
    """Two mistakes in one problem, or None where one of them makes no difference to the other."""
    one, two = MISTAKES[first], MISTAKES[second]
    assert not one.stages.keys() & two.stages.keys(), (first, second)
    if not (one.fits(p) and two.fits(p)):
        return None
    outputs, output = wrong_outputs(p), run(p, **one.stages, **two.stages)
    if any(alike(output, other, 1e-4) for other in (right(p), outputs[first], outputs[second])):
        return None
    same = {name: alike(outputs[name], right(p), 1e-4) for name in (first, second)}
    names = [{MISTAKES[x].id} if same[x] else names_of(outputs[x], outputs) for x in (first, second)]
    pairs_of_ids = product(*names)
    answers = {frozenset(ids) for ids in pairs_of_ids} | {frozenset({x}) for x in names_of(output, outputs)}
    label = f"{first} and {second} in {p.kind} {shape}"
    ids: frozenset[str] = frozenset().union(*answers)
    return Case(label, ids, p, output.astype(np.float32), frozenset(answers))


def pairs(seed: int) -> Iterator[Case]:
    """Two mistakes in one computation, each pair in up to two shapes; a coinciding single mistake is acceptable too."""
    TALLY.clear()
    for shape, p in problems(seed, KINDS):
        for first, second, kind in PAIRS:
            made = pair(first, second, shape, p) if kind == p.kind else None
            if made is not None and wanted(f"{first} and {second}", p.kind, shape, (2, 2, 1)):
                yield made
