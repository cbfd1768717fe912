"""Which keys rules by position and by ids open to a query.

The formula is the same for all keys of all queries, for a tile of them, and for a few keys that each query has of its
own: what queries and keys are told by (`Places`) broadcasts. Of neighbouring keys, `attncli.attend.reach` says the same
by the first and the last one.
"""

from __future__ import annotations

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
