"""Parts of the keys that are put together by the log-sum-exps of another head, batch item or query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import merges, pieces
from attncli.check.mistakes.cuts import Cut, cuts
from attncli.check.mistakes.general import PARTS_MERGED
from attncli.check.mistakes.near import Row, nearest, rows
from attncli.check.mistakes.tiles import Tiles
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Order: TypeAlias = Callable[[int, int], NDArray[np.int64]]

# Into more parts people do not split; and softmax sees at most so many scores at once.
PARTS, SCORES = 16, 1 << 22


@dataclass(frozen=True)
class Source:
    """Where the log-sum-exps come from.

    Attributes:
        name: as words have it.
        axis: of (batch, heads, queries) along which they are others.
        order: how many there are, and how many of them share a key head → for each the one that is read.
    """

    name: str
    axis: int
    order: Order


SOURCES = (
    Source("head 0", 1, lambda count, group: np.zeros(count, np.int64)),
    Source("the next head", 1, lambda count, group: (np.arange(count) + 1) % count),
    Source("the head before", 1, lambda count, group: (np.arange(count) - 1) % count),
    Source("the heads in reverse order", 1, lambda count, group: np.arange(count)[::-1]),
    Source("the first head of the group", 1, lambda count, group: np.arange(count) // group * group),
    Source("batch item 0", 0, lambda count, group: np.zeros(count, np.int64)),
    Source("the next batch item", 0, lambda count, group: (np.arange(count) + 1) % count),
    Source("the batch item before", 0, lambda count, group: (np.arange(count) - 1) % count),
    Source("query 0", 2, lambda count, group: np.zeros(count, np.int64)),
    Source("the next query", 2, lambda count, group: np.minimum(np.arange(count) + 1, count - 1)),
    Source("the query before", 2, lambda count, group: np.maximum(np.arange(count) - 1, 0)),
    Source("the last query", 2, lambda count, group: np.full(count, count - 1)),
)


def merged(o: Operands) -> Iterator[Generator]:
    """Parts are weighed by the log-sum-exps of other rows."""
    if not o.has_after and o.sinks is None and o.sizes.queries * o.sizes.keys * o.sizes.heads <= SCORES:
        yield Generator(pieces.SOFTMAX_ROW, _found)


def _found(observed: Observed) -> Iterator[Variant]:
    o, some = observed.right.operands, rows(observed)
    every = []
    for source in SOURCES:
        order = source.order(_count(o, source), o.sizes.group)
        other = {row.place: _other(row, source.axis, order) for row in some}
        if not np.array_equal(order, np.arange(len(order))):
            every += [(source, cut, other) for cut in cuts(o) if cut.count <= PARTS]
    for source, cut, _ in nearest(some, every, _far):
        yield _variant(source, cut)


def _count(o: Operands, source: Source) -> int:
    return (o.sizes.batch, o.sizes.heads, o.sizes.queries)[source.axis]


def _other(row: Row, axis: int, order: NDArray[np.int64]) -> Array:
    """Return the logits (S,) of the row that is read in place of this one."""
    place = list(row.place)
    place[axis] = int(order[place[axis]])
    if tuple(place) == row.place:
        return row.logits
    return row.right.logits_and_values(place[0], place[1], np.array([place[2]]))[0]


def _far(one: tuple[Source, Cut, dict[tuple[int, int, int], Array]], row: Row) -> float:
    _, cut, other = one
    with np.errstate(all="ignore"):
        return row.far(_weights(Tiles.of(row.logits, cut, row.o), Tiles.of(other[row.place], cut, row.o).lse))


def _weights(t: Tiles, lse: Array) -> Array:
    """Return the weights of parts that are weighed by these log-sum-exps."""
    return t.back(merges.weights(t, lambda t: merges.by_lse(lse)))


def _variant(source: Source, cut: Cut) -> Variant:
    what = sentence("bug_of_other_rows", rows=word("source", source.name))
    return Variant(
        (PARTS_MERGED,),
        pieces.SOFTMAX,
        f"by the lse of {source.name}, {cut.name}",
        partial(_made, source=source, cut=cut),
        sentence("in_parts", what=what, count=cut.count),
        sentence("fix_weigh"),
        {"size": cut.size, "lse": source.name},
    )


def _made(recipe: Recipe, *, source: Source, cut: Cut) -> Recipe:
    count = _count(recipe.operands, source)

    def softmax(logits: Array, o: Operands) -> Array:
        with np.errstate(all="ignore"):
            t = Tiles.of(logits, cut, o)
            return _weights(t, np.take(t.lse, source.order(count, o.sizes.group), axis=source.axis))

    return replace(recipe, softmax=softmax, whole=frozenset({source.axis}))
