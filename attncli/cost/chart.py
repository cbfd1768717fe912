"""Charts of curves on a terminal, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attncli.cost.growth import Panel, Vary
from attncli.cost.sizes import as_count
from attncli.show.lines import print_lines
from attncli.show.plain import print_pieces

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

ROWS, MOST_COLUMNS, SIDE = 12, 72, 9
SIGNS, PLAIN_SIGNS = "●▲■◆○△□◇", "ox#+*@%&"
STYLES = ("cyan", "yellow", "magenta", "green", "blue", "red", "bright_cyan", "bright_yellow")


def to_terminal(panel: Panel, vary: Vary, screen: Screen, console: Console) -> None:
    """Print the curves with their axes, and which sign is whose."""
    signs = SIGNS if screen.unicode else PLAIN_SIGNS
    sizes = [size for points in panel.points for size in points if size]
    if not sizes:
        return
    low, high = math.log(min(sizes)), math.log(max(sizes))
    columns = max(2, min(MOST_COLUMNS, screen.width - SIDE - 3))
    cells = [[-1] * columns for _ in range(ROWS)]
    for curve, points in enumerate(panel.points):
        for column in range(columns):
            if (size := _at(vary.values, points, column / (columns - 1))) is not None:
                share = (size - low) / (high - low) if high > low else 0.0
                cells[ROWS - 1 - round(share * (ROWS - 1))][column] = curve
    line = "│" if screen.unicode else "|"
    for row, cells_of_row in enumerate(cells):
        name = _named(row, low, high)
        pieces = [(f"{name:>{SIDE}} {line}", "dim")]
        pieces += [
            (" ", "") if each < 0 else (signs[each % len(signs)], STYLES[each % len(STYLES)]) for each in cells_of_row
        ]
        print_pieces(pieces, console, trimmed=True)
    first, end = str(vary.values[0]), str(vary.values[-1])
    between = max(1, columns - len(first) - len(end))
    print_pieces([(" " * (SIDE + 2) + first + vary.flag.center(between)[:between] + end, "dim")], console)
    legend = "   ".join(f"{signs[at % len(signs)]} {each.name}" for at, each in enumerate(panel.curves))
    print_lines(legend, screen, console)


def _named(row: int, low: float, high: float) -> str:
    """Return the number that a row stands for, at the ends and in the middle."""
    if row not in (0, ROWS // 2, ROWS - 1):
        return ""
    return as_count(round(math.exp(high - (high - low) * row / (ROWS - 1))))


def _at(values: Sequence[int], points: Sequence[int], share: float) -> float | None:
    """Return the logarithm of a curve at a share of the axis; None where it is 0."""
    low, high = math.log(values[0]), math.log(values[-1])
    where = low + share * (high - low)
    after = next((at for at in range(1, len(values)) if math.log(values[at]) >= where - 1e-9), len(values) - 1)
    one, other = points[after - 1], points[after]
    if not one or not other:
        return None
    left, right = math.log(values[after - 1]), math.log(values[after])
    return math.log(one) + (math.log(other) - math.log(one)) * (where - left) / (right - left)
