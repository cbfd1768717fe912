"""What to notice in the row in tiles: what the factor is for, and what is never held."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from attncli.attend.shapes import show
from attncli.explain.tiled_row import TiledRow
from attncli.memory import size

# With so many keys it is said what tiles save where there are few.
MANY_KEYS = 8192
# Scores that take as many bytes are worth counting.
LARGE = 1_000_000


def points(worked: TiledRow) -> Iterator[str]:
    """Say what the factor is for, what is never held, what follows from that, and who found it."""
    lesson = worked.lesson
    if worked.is_known:
        yield from _without(worked)
        yield from _closed(worked)
    yield _memory(worked)
    yield lesson.say("tiles_work")
    yield lesson.say("tiles_back")
    if lesson.about.source.has_after:
        yield lesson.say("tiles_after")
    yield lesson.say("tiles_papers")


def _without(worked: TiledRow) -> Iterator[str]:
    """Say what would become of this row if nothing were rescaled; or which row would show it."""
    lesson, run = worked.lesson, worked.run
    if worked.rise is None:
        yield from _unmoved(worked)
        return
    tile, apart = run.tiles[worked.rise], worked.apart(worked.forgotten)
    times = float(np.float64(1) / np.float64(tile.factor))
    values = {"tile": lesson.say("the_tile", tile=worked.rise), "factor": tile.factor, "times": times}
    if apart <= worked.allowed:
        yield lesson.say("tiles_without_unseen", **values)
        return
    column = lesson.about.of_sum
    right, wrong = (lesson.number(each.output[column]) for each in (run, worked.forgotten))
    yield lesson.say("tiles_without", **values, column=column, right=right, wrong=wrong, most=apart)
    if run.start.m == -np.inf:  # beside a sink the first tile may raise the maximum, too
        yield lesson.say("tiles_check")


def _unmoved(worked: TiledRow) -> Iterator[str]:
    """Say why the factor is 1 in all tiles, and in which other row it is not."""
    lesson, run = worked.lesson, worked.run
    if run.start.m > -np.inf:
        yield lesson.say("tiles_no_rise_sink")
    elif sum(not tile.is_closed for tile in run.tiles) > 1:
        yield lesson.say("tiles_no_rise")
    other = worked.other_row()
    if other is not None:
        yield lesson.say("tiles_other_row", row=lesson.query(other), index=other)


def _closed(worked: TiledRow) -> Iterator[str]:
    """Say what it saves to skip closed tiles, and what one that is not skipped asks for."""
    lesson, tiles = worked.lesson, worked.run.tiles
    closed = sum(tile.is_closed for tile in tiles)
    if closed:
        yield lesson.say("tiles_skipped", closed=closed, count=len(tiles), row=worked.query)
    if tiles[0].is_closed and worked.run.start.m == -np.inf:
        yield lesson.say("tiles_closed_first")


def _memory(worked: TiledRow) -> str:
    """Say what is never held, with the shape of the problem; and that few keys are no gain."""
    lesson, o = worked.lesson, worked.lesson.about.source
    sizes, width = o.sizes, worked.width
    shape = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    scores = int(np.prod(shape, dtype=np.int64))
    taken = scores * o.dtype.itemsize
    features, room = sizes.value_features, width + 2 + sizes.value_features
    values = {
        "shape": show(shape if sizes.batch > 1 else shape[1:] if sizes.heads > 1 else shape[2:]),
        "scores": scores,
        "size": lesson.say("tiles_bytes", size=size(taken)) if taken >= LARGE else "",
        "sum": f"{width} + 2 + {features}",
        "room": room,
        "keys": sizes.keys,
    }
    if room < sizes.keys:
        return lesson.say("tiles_memory", **values)
    values["keys"] = worked.count(sizes.keys)
    return lesson.say("tiles_memory_few", **values, many=max(MANY_KEYS, 8 * room))
