"""The part of an output that differs: what is right elsewhere was computed rightly, and is not searched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A part may be this many numbers or more: with fewer, something fits by chance.
LEAST = 8


@dataclass(frozen=True)
class Part:
    """Some rows of an output.

    Attributes:
        where: (batch, heads, L) true in the part.
    """

    where: NDArray[np.bool_]

    @cached_property
    def items(self) -> NDArray[np.int64]:
        """The batch items with rows in the part."""
        return np.flatnonzero(self.where.any((1, 2)))

    @cached_property
    def heads(self) -> NDArray[np.int64]:
        """The heads with rows in the part."""
        return np.flatnonzero(self.where.any((0, 2)))

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """The query rows in the part."""
        return np.flatnonzero(self.where.any((0, 1)))

    def axes(self) -> dict[str, list[int]]:
        """Return which batch items, heads and query rows belong to it, along the axes on which others do not."""
        along = {"batch_items": self.items, "heads": self.heads, "rows": self.rows}
        counts = zip(along.items(), self.where.shape, strict=True)
        return {name: some.tolist() for (name, some), count in counts if len(some) < count}


def parts(wrong: NDArray[np.bool_]) -> list[Part]:
    """Return the parts that may have been computed in another way than the rest, the larger first.

    They are all rows of the heads (of each batch item) in which anything differs, and those rows alone that differ.

    Args:
        wrong: (batch, heads, L) which rows differ.

    Example:
        >>> wrong = np.zeros((1, 4, 3), bool)
        >>> wrong[0, 2:, 1:] = True
        >>> [each.axes() for each in parts(wrong)]
        [{'heads': [2, 3]}, {'heads': [2, 3], 'rows': [1, 2]}]
    """
    heads = np.broadcast_to(wrong.any(axis=2, keepdims=True), wrong.shape)
    found = [] if heads.all() else [Part(heads)]
    return found if (heads == wrong).all() else [*found, Part(wrong)]
