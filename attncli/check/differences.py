"""What recovered weights say of the logits they were made of: what was added to them, by which they were multiplied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.recovered import Recovered
from attncli.check.solving import solutions

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A model explains logits if it leaves no more than this share of their differences, and has this many numbers for each
# of its own.
LEFT, NUMBERS = 0.02, 3
# A weight says what its logit was if it is so many times as large as rounding may make one.
TELLING = 20.0


@dataclass(frozen=True)
class Points:
    """Differences of logits in one head, each less the mean of its row.

    Attributes:
        head: the query head.
        apart: (n,) observed less right.
        logits: (n,) what is right, less the mean of its row.
        rows: (n,) which row each is of, counted from 0.
        keys: (n,) of which key.
        distance: (n,) how far that is behind the query.
    """

    head: int
    apart: NDArray[np.float64]
    logits: NDArray[np.float64]
    rows: NDArray[np.int64]
    keys: NDArray[np.int64]
    distance: NDArray[np.int64]


@dataclass(frozen=True)
class Difference:
    """How the logits of some heads differ.

    Attributes:
        kind: "factor" (multiplied), "slope" (a number times the distance), "distance" (a number for each distance),
            "key" (a number for each key), "other" (none of these), "none".
        number: the factor, or the slope; for the others the largest difference.
        heads: those in which it does.
        by: for "distance" and "key" the number of each.
    """

    kind: str
    number: float
    heads: tuple[int, ...]
    by: tuple[tuple[int, float], ...] = ()


def differences(rows: Sequence[Recovered]) -> list[Difference]:
    """Return how logits differ, heads that do so alike together."""
    found: list[Difference] = []
    for head in sorted({row.head for row in rows}):
        points = _points(head, [row for row in rows if row.head == head])
        if points is not None:
            found.append(_difference(points))
    return list(_together(found))


def _points(head: int, rows: Sequence[Recovered]) -> Points | None:
    parts = []
    for at, row in enumerate(rows):
        telling = (row.weights > TELLING * row.noise) & (row.right > TELLING * row.noise)
        if telling.sum() < 2:
            continue
        apart = np.log(row.weights[telling]) - np.log(row.right[telling])
        logits, keys = row.logits[telling], row.keys[telling]
        parts.append((apart - apart.mean(), logits - logits.mean(), np.full(len(keys), at), keys, row.position - keys))
    if not parts:
        return None
    return Points(head, *(np.concatenate(each) for each in zip(*parts, strict=True)))


def _difference(p: Points) -> Difference:
    largest = float(np.abs(p.apart).max())
    if largest < 1e-3:
        return Difference("none", largest, (p.head,))
    for kind, columns in _MODELS:
        made = columns(p)
        if made is None:
            continue
        names, design = made
        if len(p.apart) < NUMBERS * design.shape[1] and design.shape[1] > 1:
            continue
        numbers = solutions(design, p.apart[None])
        if numbers is None:
            continue
        left = float(np.abs(design @ numbers[0] - p.apart).max())
        if left <= LEFT * largest:
            number = float(numbers[0][0]) if len(names) == 1 else largest
            by = tuple(zip(names, map(float, numbers[0]), strict=True)) if len(names) > 1 else ()
            return Difference(kind, 1 + number if kind == "factor" else number, (p.head,), by)
    return Difference("other", largest, (p.head,))


def _centred(column: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take the mean of its row from each number: a number added to a whole row cannot be seen."""
    count = np.bincount(rows)
    sums = np.bincount(rows, weights=column)
    return np.asarray(column - (sums / np.maximum(count, 1))[rows])


def _factor(p: Points) -> tuple[list[int], NDArray[Any]]:
    return [0], p.logits[:, None]


def _slope(p: Points) -> tuple[list[int], NDArray[Any]]:
    return [0], _centred(p.distance.astype(float), p.rows)[:, None]


def _each(ids: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[list[int], NDArray[Any]] | None:
    """Return a number for each id but the first, which is 0: numbers are known but for one that is added to all."""
    names = np.unique(ids)
    if not 2 < len(names) <= 128:
        return None
    columns = [_centred((ids == name).astype(float), rows) for name in names[1:]]
    return names[1:].tolist(), np.stack(columns, axis=1)


def _distance(p: Points) -> tuple[list[int], NDArray[Any]] | None:
    return _each(p.distance, p.rows)


def _key(p: Points) -> tuple[list[int], NDArray[Any]] | None:
    return _each(p.keys, p.rows)


Columns = Callable[[Points], "tuple[list[int], NDArray[Any]] | None"]
_MODELS: tuple[tuple[str, Columns], ...] = (
    ("factor", _factor),
    ("slope", _slope),
    ("distance", _distance),
    ("key", _key),
)


def _together(found: Sequence[Difference]) -> Iterator[Difference]:
    """Return differences of one kind and number once, with all their heads."""
    left = list(found)
    while left:
        first = left[0]
        alike = [each for each in left if _alike(each, first)]
        left = [each for each in left if not _alike(each, first)]
        heads = tuple(head for each in alike for head in each.heads)
        number = max((each.number for each in alike), key=abs) if first.kind == "other" else first.number
        yield Difference(first.kind, number, heads, first.by)


def _alike(one: Difference, other: Difference) -> bool:
    if one.kind != other.kind:
        return False
    return one.kind in ("other", "none", "distance", "key") or bool(np.isclose(one.number, other.number, rtol=1e-3))
