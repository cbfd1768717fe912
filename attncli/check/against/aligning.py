"""Which tokens of two dumps are the same: by labels, or by padding on one side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.check.against.side import Side
from attncli.files.contents import of_item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]

# What tokenizers write for a blank before a word.
BLANKS = "▁Ġ␣ "
# Labels say something where at least this share of the shorter list is in the other one, and are so many at most.
ENOUGH, MOST_LABELS = 0.5, 20_000


@dataclass(frozen=True)
class Along:
    """The same places along one axis, in both dumps."""

    mine: Indices
    theirs: Indices

    @classmethod
    def of(cls, count: int) -> Along:
        """Return all of so many places."""
        return cls(np.arange(count), np.arange(count))

    @property
    def is_all(self) -> bool:
        """Whether every place is the same as itself, from the first on."""
        return np.array_equal(self.mine, self.theirs) and np.array_equal(self.mine, np.arange(len(self.mine)))


@dataclass(frozen=True)
class Aligned:
    """The tokens that both dumps have.

    Attributes:
        queries: along the queries; None: it is not known how many there are.
        keys: along the keys.
        by: what told: ``length``, ``labels``, ``left padding`` or ``right padding``; or empty, where nothing fits.
        closed: (batch, S of theirs) keys that no query of theirs sees: their numbers say nothing.
    """

    queries: Along | None = None
    keys: Along | None = None
    by: str = "length"
    closed: NDArray[np.bool_] | None = None

    def along(self, symbol: str) -> Along | None:
        """Return the places along the axis with this symbol; None: all that there are."""
        return {"L": self.queries, "S": self.keys}.get(symbol)

    def is_square(self) -> bool:
        """Whether queries stand where keys do."""
        return (
            self.queries is not None and self.keys is not None and np.array_equal(self.queries.theirs, self.keys.theirs)
        )

    def valid(self, name: str, batch: int) -> NDArray[np.bool_] | None:
        """Return (batch, 1, rows, columns or 1) which numbers of an array count, by the places of theirs; None: all."""
        if self.closed is None or self.keys is None or not self.closed.any():
            return None
        axes = ARRAYS[name].axes[2:]
        open_ = np.broadcast_to(~self.closed, (batch, self.closed.shape[1]))[:, self.keys.theirs]
        rows = open_ if axes[0] == "S" or (axes[0] == "L" and self.is_square()) else None
        found = np.ones((1, 1, 1, 1), dtype=bool) if rows is None else rows[:, None, :, None]
        return np.asarray(found & open_[:, None, None, :] if axes[1:] == ("S",) else found)


def aligned(mine: Side, theirs: Side, lengths: tuple[int, int] | None) -> Aligned:
    """Find the tokens that two problems have in common.

    Args:
        mine: the first problem.
        theirs: the second one.
        lengths: queries and keys of the first; None: it is not known.
    """
    there = theirs.lengths()
    if lengths is None or there is None:
        return Aligned(by="")
    closed = _closed(theirs)
    labels = {
        side: {name: of_item(each, 0) for name, each in problem.labels.items()}
        for side, problem in (("mine", mine.problem), ("theirs", theirs.problem))
    }
    found = [
        _by_labels(labels["mine"].get(name), labels["theirs"].get(name), counts)
        for name, counts in (("query_labels", (lengths[0], there[0])), ("key_labels", (lengths[1], there[1])))
    ]
    if all(each is not None for each in found) and not all(each is not None and each.is_all for each in found):
        return Aligned(found[0], found[1], "labels", closed)
    if lengths == there:
        return Aligned(Along.of(there[0]), Along.of(there[1]), "length", closed)
    by = _side_of_padding(lengths, there, closed, _closed(mine), mine, theirs)
    along = [_shifted(has, other, left=by == "left padding") for has, other in zip(lengths, there, strict=True)]
    return Aligned(along[0], along[1], by, closed)


def _by_labels(mine: Sequence[str] | None, theirs: Sequence[str] | None, counts: tuple[int, int]) -> Along | None:
    """Return the places of equal labels, in order; None: there are none, or too few are equal."""
    if mine is None or theirs is None or (len(mine), len(theirs)) != counts or max(counts) > MOST_LABELS:
        return None
    one, other = ([each.strip(BLANKS).casefold() or each for each in labels] for labels in (mine, theirs))
    if one == other:
        return Along.of(len(one))
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    pairs = [(block.a + at, block.b + at) for block in blocks for at in range(block.size)]
    if len(pairs) < ENOUGH * min(counts):
        return None
    places = np.array(pairs, dtype=np.int64)
    return Along(places[:, 0], places[:, 1])


def _closed(side: Side) -> NDArray[np.bool_] | None:
    """Return (batch or 1, S) which keys no query of any head sees; None: there is no mask."""
    lengths, open_ = side.lengths(), side.open
    if open_ is None or lengths is None or open_.shape[-1] != lengths[1]:
        return None
    return np.asarray(~open_.any(axis=(1, 2)))


def _side_of_padding(
    lengths: tuple[int, int],
    there: tuple[int, int],
    closed: NDArray[np.bool_] | None,
    own: NDArray[np.bool_] | None,
    mine: Side,
    theirs: Side,
) -> str:
    """Return on which side the longer one is padded: as its mask says, or else where the numbers are nearer."""
    more = there[1] - lengths[1]
    padded = closed if more > 0 else own
    count = abs(more)
    if padded is not None and count:
        if padded[:, :count].all():
            return "left padding"
        if padded[:, -count:].all():
            return "right padding"
    return "left padding" if _nearer_at_the_end(mine, theirs) else "right padding"


def _nearer_at_the_end(mine: Side, theirs: Side) -> bool:
    """Tell whether the states of both are nearer to each other with their ends together than with their beginnings."""
    for name in ("key", "hidden", "query", "value"):
        if name not in mine.arrays or name not in theirs.arrays:
            continue
        one, other = mine.own(name), theirs.own(name)
        if one is None or other is None or one.shape[1::2] != other.shape[1::2] or len(one) != len(other):
            continue
        count = min(one.shape[2], other.shape[2])
        apart = [
            float(np.median(np.abs(one[:, :, part].astype(np.float64) - other[:, :, part])))
            for part in (slice(-count, None), slice(count))
        ]
        return apart[0] <= apart[1]
    return True


def _shifted(has: int, other: int, *, left: bool) -> Along:
    count = min(has, other)
    starts = [length - count if left else 0 for length in (has, other)]
    return Along(*(start + np.arange(count) for start in starts))


def taken(array: NDArray[Any], name: str, at: Aligned, *, mine: bool) -> NDArray[Any]:
    """Return the places of an array (batch, heads, …) that both dumps have."""
    for axis, symbol in enumerate(ARRAYS[name].axes):
        along = at.along(symbol) if axis >= 2 else None
        if along is not None and axis < array.ndim and array.shape[axis] > 1:
            array = array.take(along.mine if mine else along.theirs, axis=axis)
    return array
