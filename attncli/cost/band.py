"""How many keys are open to queries under the rules that go by positions, by arithmetic alone.

Under such rules each query sees a run of keys. With p the position of the query, it begins and ends at

    first = max(0, p − left, chunk·⌊p/chunk⌋)
    stop = min(S, p + 1 or the prefix if causal, p + right + 1, chunk·(⌊p/chunk⌋ + 1))

so that the pairs are those of a band along a diagonal, chunk by chunk, and no row need be looked at.
`attncli.attend.reach` says the same of single queries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

# Rows of tiles that are looked at together.
TOGETHER = 1 << 18
Tile = tuple[int, int]


@dataclass(frozen=True)
class Rule:
    """Which keys a query may see by where it stands.

    Attributes:
        causal: whether keys after it are closed.
        left: how many keys before it are open; −1: any.
        right: how many keys after it are open; −1: any.
        prefix: keys before this one are open under a causal rule.
        chunk: queries see only keys of their own chunk of so many positions; None: there are none.
        offset: the position of the first query.
    """

    causal: bool = False
    left: int = -1
    right: int = -1
    prefix: int = 0
    chunk: int | None = None
    offset: int = 0

    @classmethod
    def of(cls, options: Options, queries: int, keys: int) -> Rule:
        """Return what options of the computation say."""
        left, right = options.window or (-1, -1)
        offset = keys - queries if options.offset == "end" else options.offset or 0
        prefix = (options.prefix or 0) if options.causal else 0
        return cls(options.causal, left, right, prefix, options.chunk, offset)

    @property
    def window(self) -> int | None:
        """How many keys a query sees at most, itself included; None: the window has no bound on one side."""
        right = 0 if self.causal and not self.prefix else self.right
        return None if self.left < 0 or right < 0 else self.left + right + 1

    def first(self, at: Whole) -> Whole:
        """Return the first key of the queries at these positions."""
        first = np.maximum(0, at - self.left) if self.left >= 0 else np.zeros_like(at)
        return first if self.chunk is None else np.maximum(first, at - at % self.chunk)

    def stop(self, at: Whole, keys: int) -> Whole:
        """Return one after the last key of the queries at these positions."""
        stop = np.full_like(at, keys)
        if self.causal:
            stop = np.minimum(stop, np.maximum(at + 1, self.prefix))
        if self.right >= 0:
            stop = np.minimum(stop, at + self.right + 1)
        if self.chunk is not None:
            stop = np.minimum(stop, at - at % self.chunk + self.chunk)
        return np.maximum(stop, 0)

    def open(self, queries: int, keys: int) -> int:
        """Return how many pairs of a query and a key are open.

        Example:
            >>> Rule(causal=True).open(1_000_000, 1_000_000)
            500000500000
        """
        prefix = min(self.prefix, keys) if self.causal else 0
        whole = self._zone(queries, 0, prefix, causal=False)  # the keys of the prefix, for which nothing is behind
        return whole + self._zone(queries, prefix, keys, self.causal)

    def tiled(self, queries: int, keys: int, tile: Tile) -> int:
        """Return how many pairs are in tiles that have an open pair; those at the edges are cut.

        The runs of neighbouring queries touch each other, so that those of a row of tiles are one run together.
        """
        found = 0
        for start in range(0, math.ceil(queries / tile[0]), TOGETHER):
            rows = np.arange(start, min(start + TOGETHER, math.ceil(queries / tile[0])), dtype=np.int64) * tile[0]
            ends = np.minimum(rows + tile[0], queries)
            first, stop = self.first(self.offset + rows), self.stop(self.offset + ends - 1, keys)
            begins = first // tile[1] * tile[1]
            stops = np.minimum(-(-stop // tile[1]) * tile[1], keys)
            found += int(((ends - rows) * np.where(first < stop, stops - begins, 0)).sum())
        return found

    def _zone(self, queries: int, start: int, stop: int, causal: bool) -> int:
        """Return the open pairs with keys from start to stop, which are all before the prefix or none of them is."""
        if start >= stop:
            return 0
        end = self.offset + queries
        if self.chunk is None:
            return self._within((self.offset, end), (start, stop), causal)
        size = self.chunk
        chunks = range(max(0, self.offset // size), (min(end - 1, stop - 1) // size) + 1)
        # All chunks have as many open pairs but those that the first and last query, the first and last key cut.
        cut = {self.offset // size, (end - 1) // size, start // size, (stop - 1) // size}
        found = sum(self._chunk(each, end, start, stop, causal) for each in cut if each in chunks)
        some = range(max(chunks.start, start // size), chunks.stop)
        whole = next(
            (each for each in some[: len(cut) + 1] if each not in cut), None
        )  # so few in a row are not all cut
        if whole is None:
            return found
        count = len(some) - sum(each in some for each in cut)
        return found + count * self._chunk(whole, end, start, stop, causal)

    def _chunk(self, chunk: int, end: int, start: int, stop: int, causal: bool) -> int:
        assert self.chunk is not None
        begins, ends = chunk * self.chunk, (chunk + 1) * self.chunk
        queries = max(self.offset, begins), min(end, ends)
        return self._within(queries, (max(start, begins), min(stop, ends)), causal)

    def _within(self, queries: tuple[int, int], keys: tuple[int, int], causal: bool) -> int:
        """Return the open pairs of queries at these positions and these keys, by window and diagonal."""
        rows, columns, apart = queries[1] - queries[0], keys[1] - keys[0], queries[0] - keys[0]
        if rows <= 0 or columns <= 0:
            return 0
        bounds = [self.right] * (self.right >= 0) + [0] * causal
        most = _below(rows, columns, min(bounds) + apart) if bounds else rows * columns
        return most - (_below(rows, columns, apart - self.left - 1) if self.left >= 0 else 0)


def _below(rows: int, columns: int, diagonal: int) -> int:
    """Return how many cells of a table have column − row ≤ diagonal: the sum of row + diagonal + 1, from 0 to columns.

    >>> _below(3, 4, 0), _below(3, 4, -2), _below(3, 2, 5)
    (6, 1, 6)
    """
    begins = min(rows, max(0, -diagonal - 1))
    fills = max(begins, min(rows, columns - diagonal - 1))
    partly = (fills - begins) * (begins + fills + 2 * diagonal + 1) // 2
    return partly + (rows - fills) * columns
