"""Problems with a mistake in their expected gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from tests.mistakes.back import Gradients, run
from tests.mistakes.problems import EVERY_KIND, problem, suits
from tests.mistakes.registry_back import MISTAKES
from tests.mistakes.stages import Array, Problem

# Self-attention, grouped heads, cross-attention; each with a batch.
THREE = ("square", "grouped", "cross")
UNLIKE = ("cache", "number-mask", "rope-cache", "rope-interleaved-cache")


@dataclass(frozen=True)
class BackCase:
    """Expected gradients, and the answers that are right."""

    name: str
    problem: Problem
    loss: Array
    expected: Gradients
    acceptable: frozenset[str]

    @property
    def arrays(self) -> dict[str, Any]:
        """All arrays as a file has them."""
        return self.problem.arrays | {"d_output": self.loss} | {f"expected_d_{n}": x for n, x in self.expected.items()}


class BackOutcome:
    """A problem, its right gradients, and what each mistake makes of them."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        rng = np.random.default_rng(seed)
        size = problem.arrays["value"].shape[-1]
        self.loss = rng.standard_normal((*problem.arrays["query"].shape[:3], size)).astype(np.float32)

    @cached_property
    def right(self) -> Gradients:
        return run(self.problem, self.loss)

    @cached_property
    def wrong(self) -> dict[str, Gradients]:
        """Wrong gradients by the names of their mistakes, of all that can be made in the problem."""
        return {
            name: run(self.problem, self.loss, **mistake.stages)
            for name, mistake in MISTAKES.items()
            if mistake.fits(self.problem)
        }

    def shows(self, name: str) -> bool:
        """Say whether a mistake can be made here and changes a gradient."""
        return MISTAKES[name].fits(self.problem) and not same(self.right, self.wrong[name], 1e-3)

    def ids(self, found: Gradients) -> frozenset[str]:
        """The ids of all mistakes that give these gradients."""
        return frozenset(MISTAKES[name].id for name, other in self.wrong.items() if same(found, other, 1e-5))


def same(one: Gradients, two: Gradients, tolerance: float) -> bool:
    """The same numbers but for the tolerance."""
    return all(
        each.shape == two[name].shape
        and np.allclose(
            each, two[name], rtol=0, atol=tolerance * float(np.nan_to_num(np.abs(two[name])).max()), equal_nan=True
        )
        for name, each in one.items()
    )


@cache
def outcome(seed: int, kind: str, shape: str) -> BackOutcome:
    """The outcome of a generated problem, which many cases share."""
    return BackOutcome(problem(seed, kind, shape), seed)


def cases(name: str, seed: int, most: int = 1) -> Iterator[BackCase]:
    """A mistake in some kinds of problems of each of three shapes."""
    for shape in THREE:
        kinds = [kind for kind in EVERY_KIND if kind not in UNLIKE and suits(kind, shape)]
        order = np.random.default_rng([seed, len(name)]).permutation(len(kinds))
        count = 0
        for kind in (kinds[each] for each in order):
            made = outcome(seed, kind, shape)
            if count < most and made.shows(name):
                count += 1
                wrong = {each: array.astype(np.float32) for each, array in made.wrong[name].items()}
                yield BackCase(f"{name} in {kind} {shape}", made.problem, made.loss, wrong, made.ids(made.wrong[name]))
