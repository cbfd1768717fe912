"""Dropout that was left on: some weights are exactly 0, and the rest are scaled alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.recipe import OUTPUT, Recipe, softmax
from attncli.check.sample import Sample
from attncli.check.solving import solutions

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Factors on the kept weights, tried where there are more open keys than features; and how many more there may be.
FACTORS = (1.0, *(1 / (1 - p) for p in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)))
MORE = 10
# Weights below this are too small to tell whether they were dropped.
LEAST = 1e-3
# The factors of all kept weights must be this close to one number.
ALIKE = 1e-2
# Weights, and rows, that must be solved for before anything is said.
ENOUGH, ROWS = 24, 4


@dataclass(frozen=True)
class Dropped:
    """What is known of the dropout.

    Attributes:
        factor: on the weights that were kept; 1 where they were not scaled up.
        share: of the weights that could be solved for, how many were dropped.
        rows: how many rows could be solved.
        what: what was dropped: "weights", "keys" (their logits), "scores" or "output".
    """

    factor: float
    share: float
    rows: int
    what: str = "weights"


def find(right: Recipe, sample: Sample, expected: NDArray[Any]) -> Dropped | None:
    """Solve for the weights, in rows with fewer open keys than a value has features; return the dropout they show."""
    if right.back or right.until != OUTPUT or not right.has_right("softmax"):
        return None
    ratios: dict[tuple[int, int, int], tuple[NDArray[np.int64], NDArray[Any]]] = {}
    for group in sample.groups:
        features = right.operands.sizes.value_features
        for row in {*group.rows.tolist(), *range(min(features, 16, right.operands.sizes.queries))}:
            solved = _solve(right, (group.batch, group.head, row), expected)
            if solved is not None:
                ratios[group.batch, group.head, row] = solved
                if not _may_be_alike(solved[1]):
                    return None
    if len(ratios) < min(ROWS, right.operands.sizes.queries):
        return None
    found = np.concatenate([each for _, each in ratios.values()])
    kept = found[np.abs(found) > ALIKE]
    dropped = len(found) - len(kept)
    if dropped < 2 or len(found) < ENOUGH or not len(kept) or not _is_random(ratios.values()):
        return None
    factor = float(np.median(kept))
    if factor < 1 - ALIKE or (np.abs(kept / factor - 1) > ALIKE).any():
        return None
    share = dropped / len(found)
    p = 1 - 1 / factor
    if factor > 1 + ALIKE and abs(share - p) > 4 * np.sqrt(p * (1 - p) / len(found)):
        return None
    return Dropped(factor, share, len(ratios))


def _may_be_alike(ratios: NDArray[Any]) -> bool:
    """Tell whether the factors of one row may all be near one number, so that it is worth solving for other rows."""
    kept = ratios[np.abs(ratios) > ALIKE]
    return bool(kept.max(initial=0) * (1 - ALIKE) <= kept.min(initial=np.inf) * (1 + ALIKE))


def _is_random(rows: Iterable[tuple[NDArray[np.int64], NDArray[Any]]]) -> bool:
    """Tell whether some key is dropped in one row and kept in another: a key that never counts is not dropout."""
    fates: dict[int, set[bool]] = {}
    for keys, ratios in rows:
        for key, ratio in zip(keys.tolist(), ratios.tolist(), strict=True):
            fates.setdefault(key, set()).add(abs(ratio) > ALIKE)
    mixed = sum(len(fate) == 2 for fate in fates.values())
    never = sum(fate == {False} for fate in fates.values())
    return mixed > never


def _solve(
    right: Recipe, place: tuple[int, int, int], expected: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any]] | None:
    """Return keys of a row, and the observed weight of each over the right one; None where there is no solution."""
    batch, head, row = place
    observed = expected[place].astype(np.float64)
    logits, value = right.logits_and_values(batch, head, np.array([row]))
    opened = np.flatnonzero(logits > -np.inf)
    if not 2 <= len(opened) <= value.shape[1] + MORE or not np.isfinite(observed).all():
        return None
    one = right.operands.select(batch=batch, head=head)
    weights = softmax(logits[None, None, None], one)[0, 0, 0, opened]
    states = (weights[:, None] * value[opened]).T  # (Ev, keys): the observed row is this times the factors
    telling = weights > LEAST
    allowed = 1e-4 * float(np.abs(states).max())
    factors = _chosen(states, observed, allowed) if len(opened) > value.shape[1] else _only(states, observed, allowed)
    return None if factors is None else (opened[telling], factors[telling])


def _only(states: NDArray[Any], observed: NDArray[Any], allowed: float) -> NDArray[Any] | None:
    """Solve for the factors of all keys; None where the row cannot be made of them."""
    solved = solutions(states, observed[None])
    if solved is None or not float(np.abs(states @ solved[0] - observed).max()) <= allowed:
        return None
    return solved[0]


def _chosen(states: NDArray[Any], observed: NDArray[Any], allowed: float) -> NDArray[Any] | None:
    """Try every choice of dropped keys among those beyond the number of features, and solve for the others."""
    features, keys = states.shape
    free = keys - features
    choices = ((np.arange(1 << free)[:, None] >> np.arange(free)) & 1).astype(float)  # (2^free, free)
    solved = solutions(states[:, free:], np.concatenate([observed[None], states[:, :free].T]))
    if solved is None:
        return None
    for factor in FACTORS:
        # What the chosen keys make of the row is not left for the others.
        solution = solved[0] / factor - choices @ solved[1:]  # (2^free, features)
        off = np.abs(solution - solution.round()).max(axis=1)
        best = int(off.argmin())
        found = factor * np.concatenate([choices[best], solution[best].round()])
        is_choice = set(np.unique(solution[best].round()).tolist()) <= {0.0, 1.0}
        if is_choice and float(np.abs(states @ found - observed).max()) <= allowed:
            return found
    return None
