"""How many pairs of a query and a key are open, where arrays say so too: lengths, documents, blocks, masks, indices.

What goes by positions, lengths and documents opens a run of keys to each query (`attncli.attend.reach`), so that only
its two ends are looked at; a mask that is an array is looked at by rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.reach import Reach
from attncli.attend.rules import Rules
from attncli.attend.stages.mask import openings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands
    from attncli.cost.band import Tile

# Rules that no run of keys says, but an array.
BY_CELL = ("indices",)
# The cells of a mask that are made at a time.
CELLS = 1 << 21


@dataclass(frozen=True)
class Pairs:
    """Pairs of queries and keys of one layer, over all batch items and heads.

    Attributes:
        open: those that a query may attend to.
        every: all of them.
        tiled: those in tiles of which one pair is open.
        last: the open ones of the last query.
    """

    open: int
    every: int
    tiled: int
    last: int


def counted(o: ScoreOperands, tile: Tile) -> Pairs:
    """Return the pairs of a prepared problem."""
    sizes = o.sizes
    every = sizes.batch * sizes.heads * sizes.queries * sizes.keys
    by_cell = o.mask is not None or o.bias is not None or any(name in o.inputs for name in BY_CELL)
    reaches = None if by_cell else _runs(o)
    found = list(_by_cell(o, tile)) if reaches is None else [_of_runs(each, sizes.keys, tile) for each in reaches]
    serves = sizes.batch * sizes.heads // len(found)  # each stands for as many batch items and heads as the others
    opened, tiled, last = (serves * sum(each) for each in zip(*found, strict=True))
    return Pairs(opened, every, tiled, last)


def _runs(o: ScoreOperands) -> list[Reach] | None:
    """Return the runs of keys of each batch item that has its own; None where some keys between are closed."""
    rules = Rules.of(o)
    reaches = [Reach.of(rules.one(item), o.sizes.keys) for item in range(rules.items)]
    return None if any(each.rules is not None for each in reaches) else reaches


def _of_runs(reach: Reach, keys: int, tile: Tile) -> tuple[int, int, int]:
    first, stop = reach.first, np.maximum(reach.stop, reach.first)
    tiled, columns = 0, math.ceil(keys / tile[1])
    widths = _widths(keys, tile[1])
    for start in range(0, len(first), tile[0]):
        rows = slice(start, start + tile[0])
        sees = first[rows] < stop[rows]
        begins, ends = first[rows][sees] // tile[1], -(-stop[rows][sees] // tile[1])
        steps = np.bincount(begins, minlength=columns + 1) - np.bincount(ends, minlength=columns + 1)
        tiled += len(first[rows]) * int(widths[np.cumsum(steps)[:columns] > 0].sum())
    lengths = stop - first
    return int(lengths.sum()), tiled, int(lengths[-1])


def _widths(keys: int, width: int) -> NDArray[np.int64]:
    """Return how many keys each column of tiles has."""
    starts = np.arange(0, keys, width)
    return np.minimum(width, keys - starts)


def _by_cell(o: ScoreOperands, tile: Tile) -> Iterator[tuple[int, int, int]]:
    """Yield what is found in each mask of its own; all stand for as many batch items and heads."""
    sizes = o.sizes
    shapes = [each.shape for each in openings(o.select(rows=np.arange(1))).values()]
    batch, heads = np.broadcast_shapes((1, 1, 1, 1), *shapes)[:2]
    rows = max(1, CELLS // sizes.keys // tile[0]) * tile[0]  # whole tiles
    starts, widths = np.arange(0, sizes.keys, tile[1]), _widths(sizes.keys, tile[1])
    for item, head in np.ndindex(batch, heads):
        one = o.select(batch=item, head=head)
        opened = tiled = last = 0
        for start in range(0, sizes.queries, rows):
            stop = min(start + rows, sizes.queries)
            cells = _cells(one.select(rows=np.arange(start, stop)), stop - start)
            opened, last = opened + int(cells.sum()), int(cells[-1].sum())
            for row in range(0, len(cells), tile[0]):
                some = cells[row : row + tile[0]]
                tiled += len(some) * int(widths[np.logical_or.reduceat(some.any(axis=0), starts)].sum())
        yield opened, tiled, last


def _cells(o: ScoreOperands, queries: int) -> NDArray[Any]:
    cells = reduce(np.logical_and, openings(o).values(), np.ones((1, 1, 1, 1), dtype=bool))
    return np.broadcast_to(cells, (1, 1, queries, o.sizes.keys))[0, 0]
