"""Cut a problem into pieces for the stream: which queries meet which keys, in tiles of which size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True)
class Plan:
    """The size of the pieces. It depends only on the sizes of the problem, not on the number of threads.

    Attributes:
        heads: key heads per piece.
        rows: queries per piece and query head.
        keys: keys per tile.
        parts: number of parts that the keys are cut into, if there are too few queries to share out.
        block: rows of a tile that are multiplied at a time.
    """

    heads: int
    rows: int
    keys: int
    parts: int
    block: int


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
    sizes = o.sizes
    room = TILE // o.dtype.itemsize
    narrow = o.options.causal and sizes.queries <= SHORT
    keys = min(DIAGONAL_KEYS if narrow else KEYS, sizes.keys)
    block = max(1, SMALL_PRODUCT // (keys * max(sizes.features, sizes.value_features + 1)))
    rows = room // keys // sizes.group
    rows = max(1, min(sizes.queries, rows - rows % block if rows > block else rows))
    if sizes.group * rows < FEW_ROWS:
        keys = min(sizes.keys, MANY_KEYS)
    # As many heads per piece as fit, in shares of equal size.
    others = sizes.batch * math.ceil(sizes.queries / rows)
    shares = max(math.ceil(PIECES / others), math.ceil(sizes.key_heads * sizes.group * rows * keys / room))
    shares = min(sizes.key_heads, shares + shares % 2)
    heads = max(1, sizes.key_heads // shares)
    found = others * math.ceil(sizes.key_heads / heads)
    parts = 1 if found >= PIECES else max(1, min(PIECES, sizes.keys // PART))
    return Plan(heads, rows, keys, parts, block)


def pieces(o: Operands, plan: Plan) -> list[Piece]:
    """Return the pieces, those with most keys first, so that the workers finish at about the same time."""
    sizes, found = o.sizes, []
    for batch in range(sizes.batch):
        for row in range(0, sizes.queries, plan.rows):
            rows = slice(row, min(row + plan.rows, sizes.queries))
            seen, _ = key_range(o, batch, rows)
            length = math.ceil((seen.stop - seen.start) / plan.parts)
            for head in range(0, sizes.key_heads, plan.heads):
                heads = slice(head, min(head + plan.heads, sizes.key_heads))
                for part in range(plan.parts):
                    start = min(seen.start + part * length, seen.stop)
                    found.append(Piece(batch, heads, rows, slice(start, min(start + length, seen.stop)), part))
    return sorted(found, key=lambda piece: piece.keys.start - piece.keys.stop)


def key_range(o: Operands, batch: int, rows: slice) -> tuple[slice, slice]:
    """Return the keys that any of these queries may see, and those that all of them may, as far as positions decide.

    Both are what the rules ``causal``, ``window`` and ``length`` of `attncli.attend.stages.mask.openings` leave open.
    """
    positions = o.positions[batch % len(o.positions), rows]
    first, last = int(positions[0]), int(positions[-1])
    seen, common = [0, o.sizes.keys], [0, o.sizes.keys]
    for reach, ahead in bounds(o):
        if ahead:
            seen[1], common[1] = min(seen[1], last + reach + 1), min(common[1], first + reach + 1)
        else:
            seen[0], common[0] = max(seen[0], first - reach), max(common[0], last - reach)
    if o.key_lengths is not None:
        length = int(o.key_lengths[batch % len(o.key_lengths)])
        seen[1], common[1] = min(seen[1], length), min(common[1], length)
    return slice(seen[0], max(seen[0], seen[1])), slice(common[0], max(common[0], common[1]))


def row_range(o: Operands, batch: int, rows: slice, keys: slice) -> slice:
    """Return the queries, as indices into ``rows``, that may see any of these keys, as far as positions decide."""
    first = int(o.positions[batch % len(o.positions), rows.start])
    seen = [0, rows.stop - rows.start]
    for reach, ahead in bounds(o):
        if ahead:  # key ≤ position + reach
            seen[0] = max(seen[0], keys.start - reach - first)
        else:  # key ≥ position − reach
            seen[1] = min(seen[1], keys.stop - 1 + reach - first + 1)
    return slice(seen[0], max(seen[0], seen[1]))


def cut_rows(o: Operands, piece: Piece, keys: slice, rows: slice) -> list[slice]:
    """Return the rows, as indices into ``rows``, for which a rule closes some of these keys but not all."""
    first = int(o.positions[piece.batch % len(o.positions), piece.rows.start]) + rows.start
    count = rows.stop - rows.start
    top, bottom = 0, count
    for reach, ahead in bounds(o):
        if ahead:  # rows from here on see the last of the keys
            top = max(top, min(count, keys.stop - 1 - reach - first))
        else:  # rows before this see the first of them
            bottom = min(bottom, max(0, keys.start + reach - first + 1))
    if bottom <= top:
        return [slice(0, count)]
    return [slice(start, stop) for start, stop in ((0, top), (bottom, count)) if start < stop]


def bounds(o: Operands) -> list[tuple[int, bool]]:
    """Return each limit on how many keys away a query sees, with whether it holds ahead (True) or back (False)."""
    left, right = o.options.window or (-1, -1)
    ahead = [0] if o.options.causal else []
    ahead += [right] if right >= 0 else []
    return [(reach, True) for reach in ahead] + ([(left, False)] if left >= 0 else [])
