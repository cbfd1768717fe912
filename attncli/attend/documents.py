"""Documents in one row, blocks and named keys: check what is given about them, and fill in what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fitting import whole_numbers
from attncli.attend.shapes import Sizes, show
from attncli.attend.views import at_positions
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]


def documents(
    inputs: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]], positions: Whole, sizes: Sizes
) -> dict[str, NDArray[Any]]:
    """Return the inputs with the documents of all keys and queries, if there are documents.

    Args:
        inputs: those that were brought to their axes.
        found: all arrays as they were given.
        positions: (batch or 1, L) where queries stand.
        sizes: of the problem.

    Raises:
        InputError: bounds that do not rise from 0 to the number of keys, two things that contradict each other, a query
            that stands at no key and has no document of its own, or an index of no key.
    """
    given = dict(inputs)
    if "cu_seqlens" in found:
        if "segments" in given:
            hint = "give only one: cu_seqlens says where documents begin, segments which one each key is in"
            raise InputError("cu_seqlens and segments contradict each other", hint=hint, arrays=["cu_seqlens"])
        given["cu_seqlens"] = _bounds(found["cu_seqlens"], sizes.keys)
        given["segments"] = np.repeat(np.arange(found["cu_seqlens"].size - 1), np.diff(given["cu_seqlens"]))[None]
    if "query_segments" in given and "segments" not in given:
        hint = "give segments too, or cu_seqlens: which documents the keys are in"
        raise InputError("query_segments is given without segments", hint=hint, arrays=["query_segments"])
    if "segments" in given and "query_segments" not in given:
        given["query_segments"] = _of_queries(given["segments"], positions)
    if "indices" in given:
        _check_indices(given["indices"], sizes.keys)
    return given


def _bounds(array: NDArray[Any], keys: int) -> Whole:
    if array.ndim != 1 or array.size < 2:
        wanted = "one row of at least 2 numbers: where each document begins, and the end"
        raise InputError(f"cu_seqlens {show(array.shape)} must be {wanted}", arrays=["cu_seqlens"])
    ends = whole_numbers("cu_seqlens", array)
    if ends[0] != 0:
        raise InputError(f"cu_seqlens must begin with 0, not {ends[0]}", arrays=["cu_seqlens"])
    falls = np.flatnonzero(ends[1:] < ends[:-1])
    if len(falls):
        at = int(falls[0]) + 1
        message = f"cu_seqlens must not fall, but number {at} is {ends[at]} after {ends[at - 1]} (counted from 0)"
        raise InputError(message, arrays=["cu_seqlens"])
    if ends[-1] != keys:
        message = f"cu_seqlens must end with {keys}, the number of keys, not {ends[-1]}"
        raise InputError(message, arrays=["cu_seqlens"])
    return ends


def _of_queries(segments: Whole, positions: Whole) -> Whole:
    """Return the documents of the keys at the positions of the queries, (batch or 1, L)."""
    keys = segments.shape[1]
    outside = np.argwhere((positions < 0) | (positions >= keys))
    if len(outside):
        batch, query = outside[0].tolist()
        stands = f"query {query} stands at position {positions[batch, query]}"
        fact = f"{stands}, where there is no key whose document it could share"
        hint = "give query_segments, the document of each query, or an --offset"
        raise InputError(f"{fact} ({keys} keys)", hint=hint, arrays=["segments"])
    return at_positions(segments, positions, 0)


def _check_indices(indices: Whole, keys: int) -> None:
    wrong = np.argwhere((indices < -1) | (indices >= keys))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        message = f"indices must be keys from 0 to {keys - 1}, or -1 for none, not {indices[place]}"
        raise InputError(f"{message} (at {', '.join(map(str, place))})", arrays=["indices"])
