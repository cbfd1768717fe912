"""Dropout of keys, of scores, of weights in half precision, and of the output: what is lost is found row by row.

With d = 1 for what was dropped, else 0, a row r of the output, its right weights w, logits l and values v,

    weights   Σ d·w·v = Σ w·v − r / f                     f the factor on what is kept
    keys      Σ d·w·(v − r) = Σ w·v − r                   the others share the weight of those that are lost
    scores    Σ d·(1 − e)·(v − r) = −Σ e·(v − r)          e = exp(f·l), and exp(0) = 1 for a score that is 0

are all linear in d. Its few ones are chosen one after the other, with some choices kept beside the best.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lgamma, log
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.check.dropout import FACTORS, Dropped
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Place: TypeAlias = tuple[int, int, int]

# How many choices are kept beside each other, and how many things may be lost in a row.
BESIDE, MOST = 48, 14
# Rows that are tried, in that many hypotheses; rows that must show what is lost; and keys of which it is known.
TRIED, ROWS, KEYS = 16, 4, 24
# So many keys a row should have.
LONG = 8
# Something that a row does not tell from rounding, times this, is not counted.
TELLING = 1.5
# So many times what rounding explains, a row may differ.
NOISE = 1.0
# What chance explains is exp(−this) or less likely.
UNLIKELY = 8.0
# Shares of numbers that may have been lost.
SHARES = (0.005, 0.95)


@dataclass(frozen=True)
class Row:
    """One row: its open keys' logits, weights and values, and what was observed.

    Attributes:
        place: batch item, head, row.
        keys: (n,) which keys are open.
        logits: (n,) theirs; weights: (n,) theirs; value: (n, Ev) theirs.
        seen: (Ev,) what was observed.
        noise: what rounding may change in it.
    """

    place: Place
    keys: NDArray[np.int64]
    logits: Array
    weights: Array
    value: Array
    seen: Array
    noise: float


@dataclass(frozen=True)
class Hypothesis:
    """What was lost, and the factor on what was kept."""

    what: str
    factor: float

    def sides(self, row: Row) -> tuple[Array, Array]:
        """Return the columns (Ev, n) whose sum over what is lost is the side (Ev,)."""
        right = row.weights @ row.value
        if self.what == "weights":
            return (row.weights[:, None] * row.value).T, right - row.seen / self.factor
        apart = row.value - row.seen
        if self.what == "keys":
            return (row.weights[:, None] * apart).T, right - row.seen
        logits = self.factor * row.logits
        shift = max(0.0, float(logits.max()))
        made, zero = np.exp(logits - shift), np.exp(-shift)
        size = made.sum()
        return ((zero - made)[:, None] * apart).T / size, -(made @ apart) / size


HYPOTHESES = (
    Hypothesis("keys", 1.0),
    *(Hypothesis(what, factor) for factor in FACTORS for what in ("weights", "scores")),
)


def find(right: Recipe, sample: Sample, expected: Array, share: float) -> Dropped | None:
    """Return the dropout that the rows with the fewest open keys show; None: they show none.

    Args:
        right: the right recipe.
        sample: some rows, with their sizes.
        expected: (batch, heads, L, Ev) what was observed.
        share: how large a share of a row rounding may be.
    """
    o = right.operands
    if right.back or right.until != OUTPUT or not right.has_right("softmax", "weigh", "finish") or o.has_after:
        return None
    rows = list(_rows(right, sample, expected, share))
    if len(rows) < min(ROWS, o.sizes.queries):
        return None
    for hypothesis in HYPOTHESES:
        found = _tried(hypothesis, rows)
        if found is not None:
            return found
    return None


def _rows(right: Recipe, sample: Sample, expected: Array, share: float) -> Iterator[Row]:
    """Return rows with few open keys that count for something, but more than one."""
    o = right.operands
    found: list[tuple[float, Row]] = []
    for group in sample.groups[:3]:
        every = {*group.rows.tolist(), *range(4, min(24, o.sizes.queries)), *range(min(4, o.sizes.queries))}
        for at in sorted(every):
            logits, value = right.logits_and_values(group.batch, group.head, np.array([at]))
            keys = np.flatnonzero(logits > -np.inf)
            seen = expected[group.batch, group.head, at].astype(np.float64)
            if len(keys) < 3 or not np.isfinite(seen).all() or not np.isfinite(logits[keys]).all():
                continue
            weights = right.weights(group.batch, group.head, np.array([at]))[0, keys]
            noise = NOISE * share * float((np.abs(weights) @ np.abs(value[keys])).max())
            row = Row((group.batch, group.head, at), keys, logits[keys], weights, value[keys], seen, noise)
            # How many keys count: few, where some have most of the weight.
            found.append((1 / float((weights**2).sum()), row))
    # Of the shortest rows most lose nothing.
    long = [each for each in found if len(each[1].keys) >= LONG] or found
    yield from (row for _, row in sorted(long, key=lambda each: (len(each[1].keys) // LONG, each[0]))[:TRIED])


def _tried(hypothesis: Hypothesis, rows: list[Row]) -> Dropped | None:
    """Look what is lost in each row; return what that says of all, if it is no chance."""
    lost = kept = shown = 0
    fates: dict[tuple[int, int, int], set[bool]] = {}
    missed = 0
    for row in rows:
        columns, side = hypothesis.sides(row)
        chosen = _chosen(columns, side, row.noise)
        if chosen is None:
            missed += 1
            # A row may be too long to find out; if nothing is found in the first ones, nothing is lost that way.
            if missed >= 4 and not shown:
                return None
            continue
        telling = np.abs(columns).max(axis=0) > TELLING * row.noise
        lost, kept = lost + int(chosen[telling].sum()), kept + int((~chosen)[telling].sum())
        shown += bool(chosen[telling].any())
        for key, is_lost in zip(row.keys[telling].tolist(), chosen[telling].tolist(), strict=True):
            fates.setdefault((*row.place[:2], key), set()).add(bool(is_lost))
    share = lost / max(1, lost + kept)
    always = sum(fate == {True} for fate in fates.values())
    mixed = sum(len(fate) == 2 for fate in fates.values())
    is_enough = shown >= ROWS and missed <= len(rows) // 2 and lost + kept >= KEYS
    if not is_enough or not SHARES[0] < share < SHARES[1] or mixed <= always:
        return None
    p = 1 - 1 / hypothesis.factor
    if hypothesis.factor > 1 and abs(share - p) > 4 * np.sqrt(p * (1 - p) / (lost + kept)):
        return None
    return Dropped(hypothesis.factor, share, shown, hypothesis.what)


def _chosen(columns: Array, side: Array, noise: float) -> NDArray[np.bool_] | None:
    """Return which columns sum up to a side; None: no few of them do, or so many might that it says nothing."""
    features, count = columns.shape
    chosen = np.zeros((1, count), bool)
    left = side[None]  # (choices, Ev)
    squares = (columns**2).sum(axis=0)
    most = log(max(float(np.sqrt((side**2).mean())), noise) / noise) * features
    for depth in range(min(MOST, count - 1) + 1):
        best = int((left**2).sum(axis=1).argmin())
        if np.abs(left[best]).max() <= noise:
            ways = lgamma(count + 1) - lgamma(depth + 1) - lgamma(count - depth + 1)
            return chosen[best] if depth == 0 or ways + UNLIKELY < most else None
        size = (left**2).sum(axis=1)[:, None] - 2 * left @ columns + squares
        size[chosen] = np.inf
        order = np.argsort(size, axis=None)[: 4 * BESIDE]
        next_ones = chosen[order // count].copy()
        next_ones[np.arange(len(order)), order % count] = True
        chosen = np.unique(next_ones, axis=0, return_index=True)[1]
        kept = np.sort(chosen)[:BESIDE]
        chosen = next_ones[kept]
        left = side - chosen @ columns.T
    return None


def of_output(expected: Array, right: Array, allowed: Array) -> Dropped | None:
    """Return the dropout on the output itself: numbers that are 0 here and there, the others multiplied alike.

    Args:
        expected: (batch, heads, L, Ev) what was observed.
        right: likewise what is right.
        allowed: (batch, heads, L) how far a right output may be off.
    """
    large = np.abs(right) > allowed[..., None]
    zero = (expected == 0) & large
    share = float(zero.sum() / max(1, large.sum()))
    if not SHARES[0] < share < SHARES[1] or zero.sum() < 4 or not np.isfinite(expected).all():
        return None
    # Whole rows, columns and heads that are 0 are none.
    scattered = zero.any(axis=-1) & ~zero.all(axis=-1)
    columns: NDArray[np.bool_] = zero.all(axis=(0, 1, 2))
    if columns.any() or zero.all(axis=-1).any() or scattered.sum() < 0.5 * zero.any(axis=-1).sum():
        return None
    kept = (expected != 0) & large
    if not kept.any():
        return None
    one, other = expected[kept].astype(np.float64), right[kept]
    factor = float((one * other).sum() / (other * other).sum())
    apart = np.abs(expected - factor * right)
    if not factor > 0 or not (apart <= 2 * max(1.0, factor) * allowed[..., None])[expected != 0].all():
        return None
    p = 1 - 1 / factor
    if factor > 1.02 and abs(share - p) > 0.02 + 4 * np.sqrt(p * (1 - p) / zero.size):
        return None
    return Dropped(factor, share, int(zero.any(axis=-1).sum()), "output")
