"""Masks whose edges lie elsewhere: padding, the diagonal of a causal rule, the bounds of a window.

The diagonal of a cell is its key less its query. A causal rule closes all diagonals above one, a window those outside
two; which positions those are does not matter to what is compared here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

Detail = dict[str, object]
# A diagonal that is further off than this was not missed by a miscount.
NEAR = 16


def padding_side(one: Mask, other: Mask) -> Detail | None:
    """Tell whether the one closes as many keys at the beginning as the other at the end, all else being equal."""
    queries, keys = one.shape
    seen = np.flatnonzero(other.any(axis=0))
    count = int(seen[-1]) + 1 if len(seen) else keys
    if count == keys or not one.any():
        return None
    both = one | other
    for rows in (queries, int(np.flatnonzero(other.any(axis=1))[-1]) + 1):  # queries that are padding too
        left, right = np.zeros_like(one), np.zeros_like(one)
        left[queries - rows :, keys - count :] = both[queries - rows :, keys - count :]
        right[:rows, :count] = both[:rows, :count]
        if not (np.array_equal(one, left) and np.array_equal(other, right)):
            continue
        # What the other has no part in may not be closed by chance.
        alone = (one[:, count:], plain(one)[:, count:]), (other[:, : keys - count], plain(other)[:, : keys - count])
        if all(np.array_equal(*each) for each in alone):
            return {"padding": keys - count}
    return None


def corner(one: Mask, other: Mask) -> Detail | None:
    """Tell whether the causal rule of the one ends in the last corner, and that of the other begins in the first."""
    offset = one.shape[1] - one.shape[0]
    if offset == 0 or min(one.shape) < 2 or _last(one) != offset or _last(other) != 0:
        return None
    lines = _lines(one), _lines(other)
    if lines[0] is not None and lines[1] is not None and np.array_equal(lines[0], _moved(lines[1], offset)):
        return {"offset": offset}
    bounds = _bounds(one, other) if offset > 0 else _bounds(other, one)
    moved_alone = bounds is not None and bounds.left == 0 and bounds.right == abs(offset) and not bounds.slides
    return {"offset": offset} if moved_alone else None


def shifted(one: Mask, other: Mask) -> Detail | None:
    """Tell whether the one is the other, or its diagonal is that of the other, some cells further."""
    made, of = _lines(one), _lines(other)
    if made is not None and of is not None:
        for keys in sorted(range(-NEAR, NEAR + 1), key=abs)[1:]:
            if np.array_equal(made, _moved(of, keys)):
                return {"keys": keys, "queries": 0}
    for queries, keys in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1)):
        if _is_moved(one, other, queries, keys):
            return {"keys": keys, "queries": queries}
    bounds = _bounds(one, other)
    if bounds is not None and bounds.left == 0 and bounds.right <= NEAR and not bounds.slides:
        return {"keys": bounds.right, "queries": 0}
    return None


def window_bounds(one: Mask, other: Mask) -> Detail | None:
    """Tell whether the window of the one reaches further than that of the other, all else being equal."""
    bounds = _bounds(one, other)
    if bounds is None or (bounds.left == 0 and not bounds.slides):
        return None
    return {"left": bounds.left, "right": bounds.right}


class Bounds(NamedTuple):
    """How much further a window reaches than another.

    Attributes:
        left: by how many diagonals on the left.
        right: likewise on the right.
        slides: whether it is one: keys are lost on the left from query to query.
    """

    left: int
    right: int
    slides: bool


def _bounds(wide: Mask, narrow: Mask) -> Bounds | None:
    """Return how much further one mask reaches, if that is all in which they differ: whole diagonals, outermost ones.

    An edge has to be seen to be one, in both masks: it is the outermost diagonal for two queries in a row. What closes
    keys to all queries, or the first key of a document, makes none.
    """
    if (narrow & ~wide).any() or not narrow.any():
        return None
    diagonals = _diagonals(wide.shape)
    lost = np.unique(diagonals[wide & ~narrow])
    most, least = _last(narrow), _first(narrow)
    left, right = least - _first(wide), _last(wide) - most
    if not np.array_equal(lost, [*range(least - left, least), *range(most + 1, most + right + 1)]):
        return None
    if _has_gaps(wide, diagonals, least - left, least - 1, (1, -1)):
        return None
    if _has_gaps(wide, diagonals, most + 1, most + right, (-1, 1)):
        return None
    slides = [_slides(each, _first(each)) for each in (wide, narrow)]
    ends = [_slides(each, _last(each)) for each in (wide, narrow)]
    if (left and not all(slides)) or (right and not all(ends)):
        return None
    return Bounds(left, right, all(slides))


def _has_gaps(mask: Mask, diagonals: NDArray[np.int32], first: int, last: int, inward: tuple[int, int]) -> bool:
    """Tell whether a cell of some diagonals is closed although its neighbours towards the middle are open.

    Args:
        mask: the cells.
        diagonals: of each cell.
        first: the lowest of these diagonals.
        last: the highest of them.
        inward: steps of the key, in the same row, and of the query, in the same column.
    """
    closed = ~mask & (diagonals >= first) & (diagonals <= last)
    beside = np.pad(mask, 1, constant_values=True)
    along, down = inward
    keys = beside[1:-1, 1 + along : mask.shape[1] + 1 + along]
    queries = beside[1 + down : mask.shape[0] + 1 + down, 1:-1]
    return bool((closed & keys & queries).any())


def plain(mask: Mask) -> Mask:
    """Return what a mask would be if only whole rows, columns and outer diagonals of it were closed.

    >>> plain(np.array([[True, False], [True, True]])).tolist()
    [[True, False], [True, True]]
    """
    diagonals = _diagonals(mask.shape)
    band = (diagonals >= _first(mask)) & (diagonals <= _last(mask))
    return band & mask.any(axis=0) & mask.any(axis=1, keepdims=True)


def slides(mask: Mask) -> bool:
    """Tell whether keys are lost on the left from query to query."""
    return _slides(mask, _first(mask))


def _slides(mask: Mask, diagonal: int) -> bool:
    cells = np.diagonal(mask, diagonal)
    return bool((cells[1:] & cells[:-1]).any())


def _diagonals(shape: tuple[int, ...]) -> NDArray[np.int32]:
    return np.subtract.outer(-np.arange(shape[0], dtype=np.int32), -np.arange(shape[1], dtype=np.int32))


def _first(mask: Mask) -> int:
    """Return the lowest diagonal on which anything is open."""
    queries = np.flatnonzero(mask.any(axis=1))
    return int((mask.argmax(axis=1)[queries] - queries).min()) if len(queries) else 0


def _last(mask: Mask) -> int:
    """Return the highest diagonal on which anything is open."""
    return -_first(mask[::-1, ::-1]) + mask.shape[1] - mask.shape[0]


def _lines(mask: Mask) -> Mask | None:
    """Return what each diagonal is, from the lowest, if each is open or closed as a whole."""
    if min(mask.shape) < 2 or not np.array_equal(mask[1:, 1:], mask[:-1, :-1]):
        return None
    return np.concatenate([mask[::-1, 0], mask[0, 1:]])


def _moved(lines: Mask, by: int) -> Mask:
    """Return the diagonals moved; those that come in are as the outermost were."""
    places = np.clip(np.arange(len(lines)) - by, 0, len(lines) - 1)
    return lines[places]


def _is_moved(one: Mask, other: Mask, queries: int, keys: int) -> bool:
    """Tell whether the one is the other moved, whatever comes in at its rim: the same for all of the rim."""
    if min(one.shape[0] - abs(queries), one.shape[1] - abs(keys)) < 1:
        return False
    inner = _inside(queries, one.shape[0]), _inside(keys, one.shape[1])
    # Where nothing moves but at the rim, no shift is seen.
    if np.array_equal(one[inner], other[inner]):
        return False
    return any(np.array_equal(one, made) for made in moved(other, queries, keys))


def _inside(by: int, length: int) -> slice:
    return slice(max(by, 0), length + min(by, 0))


def moved(mask: Mask, queries: int, keys: int) -> Iterator[Mask]:
    """Yield a mask, (…, L, S), moved along its last axes, once for each thing that may come in at its rim."""
    yield np.roll(mask, (queries, keys), axis=(-2, -1))
    beside = [(0, 0)] * (mask.ndim - 2)
    rims = [*beside, *((max(by, 0), max(-by, 0)) for by in (queries, keys))]
    lengths = zip((queries, keys), mask.shape[-2:], strict=True)
    cut: Any = (..., *(slice(max(-by, 0), length + max(-by, 0)) for by, length in lengths))
    yield np.pad(mask, rims, mode="edge")[cut]
    for value in (False, True):
        yield np.pad(mask, rims, constant_values=value)[cut]
