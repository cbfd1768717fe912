"""Rules drawn as rows of ■ and ·, one row per query, one column per key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.stages.mask import openings
from attncli.explain.blocks import Drawing
from attncli.explain.lesson import Lesson
from attncli.show.plain import columns_of
from attncli.show.window import Axis, around

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPEN, CLOSED, GAP = "■", "·", "…"
# So much is drawn of a rule, and so many columns of characters stand side by side.
MOST_ROWS, MOST_KEYS, COLUMNS = 12, 24, 72
BETWEEN = "   "


def drawing(lesson: Lesson) -> Drawing | None:
    """Return each rule in force, and all of them together, as it opens the shown keys; None without rules."""
    about = lesson.about
    rules = openings(about.operands)
    if not rules:
        return None
    count, keys = len(about.rows.indices), about.operands.sizes.keys
    rows, columns = around(count, MOST_ROWS, about.at), around(keys, MOST_KEYS, about.column)
    place = np.ix_(rows.indices, columns.indices)
    planes = {name: np.broadcast_to(rule[0, 0], (count, keys))[place] for name, rule in rules.items()}
    if len(planes) > 1:
        planes["all"] = np.logical_and.reduce(list(planes.values()))
    names = {lesson.say(f"rule_{name}"): plane for name, plane in planes.items()}
    side = [str(each) for each in about.rows.indices[rows.indices].tolist()]
    return Drawing(lesson.say("drawing"), tuple(_lines(names, side, _shown(about.rows, rows), columns)))


def _shown(all_rows: Axis, rows: Axis) -> Axis:
    """Return which queries are drawn, by their indices: some are not shown at all."""
    return Axis(all_rows.indices[rows.indices], all_rows.total)


def _lines(planes: Mapping[str, NDArray[np.bool_]], side: list[str], rows: Axis, columns: Axis) -> Iterator[str]:
    margin = max(map(len, side))
    room = COLUMNS - margin
    pictures = [_picture(name, plane, rows, columns) for name, plane in planes.items()]
    labels = ["", *_with_gaps([each.rjust(margin) for each in side], rows, GAP.rjust(margin))]
    labels[0] = " " * margin
    while pictures:
        band: list[list[str]] = []
        while pictures and (
            not band or sum(columns_of(each[0]) + len(BETWEEN) for each in [*band, pictures[0]]) <= room
        ):
            band.append(pictures.pop(0))
        for at, label in enumerate(labels):
            yield (" " + label + " " + BETWEEN.join(each[at] for each in band)).rstrip()
        if pictures:
            yield ""


def _picture(name: str, plane: NDArray[np.bool_], rows: Axis, columns: Axis) -> list[str]:
    """Return the lines of a picture, all of one width: its name, and a line per query."""
    lines = [" ".join(_with_gaps([OPEN if each else CLOSED for each in row], columns, GAP)) for row in plane.tolist()]
    lines = [name, *_with_gaps(lines, rows, GAP)]
    wide = max(columns_of(name), len(lines[-1]))
    return [name + " " * (wide - columns_of(name)), *(line.ljust(wide) for line in lines[1:])]


def _with_gaps(parts: list[str], axis: Axis, gap: str) -> list[str]:
    """Return parts with a mark wherever some are left out."""
    found = list(parts)
    for at in reversed(axis.gaps):
        found.insert(at, gap)
    return found
