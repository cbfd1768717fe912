"""How large the parts of a picture in a file are, in inches, and which labels fit there."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.show.grid import balanced
from attncli.show.lines import wrap
from attncli.text import shortened, visible

if TYPE_CHECKING:
    from attncli.files.contents import Labels

# In points: the type, that of many labels, and what a line of these takes.
TYPE, SMALL = 8.0, 6.0
LINE = 7.5
POINTS = 72
DPI = 150
# A map alone: one cell, and the least and largest side. Small multiples likewise; and any cell that has a number in it.
CELL, LEAST, LARGEST = 0.28, 3.0, 14.0
SMALL_CELL, SMALL_LEAST, SMALL_LARGEST = 0.13, 1.5, 3.2
NUMBER_WIDE, NUMBER_HIGH = 0.36, 0.24
# Around the maps: labels on the left and below, the colour bar on the right, titles above.
AROUND = (1.5, 1.0)
# The longest label, in characters.
LONGEST = 24
MOST_TITLE = 200
# Where no label fits, so many places of an axis are numbered.
NUMBERED = 6


@dataclass(frozen=True)
class Layout:
    """Where the maps of a picture stand.

    Attributes:
        down: how many stand below each other.
        across: how many stand side by side.
        width: of a map, in inches.
        height: likewise.
    """

    down: int
    across: int
    width: float
    height: float

    @property
    def size(self) -> tuple[float, float]:
        """The width and height of the whole picture, in inches."""
        gap = 0.35 if self.down * self.across > 1 else 0.0
        return self.across * (self.width + gap) + AROUND[0], self.down * (self.height + gap) + AROUND[1]

    @property
    def pixels(self) -> int:
        """How many pixels it has."""
        width, height = self.size
        return round(width * height * DPI * DPI)


def of_maps(rows: int, columns: int, count: int, *, values: bool = False, together: int = 1) -> Layout:
    """Return the layout of maps.

    Args:
        rows: those of a map.
        columns: likewise.
        count: how many maps there are.
        values: whether each cell has its number in it.
        together: so many after each other belong side by side.
    """
    cell, least, largest = (CELL, LEAST, LARGEST) if count == 1 else (SMALL_CELL, SMALL_LEAST, SMALL_LARGEST)
    width, height = (min(largest, max(least, cell * cells)) for cells in (columns, rows))
    if values:
        width, height = max(width, NUMBER_WIDE * columns), max(height, NUMBER_HIGH * rows)
    return Layout(*balanced(count, together=together), width, height)


def ticks(labels: Labels | None, shown: int, total: int, room: float) -> tuple[list[int], list[str]]:
    """Return the places of an axis that have a name, and these names.

    Args:
        labels: one for each cell, if there are some.
        shown: how many cells there are.
        total: how many queries or keys they stand for.
        room: the length of the axis, in inches.
    """
    step = math.ceil(shown * LINE / (room * POINTS))
    if labels is None or step > 4:
        step = _round(max(step, math.ceil(shown / NUMBERED))) if shown > room * POINTS / LINE else 1
    places = list(range(0, shown, step))
    return places, names(labels if step <= 4 else None, places, math.ceil(total / shown))


def names(labels: Sequence[str] | None, places: Sequence[int], run: int) -> list[str]:
    """Return the labels at these places, or else the first index that each of them stands for."""
    if labels is None:
        return [str(place * run) for place in places]
    return [short(labels[place]) for place in places]


def short(label: str) -> str:
    """Return a label as it stands on an axis, with its outer blanks seen, and cut if it is long."""
    return shortened(visible(label.replace(" ", "␣") if label.strip() != label else label), LONGEST)


def wrapped(text: str, width: int) -> str:
    """Return a text in lines of at most so many columns, broken where its language allows it."""
    lines = [line for part in text.split("\n") for line in wrap(visible(part), width)]
    # A word may be wider than a line.
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width) or [""])


def _round(step: int) -> int:
    """Return the next step that people count in."""
    return next(each * 10**power for power in range(18) for each in (1, 2, 5) if each * 10**power >= step)
