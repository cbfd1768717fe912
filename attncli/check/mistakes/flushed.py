"""Small weights that count as 0: from which on they do is read off the output.

Of the weights of a row in ascending order the first k are left out: for each k that leaves the sum of the others, and
the k that leaves nothing of the difference says between which two weights the threshold is. It has to be in all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import WEIGHTS_FLUSHED
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.sample import Group
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# A threshold leaves so many times less than none does, and others that leave hardly more are as good.
LESS, ALIKE = 4.0, 1.02
# A threshold is called a round number that is within the bounds: one of these digits, or so many times 1/S.
DIGITS, TIMES = (1, 2, 5, 3, 4, 6, 7, 8, 9), (1.0, 0.5, 0.1, 0.01, 0.25, 0.2, 0.05)


@dataclass(frozen=True)
class How:
    """How small weights are left out.

    Attributes:
        of_largest: whether they are small beside the largest of their row.
        again: whether the others sum to 1 again.
    """

    of_largest: bool
    again: bool


HOWS = tuple(How(of_largest, again) for of_largest in (False, True) for again in (False, True))


def small(o: Operands) -> Iterator[Generator]:
    """Weights below a threshold are left out."""
    if o.sizes.keys > 2 and not o.has_after:
        yield Generator(pieces.ROUNDED, _found)


def _found(observed: Observed) -> Iterator[Variant]:
    if observed.right.until != OUTPUT:
        return
    for how in HOWS:
        bounds = _bounds(observed, how)
        if bounds is not None:
            yield _variant(how, _round(*bounds, observed.right.operands.sizes.keys))


@dataclass(frozen=True)
class Row:
    """What is left of the difference of one row for each number of weights that are left out.

    Attributes:
        weights: (n,) in ascending order, as they are or as shares of the largest.
        left: (n,) squares of what is left, in units of the row's size, if all smaller ones are left out.
    """

    weights: Array
    left: Array


def _bounds(observed: Observed, how: How) -> tuple[float, float] | None:
    """Return between which numbers the threshold is: those between which least is left; None: there is none."""
    rows = [row for group in observed.sample.groups for row in _rows(observed, group, how)]
    if not rows:
        return None
    places = np.unique(np.concatenate([[0.0], *(row.weights for row in rows)]))
    # Of a threshold just above each of these weights.
    total = sum(
        row.left[np.searchsorted(row.weights, places, side="right").clip(max=len(row.left) - 1)] for row in rows
    )
    least = float(np.min(total))
    if not total[0] > LESS * least:
        return None
    near = np.flatnonzero(total <= ALIKE * least + observed.share**2 / 100)
    best = int(np.argmin(total))
    first = last = best
    while first - 1 in near:
        first -= 1
    while last + 1 in near:
        last += 1
    return (float(places[first]), float(places[last + 1])) if last + 1 < len(places) else None


def _rows(observed: Observed, group: Group, how: How) -> Iterator[Row]:
    every = observed.right.weights(group.batch, group.head, group.rows)
    _, value = observed.right.logits_and_values(group.batch, group.head, group.rows[:1])
    for weights, row, size in zip(every, group.observed, group.size, strict=True):
        order = np.argsort(weights, kind="stable")
        order = order[weights[order] > 0]
        if not len(order) or not np.isfinite(row).all():
            continue
        of = weights[order]
        kept = np.cumsum((of[:, None] * value[order])[::-1], axis=0)[::-1]  # of the kth and all larger ones
        if how.again:
            kept *= (of.sum() / np.cumsum(of[::-1])[::-1])[:, None]
        left = (((kept - row) / size) ** 2).sum(axis=1)
        yield Row(of / of[-1] if how.of_largest else of, left)


def _round(low: float, high: float, keys: int) -> float:
    """Return a round number between two, if there is one."""
    powers = 10.0 ** np.arange(np.floor(np.log10(max(low, 1e-30))), np.ceil(np.log10(high)) + 1)
    for number in (*(times / keys for times in TIMES), *(digit * power for digit in DIGITS for power in powers)):
        if low < number <= high:
            return float(number)
    return float(np.sqrt(max(low, high / 10) * high))


def _variant(how: How, threshold: float) -> Variant:
    form = f"{'largest' if how.of_largest else 'all'}{' again' if how.again else ''}"
    return Variant(
        (WEIGHTS_FLUSHED,),
        pieces.ROUNDED,
        f"below {form}",
        partial(_without, how=how, threshold=threshold),
        sentence(word("weights_below", form).key, number=f"{threshold:.3g}"),
        sentence("fix_weights_flushed"),
        {"threshold": threshold, "of": "largest" if how.of_largest else "1", "renormalised": how.again},
    )


def _without(recipe: Recipe, *, how: How, threshold: float) -> Recipe:
    right = recipe.softmax

    def softmax(logits: Array, o: Operands) -> Array:
        weights = right(logits, o)
        least = threshold * weights.max(axis=-1, keepdims=True) if how.of_largest else threshold
        made = np.where(weights < least, 0, weights)
        total = made.sum(axis=-1, keepdims=True)
        again = weights.sum(axis=-1, keepdims=True) / np.where(total == 0, 1, total)
        return np.asarray(made * again if how.again else made)

    return replace(recipe, softmax=softmax)
