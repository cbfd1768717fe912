"""What is counted and drawn of cells: how many are set, which share of each square, which keys of each row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.mask.opening import Plane, by_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.show.progress import Progress

Range = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Survey:
    """What was found in one plane of cells.

    Attributes:
        shape: how many queries and keys there are.
        run: how many of them one square stands for.
        shares: (rows of squares, columns of squares) the share of each square that is set.
        reach: (rows of squares, S) the keys that any query of a row of squares has set; (…, 0) if not asked for.
        count: how many cells are set.
        empty: the queries that have none.
    """

    shape: tuple[int, int]
    run: tuple[int, int]
    shares: NDArray[np.float64]
    reach: NDArray[np.bool_]
    count: int
    empty: NDArray[np.int64]

    @property
    def exact(self) -> bool:
        """Whether each square is one cell."""
        return self.run == (1, 1)

    def ranges(self, row: int) -> list[Range]:
        """Return the runs of keys of a row of squares, each with its first and its last key."""
        return ranges(self.reach[row])


def survey(plane: Plane, most: tuple[int, int], progress: Progress | None = None, *, reaching: bool = True) -> Survey:
    """Look at all cells once, some rows at a time.

    Args:
        plane: the cells.
        most: the rows and columns of squares that there is room for.
        progress: called with the share that is done.
        reaching: whether the keys of each row are wanted.
    """
    queries, keys = plane.shape
    run = math.ceil(queries / most[0]), math.ceil(keys / most[1])
    down = math.ceil(queries / run[0])
    columns = np.arange(0, keys, run[1])
    counts = np.zeros((down, len(columns)), dtype=np.int64)
    reach = np.zeros((down, keys if reaching else 0), dtype=bool)
    filled = np.zeros(queries, dtype=bool)
    for start, cells in by_rows(plane, progress):
        squares = np.arange(start, start + len(cells)) // run[0]
        rows = np.flatnonzero(np.diff(squares, prepend=-1))
        place = slice(squares[0], squares[-1] + 1)
        # Rows first: they lie one after the other in memory, and few numbers are left to be added along them.
        within = np.add.reduceat(cells, rows, axis=0, dtype=np.int32)
        counts[place] += np.add.reduceat(within, columns, axis=1, dtype=np.int64)
        if reaching:
            reach[place] |= within > 0
        filled[start : start + len(cells)] = cells.any(axis=1)
    sides = (np.diff([*range(0, length, step), length]) for length, step in zip((queries, keys), run, strict=True))
    shares = counts / np.multiply.outer(*sides)
    return Survey((queries, keys), run, shares, reach, int(counts.sum()), np.flatnonzero(~filled))


def ranges(row: NDArray[Any]) -> list[Range]:
    """Return the runs of true cells.

    >>> ranges(np.array([True, True, False, True]))
    [(0, 1), (3, 3)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)]
