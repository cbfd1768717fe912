"""Arrays cut into pieces: what text is made of, so that neither all text nor all of Python's numbers are in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Numbers in a piece; as Python's numbers and as text they take a few megabytes.
PIECE = 1 << 16


def pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield an array in parts along its first axis; an element that is larger than a piece comes alone, without it."""
    each = array.size // max(1, len(array))
    if each > PIECE:
        yield from array
        return
    step = PIECE // max(1, each)
    for start in range(0, len(array), step):
        yield array[start : start + step]
