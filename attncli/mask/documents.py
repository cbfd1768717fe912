"""Masks that differ in which tokens belong together: documents in one row, blocks such as images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.mask.edges import plain, slides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

Detail = dict[str, object]


def ignored(one: Mask, other: Mask) -> Detail | None:
    """Tell whether the other is the one with all closed between documents, and the one knows of none.

    The documents are the finest that can be: tokens that see each other, or are seen by the same, are in one.
    """
    if (other & ~one).any():
        return None
    for first in _first_positions(one.shape):
        ids = _components(other, first)
        queries = ids[first : first + one.shape[0]]
        same = queries[:, None] == ids[: one.shape[1]]
        # Between documents all is open that no window and no padding closes, or it is not the documents alone.
        if not np.array_equal(other, one & same) or (one != plain(one))[~same].any():
            continue
        sizes = _sizes(other, first, ids)
        if len(sizes) > 1 and max(sizes) > 1:
            return {"documents": len(sizes)}
    return None


def union_outside_window(one: Mask, other: Mask) -> Detail | None:
    """Tell whether the other is (causal or same block) and window, and the one (causal and window) or same block.

    The blocks are found by what a causal rule would close, and the window by how far the other reaches. Documents and
    padding may close more in both.
    """
    if (other & ~one).any():
        return None
    for first in _first_positions(one.shape):
        positions = np.arange(first, first + one.shape[0], dtype=np.int32)[:, None]
        diagonals = np.arange(one.shape[1], dtype=np.int32) - positions
        ids = _components(one & ((diagonals > 0) | ~other), first)
        sizes = np.bincount(ids)
        same = (ids[positions] == ids[: one.shape[1]]) & (sizes[ids[positions]] > 1)
        causal, reach = diagonals <= 0, diagonals[other]
        documents = _components(one, first)
        beside = (documents[positions] == documents[: one.shape[1]]) & one.any(axis=0) & one.any(axis=1, keepdims=True)
        # A causal rule and a window have to be seen: otherwise anything that is open could be a block.
        if (causal | same | ~beside).all() or not slides(other):
            continue
        for last in (one.shape[1], int(reach.max(initial=0))):
            window = (diagonals >= reach.min(initial=0)) & (diagonals <= last)
            inside, outside = (causal | same) & window, (causal & window) | same
            if np.array_equal(other, inside & beside) and np.array_equal(one, outside & beside):
                return {"blocks": int((sizes > 1).sum())}
    return None


def _first_positions(shape: tuple[int, ...]) -> Iterator[int]:
    """Yield where the first query may stand: at the first key, or so that the last stands at the last key."""
    yield 0
    if shape[1] > shape[0] > 1:
        yield shape[1] - shape[0]


def _components(related: Mask, first: int) -> NDArray[np.int32]:
    """Return an id for each token, the same for those that are related, directly or through others.

    Args:
        related: queries × keys.
        first: the token that the first query is.
    """
    queries, keys = related.shape
    count = max(keys, first + queries)
    ids = np.arange(count, dtype=np.int32)
    while True:
        least = ids.copy()
        rows = least[first : first + queries]
        np.minimum(rows, np.where(related, least[:keys], count).min(axis=1), out=rows)
        np.minimum(least[:keys], np.where(related, rows[:, None], count).min(axis=0), out=least[:keys])
        least = least[least]
        if np.array_equal(least, ids):
            return ids
        ids = least


def _sizes(related: Mask, first: int, ids: NDArray[np.int32]) -> list[int]:
    """Return how many tokens each document has, of those that see or are seen at all."""
    taking_part = np.zeros(len(ids), dtype=bool)
    taking_part[first : first + related.shape[0]] = related.any(axis=1)
    taking_part[: related.shape[1]] |= related.any(axis=0)
    sizes = np.bincount(ids[taking_part])
    return [int(size) for size in sizes if size]
