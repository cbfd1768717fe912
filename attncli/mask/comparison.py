"""Two masks laid on each other: which cells differ, and what rule makes the one of the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from attncli import memory
from attncli.attend.shapes import show
from attncli.errors import InputError
from attncli.mask import differences
from attncli.mask.differences import Explanation
from attncli.mask.opening import Opening, Place, Plane, by_rows, rows_at_once
from attncli.problem import estimate
from attncli.said import Said
from attncli.show.progress import Progress, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels
    from attncli.problem.problem import Problem

# Of more cells no rule is looked for: that goes over all of them a hundred times.
MOST_RULED = 1 << 23


@dataclass(frozen=True, eq=False)
class Side:
    """A mask and where it came from."""

    problem: Problem
    opening: Opening

    def labels_of(self, batch: int) -> dict[str, Labels]:
        """Return the names of queries and keys of a batch item; those of the only one serve all."""
        return self.problem.labels_of(batch if self.opening.operands.sizes.batch > 1 else 0)


def name_of(place: Place, shape: Sequence[int]) -> str:
    """Return what a batch item and head are called; empty if there is only one of each.

    >>> name_of((1, 3), (2, 9, 5, 5)), name_of((0, 3), (1, 9, 5, 5))
    ('batch 1, head 3', 'head 3')
    """
    if shape[0] > 1 and shape[1] > 1:
        return Said("batch {batch}, head {head}", batch=place[0], head=place[1])
    if shape[0] > 1:
        return Said("batch {batch}", batch=place[0])
    return Said("head {head}", head=place[1]) if shape[1] > 1 else ""


@dataclass(frozen=True, eq=False)
class Widened:
    """A plane of which one row, or one column, serves all that the other mask has."""

    plane: Plane
    shape: tuple[int, int]

    def rows(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return the rows of some queries."""
        some = (start, stop) if self.plane.shape[0] > 1 else (0, 1)
        return np.broadcast_to(self.plane.rows(*some), (stop - start, self.shape[1]))


@dataclass(frozen=True, eq=False)
class Differing:
    """Where two planes differ."""

    a: Widened
    b: Widened

    @property
    def shape(self) -> tuple[int, int]:
        """How many queries and keys there are."""
        return self.a.shape

    def both(self, start: int, stop: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the rows of some queries in A and in B."""
        return self.a.rows(start, stop), self.b.rows(start, stop)

    def rows(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return the cells that differ in the rows of some queries."""
        a, b = self.both(start, stop)
        return a != b


@dataclass(frozen=True)
class Verdict:
    """What came out of a comparison.

    Attributes:
        counts: how many cells are open in A alone and in B alone, for each batch item and head.
        open: how many are open in A and in B.
        cells: how many there are in all.
        explanation: what makes the one of the other; None where nothing known does.
        sought: whether that was looked for; masks may be too large for it.
    """

    counts: Mapping[Place, tuple[int, int]]
    open: tuple[int, int]
    cells: int
    explanation: Explanation | None = None
    sought: bool = True

    @property
    def same(self) -> bool:
        """Whether no cell differs; masks that cannot be laid on each other have none that could be the same."""
        return bool(self.counts) and not any(map(sum, self.counts.values()))

    @property
    def alone(self) -> tuple[int, int]:
        """How many cells are open in A alone and in B alone."""
        return sum(a for a, _ in self.counts.values()), sum(b for _, b in self.counts.values())

    @property
    def places(self) -> list[Place]:
        """The batch items and heads that differ."""
        return [place for place, counts in self.counts.items() if any(counts)]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two masks.

    Attributes:
        a: the first one.
        b: the second one.
    """

    a: Side
    b: Side

    @cached_property
    def shape(self) -> tuple[int, int, int, int] | None:
        """(batch, heads, L, S) of both, laid on each other; None: they cannot be."""
        try:
            batch, heads, queries, keys = np.broadcast_shapes(self.a.opening.shape, self.b.opening.shape)
        except ValueError:
            return None
        return batch, heads, queries, keys

    def name_of(self, place: Place) -> str:
        """Return what a batch item and head are called."""
        return name_of(place, self.shape or (1, 1))

    def labels_of(self, batch: int) -> dict[str, Labels]:
        """Return the names of queries and keys: those of A, or of B where A has none or fewer."""
        assert self.shape is not None
        counts = {"query_labels": self.shape[2], "key_labels": self.shape[3]}
        given = [*self.b.labels_of(batch).items(), *self.a.labels_of(batch).items()]
        return {name: labels for name, labels in given if len(labels) == counts[name]}

    def at(self, place: Place) -> Differing:
        """Return the planes of a batch item and head."""
        assert self.shape is not None
        size = (self.shape[2], self.shape[3])
        return Differing(*(Widened(side.opening.at(place), size) for side in (self.a, self.b)))

    def fill(self, out: NDArray[np.bool_], places: Sequence[Place], progress: Progress | None = None) -> None:
        """Write into an array, (places, L, S), where the masks differ."""
        for done, (place, into) in enumerate(zip(places, out, strict=True)):
            for start, cells in by_rows(self.at(place), part_of(progress, done, len(places))):
                into[start : start + len(cells)] = cells

    def verdict(self, progress: Progress | None = None) -> Verdict:
        """Compare all cells.

        Raises:
            InputError: the masks cannot be laid on each other, nor is the one the other with its axes swapped; or there
                is not enough memory.
        """
        if self.shape is None:
            return self._of_shapes()
        places = [(batch, head) for batch in range(self.shape[0]) for head in range(self.shape[1])]
        counts: dict[Place, tuple[int, int]] = {}
        opened = np.zeros(2, dtype=np.int64)
        for done, place in enumerate(places):
            alone = np.zeros(2, dtype=np.int64)
            for a, b in self._rows(place, part_of(progress, done, len(places))):
                alone += np.count_nonzero(a & ~b), np.count_nonzero(b & ~a)
                opened += np.count_nonzero(a), np.count_nonzero(b)
            counts[place] = int(alone[0]), int(alone[1])
        found = Verdict(counts, (int(opened[0]), int(opened[1])), int(np.prod(self.shape, dtype=object)))
        if found.same:
            return found
        return Verdict(found.counts, found.open, found.cells, *self._explained(found.cells))

    def _rows(self, place: Place, progress: Progress | None) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        planes = self.at(place)
        step = rows_at_once(planes.shape[1])
        for start in range(0, planes.shape[0], step):
            stop = min(start + step, planes.shape[0])
            yield planes.both(start, stop)
            if progress is not None:
                progress(stop / planes.shape[0])

    def _explained(self, cells: int) -> tuple[Explanation | None, bool]:
        if cells > MOST_RULED:
            return None, False
        memory.require(estimate.two_masks(cells), "the masks are too large to look for what differs", "")
        a, b = self.a.opening, self.b.opening
        return differences.explain(a.whole(), b.whole(), a.rules(), b.rules()), True

    def _of_shapes(self) -> Verdict:
        shapes = [side.opening.shape for side in (self.a, self.b)]
        cells = [int(np.prod(shape, dtype=object)) for shape in shapes]
        found = None
        if sorted(shapes[0]) == sorted(shapes[1]) and cells[0] <= MOST_RULED:
            a, b = self.a.opening.whole(), self.b.opening.whole()
            found = differences.explain(a, b)
            opened = int(a.sum()), int(b.sum())
        if found is None:
            texts = [
                f"{each.problem.place} {show(shape)}" for each, shape in zip((self.a, self.b), shapes, strict=True)
            ]
            axes = "(batch, heads, queries, keys)"
            raise InputError(
                f"{' and '.join(texts)} {axes} do not fit on each other: their lengths must be equal, or 1"
            )
        return Verdict({}, opened, cells[0], found)
