"""What a cache of fewer bits changes: the attention with it beside the attention without it, head by head.

A small error of keys can be a large one of the weights, for softmax takes exponentials; so every stage is compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps
from attncli.attend.cache.divergence import divergence
from attncli.attend.operands import Operands, ScoreOperands
from attncli.attend.stages.out import finished
from attncli.attend.stages.stage import Made
from attncli.attend.views import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[float], None]
# Of more scores than this only some queries are looked at, spread over all; and so many are computed at a time.
MOST_SCORES, AT_ONCE = 1 << 22, 1 << 19


@dataclass(frozen=True)
class Apart:
    """How far numbers are from others: sums of squares, so that parts can be put together.

    Attributes:
        error: Σ (rounded − exact)².
        size: Σ exact².
    """

    error: float = 0.0
    size: float = 0.0

    @classmethod
    def of(cls, exact: NDArray[Any], rounded: NDArray[Any]) -> Apart:
        """Compare numbers, of which those that are not finite are left out."""
        one, other = exact.astype(np.float64), rounded.astype(np.float64)
        finite = np.isfinite(one) & np.isfinite(other)
        return cls(float(np.square(other[finite] - one[finite]).sum()), float(np.square(one[finite]).sum()))

    def __add__(self, other: Apart) -> Apart:
        return Apart(self.error + other.error, self.size + other.size)

    @property
    def share(self) -> float:
        """The error as a share of what the exact numbers are: √(Σ (rounded − exact)² / Σ exact²).

        >>> Apart(error=4.0, size=100.0).share, Apart().share
        (0.2, 0.0)
        """
        return math.sqrt(self.error / self.size) if self.size else math.inf if self.error else 0.0


@dataclass(frozen=True)
class Change:
    """What the cache changes in some queries of some heads.

    Attributes:
        key: how far keys are from what they were.
        value: values, likewise.
        logits: (Σ (rounded − exact)² over open keys, how many of them there are)
        largest_logit: the largest |rounded − exact| among them.
        divergence: the sum over queries of the Kullback–Leibler divergence Σ w·ln(w/w′), a sink's share included.
        largest_divergence: that of the query in which it is largest.
        queries: how many queries see anything.
        first_changed: in how many of them another key has the most weight.
        output: how far weighted sums are from what they were.
    """

    key: Apart = Apart()
    value: Apart = Apart()
    logits: tuple[float, int] = (0.0, 0)
    largest_logit: float = 0.0
    divergence: float = 0.0
    largest_divergence: float = 0.0
    queries: int = 0
    first_changed: int = 0
    output: Apart = Apart()

    def __add__(self, other: Change) -> Change:
        made: dict[str, Any] = {}
        for name in (each.name for each in fields(self)):
            one, two = getattr(self, name), getattr(other, name)
            if name == "logits":
                made[name] = one[0] + two[0], one[1] + two[1]
            else:
                made[name] = max(one, two) if name.startswith("largest") else one + two
        return Change(**made)

    @property
    def logit(self) -> float:
        """The root of the mean square of the errors of open logits."""
        total, count = self.logits
        return math.sqrt(total / count) if count else 0.0

    @property
    def mean_divergence(self) -> float:
        """The mean over the queries that see anything."""
        return self.divergence / self.queries if self.queries else 0.0


@dataclass(frozen=True)
class Effect:
    """What the cache changes in a problem.

    Attributes:
        option: how keys and values are kept.
        heads: batch item, head, and what changes there.
        seen: how many queries of each head were looked at, and how many there are.
        has_value: whether there is a value, and so an output.
        output: how far the output of all heads together is from what it was, where a gate or a matrix makes it.
    """

    option: str
    heads: Sequence[tuple[int, int, Change]]
    seen: tuple[int, int]
    has_value: bool
    output: Apart | None

    @property
    def together(self) -> Change:
        """What changes in all heads."""
        return reduce(Change.__add__, (each for _, _, each in self.heads))


@dataclass(frozen=True)
class _Both:
    """The problem without a cache of fewer bits and with it, in float64."""

    exact: ScoreOperands
    rounded: ScoreOperands

    @classmethod
    def of(cls, o: ScoreOperands) -> _Both:
        double = replace(o, dtype=np.dtype(np.float64), output_dtype=np.dtype(np.float64))
        return cls(replace(double, options=replace(o.options, cache=None)).core, double.core)

    def __iter__(self) -> Iterator[ScoreOperands]:
        return iter((self.exact, self.rounded))


def measure(o: ScoreOperands, batches: Sequence[int], heads: Sequence[int], progress: Progress | None = None) -> Effect:
    """Compute some heads with and without the cache that the options ask for, and compare every stage.

    Args:
        o: prepared operands, of which ``--cache`` is in force.
        batches: which batch items.
        heads: which query heads.
        progress: called with the share that is done.
    """
    assert o.options.cache is not None
    sizes, both = o.sizes, _Both.of(o)
    count = max(1, min(sizes.queries, MOST_SCORES // (len(batches) * len(heads) * sizes.keys)))
    rows = np.unique(np.linspace(0, sizes.queries - 1, count).round().astype(np.int64))
    has_value, is_whole = isinstance(o, Operands), len(heads) == sizes.heads
    found: list[tuple[int, int, Change]] = []
    output = Apart() if has_value and is_whole and o.has_after else None
    with np.errstate(all="ignore"):
        for batch in batches:
            sums = []
            for head in heads:
                change, contexts = _of_head(both, batch, head, rows)
                found.append((batch, head, change))
                sums.append(contexts)
                if progress is not None:
                    progress(len(found) / (len(batches) * len(heads)))
            if output is not None:
                output += _finished(both, batch, rows, sums)
    return Effect(o.options.cache, found, (len(rows), sizes.queries), has_value, output)


def _of_head(
    both: _Both, batch: int, head: int, rows: NDArray[np.int64]
) -> tuple[Change, tuple[NDArray[Any], NDArray[Any]]]:
    """Return what changes in one head, and its weighted sums (rows, Ev) without the cache and with it."""
    step = max(1, AT_ONCE // both.exact.sizes.keys)
    total = Change()
    parts: list[list[NDArray[Any]]] = []
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        exact, rounded = (each.select(batch=batch, head=head, rows=some) for each in both)
        last = "sum" if isinstance(exact, Operands) else "softmax"
        made = [steps.results(each, last) for each in (exact, rounded)]
        total += _of_rows(made[0], made[1], exact)
        if not parts:
            total += _of_states(made[0], made[1], exact)
        parts.append([each.get("context", each.get("output", np.empty((1, 1, 0, 0))))[0, 0] for each in made])
    without, with_it = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    return replace(total, output=Apart.of(without, with_it)), (without, with_it)


def _of_states(exact: Made, rounded: Made, o: ScoreOperands) -> Change:
    """Return how far keys and values of one head, as far as the batch item has any, are from what they were."""
    end = o.sizes.keys if o.key_lengths is None else int(o.key_lengths[0])
    key = Apart.of(exact["met_key"][0, 0, :end], rounded["met_key"][0, 0, :end])
    if "cached_value" not in rounded:
        return Change(key=key)
    return Change(key=key, value=Apart.of(o.states["value"][0, 0, :end], rounded["cached_value"][0, 0, :end]))


def _of_rows(exact: Made, rounded: Made, o: ScoreOperands) -> Change:
    """Return what changes in the logits and weights of some queries of one head."""
    logits, weights = exact["logits"][0, 0], exact["weights"][0, 0]
    after, weights_after = rounded["logits"][0, 0], rounded["weights"][0, 0]
    opened = logits > -np.inf
    # Rows with numbers that are not finite have no divergence.
    usable = opened.any(axis=-1) & np.isfinite(weights).all(axis=-1) & np.isfinite(weights_after).all(axis=-1)
    errors = np.where(opened & np.isfinite(logits) & np.isfinite(after), after - logits, 0)[usable]  # (rows, S)
    if not len(errors):
        return Change()
    apart = divergence(exact, rounded)[0, 0][usable]
    first = np.take_along_axis(weights[usable], weights_after[usable].argmax(axis=-1)[:, None], axis=-1)[:, 0]
    return Change(
        logits=(float(np.square(errors).sum()), int(opened[usable].sum())),
        largest_logit=float(np.abs(errors).max()),
        divergence=float(apart.sum()),
        largest_divergence=float(apart.max()),
        queries=int(usable.sum()),
        first_changed=int((first < weights[usable].max(axis=-1)).sum()),
    )


def _finished(
    both: _Both, batch: int, rows: NDArray[np.int64], sums: Sequence[tuple[NDArray[Any], NDArray[Any]]]
) -> Apart:
    """Return how far the output that is made of the sums of all heads is from what it was."""
    made = []
    for at, o in enumerate(both):
        context = np.stack([each[at] for each in sums])[None]  # (1, heads, rows, Ev)
        made.append(finished(o.select(batch=batch, rows=rows), context))
    return Apart.of(*(one_of(each, 0) for each in made))
