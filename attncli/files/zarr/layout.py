"""The shapes of the chunks and shards in which an array is written.

What a chunk holds is read at once, what a shard holds is written at once, and a shard is one file. Both grow from the
last axis on, so that a chunk is some whole rows of one head, or some whole heads of one batch item, and whoever writes
whole shards needs no lock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from attncli.attend.shapes import show
from attncli.errors import InputError

CHUNK = 1 << 23  # bytes
SHARD = 1 << 27
# Up to so many chunks are files of their own.
FEW = 64
MOST_CHUNK = 1 << 31  # what compressors take


class Layout(NamedTuple):
    """The shapes of chunks and of shards; without shards each chunk is a file."""

    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None

    @property
    def whole(self) -> tuple[int, ...]:
        """The shape of what is written at once."""
        return self.shards or self.chunks


def layout(shape: Sequence[int], itemsize: int, chunks: Sequence[int] | None = None) -> Layout:
    """Choose the chunks of an array, and put many of them together to shards.

    Args:
        shape: of the array.
        itemsize: the bytes of a number.
        chunks: the shape of a chunk, if it is chosen already; sizes beyond those of the array are cut.

    Raises:
        InputError: the chunks have other axes than the array, or would be too large.

    Example:
        >>> layout((2, 8, 4096, 64), 4)
        Layout(chunks=(1, 8, 4096, 64), shards=None)
        >>> layout((1, 32, 1_000_000, 64), 4)
        Layout(chunks=(1, 1, 32768, 64), shards=(1, 1, 524288, 64))
    """
    if chunks is None:
        chosen = _block(shape, CHUNK // itemsize)
    else:
        if len(chunks) != len(shape):
            raise InputError(f"chunks of {show(tuple(chunks))} do not fit an array of {show(tuple(shape))}")
        chosen = tuple(max(1, min(size, each)) for size, each in zip(shape, chunks, strict=True))
    size = math.prod(chosen) * itemsize
    if size > MOST_CHUNK:
        raise InputError(f"chunks of {show(chosen)} take {size} bytes, and at most {MOST_CHUNK} are possible")
    counts = tuple(-(-most // each) for most, each in zip(shape, chosen, strict=True))
    if math.prod(counts) <= FEW:
        return Layout(chosen, None)
    shards = tuple(each * many for each, many in zip(chosen, _block(counts, max(1, SHARD // size)), strict=True))
    return Layout(chosen, shards)


def _block(shape: Sequence[int], most: int) -> tuple[int, ...]:
    """Return the shape of a block of at most so many elements: whole axes from the last on, and a power of 2 of one."""
    sizes: list[int] = []
    for size in reversed(shape):
        fits = size <= most
        sizes.append(max(1, size if fits else 1 << most.bit_length() - 1))
        most = most // sizes[-1] if fits else 1
    return tuple(reversed(sizes))
