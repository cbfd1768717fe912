"""The numbers of each row of a tile that has all the keys of its rows.

The letters of the shapes are those of `attncli.attend.fast.worker`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from attncli.attend.fast.buffers import take
from attncli.stats.labels import Grid, Repeats
from attncli.stats.numbers import MOST_OF_IT, NEAR, NEAR_BY, NEAR_CHANCE, OPEN, SATURATED

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Sorted weights are summed in blocks of so many, so that only the block where the sum is reached is looked at closely.
BLOCK = 64
# Weights that miss a bound by no more than this many units of rounding reach it.
ROUNDING = 4
# The numbers of rows, (G, R, g), and which rows have it.
Found = Mapping[str, tuple["NDArray[Any]", "NDArray[np.bool_]"]]


@dataclass(frozen=True, eq=False)
class Tile:
    """Rows with all the keys that they may see.

    Attributes:
        powers: (G, R, g, K) the weights, not yet divided by their sum.
        logs: (G, R, g, K) their logarithms to the base 2; finite, and of a weight of 0 any.
        total: (G, R, g) their sums, sinks included.
        opened: (G, R, g, K) which keys are open; None: all.
        at: (R,) the positions of the queries.
        first: the first key of the tile.
        keys: S, the number of all keys.
    """

    powers: NDArray[Any]
    logs: NDArray[Any]
    total: NDArray[Any]
    opened: NDArray[np.bool_] | None
    at: NDArray[np.int64]
    first: int
    keys: int

    @property
    def rows(self) -> tuple[int, ...]:
        """Return (G, R, g)."""
        return self.powers.shape[:-1]

    def product(self, factor: NDArray[Any]) -> NDArray[Any]:
        """Return the sums of the weights times a factor of each, which broadcasts: (G, R, g)."""
        out = take("product", self.powers.shape, self.powers.dtype)
        return np.multiply(self.powers, factor, out=out).sum(axis=-1, dtype=self.powers.dtype)

    def along(self, offset: int, of: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return what is on the key so far behind each query (before it, if negative), and whether there is one.

        Args:
            offset: the distance.
            of: (G, R, g, K) what is looked at; None: the weights, not yet divided.
        """
        source = self.powers if of is None else of
        found = np.zeros(self.rows, dtype=source.dtype)
        places = self.at + offset
        rows = np.flatnonzero((places >= self.first) & (places < self.first + source.shape[-1]))
        found[:, rows] = source[:, rows, :, places[rows] - self.first].swapaxes(0, 1)
        there = (places >= 0) & (places < self.keys)
        return found, np.broadcast_to(there[:, None], self.rows)


def numbers_of(tile: Tile, lengths: NDArray[Any] | None, repeats: Repeats | None, grid: Grid | None) -> Found:
    """Return all numbers of each row, for the rows that see something.

    Args:
        tile: the rows.
        lengths: (G, K) the lengths of the values; None: there is no value.
        repeats: which labels came earlier; None: labels do not say.
        grid: where patches lie, those of these queries and keys alone; None: these are none.
    """
    total = tile.total
    opened = tile.opened
    count = np.full(tile.rows, tile.powers.shape[-1]) if opened is None else np.count_nonzero(opened, axis=-1)
    sees = count > 0
    own_sum = tile.powers.sum(axis=-1)
    largest = tile.powers.max(axis=-1) / total
    entropy = own_sum / total * np.log2(total) - tile.product(tile.logs) / total
    effective = np.exp2(entropy)
    first = tile.powers[..., 0] / total if tile.first == 0 else np.zeros(tile.rows)
    found = {
        "effective_keys": (effective, sees),
        "effective_share": (effective / np.maximum(count, 1), sees),
        "largest_weight": (largest, sees),
        "first_key": (first, sees),
        "keys_for_90": (_keys_for_most(tile, own_sum), sees),
        "saturated": (np.where(np.isnan(largest), np.nan, largest >= SATURATED), sees),
        "distance": _distance(tile, own_sum) if grid is None else _distance_in_cells(tile, grid),
        OPEN: (count, sees),
    }
    for name, offset in (("own", 0), ("previous", -1)):
        weight, there = tile.along(offset)
        found[name] = (weight / total, there & sees)
    near, chance = _near(tile, count, grid)
    found |= {NEAR_BY: (near, sees), NEAR_CHANCE: (np.broadcast_to(chance, tile.rows), sees)}
    if lengths is not None:
        found["first_key_normed"] = _normed(tile, lengths, sees)
    return found if repeats is None else found | _of_repeats(tile, repeats, sees)


def _distance(tile: Tile, own_sum: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the mean distances to what is attended, in positions."""
    rows, keys = tile.powers.shape[1], tile.powers.shape[-1]
    # Row r, key j: at + r − (first + j). Neighbouring rows have the same distances, shifted by one.
    behind = int(tile.at[0]) - tile.first
    every = np.abs(np.arange(behind + rows - 1, behind - keys, -1)).astype(tile.powers.dtype)
    step = every.itemsize
    distance = as_strided(every[rows - 1 :], (rows, keys), (-step, step), writeable=False)
    return tile.product(distance[:, None]) / own_sum, own_sum != 0


def _distance_in_cells(tile: Tile, grid: Grid) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the mean distances between patches; what is no patch is left out."""
    distance = grid.distance
    share = tile.product((~np.isnan(grid.keys[:, 0])).astype(tile.powers.dtype))
    far = tile.product(np.where(np.isnan(distance), 0, distance)[:, None].astype(tile.powers.dtype))
    return far / share, (share != 0) & ~np.isnan(grid.queries[:, 0])[:, None]


def _keys_for_most(tile: Tile, own_sum: NDArray[Any]) -> NDArray[Any]:
    """Return the fewest keys that hold most of the weight of each row."""
    keys = tile.powers.shape[-1]
    padded = -(-keys // BLOCK) * BLOCK
    ordered = take("ordered", (*tile.rows, padded), tile.powers.dtype)
    ordered[..., :keys], ordered[..., keys:] = tile.powers, 0
    ordered.sort(axis=-1)
    # The smallest ones may be left out up to a tenth of the sum; NaN is sorted behind all numbers.
    limit = own_sum.astype(np.float64) * (1 - MOST_OF_IT + ROUNDING * np.finfo(ordered.dtype).eps)
    blocks = ordered.reshape(*tile.rows, -1, BLOCK)
    sums = np.cumsum(blocks.sum(axis=-1), axis=-1, dtype=np.float64)
    whole = np.count_nonzero(sums <= limit[..., None], axis=-1)[..., None]
    before = np.take_along_axis(sums, np.maximum(whole - 1, 0), axis=-1) * (whole > 0)
    at = np.minimum(whole, blocks.shape[-2] - 1)
    inside = np.take_along_axis(blocks, at[..., None], axis=-2)[..., 0, :]
    more = np.count_nonzero(before + np.cumsum(inside, axis=-1, dtype=np.float64) <= limit[..., None], axis=-1)
    left_out = np.where(whole[..., 0] > at[..., 0], padded, whole[..., 0] * BLOCK + more)
    return np.where(np.isnan(own_sum), np.nan, padded - left_out)


def _near(tile: Tile, count: NDArray[Any], grid: Grid | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the weight on keys near by, and the share of open keys that are there."""
    if grid is not None:
        within = grid.distance <= NEAR  # (R, K)
        weight: Any = tile.product(within[:, None].astype(tile.powers.dtype))
        keys: Any = np.count_nonzero(within[:, None] if tile.opened is None else within[:, None] & tile.opened, axis=-1)
    else:
        offsets = range(-NEAR, NEAR + 1)
        weight = sum(tile.along(offset)[0] for offset in offsets)
        open_there = [
            tile.along(offset)[1] if tile.opened is None else tile.along(offset, tile.opened)[0] for offset in offsets
        ]
        keys = np.sum(open_there, axis=0)
    return weight / tile.total, keys / np.maximum(count, 1)


def _normed(tile: Tile, lengths: NDArray[Any], sees: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the share that the first key has of what is added up: weights times lengths of values."""
    wide = lengths[:, None, None].astype(tile.powers.dtype)
    if np.isfinite(wide).all():
        every = tile.product(wide)
    else:  # what a closed key holds does not count
        every = np.where(tile.powers == 0, 0, tile.powers * wide).sum(axis=-1)
    first = tile.powers[..., 0] * wide[..., 0] if tile.first == 0 else np.zeros(tile.rows)
    first = np.where(tile.powers[..., 0] == 0, 0, first)
    return first / every, sees & (every != 0)


def _of_repeats(
    tile: Tile, repeats: Repeats, sees: NDArray[np.bool_]
) -> dict[str, tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Return the weights on earlier keys with the query's label, and on those after each of them."""
    rows, begins, keys = repeats.pairs(tile.at)
    counts = np.diff(begins, append=len(keys))
    there = np.zeros((tile.rows[1], 1), dtype=bool)
    there[rows] = True
    found = {}
    for name, offset in (("duplicate", 0), ("induction", 1)):
        sums = np.zeros(tile.rows, dtype=tile.powers.dtype)
        if len(rows):
            places = keys + offset - tile.first
            inside = (places >= 0) & (places < tile.powers.shape[-1])
            weights = tile.powers[:, np.repeat(rows, counts), :, np.where(inside, places, 0)]  # (pairs, G, g)
            weights = np.where(inside[:, None, None], weights, 0)
            sums[:, rows] = np.add.reduceat(weights, begins, axis=0).swapaxes(0, 1)
        found[name] = (sums / tile.total, sees & there)
    return found
