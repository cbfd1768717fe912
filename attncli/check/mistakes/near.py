"""Of many mistakes those that come nearest to some observed rows.

The logits of these rows are computed once; to try a mistake on them then costs microseconds, and most are nowhere near.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.views import one_of
from attncli.check.mistakes.variant import Observed, Variant
from attncli.check.recipe import Recipe, in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

# Rows of each head that are looked at, how far from one of them, as a share of it, a mistake may be, how many mistakes
# are returned, and with how many keys no row is looked at.
ROWS, FAR, MOST, KEYS = 3, 0.5, 8, 1 << 18


@dataclass(frozen=True)
class Row:
    """One observed row, beside its logits.

    Attributes:
        place: its batch item, head and number.
        right: the right recipe.
        o: the operands of this row alone.
        logits: (S,) of its keys, −∞ where they are closed.
        value: (S, Ev).
        seen: (Ev,) what was observed.
        size: how large its numbers are.
    """

    place: tuple[int, int, int]
    right: Recipe
    o: Operands
    logits: NDArray[np.float64]
    value: NDArray[np.float64]
    seen: NDArray[np.float64]
    size: float

    @property
    def position(self) -> int:
        """The position of its query."""
        return int(one_of(self.right.operands.positions, self.place[0])[self.place[2]])

    @cached_property
    def every(self) -> NDArray[np.float64]:
        """(S,) the logits of all keys, as if none were closed."""
        batch, head, row = self.place
        return replace(self.right, logits=_without_rules).logits_and_values(batch, head, np.array([row]))[0]

    def far(self, weights: NDArray[Any], factor: float = 1.0) -> float:
        """Return how far the row is, as a share of its size, from what weights (S,) make of the values."""
        with np.errstate(all="ignore"):
            apart = float(np.abs(factor * (weights @ self.value) - self.seen).max()) / self.size
        return apart if np.isfinite(apart) else np.inf

    def softmax(self, logits: NDArray[Any], recipe: Recipe | None = None) -> NDArray[Any]:
        """Return the weights (S,) that the softmax of a recipe, the right one for None, makes of logits (S,)."""
        softmax = (self.right if recipe is None else recipe).softmax
        with np.errstate(all="ignore"):
            return np.asarray(softmax(logits[None, None, None], self.o))[0, 0, 0]


def _without_rules(recipe: Recipe, scores: NDArray[Any], o: Operands, opened: Any) -> NDArray[Any]:
    return in_order(recipe, scores, o, {})


def rows(observed: Observed, count: int = ROWS) -> list[Row]:
    """Return some rows that differ from the right ones: of each head of the sample the first, the last, and others."""
    found = []
    right = observed.right
    for group in observed.sample.groups if right.operands.sizes.keys <= KEYS else ():
        finite = np.isfinite(group.observed).all(axis=1) & observed.wrong[group.batch, group.head, group.rows]
        some = np.flatnonzero(finite)
        for at in np.unique(some[np.linspace(0, len(some) - 1, count).round().astype(np.int64)]) if len(some) else ():
            place = (group.batch, group.head, int(group.rows[at]))
            only = np.array([place[2]])
            logits, value = right.logits_and_values(group.batch, group.head, only)
            if np.isfinite(value).all() and np.isfinite(logits).any() and not np.isnan(logits).any():
                one = right.operands.select(batch=group.batch, head=group.head, rows=only)
                found.append(Row(place, right, one, logits, value, group.observed[at], float(group.size[at, 0])))
    return found


def nearest(some: Sequence[Row], every: Iterable[T], far: Callable[[T, Row], float]) -> list[T]:
    """Return the mistakes that come nearest to all rows, in their own order.

    Args:
        some: the rows.
        every: the mistakes.
        far: a mistake and a row → how far from it the mistake is.
    """
    found: list[tuple[float, int, T]] = []
    limit = FAR
    for at, each in enumerate(every if some else ()):
        worst = 0.0
        for row in some:
            worst = max(worst, far(each, row))
            if not worst <= limit:
                break
        else:
            found.append((worst, at, each))
            found.sort(key=lambda one: one[:2])
            if len(found) > MOST:
                found.pop()
            if len(found) == MOST:
                limit = found[-1][0]
    return [each for _, _, each in sorted(found, key=lambda one: one[1])]


def functions_near(observed: Observed, every: Iterable[Variant]) -> list[Variant]:
    """Return the nearest of mistakes that replace softmax, and nothing else."""

    def far(variant: Variant, row: Row) -> float:
        recipe = variant.apply(row.right)
        return np.inf if recipe is None else row.far(row.softmax(row.logits, recipe), recipe.factor)

    return nearest(rows(observed), every, far)
