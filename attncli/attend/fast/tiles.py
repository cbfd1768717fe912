"""Cut a problem into pieces for the stream: which queries meet which keys, in tiles of which size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.reach import Reach
from attncli.attend.rules import Rules, are_in_force, go_by_ids

if TYPE_CHECKING:
    from attncli.attend.operands import Operands

# Bytes of scores in a tile. Tiles are processed in blocks that fit the L2 cache; larger tiles mean fewer calls, but
# beyond this size they gain nothing.
TILE = 2_621_440
# Keys per tile: with 64 rows of 64 features they make a product of just under a million. Short causal problems have
# fewer, since half of each tile along the diagonal is wasted.
KEYS = 240
DIAGONAL_KEYS = 120
SHORT = 2048
# Up to a million multiplications, OpenBLAS does not pack the matrices first, which is a seventh faster.
SMALL_PRODUCT = 1_000_000
# Fewer rows than this would make tiles of a few kilobytes, so such tiles have more keys instead.
FEW_ROWS = 64
MANY_KEYS = 8192
# Least number of pieces, so that workers finish at about the same time; and least number of keys in a part.
PIECES = 4
PART = 4096
# Short documents are computed together until they have this many rows: a call for each would take longer than what is
# computed in vain between them.
TOGETHER = 128
# The keys that are named for a query are gathered if all keys are this many times as many, which takes as long as it
# does to compute all of them; and this many if they are named for all queries at once.
SCATTERED, SHARED = 16, 2
# What is told of whole rows takes as much of a row of few keys as of one of this many.
FEW_KEYS = 64


@dataclass(frozen=True)
class Plan:
    """The size of the pieces. It depends only on the problem, not on the number of threads.

    Attributes:
        heads: key heads per piece.
        rows: most queries per piece and query head.
        keys: keys per tile.
        parts: number of parts that the keys are cut into, if there are too few queries to share out.
        block: rows of a tile that are multiplied at a time.
        reaches: which keys queries may see, by batch item, or one for all; None if no rule goes by positions or ids.
        groups: for each of these, or for all, the queries that are to be in pieces of their own.
        gathers: whether only the keys are computed that indices name.
    """

    heads: int
    rows: int
    keys: int
    parts: int
    block: int
    reaches: tuple[Reach, ...] | None
    groups: tuple[tuple[slice, ...], ...]
    gathers: bool

    def reach(self, batch: int) -> Reach | None:
        """Return which keys the queries of a batch item may see; None if all."""
        return None if self.reaches is None else self.reaches[batch % len(self.reaches)]

    def rows_of(self, batch: int) -> list[slice]:
        """Return the queries of each piece of a batch item."""
        return [
            slice(row, min(row + self.rows, group.stop))
            for group in self.groups[batch % len(self.groups)]
            for row in range(group.start, group.stop, self.rows)
        ]


@dataclass(frozen=True)
class Piece:
    """Some queries of some key heads of one batch item, against some of the keys."""

    batch: int
    heads: slice
    rows: slice
    keys: slice
    part: int


def plan(o: Operands) -> Plan:
    """Choose the pieces for a problem."""
    sizes, parted = o.sizes, go_by_ids(o)
    reaches = _reaches(o) if are_in_force(o) else None
    groups: tuple[tuple[slice, ...], ...] = ((slice(0, sizes.queries),),)
    queries, all_keys = sizes.queries, sizes.keys
    if reaches is not None and parted:
        # Documents are planned as a batch of short rows would be.
        groups = tuple(apart(each) for each in reaches)
        queries = max(each.stop - each.start for some in groups for each in some)
        all_keys = max(
            1, max(_count(reach.seen(each)) for reach, some in zip(reaches, groups, strict=True) for each in some)
        )
    room = TILE // o.dtype.itemsize
    narrow = o.options.causal and queries <= SHORT
    keys = _evenly(all_keys, DIAGONAL_KEYS if narrow else KEYS, parted)
    block = max(1, SMALL_PRODUCT // (keys * max(sizes.features, sizes.value_features + 1)))
    rows = room // keys // sizes.group
    rows = max(1, min(queries, rows - rows % block if rows > block else rows))
    if sizes.group * rows < FEW_ROWS:
        keys = min(all_keys, MANY_KEYS)
    # As many heads per piece as fit, in shares of equal size.
    each = [sum(math.ceil(_count(group) / rows) for group in some) for some in groups]
    others = sum(each[batch % len(each)] for batch in range(sizes.batch))
    shares = max(math.ceil(PIECES / others), math.ceil(sizes.key_heads * sizes.group * rows * keys / room))
    shares = min(sizes.key_heads, shares + shares % 2)
    heads = max(1, sizes.key_heads // shares)
    found, gathers = others * math.ceil(sizes.key_heads / heads), _gathers(o)
    parts = 1 if found >= PIECES or gathers else max(1, min(PIECES, all_keys // PART))
    return Plan(heads, rows, keys, parts, block, reaches, groups, gathers)


def whole_rows(o: Operands) -> Plan:
    """Choose pieces of which each has all the keys of its rows in one tile, for what can only be told of whole rows."""
    sizes, room = o.sizes, TILE // o.dtype.itemsize
    reaches = _reaches(o) if are_in_force(o) else None
    groups: tuple[tuple[slice, ...], ...] = ((slice(0, sizes.queries),),)
    if reaches is not None and go_by_ids(o):
        groups = tuple(apart(each) for each in reaches)
    made = Plan(sizes.key_heads, sizes.queries, sizes.keys, 1, sizes.queries * sizes.group, reaches, groups, False)
    # Between rows that fit and twice as many; where rules open few keys, how many fit is not in proportion to all.
    while (most := _most_scores(made, sizes.keys) * sizes.group) > room and made.rows > 1:
        made = replace(made, rows=made.rows // 2)
    if reaches is None:
        made = replace(made, rows=max(made.rows, min(sizes.queries, made.rows * room // most)))
    return replace(made, heads=max(1, min(sizes.key_heads, room // max(1, most))))


def _most_scores(plan: Plan, keys: int) -> int:
    """Return how many scores the largest piece of one head has."""
    reaches: tuple[Reach | None, ...] = plan.reaches or (None,)
    seen = (
        (_count(rows), keys if reach is None else _count(reach.seen(rows)))
        for batch, reach in enumerate(reaches)
        for rows in plan.rows_of(batch)
    )
    return max(queries * max(width, FEW_KEYS) for queries, width in seen)


def _reaches(o: Operands) -> tuple[Reach, ...]:
    rules = Rules.of(o)
    return tuple(Reach.of(rules.one(batch), o.sizes.keys) for batch in range(rules.items))


def apart(reach: Reach) -> tuple[slice, ...]:
    """Return the queries in groups that have no keys in common with their neighbours; short ones are put together."""
    first, stop = reach.first, reach.stop
    borders = np.flatnonzero((first[1:] >= stop[:-1]) | (stop[1:] <= first[:-1])) + 1
    found, start, last = [], 0, 0
    for border in [*borders.tolist(), len(first)]:
        if border - start > TOGETHER and last > start:
            found.append(slice(start, last))
            start = last
        last = border
    return (*found, slice(start, len(first)))


def _evenly(keys: int, most: int, documents: bool) -> int:
    """Return the keys of a tile; those of a document that is little larger than one are shared out evenly."""
    return math.ceil(keys / max(1, round(keys / most))) if documents and keys <= 4 * most else min(most, keys)


def _gathers(o: Operands) -> bool:
    indices = o.inputs.get("indices")
    if indices is None:
        return False
    return indices.shape[3] * (SHARED if indices.shape[2] == 1 < o.sizes.queries else SCATTERED) <= o.sizes.keys


def _count(some: slice) -> int:
    return int(some.stop - some.start)


def pieces(o: Operands, plan: Plan) -> list[Piece]:
    """Return the pieces, those with most keys first, so that the workers finish at about the same time."""
    sizes, found = o.sizes, []
    for batch in range(sizes.batch):
        reach = plan.reach(batch)
        for rows in plan.rows_of(batch):
            seen = slice(0, sizes.keys) if reach is None else reach.seen(rows)
            length = math.ceil(_count(seen) / plan.parts)
            for head in range(0, sizes.key_heads, plan.heads):
                heads = slice(head, min(head + plan.heads, sizes.key_heads))
                for part in range(plan.parts):
                    start = min(seen.start + part * length, seen.stop)
                    found.append(Piece(batch, heads, rows, slice(start, min(start + length, seen.stop)), part))
    return sorted(found, key=lambda piece: piece.keys.start - piece.keys.stop)
