"""Maps of weights averaged down to a few cells, made beside the numbers, of the same tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.plot.picture import CLOSED
from attncli.stats.tile import Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Part:
    """What a piece adds to the maps.

    Attributes:
        rows: the cells that it reaches.
        sums: (query heads, cells down, cells across) of weights.
        counts: likewise, how many open keys these are of.
    """

    rows: slice
    sums: NDArray[Any]
    counts: NDArray[Any]


@dataclass(eq=False)
class Maps:
    """The maps of all heads; each cell is the mean of the weights of its open keys.

    Attributes:
        shape: (batch, heads, L, S)
        side: the most cells down and across.
    """

    shape: tuple[int, int, int, int]
    side: int
    sums: NDArray[Any] = field(init=False)
    counts: NDArray[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.run = tuple(math.ceil(length / self.side) for length in self.shape[2:])
        cells = [math.ceil(length / run) for length, run in zip(self.shape[2:], self.run, strict=True)]
        self.sums = np.zeros((*self.shape[:2], *cells))
        self.counts = np.zeros((*self.shape[:2], *cells))

    def part(self, tile: Tile, start: int) -> Part:
        """Return what a tile adds, whose rows begin at ``start``."""
        down, across = self.run
        keys, rows = np.arange(tile.powers.shape[-1]) + tile.first, np.arange(tile.rows[1]) + start
        columns = np.flatnonzero((keys % across == 0) | (keys == tile.first))
        lines = np.flatnonzero((rows % down == 0) | (rows == start))
        cells = slice(tile.first // across, (tile.first + len(keys) - 1) // across + 1)
        found = []
        for numbers, divisor in ((tile.powers, tile.total), (tile.opened, None)):
            if numbers is None:
                widths = np.diff(columns, append=len(keys)).astype(np.float64)
                some: Any = np.broadcast_to(widths, (*tile.rows, len(columns)))
            else:
                some = np.add.reduceat(numbers, columns, axis=-1, dtype=None if divisor is not None else np.int64)
            some = some if divisor is None else some / divisor[..., None]
            some = np.add.reduceat(some, lines, axis=1, dtype=np.float64).swapaxes(1, 2)  # (G, g, cells, …)
            whole = np.zeros((some.shape[0] * some.shape[1], len(lines), self.sums.shape[-1]))
            whole[..., cells] = some.reshape(-1, *some.shape[2:])
            found.append(whole)
        at = start // down
        return Part(slice(at, at + len(lines)), *found)

    def add(self, batch: int, heads: slice, part: Part) -> None:
        """Add a part."""
        self.sums[batch, heads, part.rows] += part.sums
        self.counts[batch, heads, part.rows] += part.counts

    def means(self) -> NDArray[Any]:
        """Return the maps, (batch, heads, cells down, cells across); −∞ where all keys are closed."""
        return np.where(self.counts > 0, self.sums / np.maximum(self.counts, 1), CLOSED)
