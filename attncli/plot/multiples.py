"""Small maps side by side on a terminal: as large as the screen allows, in balanced rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.plot.ink import Ink, cells, shares
from attncli.plot.picture import Picture
from attncli.show.axes import column_names, fitted
from attncli.show.grid import balanced
from attncli.show.plain import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

# The most rows and columns of one.
MOST = 32
# Beyond this many lines in all, the maps are drawn as small as they can be.
TALL = 48
GAP = 2


@dataclass(frozen=True)
class Arrangement:
    """How small maps stand.

    Attributes:
        cell: columns of the screen that a cell takes.
        together: rows of a map that share a line.
        across: how many maps stand side by side.
        wide: columns of the screen from the beginning of a map to that of the next.
    """

    cell: int
    together: int
    across: int
    wide: int


def arranged(picture: Picture, ink: Ink, width: int) -> Arrangement:
    """Return how these maps stand on a screen of this width."""
    rows, columns = picture.panels[0].numbers.shape
    name = max(columns_of(picture.say(panel.name)) for panel in picture.panels)
    # Two columns and a line make a square, and one column and half a line.
    for cell, together in ((2, 1), (1, 2 if ink.colors else 1)):
        wide = max(columns * cell, name) + GAP
        down, across = balanced(len(picture.panels), max(1, width // wide), picture.together)
        found = Arrangement(cell, together, across, wide)
        if down * (rows // together + 2) <= TALL:
            break
    return found


def lines(picture: Picture, ink: Ink, width: int, names: tuple[Sequence[str], Sequence[str]]) -> Iterator[Text]:
    """Return the lines of small maps, each under its name.

    Args:
        picture: the maps.
        ink: how they are drawn.
        width: columns of the screen.
        names: of rows and columns, which are written where there is room for them; empty if there are none.
    """
    from rich.cells import cell_len
    from rich.text import Text

    how = arranged(picture, ink, width)
    side = max(map(cell_len, names[0]), default=0) + 1
    if not names[0] or how.together > 1 or side + how.across * how.wide > width:
        side = 0
    columns = picture.panels[0].numbers.shape[1]
    above = list(column_names(names[1], how.cell)) if side and names[1] and len(picture.panels) <= how.across else []
    for start in range(0, len(picture.panels), how.across):
        panels = picture.panels[start : start + how.across]
        yield Text(" " * side + "".join(fitted(picture.say(panel.name), how.wide) for panel in panels), "bold cyan")
        for line in above:
            yield Text(" " * side + fitted(line, how.wide) * len(panels), "bold")
        maps = [shares(picture, panel) for panel in panels]
        for row in range(0, len(maps[0]), how.together):
            text = Text().append(fitted(names[0][row], side) if side else "", "bold")
            for numbers in maps:
                bottom = numbers[row + 1] if row + 1 < len(numbers) else None
                text.append_text(cells(numbers[row], numbers[row] if how.together == 1 else bottom, how.cell, ink))
                text.append(" " * (how.wide - columns * how.cell))
            yield text
        yield Text()
