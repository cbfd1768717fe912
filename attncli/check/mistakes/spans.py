"""Runs of keys: where they are, what they are called, and which of them come to the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attncli.attend.stages.mask import openings
from attncli.check.mistakes.changes import Change
from attncli.check.mistakes.variant import Observed
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # Positions of some queries (n,), and which keys are open to them (n, S).
    Rows: TypeAlias = Sequence[tuple[NDArray[np.int64], NDArray[np.bool_]]]

# A tile has at least so many keys; in so many rows of so many heads runs are compared.
TILE, QUERIES, HEADS = 16, 256, 4


@dataclass(frozen=True)
class Run:
    """A run of keys, by where it begins and ends.

    Attributes:
        first: the first key, or how far it is behind the query's position.
        last: likewise the last.
        follows: whether they are counted back from the query's position. With ``key_lengths`` and no offset that of the
            last query is the last key of its item, so that runs of items of other lengths are others.
    """

    first: int
    last: int
    follows: bool

    def inside(self, positions: NDArray[np.int64], keys: int) -> NDArray[np.bool_]:
        """Return where the keys of the run are, (…, S), for queries at positions (…)."""
        number = np.arange(keys)
        if not self.follows:
            within = (number >= self.first) & (number <= self.last)
            return np.broadcast_to(within, (*positions.shape, keys))
        behind = positions[..., None] - number
        return np.asarray((behind <= self.first) & (behind >= self.last))

    def words(self, count: int) -> Sentence:
        """Name the keys, of which there are so many."""
        return self._from_query() if self.follows else self._from_start(count)

    def _from_start(self, count: int) -> Sentence:
        first, last, size = self.first, self.last, self.last - self.first + 1
        if size == count:
            return sentence("run_all")
        if size == 1:
            return sentence("run_key", first=first)
        if size >= TILE and first % size == 0 and size & (size - 1) == 0:
            return sentence("run_tile", first=first, last=last, size=size)
        if last == count - 1:
            return sentence("run_rest", first=first, last=last, size=size)
        return sentence("run_keys", first=first, last=last)

    def _from_query(self) -> Sentence:
        first, last = self.first, self.last
        if first == last:
            return sentence("run_beside", place=_place(first)) if first else sentence("run_own")
        if last == 0:
            return sentence("run_up_to_own", count=first + 1)
        return sentence("run_around", low=_place(first), high=_place(last))


def _place(behind: int) -> str:
    """Name a place by how far it is behind the query's position p.

    >>> _place(2), _place(0), _place(-1)
    ('p−2', 'p', 'p+1')
    """
    return f"p{'−' if behind > 0 else '+'}{abs(behind)}" if behind else "p"


def rows_of(observed: Observed) -> Rows:
    """Return rows in which runs can be told apart, over the whole length."""
    o = observed.right.operands
    some = np.unique(np.linspace(0, o.sizes.queries - 1, min(o.sizes.queries, QUERIES)).round().astype(np.int64))
    found = []
    for group in observed.sample.groups[:HEADS]:
        one = o.select(batch=group.batch, head=group.head, rows=some)
        opened = np.ones((1, 1, len(some), o.sizes.keys), bool)
        for rule in openings(one).values():
            opened = opened & rule
        found.append((one.positions[0], opened[0, 0]))
    return found


def distinct(runs: Iterable[Run], change: Change, rows: Rows, keys: int) -> list[Run]:
    """Return the runs of which a change makes something different; of those that come to the same, the plainest."""
    found: dict[object, Run] = {}
    for run in runs:
        effect = _effect(run, change, rows)
        # What these rows do not show is kept.
        same: object = effect if any(map(any, effect)) else run
        if same not in found or _is_plainer(run, found[same], keys):
            found[same] = run
    return list(found.values())


def _effect(run: Run, change: Change, rows: Rows) -> tuple[bytes, ...]:
    """Return which keys of which rows change."""
    found = []
    for positions, opened in rows:
        inside = run.inside(positions, opened.shape[-1]) & (opened != change.opens)
        if change.fixed is not None:
            inside[..., change.fixed] = False
        found.append(np.packbits(inside).tobytes())
    return tuple(found)


def _is_plainer(one: Run, other: Run, keys: int) -> bool:
    """Tell whether a run is better known than another: all keys before the query's own, and that before any."""
    plain = [Run(0, keys - 1, follows=False), Run(0, 0, follows=True)]
    return one in plain and (other not in plain or plain.index(one) < plain.index(other))
