"""The one formula of which keys are open to a query, word by word; nothing is shared with the package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.declared import Given

Arrays = Mapping[str, NDArray[Any]]


def is_open(arrays: Arrays, options: Given, place: tuple[int, int, int, int], position: int, keys: int) -> bool:
    """Say whether rules by position and by ids let a query see a key.

    Args:
        arrays: by name, as they were given.
        options: by name.
        place: batch item, query head, query, key.
        position: where the query stands.
        keys: how many keys there are.
    """
    batch, head, row, key = place
    left, right = _bounds(options.get("window"))
    return (
        (key < int(_item(arrays["key_lengths"], batch, 0)) if "key_lengths" in arrays else True)
        and (left < 0 or key >= position - left)
        and (right < 0 or key <= position + right)
        and _same_document(arrays, batch, row, key, position)
        and _same_chunk(arrays, options.get("chunk"), batch, row, key, position)
        and _is_named(arrays, batch, head, row, key)
        and (
            not options.get("causal")
            or key <= position
            or key < (options.get("prefix") or 0)
            or _same_block(arrays, batch, key, position, keys)
        )
    )


def _bounds(window: Any) -> tuple[int, int]:
    if window is None:
        return -1, -1
    return (window, -1) if isinstance(window, int) else (window[0], window[1])


def _item(array: NDArray[Any], batch: int, axes: int) -> Any:
    """Return what a batch item has of an array with so many axes beside that of the batch."""
    return array if array.ndim == axes else array[batch % len(array)]


def _document_of_key(arrays: Arrays, batch: int, key: int) -> int:
    if "cu_seqlens" in arrays:
        return max(at for at, begins in enumerate(arrays["cu_seqlens"].tolist()) if begins <= key)
    return int(_item(arrays["segments"], batch, 1)[key])


def _document_of_query(arrays: Arrays, batch: int, row: int, position: int) -> int:
    if "query_segments" in arrays:
        return int(_item(arrays["query_segments"], batch, 1)[row])
    return _document_of_key(arrays, batch, position)


def _has_documents(arrays: Arrays) -> bool:
    return "segments" in arrays or "cu_seqlens" in arrays


def _same_document(arrays: Arrays, batch: int, row: int, key: int, position: int) -> bool:
    if not _has_documents(arrays):
        return True
    return _document_of_key(arrays, batch, key) == _document_of_query(arrays, batch, row, position)


def _same_chunk(arrays: Arrays, size: int | None, batch: int, row: int, key: int, position: int) -> bool:
    """Chunks are counted from the first key of the document, which query and key share."""
    if size is None:
        return True
    first = 0
    if _has_documents(arrays):
        if not _same_document(arrays, batch, row, key, position):
            return False
        own = _document_of_key(arrays, batch, key)
        first = next(each for each in range(key + 1) if _document_of_key(arrays, batch, each) == own)
    return (position - first) // size == (key - first) // size


def _same_block(arrays: Arrays, batch: int, key: int, position: int, keys: int) -> bool:
    if "blocks" not in arrays or not 0 <= position < keys:
        return False
    blocks = _item(arrays["blocks"], batch, 1)
    return bool(blocks[key] >= 0 and blocks[key] == blocks[position])


def _is_named(arrays: Arrays, batch: int, head: int, row: int, key: int) -> bool:
    if "indices" not in arrays:
        return True
    indices = arrays["indices"]
    indices = indices.reshape((1,) * (4 - indices.ndim) + indices.shape)
    one = indices[batch % indices.shape[0], head % indices.shape[1], row % indices.shape[2]]
    return bool(np.isin(key, one))
