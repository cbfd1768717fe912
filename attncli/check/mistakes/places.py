"""Right outputs in wrong places: heads, batch items, query rows or columns that stand where others should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.compare import distance
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import COLUMNS_MIXED, HEADS_MIXED, ITEMS_MIXED, NOT_WRITTEN, ROWS_MIXED
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.orders import named
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.observations import ranges
from attncli.check.recipe import Recipe
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many times what rounding explains, what stands in two places may differ.
ALIKE = 4.0
# By so many numbers places are told apart; of those that look alike, so many are compared whole; and one is taken for
# another if its squared distance is no more than so many times as large.
NUMBERS, LIKELY, FURTHER = 512, 8, 4.0


@dataclass(frozen=True)
class Axis:
    """An axis along which one thing may be taken for another.

    Attributes:
        number: which of (batch, heads, L, Ev) it is.
        noun: one of what stands on it.
        mistake: what is named.
    """

    number: int
    noun: str
    mistake: Mistake

    @property
    def nouns(self) -> str:
        """Several of what stands on it."""
        return f"{self.noun}s"


HEADS = Axis(1, "head", HEADS_MIXED)
ITEMS = Axis(0, "batch item", ITEMS_MIXED)
AXES = (HEADS, ITEMS, Axis(2, "query row", ROWS_MIXED), Axis(3, "column", COLUMNS_MIXED))


def moved(o: Operands) -> Iterator[Generator]:
    """What stands in one place of the output is what should stand in another."""
    sizes = o.sizes
    for axis in AXES:
        if (sizes.batch, sizes.heads, sizes.queries, sizes.value_features)[axis.number] > 1:
            yield Generator(pieces.PLACES, partial(_found, axis=axis))


def blank(o: Operands) -> Iterator[Generator]:
    """Some columns of the output were not written."""
    if o.sizes.value_features > 1:
        yield Generator(pieces.PLACES, _blank)


def _blank(observed: Observed) -> Iterator[Variant]:
    seen = observed.expected[observed.wrong]
    columns = (seen == 0).all(axis=0)
    if not columns.any():
        return
    which = ranges(np.flatnonzero(columns))
    key = "column_blank" if columns.sum() == 1 else "columns_blank"
    yield Variant(
        (NOT_WRITTEN,),
        pieces.PLACES,
        f"columns {which}",
        lambda recipe: replace(recipe, finish=lambda output: np.where(columns, 0, recipe.finish(output))),
        sentence(key, which=which),
        sentence("fix_columns_blank"),
        {"columns": np.flatnonzero(columns).tolist()},
    )


def _found(observed: Observed, *, axis: Axis) -> Iterator[Variant]:
    order = _order(observed, axis)
    if order is None:
        return
    how = named(order, np.arange(len(order)), len(order))
    things = word("things", axis.nouns)
    yield Variant(
        (axis.mistake,),
        pieces.PLACES,
        f"{axis.nouns} of the output: {order.tolist()}",
        partial(_moved, order=order, axis=axis.number),
        sentence("output_moved", things=things, how=how),
        sentence("fix_output_moved", things=things),
        {"output": order.tolist()},
    )


def _order(observed: Observed, axis: Axis) -> NDArray[np.int64] | None:
    """Return what stands at each place of an axis, where that is something right; None: it is not."""
    wrong = observed.wrong
    others = [number for number in range(3) if number != axis.number]
    # Only what differs counts: the rest is right where it stands.
    some = tuple(np.flatnonzero(wrong.any(tuple(n for n in range(3) if n != each))) for each in others)
    right, seen = observed.output, observed.expected
    for number, chosen in zip(others, some, strict=True):
        right, seen = np.take(right, chosen, axis=number), np.take(seen, chosen, axis=number)
    right = np.moveaxis(right, axis.number, 0).reshape(right.shape[axis.number], -1)
    seen = np.moveaxis(seen, axis.number, 0).reshape(len(right), -1).astype(np.float64)
    if not np.isfinite(right).all():
        return None
    allowed = ALIKE * observed.share * np.abs(right).max(axis=1, initial=0.0)
    order, looked = np.arange(len(right)), _some(right.shape[1])
    for place in np.flatnonzero((distance(right, seen) > allowed[:, None]).any(axis=1)).tolist():
        with np.errstate(all="ignore"):
            apart = ((right[:, looked] - seen[place, looked]) ** 2).sum(axis=1)
        likely = np.argsort(apart, kind="stable")[:LIKELY]
        near = [at for at in likely.tolist() if distance(right[at], seen[place]).max() <= allowed[at]]
        if not near:
            return None
        # Where several are alike, the nearest place is the likeliest; the one that fits best if rounding tells nothing.
        alike = [at for at in near if apart[at] <= FURTHER * apart[near[0]]]
        order[place] = min(alike, key=lambda at, place=place: abs(at - place))  # type: ignore[misc]
    return None if np.array_equal(order, np.arange(len(order))) else order


def _some(count: int) -> NDArray[np.int64]:
    """Return some of so many numbers, by which places are told apart."""
    return np.unique(np.linspace(0, count - 1, min(count, NUMBERS)).round().astype(np.int64))


def _moved(recipe: Recipe, *, order: NDArray[np.int64], axis: int) -> Recipe | None:
    sizes = recipe.operands.sizes
    if len(order) != (sizes.batch, sizes.heads, sizes.queries, sizes.value_features)[axis]:
        return None

    def rearranged(output: NDArray[Any]) -> NDArray[Any]:
        return np.take(output, order, axis=axis)

    return replace(recipe, back=(rearranged, *recipe.back))
