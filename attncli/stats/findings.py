"""What all pieces of a problem give together, added up in their order, so that it does not depend on timing."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.tiles import Piece
from attncli.stats import maps, profile

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Part:
    """What one piece gives.

    Attributes:
        sums: the sum of each number over the rows that have it, (query heads), by name.
        counts: how many rows these are, likewise.
        empty: the queries that see nothing.
        map: what it adds to the maps, if these are wanted.
        profile: what it adds to the profile, likewise.
    """

    sums: Mapping[str, NDArray[Any]]
    counts: Mapping[str, NDArray[Any]]
    empty: Sequence[int] = ()
    map: maps.Part | None = None
    profile: profile.Part | None = None


@dataclass(eq=False)
class Findings:
    """The sums over all pieces.

    Attributes:
        shape: batch items and query heads.
        group: query heads per key head.
        pieces: in the order in which they are added up.
        maps: those that are wanted, or None.
        profile: likewise.
    """

    shape: tuple[int, int]
    group: int
    pieces: Sequence[Piece]
    maps: maps.Maps | None = None
    profile: profile.Profile | None = None
    empty: set[int] = field(default_factory=set, init=False)
    sums: dict[str, NDArray[Any]] = field(default_factory=dict, init=False)
    counts: dict[str, NDArray[Any]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._places = {_place(piece): at for at, piece in enumerate(self.pieces)}
        self._waiting: dict[int, Part] = {}
        self._next = 0

    def put(self, piece: Piece, part: Part) -> None:
        """Take what a piece gives; it is added when all pieces before it are."""
        with self._lock:
            self._waiting[self._places[_place(piece)]] = part
            while self._next in self._waiting:
                self._add(self.pieces[self._next], self._waiting.pop(self._next))
                self._next += 1

    def _add(self, piece: Piece, part: Part) -> None:
        heads = slice(piece.heads.start * self.group, piece.heads.stop * self.group)
        for into, given in ((self.sums, part.sums), (self.counts, part.counts)):
            for name, some in given.items():
                into.setdefault(name, np.zeros(self.shape))[piece.batch, heads] += some
        self.empty.update(part.empty)
        if self.maps is not None and part.map is not None:
            self.maps.add(piece.batch, heads, part.map)
        if self.profile is not None and part.profile is not None:
            self.profile.add(piece.batch, heads, part.profile)

    def mean(self, name: str, batch: int, head: int) -> float | None:
        """Return the mean of a number over the rows of a head that have it; None if there are none."""
        if name not in self.sums or not self.counts[name][batch, head]:
            return None
        return float(self.sums[name][batch, head] / self.counts[name][batch, head])

    def overall(self, name: str) -> float | None:
        """Return the mean of a number over the rows of all heads that have it; None if there are none."""
        if name not in self.sums or not self.counts[name].any():
            return None
        return float(self.sums[name].sum() / self.counts[name].sum())

    def count(self, name: str, batch: int, head: int) -> int:
        """Return how many rows of a head have a number."""
        return int(self.counts[name][batch, head]) if name in self.counts else 0


def _place(piece: Piece) -> tuple[int, int, int]:
    return piece.batch, piece.heads.start, piece.rows.start
