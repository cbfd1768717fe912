"""Where loops and splits cut the keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.operands import Operands

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Sizes of tiles, and how many parts people make, the usual numbers first.
SIZES = (8, 16, 32, 64, 128, 256, 512)
PARTS = (2, 3, 4, 6, 8)
COUNTS = (*PARTS, 5, 12, 16)


@dataclass(frozen=True)
class Cut:
    """Keys in parts.

    Attributes:
        borders: where each part begins, and how many keys there are.
        size: how many keys each part has, the last one or some of them fewer.
        tile: whether that is a usual size of tiles.

    Example:
        >>> Cut((0, 2, 3), 2).index.tolist(), Cut((0, 2, 3), 2).back.tolist()
        ([[0, 1], [2, 3]], [0, 1, 2])
    """

    borders: tuple[int, ...]
    size: int
    tile: bool = False

    @property
    def name(self) -> str:
        """What tells it from other cuts."""
        return "-".join(map(str, self.borders))

    @property
    def count(self) -> int:
        """How many parts there are."""
        return len(self.borders) - 1

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return self.borders[-1]

    @cached_property
    def index(self) -> NDArray[np.int64]:
        """(parts, largest size) which keys are in each part; the number of keys where there is none."""
        widest = max(last - first for first, last in pairwise(self.borders))
        found = np.full((self.count, widest), self.keys)
        for at, (first, last) in enumerate(pairwise(self.borders)):
            found[at, : last - first] = np.arange(first, last)
        return found

    @cached_property
    def back(self) -> NDArray[np.int64]:
        """(S,) where each key is in the flat index."""
        return np.flatnonzero(self.index.ravel() < self.keys)

    @cached_property
    def part(self) -> NDArray[np.int64]:
        """(S,) in which part each key is."""
        return np.repeat(np.arange(self.count), np.diff(self.borders))


def cut(keys: int, size: int) -> Cut:
    """Cut keys into tiles, the last of which may be shorter."""
    return Cut((*range(0, keys, size), keys), size, size in SIZES)


def cuts(o: Operands) -> Iterator[Cut]:
    """Where the keys of a problem may be cut: into few parts, at the end of a cache, and into tiles."""
    keys, seen = o.sizes.keys, set()
    for each in _cuts(keys, o.sizes.past):
        if each.count > 1 and each.borders not in seen:
            seen.add(each.borders)
            yield each


def _cuts(keys: int, past: int) -> Iterator[Cut]:
    counts = [count for count in COUNTS if keys >= 2 * count]
    for count in counts:
        yield cut(keys, -(-keys // count))
    yield from (cut(keys, size) for size in SIZES if size < keys)
    for count in counts:
        # The first parts have one key more than the others, or the last ones.
        first = keys % count
        sizes = [keys // count + (at < first) for at in range(count)]
        for each in (sizes, sizes[::-1]):
            yield Cut((0, *np.cumsum(each).tolist()), max(sizes))
    if 0 < past < keys:
        yield Cut((0, past, keys), past)
