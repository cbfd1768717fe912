"""Problems with one or two mistakes in their expected output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice, product

import numpy as np

from tests.mistakes.problems import places, problem
from tests.mistakes.registry import MISTAKES
from tests.mistakes.stages import Array, Problem, right, run


@dataclass(frozen=True)
class Case:
    """An expected output, and the answers that are right: each the ids of all mistakes in it."""

    name: str
    problem: Problem
    expected: Array
    acceptable: frozenset[frozenset[str]]


class Outcome:
    """A problem, its right output, and what each mistake makes of it, each computed when it is first asked for."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @cached_property
    def right(self) -> Array:
        return right(self.problem)

    @cached_property
    def wrong(self) -> dict[str, Array]:
        """Wrong outputs by the names of their mistakes, of all that can be made in the problem."""
        return {name: mistake.wrong(self.problem) for name, mistake in MISTAKES.items() if mistake.fits(self.problem)}

    def shows(self, name: str) -> bool:
        """Say whether a mistake can be made here and changes the output."""
        return MISTAKES[name].fits(self.problem) and not alike(self.wrong[name], self.right, 1e-4)

    def ids(self, output: Array) -> frozenset[str]:
        """The ids of all mistakes that give this output; a buffer read wrongly may always be called a wrong reshape."""
        ids = {MISTAKES[name].id for name, other in self.wrong.items() if alike(output, other, 1e-5)}
        return frozenset(ids | ({"head-reshape"} if "strides" in ids else set()))


@cache
def outcome(seed: int, kind: str, shape: str) -> Outcome:
    """The outcome of a generated problem, which many cases share."""
    return Outcome(problem(seed, kind, shape))


def alike(one: Array, two: Array, tolerance: float) -> bool:
    """The same numbers but for the tolerance."""
    return one.shape == two.shape and np.allclose(one, two, rtol=0, atol=tolerance, equal_nan=True)


def cases(name: str, seed: int) -> Iterator[Case]:
    """Up to six problems with one mistake, at most three of a kind and two in a shape."""
    kinds: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    for kind, shape in places(seed):
        made = outcome(seed, kind, shape)
        if kinds.total() < 6 and kinds[kind] < 3 and shapes[shape] < 2 and made.shows(name):
            kinds[kind] += 1
            shapes[shape] += 1
            output = made.wrong[name]
            answers = frozenset(frozenset({x}) for x in made.ids(output))
            yield Case(f"{name} in {kind} {shape}", made.problem, output.astype(np.float32), answers)


# Pairs that are checked in every run: mistakes in each stage, found within a second.
QUICK_PAIRS: list[tuple[str, str, str]] = [
    ("scale/none", "mask-dropped/padding", "padded"),
    ("softcap/missing", "scale/one-over-d", "softcap"),
    ("rope-pairing/other", "causal-corner/top_left", "rope-end"),
    ("rope-offset/query-at-0", "causal-corner/top_left", "rope-cache"),
    ("heads-tiled/both", "scale/none", "dense"),
    ("head-reshape/split", "scale/none", "dense"),
    ("mask-inverted/not-mask", "scale/none", "masked"),
    ("sink/left-out", "scale/none", "sinks"),
    ("causal-unwanted/top_left", "scale/none", "dense"),
    ("softmax-axis/queries", "scale/none", "dense"),
]
PAIRS = [
    *QUICK_PAIRS,
    ("scale/none", "mask-dropped/causal", "causal"),
    ("scale/none", "mask-dropped/mask", "masked"),
    ("scale/one-over-d", "causal-corner/top_left", "causal-end"),
    ("scale/none", "causal-corner/bottom_right", "causal"),
    ("softcap/missing", "mask-dropped/causal", "softcap-causal"),
    ("rope-pairing/other", "mask-dropped/causal", "rope-causal"),
    ("rope-pairing/left-out", "scale/none", "rope-causal"),
    ("rope-offset/query-at-0", "scale/none", "rope-cache"),
    ("heads-tiled/both", "mask-dropped/causal", "causal"),
    ("causal-diagonal/one-ahead", "scale/none", "causal"),
    ("causal-diagonal/strict", "scale/one-over-d", "causal"),
    ("layout/heads-for-positions", "scale/none", "dense"),
    ("head-reshape/merge", "scale/none", "causal"),
    ("operands-swapped/key-value", "scale/none", "dense"),
    ("operands-swapped/query-key", "scale/none", "causal"),
    ("window-bounds/left-1", "scale/none", "window-causal"),
    ("window-bounds/left+1", "causal-corner/top_left", "window-end"),
    ("mask-added/all", "scale/none", "left-padded"),
    ("mask-value/0", "scale/one-over-d", "masked"),
    ("alibi-slopes/from-0", "mask-dropped/causal", "alibi-causal"),
    ("mask-after-softmax/all", "scale/none", "masked"),
    ("mask-dropped/causal", "mask-inverted/not-mask", "masked-causal"),
    ("dropout/0.1", "scale/none", "dense"),
    ("window-bounds/left+1", "rope-pairing/other", "window-rope"),
]
"""(first mistake, second mistake, kind of problem)."""


def pair(first: str, second: str, seed: int, kind: str, shape: str) -> Case | None:
    """Two mistakes in one problem, or None where one of them makes no difference to the other."""
    one, two, made = MISTAKES[first], MISTAKES[second], outcome(seed, kind, shape)
    assert not one.stages.keys() & two.stages.keys(), (first, second)
    if not (one.fits(made.problem) and two.fits(made.problem)):
        return None
    output = run(made.problem, **one.stages, **two.stages)
    if any(alike(output, other, 1e-4) for other in (made.right, made.wrong[first], made.wrong[second])):
        return None
    names = [made.ids(made.wrong[x]) if made.shows(x) else {MISTAKES[x].id} for x in (first, second)]
    # A single mistake that happens to give the same numbers is a right answer too.
    answers = {frozenset(ids) for ids in product(*names)} | {frozenset({x}) for x in made.ids(output)}
    label = f"{first} and {second} in {kind} {shape}"
    return Case(label, made.problem, output.astype(np.float32), frozenset(answers))


def pairs(first: str, second: str, kind: str, seed: int) -> Iterator[Case]:
    """Two mistakes in one computation of a kind, in up to two shapes."""
    made = (pair(first, second, seed, kind, shape) for each, shape in places(seed) if each == kind)
    return islice((case for case in made if case is not None), 2)
