"""Which rows and columns of a large matrix are shown: the first and the last, as in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Axis:
    """The shown indices of one axis.

    Attributes:
        indices: those shown, in order.
        total: how many there are.
    """

    indices: NDArray[np.int64]
    total: int

    @property
    def gaps(self) -> list[int]:
        """The places among those shown before which some are left out."""
        return (np.flatnonzero(np.diff(self.indices) > 1) + 1).tolist()


def ends(total: int, most: int | None) -> Axis:
    """Show the first and the last, ``most`` in all; None shows every one.

    >>> ends(100, 5).indices.tolist()
    [0, 1, 2, 98, 99]
    """
    if most is None or total <= most:
        return Axis(np.arange(total), total)
    last = most // 2
    return Axis(np.concatenate([np.arange(most - last), np.arange(total - last, total)]), total)


def around(total: int, most: int, keep: int) -> Axis:
    """Show the ends as `ends` does, and in the middle the index ``keep``, which must not be left out."""
    axis = ends(total, most)
    if keep in axis.indices:
        return axis
    indices = axis.indices.copy()
    indices[(len(indices) - 1) // 2] = keep
    return Axis(np.unique(indices), total)
