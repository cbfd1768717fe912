"""Mean weight and mean logit by how far a key is behind its query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.buffers import LOG2E
from attncli.stats.tile import Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Part:
    """What a piece adds: sums over open keys by distance.

    Attributes:
        start: where they begin among all distances.
        sums: (3, query heads, distances) of ones, weights and logits; from the largest distance to the least.
    """

    start: int
    sums: NDArray[Any]


@dataclass(eq=False)
class Profile:
    """The sums of all heads.

    Attributes:
        shape: (batch, heads, L, S)
        at: (batch or 1,) the position of the first query.
    """

    shape: tuple[int, int, int, int]
    at: NDArray[np.int64]
    sums: NDArray[Any] = field(init=False)

    def __post_init__(self) -> None:
        batch, heads, queries, keys = self.shape
        self.sums = np.zeros((3, batch, heads, queries + keys - 1))

    def part(self, tile: Tile, start: int, logits: NDArray[Any]) -> Part:
        """Return what a tile adds.

        Args:
            tile: the rows.
            start: the first of them.
            logits: (G, R, g, K) as exponents of 2, of closed keys any.
        """
        weights = tile.powers / tile.total[..., None]
        opened = np.ones_like(weights) if tile.opened is None else tile.opened
        # In float64, since a single logit beyond the range of the others would hide them.
        own = np.where(opened, logits, 0).astype(np.float64) / LOG2E
        sums = [_diagonals(each) for each in (opened, weights, own)]
        # The distances run from that of the last row to the first key down to that of the first row to the last key.
        rows, keys = tile.rows[1], tile.powers.shape[-1]
        behind = self.shape[2] - start - rows
        assert sums[0].shape[-1] == rows + keys - 1
        return Part(behind + tile.first, np.stack(sums))

    def add(self, batch: int, heads: slice, part: Part) -> None:
        """Add a part."""
        self.sums[:, batch, heads, part.start : part.start + part.sums.shape[-1]] += part.sums

    def of(self, batch: int, head: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return the distances that occur, from the least to the largest, and the mean weight and logit of each."""
        counts, weights, logits = self.sums[:, batch, head, ::-1]
        first = int(self.at[batch % len(self.at)])
        distances = first - (self.shape[3] - 1) + np.arange(len(counts))
        there = counts > 0
        with np.errstate(invalid="ignore"):
            return distances[there], weights[there] / counts[there], logits[there] / counts[there]


def _diagonals(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the sums of (G, R, g, K) along diagonals, (G · g, R + K − 1), the lower left one first."""
    some = numbers.swapaxes(1, 2)[..., ::-1, :]  # (G, g, R, K), the last row first
    rows, keys = some.shape[-2:]
    wide = np.zeros((some.shape[0] * some.shape[1], rows, keys + rows))
    wide[..., :keys] = some.reshape(-1, rows, keys)
    # Read in rows that are one shorter, each row is one further to the right than the one before.
    shifted = wide.reshape(len(wide), -1)[:, : rows * (keys + rows - 1)]
    return shifted.reshape(len(wide), rows, keys + rows - 1).sum(axis=1)
