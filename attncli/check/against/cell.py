"""Compare one array of two dumps: the same, apart by rounding, or different."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS, STATES
from attncli.attend.shapes import show
from attncli.attend.types import own
from attncli.check.against.aligning import Aligned, taken
from attncli.check.against.side import Side
from attncli.check.compare import Comparison, compare
from attncli.check.layouts import ORDERS, readings_as
from attncli.check.precision import LEAST, grids
from attncli.check.results.masked import FAR, MASKED
from attncli.check.results.seen import Note, Notes, axes_of
from attncli.check.rounding import FLOAT64, PRECISIONS, Level, Precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# By how many times the distance of two neighbouring numbers of its type, at the size of its row, the same array may
# differ; and one that was made on two ways of many steps, in single or double and in half precision. What has crept in
# before may grow so much from one layer to the next: a mistake is where it jumps.
SAME, LOOSE, LOOSE_HALF = 12.0, 256.0, 6.0
GROWTH = 4.0


@dataclass(frozen=True)
class Before:
    """What comes before a layer.

    Attributes:
        layers: how many there are: rounding adds up along them.
        share: how far the numbers of the last right one are apart, as a share of their rows.
    """

    layers: int = 0
    share: float = 0.0


class Status(Enum):
    """What came of comparing one array."""

    EQUAL = "equal"
    ROUNDING = "rounding"
    DIFFERS = "differs"
    SHAPE = "shape"
    ABSENT = "absent"


@dataclass(frozen=True)
class Cell:
    """One array of one problem in both dumps.

    Attributes:
        status: what came of it.
        error: the largest difference.
        tolerance: what would have been rounding there.
        share: the largest difference as a share of what is in its row.
        comparison: of both, where both could be laid on each other.
        mine: (batch, heads, length, …) the tokens of mine that both have, as theirs lies.
        theirs: the same of theirs.
        notes: what was done to compare them, by the key of a sentence, with its fields.
        shapes: both, where they do not fit.
    """

    status: Status
    error: float = 0.0
    tolerance: float = 0.0
    share: float = 0.0
    comparison: Comparison | None = None
    mine: Array | None = None
    theirs: Array | None = None
    notes: Notes = field(default_factory=dict)
    shapes: tuple[str, str] = ("", "")

    @property
    def is_wrong(self) -> bool:
        """Whether it differs by more than rounding."""
        return self.status in (Status.DIFFERS, Status.SHAPE)


ABSENT = Cell(Status.ABSENT)


@dataclass(frozen=True)
class Read:
    """One reading of both arrays, with the places that count."""

    mine: Array
    theirs: Array
    notes: Notes


@np.errstate(all="ignore")
def cell_of(name: str, mine: Side, theirs: Side, at: Aligned, before: Before) -> Cell:
    """Compare one array.

    Args:
        name: of the array.
        mine: the problem in the first dump.
        theirs: that in the second.
        at: the tokens that both have.
        before: what comes before.
    """
    if name == "mask":
        return _masks(mine, theirs, at)
    if name not in mine.arrays or name not in theirs.arrays:
        return ABSENT
    found: list[Cell] = []
    for read in _readings(name, mine, theirs, at):
        found.append(_compared(read, at.valid(name, len(read.theirs)), before))
        if not found[-1].is_wrong:
            return found[-1]
    if not found:
        shapes = (show(mine.arrays[name].shape), show(theirs.arrays[name].shape))
        return Cell(Status.SHAPE, error=float("inf"), shapes=shapes)
    # What agrees in no layout is shown in that which it says; of square arrays another one may be nearer by chance.
    orders = [[each.notes.get(key) for key in ("layout", "pairs")] for each in found]
    said = [each for each, order in zip(found, orders, strict=True) if order == orders[0]]
    return min(said, key=lambda each: each.share)


def _masks(mine: Side, theirs: Side, at: Aligned) -> Cell:
    """Compare what is open, whatever closes the others."""
    if mine.open is None or theirs.open is None:
        return ABSENT
    one, other = taken(mine.open, "mask", at, mine=True), taken(theirs.open, "mask", at, mine=False)
    try:
        apart = np.broadcast_arrays(one, other)
    except ValueError:
        return Cell(Status.SHAPE, error=float("inf"), shapes=(show(one.shape), show(other.shape)))
    count = int((apart[0] != apart[1]).sum())
    if not count:
        return Cell(Status.EQUAL)
    notes = {"cells": {"count": count, "all": apart[0].size}}
    return Cell(Status.DIFFERS, error=float(count), mine=one, theirs=other, notes=notes)


def _readings(name: str, mine: Side, theirs: Side, at: Aligned) -> Iterator[Read]:
    """Return every way in which mine can be read as theirs; as each says of itself first."""
    whole = theirs.own(name)
    there = taken(theirs.padded(name) if whole is None else whole, name, at, mine=False)
    own_reading = mine.own(name)
    ways: list[tuple[Array, dict[str, Note]]] = []
    if own_reading is not None:
        ways.append((own_reading, {}))
    counts = list((theirs.padded(name) if whole is None else whole).shape)
    for axis, symbol in enumerate(ARRAYS[name].axes[-2:] if len(ARRAYS[name].axes) == 4 else (), start=2):
        along = at.along(symbol)
        if along is not None and counts[axis] > 1:
            counts[axis] = _count(mine, symbol, along.mine)
    array = mine.arrays[name]
    if len(ARRAYS[name].axes) == 4:
        read = readings_as(array, counts, [ORDERS[0]], axes_of(name) if name not in STATES else _axes(name))
        ways += [(each.array, {"layout": {"layout": each.words()}} if n else {}) for n, each in enumerate(read)]
    else:
        ways.append((mine.padded(name), {}))
        if len(ARRAYS[name].axes) == 2 and ARRAYS[name].axes[-1] == "out":  # a matrix, either way
            ways.append((mine.padded(name).swapaxes(2, 3), {"layout": {"layout": "(out, in)"}}))
    for way, notes in ways:
        yield from _fitting(name, taken(way, name, at, mine=True), there, notes, theirs, at)


def _axes(name: str) -> tuple[str, str, str, str]:
    return ("batch", "heads", "queries" if name == "query" else "keys", "features")


def _count(mine: Side, symbol: str, places: NDArray[np.int64]) -> int:
    """Return how many queries or keys mine has."""
    lengths = mine.lengths()
    return int(places.max(initial=-1)) + 1 if lengths is None else lengths["LS".index(symbol)]


def _fitting(name: str, mine: Array, theirs: Array, notes: Notes, side: Side, at: Aligned) -> Iterator[Read]:
    """Return mine where it has the shape of theirs, with key heads that one of both repeats taken once."""
    if mine.shape != theirs.shape and mine.shape[::2] == theirs.shape[::2] and mine.shape[3] == theirs.shape[3]:
        few, many = sorted((mine.shape[1], theirs.shape[1]))
        if few and many % few == 0 and ARRAYS[name].axes[1:2] == ("K",):
            mine, theirs = (np.repeat(each, many // each.shape[1], axis=1) for each in (mine, theirs))
            notes = {**notes, "heads_repeated": {"count": many // few}}
    if mine.shape != theirs.shape:
        return
    if name in MASKED and side.open is not None:
        mine, theirs = _as_closed(name, mine, theirs, ~taken(side.open, "mask", at, mine=False))
    yield Read(mine, theirs, notes)
    if name in ("query", "key") and mine.shape[3] % 2 == 0:
        half = mine.shape[3] // 2
        for order, turned in (
            ("interleaved", np.concatenate([mine[..., ::2], mine[..., 1::2]], axis=-1)),
            ("half", np.stack([mine[..., :half], mine[..., half:]], axis=-1).reshape(mine.shape)),
        ):
            yield Read(turned, theirs, {**notes, "pairs": {"order": order}})


def _as_closed(name: str, mine: Array, theirs: Array, closed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return scores or logits in which closed keys are alike: −∞ is a large negative number, and a mask comes later."""
    one, other = (closed & ~(each > -FAR) for each in (mine, theirs))
    if name != "logits":
        one = other = one | other
    return np.where(one, -np.inf, mine), np.where(other, -np.inf, theirs)


def _compared(read: Read, valid: NDArray[np.bool_] | None, before: Before) -> Cell:
    mine = read.mine if valid is None else np.where(valid, read.mine, read.theirs)
    right = read.theirs.astype(np.float64)
    precision = coarsest(read.mine, read.theirs)
    size = sizes(right)
    loose = LOOSE_HALF if precision.is_half else LOOSE
    same = SAME * precision.eps * size
    far = max(loose * (1 + before.layers) ** 0.5 * precision.eps, GROWTH * before.share) * size
    comparison = compare(mine, right, far, Level(precision))
    apart = np.abs(mine.astype(np.float64) - right)
    apart = np.where(np.isfinite(apart), apart, 0)
    share = float((apart.max(axis=-1, initial=0.0) / size).max(initial=0.0))
    status = Status.DIFFERS
    if comparison.agrees:
        is_same = bool((apart <= same[..., None]).all())
        status = Status.EQUAL if is_same else Status.ROUNDING
    error = comparison.error if comparison.nonfinite_at is None else float("inf")
    return Cell(status, error, comparison.tolerance, share, comparison, mine, read.theirs, read.notes)


def coarsest(*arrays: Array) -> Precision:
    """Return the coarsest precision in which one of some arrays is written, whatever type holds it."""
    found = []
    for array in arrays:
        numbers = np.asarray(array)
        name = numbers.dtype.name if numbers.dtype.name in PRECISIONS else own(numbers.dtype).name
        on = grids(numbers)[-1:]
        single = [PRECISIONS["float32"]] * (name == "float64" and _is_single(numbers))
        found += [PRECISIONS[name], *single, *on]
    return max(found, key=lambda each: each.eps, default=FLOAT64)


def _is_single(array: Array) -> bool:
    """Tell whether numbers of float64 are all numbers of float32, and not just few and round ones."""
    finite = np.unique(array[np.isfinite(array)])
    return bool((finite.astype(np.float32) == finite).all() and (finite.astype(np.float16) != finite).any())


def sizes(array: Array) -> Array:
    """Return how large the numbers of each row are, (batch, heads, length), and no less than a share of most."""
    largest = np.where(np.isfinite(array), np.abs(array), 0).max(axis=-1, initial=0.0)
    usual = np.sqrt((largest**2).mean(axis=-1, keepdims=True)) if largest.size else largest
    return np.maximum(np.maximum(largest, LEAST * usual), np.finfo(float).tiny)
