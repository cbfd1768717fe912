"""How far the rules of a query reach: from the first key that they open to the last.

Most rules open neighbouring keys, so that between the two nothing is closed, and tiles need not look at single keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.rules import Rules

    Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reach:
    """For each query of one batch item the keys from the first to the last one that rules open.

    Attributes:
        first: (L,) at most ``stop``.
        stop: (L,) one after the last.
        rises: whether neither ever falls from one query to the next, as where documents come in their order.
        at: (L,) the positions, if nothing counts but how far a key is from them; otherwise None.
        rules: the rules of the item, if they may close a key in between; None if they do not.
    """

    first: Whole
    stop: Whole
    rises: bool
    at: Whole | None
    rules: Rules | None

    @classmethod
    def of(cls, rules: Rules, keys: int) -> Reach:
        """Return the reach of the queries of one batch item (see `Rules.one`) over all keys."""
        query, key, options, has_holes = rules.query, rules.key, rules.options, False
        at = query.at
        first, stop = np.zeros_like(at), np.full_like(at, keys)
        if options.causal:
            last = at + 1 if options.prefix is None else np.maximum(at + 1, options.prefix)
            if query.block is not None and key.block is not None:
                runs = Runs.of(key.block)
                has_holes = runs.is_cut(0)
                last = np.maximum(last, np.where(query.block < 0, 0, runs.spans(query.block)[1]))
            stop = np.minimum(stop, last)
        left, right = options.window or (-1, -1)
        if left >= 0:
            first = np.maximum(first, at - left)
        if right >= 0:
            stop = np.minimum(stop, at + right + 1)
        if rules.lengths is not None:
            stop = np.minimum(stop, rules.lengths)
        if query.segment is not None and key.segment is not None:
            runs = Runs.of(key.segment)
            has_holes = has_holes or runs.is_cut()
            begins, ends = runs.spans(query.segment)
            first, stop = np.maximum(first, begins), np.minimum(stop, ends)
        if query.chunk is not None and options.chunk is not None:
            first, stop = np.maximum(first, query.chunk), np.minimum(stop, query.chunk + options.chunk)
        stop = np.maximum(stop, 0)
        first = np.minimum(first, stop)
        by_distance = options.prefix is None and query.block is query.segment is query.chunk is None
        rises = by_distance or bool((first[1:] >= first[:-1]).all() and (stop[1:] >= stop[:-1]).all())
        return cls(first, stop, rises, at if by_distance else None, rules if has_holes else None)

    def seen(self, rows: slice) -> slice:
        """Return the keys between which all are that any of these queries sees."""
        first, stop = self.first[rows], self.stop[rows]
        if self.rises:
            return slice(int(first[0]), int(stop[-1]))
        sees = first < stop
        return slice(int(first[sees].min()), int(stop[sees].max())) if sees.any() else slice(0, 0)

    def rows(self, rows: slice, keys: slice) -> slice:
        """Return the queries, as indices into ``rows``, between which all are that see any of these keys."""
        first, stop = self.first[rows], self.stop[rows]
        if self.rises:
            start = int(stop.searchsorted(keys.start, side="right"))
            return slice(start, max(start, int(first.searchsorted(keys.stop))))
        found = np.flatnonzero((first < keys.stop) & (stop > keys.start))
        return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)

    def cut(self, rows: slice, keys: slice) -> list[slice]:
        """Return the stretches of queries, as indices into ``rows``, that see some of these keys but not all."""
        first, stop = self.first[rows], self.stop[rows]
        if self.rises:
            top, bottom, count = (
                int(stop.searchsorted(keys.stop)),
                int(first.searchsorted(keys.start, side="right")),
                len(first),
            )
            bounds = ((0, top), (bottom, count)) if top < bottom else ((0, count),)
            return [slice(*each) for each in bounds if each[0] < each[1]]
        found = np.flatnonzero((first > keys.start) | (stop < keys.stop))
        return [slice(int(found[0]), int(found[-1]) + 1)] if len(found) else []

    def closed(self, rows: slice, keys: slice) -> tuple[Any, Callable[[], NDArray[np.bool_]]]:
        """Return where these keys are closed to these queries: before the first and after the last that they see.

        Returns:
            What the answer depends on, which is often the same, since most keys are closed by how far away they are;
            and what makes it, (rows, keys).
        """
        count = keys.stop - keys.start
        if self.at is not None:
            place: Any = (int(self.at[rows.start]) - keys.start, rows.stop - rows.start, count)
        else:
            place = ((self.first[rows] - keys.start).tobytes(), (self.stop[rows] - keys.start).tobytes(), count)

        def make() -> NDArray[np.bool_]:
            at = np.arange(keys.start, keys.stop)
            return (at < self.first[rows, None]) | (at >= self.stop[rows, None])

        return place, make


@dataclass(frozen=True, eq=False)
class Runs:
    """Where each id begins and ends.

    Attributes:
        ids: in order.
        first: the first place of each.
        stop: one after its last.
        counts: how often it stands there.
    """

    ids: Whole
    first: Whole
    stop: Whole
    counts: Whole

    @classmethod
    def of(cls, array: Whole) -> Runs:
        """Look for them in an array (S)."""
        ids, first, counts = np.unique(array, return_index=True, return_counts=True)
        return cls(ids, first, len(array) - np.unique(array[::-1], return_index=True)[1], counts)

    def spans(self, wanted: Whole) -> tuple[Whole, Whole]:
        """Return the first place of each of these ids, and one after its last; 0 and 0 if it is nowhere."""
        found = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        known = self.ids[found] == wanted
        return np.where(known, self.first[found], 0), np.where(known, self.stop[found], 0)

    def is_cut(self, least: int | None = None) -> bool:
        """Tell whether other ids stand between those of one, which is at least ``least``."""
        gaps = self.stop - self.first != self.counts
        return bool(gaps[self.ids >= least].any() if least is not None else gaps.any())
