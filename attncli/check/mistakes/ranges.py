"""Runs of keys that were left out, counted twice, seen though closed, or stale: which, is read off single rows.

A change of the keys from a to b makes the row v' = (n + Σ δn) / (D + Σ δD), where n and D are the sums of the right
row. Seen from one direction, that is g(b) − g(a) = v'·D − n with g the running sum of δn − v'·δD: two numbers of a list
with a given difference, which a sorted list finds at once among all pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.attend.views import one_of
from attncli.check.mistakes import pieces
from attncli.check.mistakes.changes import CHANGES, Change
from attncli.check.mistakes.changes import Row as Sums
from attncli.check.mistakes.general import KEYS_LOST
from attncli.check.mistakes.spans import Run, distinct, rows_of
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe, in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows that are looked at, pairs of ends in one of them, and numbers in a row that tell one pair from others.
ROWS, PAIRS, FEATURES = 6, 1 << 14, 4


@dataclass(frozen=True)
class Seen:
    """One observed row, beside what is right in it.

    Attributes:
        position: of its query.
        keys: (n,) the keys that may change, in order.
        spans: the runs of keys that explain it, as first and last key, the best first; by change.
    """

    position: int
    keys: NDArray[np.int64]
    spans: list[tuple[int, int]]


def runs(o: Operands) -> Iterator[Generator]:
    """A run of keys was left out, counted twice, seen though closed, or is stale."""
    if o.sizes.value_features >= FEATURES and o.sizes.keys > 1:
        yield from (Generator(pieces.KEYS, partial(_found, change=change)) for change in CHANGES)


def _found(observed: Observed, *, change: Change) -> Iterator[Variant]:
    """Find the run in some rows; return the mistake if they agree on one."""
    rows: list[Seen] = []
    for group in observed.sample.groups:
        for at in range(len(group.rows)):
            batch, head, row = group.batch, group.head, int(group.rows[at])
            if not observed.wrong[batch, head, row] or not np.isfinite(group.observed[at]).all():
                continue
            if change.mistake is KEYS_LOST and not group.observed[at].any():
                continue  # no key is left of those that it sees
            if observed.deadline.passed:
                return
            seen = _seen(observed, change, (batch, head, row), group.observed[at], float(group.size[at, 0]))
            if seen is None:
                return
            rows.append(seen)
            if len(rows) == ROWS:
                break
    if rows:
        yield from _agreed(observed, rows, change)


def _seen(
    observed: Observed, change: Change, place: tuple[int, int, int], row: NDArray[np.float64], size: float
) -> Seen | None:
    """Return the runs of keys with which the change makes an observed row; None: there is none."""
    batch, head, query = place
    right = observed.right
    closed, value = right.logits_and_values(batch, head, np.array([query]))
    raw, _ = replace(right, logits=_without_rules).logits_and_values(batch, head, np.array([query]))
    sinks = right.operands.sinks
    sink = -np.inf if sinks is None else float(sinks[head])
    top = max(float(np.max(closed if np.isfinite(closed).any() else raw)), sink)
    if not np.isfinite(top) or not np.isfinite(value).all():
        return None
    opened, every = np.exp(closed - top), np.exp(raw - top)
    total = float(opened.sum() + np.exp(sink - top))
    keys = np.flatnonzero(opened == 0 if change.opens else opened > 0)
    if total == 0 or not len(keys):
        return None
    sums = opened @ value
    directions = [*value.T, value @ _direction(value.shape[1])]
    added = [change.adds(Sums(opened, every, float(np.exp(-top)), each)) for each in directions]
    down = added[-1][1][keys]
    allowed = 4 * observed.share * size * total
    seen = float(row @ _direction(len(row)))
    steps = np.concatenate([[0], np.cumsum(added[-1][0][keys] - seen * down)])
    first, last = _pairs(steps, seen * total - float(sums @ _direction(len(row))), allowed * np.sqrt(len(row)))
    if not len(first):
        return None
    totals = np.concatenate([[0], np.cumsum(down)])
    made = np.stack([np.concatenate([[0], np.cumsum(each[0][keys])]) for each in added[:-1]], axis=1)
    below = total + totals[last] - totals[first]
    with np.errstate(all="ignore"):
        apart = np.abs((sums + made[last] - made[first]) / below[:, None] - row).max(axis=1)
    good = np.flatnonzero(apart <= 4 * observed.share * size)
    order = good[np.argsort(apart[good], kind="stable")][:8]
    position = int(one_of(right.operands.positions, batch)[query])
    spans = [(int(keys[first[at]]), int(keys[last[at] - 1])) for at in order.tolist()]
    return Seen(position, keys, spans) if spans else None


def _direction(features: int) -> NDArray[np.float64]:
    """Return a direction in which different rows look different."""
    return np.cos(1.0 + np.arange(features) * 2.399963)


def _without_rules(recipe: Recipe, scores: NDArray[Any], o: Operands, opened: Any) -> NDArray[Any]:
    return in_order(recipe, scores, o, {})


def _pairs(steps: NDArray[np.float64], apart: float, allowed: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs (a, b), a < b, with steps[b] − steps[a] as far apart as is asked for."""
    order = np.argsort(steps, kind="stable")
    ordered = steps[order]
    low = np.searchsorted(ordered, steps + apart - allowed, "left")
    high = np.searchsorted(ordered, steps + apart + allowed, "right")
    counts = high - low
    if counts.sum() > PAIRS:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first = np.repeat(np.arange(len(steps)), counts)
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    last = order[np.repeat(low, counts) + within]
    kept = first < last
    return first[kept], last[kept]


# --- what rows agree on ----------------------------------------------------------------------------------------------


def _agreed(observed: Observed, rows: list[Seen], change: Change) -> Iterator[Variant]:
    """Return the mistakes with a run that is the same in all rows: the same keys, or as far behind the query."""
    keys = observed.right.operands.sizes.keys
    found = [run for run in dict.fromkeys(_runs(rows)) if all(_is_in(run, row) for row in rows)]
    if len(found) > 1:
        found = distinct(found, change, rows_of(observed), keys)
    yield from (variant_of(run, change, keys) for run in found)


def _runs(rows: list[Seen]) -> Iterator[Run]:
    # The row that sees the longest run shows where it ends.
    longest = max(rows, key=lambda row: max(last - first for first, last in row.spans))
    for first, last in longest.spans:
        # A run that ends where the row's own keys end may go on behind them.
        ends = max((at for row in rows for _, at in row.spans), default=last) if last == longest.keys[-1] else last
        yield Run(first, last, follows=False)
        yield Run(first, ends, follows=False)
        yield Run(longest.position - first, longest.position - last, follows=True)


def _is_in(run: Run, row: Seen) -> bool:
    first, last = (row.position - run.first, row.position - run.last) if run.follows else (run.first, run.last)
    there = row.keys[(row.keys >= first) & (row.keys <= last)]
    return len(there) > 0 and (int(there[0]), int(there[-1])) in row.spans


def variant_of(run: Run, change: Change, count: int) -> Variant:
    """Return the mistake that makes a change to a run of so many keys."""
    return Variant(
        (change.mistake,),
        pieces.KEYS,
        f"{change.name}, {run}",
        partial(_changed, run=run, change=change),
        change.made_to(run.words(count)),
        change.fix,
        {"change": change.name, "first": run.first, "last": run.last, "from": "query" if run.follows else "start"},
    )


def _changed(recipe: Recipe, *, run: Run, change: Change) -> Recipe:
    logits, softmax = recipe.logits, recipe.softmax

    def inside(o: Operands) -> NDArray[np.bool_]:
        here = run.inside(o.positions, o.sizes.keys)[:, None]
        for rule in openings(o).values() if not change.opens else ():
            here = here & rule
        if change.opens:
            here = here & ~np.logical_and.reduce(np.broadcast_arrays(np.array(True), *openings(o).values()))
        return here

    def changed(recipe: Recipe, scores: NDArray[Any], o: Operands, opened: Any) -> NDArray[Any]:
        return change.logits(logits(recipe, scores, o, opened), logits(recipe, scores, o, {}), inside(o))

    def weighed(found: NDArray[Any], o: Operands) -> NDArray[Any]:
        return change.weights(softmax(found, o), np.broadcast_to(inside(o), found.shape))

    return replace(recipe, logits=changed, softmax=weighed)
