"""The rows in which recipes are first tried: enough to tell them apart, few enough to try thousands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.case import Case
from attncli.check.compare import distance
from attncli.check.part import Part
from attncli.check.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many heads are looked at, how many rows of each, and how many scores in those rows.
GROUPS = 4
ROWS = 10
SCORES = 1 << 16


@dataclass(frozen=True)
class Group:
    """Some rows of one head.

    Attributes:
        observed: (rows, Ev) what is to be explained.
        size: (rows, 1) how large the numbers of each row are; differences are given as shares of it.
    """

    batch: int
    head: int
    rows: NDArray[np.int64]
    observed: NDArray[Any]
    size: NDArray[Any]

    def some(self, at: slice | list[int] | NDArray[np.int64]) -> Group:
        """Return the group with some of its rows alone."""
        return replace(self, rows=self.rows[at], observed=self.observed[at], size=self.size[at])

    def difference(self, made: NDArray[Any]) -> NDArray[Any]:
        """Return how far numbers are from the observed ones, as shares of their size."""
        return distance(made, self.observed) / self.size


@dataclass(frozen=True)
class Sample:
    """Groups of rows, those first in which most is wrong."""

    groups: tuple[Group, ...]

    def distance(self, recipe: Recipe, limit: float = np.inf) -> float:
        """Return the largest difference between what a recipe makes and what was observed; ∞ beyond the limit."""
        worst = 0.0
        for group in self.groups if limit == np.inf else (self.first, *self.groups):
            worst = max(worst, float(group.difference(recipe.compute(group.batch, group.head, group.rows)).max()))
            if not worst <= limit:
                return np.inf
        return worst

    @cached_property
    def first(self) -> Group:
        """One row of the first group, where most is wrong: what is far off is mostly far off there already."""
        return self.groups[0].some([-1])

    @cached_property
    def few(self) -> Sample:
        """That row alone, to be looked at before what takes long."""
        return Sample((self.first,))

    def together(self, recipe: Recipe, groups: int | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what a recipe makes and what was observed, as flat arrays of finite numbers in units of their size."""
        made, observed = [], []
        for group in self.groups[:groups]:
            made.append((recipe.compute(group.batch, group.head, group.rows) / group.size).ravel())
            observed.append((group.observed / group.size).ravel())
        one, other = np.concatenate(made), np.concatenate(observed)
        finite = np.isfinite(other)
        return one[finite], other[finite]


def choose(case: Case, excess: NDArray[Any], part: Part | None = None) -> Sample:
    """Choose the rows.

    Args:
        case: the output that is to be explained.
        excess: (batch, heads, L) how wrong each row is.
        part: that from which they are chosen; None: all.
    """
    batches, heads, _ = excess.shape
    where = np.ones(excess.shape, bool) if part is None else part.where
    by_head = np.where(where, excess, -1).max(axis=2)
    order = [divmod(int(i), heads) for i in np.argsort(-by_head, axis=None, kind="stable") if by_head.flat[i] >= 0]
    # The worst, the corners (which some mistakes leave right), and the least bad.
    likely = [order[0], (0, 0), (batches - 1, heads - 1), (0, heads - 1), order[-1]]
    places = list(dict.fromkeys(place for place in likely if by_head[place] >= 0))[:GROUPS]
    count = max(3, min(ROWS, SCORES // max(1, case.reference.operands.sizes.keys)))
    groups = []
    for batch, head in places:
        rows = _rows(excess[batch, head], np.flatnonzero(where[batch, head]), count)
        observed = case.expected[batch, head, rows].astype(np.float64)
        groups.append(Group(batch, head, rows, observed, case.size[batch, head, rows][:, None]))
    return Sample(tuple(groups))


def _rows(excess: NDArray[Any], among: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    worst = among[np.argsort(-excess[among], kind="stable")[: max(1, count // 3)]]
    spread = np.linspace(0, len(among) - 1, count - len(worst)).round().astype(np.int64)
    return np.unique(np.concatenate([worst, among[spread]]))
