"""What a mask opens, computed by rows, so that one of any size takes little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attncli.attend.stages.mask import openings
from attncli.show.progress import Progress, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands

# The cells that are made at a time, so that a mask of any size takes little memory.
CHUNK = 1 << 21
Place = tuple[int, int]


class Plane(Protocol):
    """Cells, queries × keys, of which each is true or false."""

    @property
    def shape(self) -> tuple[int, int]:
        """How many queries and keys there are."""

    def rows(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return the rows of some queries."""


@dataclass(frozen=True, eq=False)
class Opening:
    """Which keys are open to which queries.

    Attributes:
        operands: the input of the stage mask.
    """

    operands: ScoreOperands

    @cached_property
    def shape(self) -> tuple[int, int, int, int]:
        """(batch, heads, L, S); 1 where all batch items, or all heads, have the same mask."""
        o = self.operands
        batch, heads, _, _ = np.broadcast_shapes((1, 1, 1, 1), *(each.shape for each in _rules(o, np.arange(1))))
        return batch, heads, o.sizes.queries, o.sizes.keys

    @property
    def plane(self) -> tuple[int, int]:
        """How many queries and keys there are."""
        return self.shape[2], self.shape[3]

    @property
    def places(self) -> list[Place]:
        """All batch items and heads that have a mask of their own."""
        return [(batch, head) for batch in range(self.shape[0]) for head in range(self.shape[1])]

    def at(self, place: Place) -> OpenPlane:
        """Return the mask of one batch item and head; one that serves all of them, for any of them."""
        batch, head = (index if count > 1 else 0 for index, count in zip(place, self.shape, strict=False))
        return OpenPlane(self.operands.select(batch=batch, head=head))

    def fill(self, out: NDArray[np.bool_], places: Sequence[Place], progress: Progress | None = None) -> None:
        """Write the masks of some places into an array, (places, L, S)."""
        for done, (place, into) in enumerate(zip(places, out, strict=True)):
            for start, cells in by_rows(self.at(place), part_of(progress, done, len(places))):
                into[start : start + len(cells)] = cells

    def rules(self) -> dict[str, NDArray[np.bool_]]:
        """Return the rules that it is made of, by name; each broadcasts to all of it."""
        return openings(self.operands)

    def whole(self) -> NDArray[np.bool_]:
        """Return all of it, (batch, heads, L, S)."""
        out = np.empty((len(self.places), *self.shape[2:]), dtype=bool)
        self.fill(out, self.places)
        return out.reshape(self.shape)


@dataclass(frozen=True, eq=False)
class OpenPlane:
    """The mask of one batch item and head."""

    operands: ScoreOperands

    @property
    def shape(self) -> tuple[int, int]:
        """How many queries and keys there are."""
        return self.operands.sizes.queries, self.operands.sizes.keys

    def rows(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return where some queries may attend."""
        size = (stop - start, self.shape[1])
        cells = np.ones((1, 1, 1, 1), dtype=bool)
        cells = reduce(np.logical_and, _rules(self.operands, np.arange(start, stop)), cells)
        return np.broadcast_to(cells, (1, 1, *size))[0, 0]


def _rules(o: ScoreOperands, rows: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    return list(openings(o.select(rows=rows)).values())


def by_rows(plane: Plane, progress: Progress | None = None) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the cells of a plane, some rows at a time, each with the first query of them."""
    queries, keys = plane.shape
    step = rows_at_once(keys)
    for start in range(0, queries, step):
        stop = min(start + step, queries)
        yield start, plane.rows(start, stop)
        if progress is not None:
            progress(stop / queries)


def rows_at_once(keys: int) -> int:
    """Return how many rows of a mask are made at a time."""
    return max(1, CHUNK // keys)
