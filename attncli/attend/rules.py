"""Which keys rules by position and by ids open to a query: the one place that knows them.

The formula is the same for all keys of all queries, for a tile of them, and for a few keys that each query has of its
own: what queries and keys are told by (`Places`) broadcasts. Most rules open neighbouring keys, so that between the
first and the last one nothing is closed; `Reach` says for each query which these are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.views import at_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands
    from attncli.attend.options import Options

    Whole = NDArray[np.int64]

# The block of a token that is in none: any id below 0 is one.
NO_BLOCK = -1


@dataclass(frozen=True, eq=False)
class Places:
    """What rules know queries or keys by; what no rule asks for is None.

    Attributes:
        at: the position.
        segment: the id of the document.
        chunk: the position at which the chunk begins.
        block: the id of the block; one below 0 is none.
    """

    at: Whole
    segment: Whole | None = None
    chunk: Whole | None = None
    block: Whole | None = None

    @property
    def arrays(self) -> tuple[Whole | None, ...]:
        """All of them, in the order of the fields."""
        return self.at, self.segment, self.chunk, self.block

    def __getitem__(self, index: Any) -> Places:
        """Return some of them, or all with other axes, as NumPy indexes an array."""
        return Places(*(None if array is None else array[index] for array in self.arrays))  # type: ignore[arg-type]

    def one(self, batch: int) -> Places:
        """Return those of one batch item, without the axis of the batch."""
        return Places(*(_one_of(array, batch) for array in self.arrays))


@dataclass(frozen=True, eq=False)
class Rules:
    """The rules of a problem that go by positions and ids.

    Attributes:
        options: those in force.
        query: (batch or 1, L) each.
        key: (batch or 1, S) each.
        lengths: (batch or 1,) the number of keys of each batch item; None if not given.
    """

    options: Options
    query: Places
    key: Places
    lengths: Whole | None

    @classmethod
    def of(cls, o: ScoreOperands) -> Rules:
        """Return the rules of prepared operands."""
        keys = np.arange(o.sizes.keys)[None]
        segments, of_queries = o.inputs.get("segments"), o.inputs.get("query_segments")
        key_starts = starts = None
        if segments is not None and of_queries is not None and o.options.chunk is not None:
            key_starts, starts = first_keys(segments, segments), first_keys(segments, of_queries)
        blocks = o.inputs.get("blocks") if o.options.causal else None
        query = Places(
            o.positions,
            of_queries,
            _chunks(o.positions, starts, o.options.chunk),
            None if blocks is None else at_positions(blocks, o.positions, NO_BLOCK),
        )
        key = Places(keys, segments, _chunks(keys, key_starts, o.options.chunk), blocks)
        return cls(o.options, query, key, o.key_lengths)

    def one(self, batch: int) -> Rules:
        """Return the rules of one batch item, without the axis of the batch."""
        return Rules(self.options, self.query.one(batch), self.key.one(batch), _one_of(self.lengths, batch))

    @property
    def items(self) -> int:
        """How many batch items have rules of their own; 1 if all have the same."""
        arrays = (*self.query.arrays, *self.key.arrays, self.lengths)
        return max(len(each) for each in arrays if each is not None)


def go_by_ids(o: ScoreOperands) -> bool:
    """Tell whether documents or chunks part the queries and keys."""
    return "segments" in o.inputs or o.options.chunk is not None


def are_in_force(o: ScoreOperands) -> bool:
    """Tell whether any of the rules can close a key."""
    has_window = o.options.window is not None and max(o.options.window) >= 0
    return o.options.causal or has_window or o.key_lengths is not None or go_by_ids(o)


def opened(options: Options, query: Places, key: Places, length: Whole | None) -> dict[str, NDArray[np.bool_]]:
    """Return, for each rule in force, where it lets a query attend; queries and keys broadcast.

    Args:
        options: those in force.
        query: the queries.
        key: the keys.
        length: the number of keys that are no padding; None: all.
    """
    rules: dict[str, NDArray[np.bool_]] = {}
    if options.causal:
        rules["causal"] = key.at <= query.at
        if options.prefix is not None:
            rules["causal"] = rules["causal"] | (key.at < options.prefix)
        if query.block is not None:
            rules["causal"] = rules["causal"] | ((query.block == key.block) & (query.block >= 0))
    if options.window is not None:
        left, right = options.window
        rules["window"] = np.ones((1,) * query.at.ndim, dtype=bool)
        if left >= 0:
            rules["window"] = rules["window"] & (key.at >= query.at - left)
        if right >= 0:
            rules["window"] = rules["window"] & (key.at <= query.at + right)
    if length is not None:
        rules["length"] = key.at < length
    if query.segment is not None and key.segment is not None:
        rules["segments"] = np.equal(query.segment, key.segment)
    if query.chunk is not None and key.chunk is not None:
        rules["chunk"] = np.equal(query.chunk, key.chunk)
    return rules


def named(indices: Whole, keys: int) -> NDArray[np.bool_]:
    """Return which of the keys are named: (…, k) → (…, keys); an index below 0 names none.

    >>> named(np.array([[2, 0, 2], [1, -1, -1]]), 4).tolist()
    [[True, False, True, False], [False, True, False, False]]
    """
    found = np.zeros((*indices.shape[:-1], keys + 1), dtype=bool)  # the last one is for what names none
    np.put_along_axis(found, np.where(indices < 0, keys, indices), values=True, axis=-1)
    return found[..., :keys]


def first_keys(segments: Whole, wanted: Whole) -> Whole:
    """Return the first key of documents: of those with the ids (batch or 1, n), in segments (batch or 1, S).

    A document that has no key begins anywhere.
    """
    found = np.zeros((max(len(segments), len(wanted)), wanted.shape[1]), dtype=np.int64)
    for item, row in enumerate(found):
        ids, first = np.unique(segments[item % len(segments)], return_index=True)
        row[:] = first[np.minimum(np.searchsorted(ids, wanted[item % len(wanted)]), len(ids) - 1)]
    return found


def _chunks(at: Whole, starts: Whole | None, size: int | None) -> Whole | None:
    """Return where the chunk at each position begins; the first one of a document begins where that starts."""
    if size is None:
        return None
    return at - (at if starts is None else at - starts) % size


def _one_of(array: Any, batch: int) -> Any:
    return None if array is None else array[batch % len(array)]


# --- what is open, as far as neighbouring keys ------------------------------------------------------------------------


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
