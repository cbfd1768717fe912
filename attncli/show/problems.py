"""Several problems as a table, one a line, such as all layers of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attncli.attend.shapes import show
from attncli.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

WIDEST = 1000
# Columns between two columns of the table, and characters of a path that still tell layers apart.
GAP, LEAST = 3, 14
STATES = ("query", "key", "value")


def line(shapes: Mapping[str, Sequence[int]], options: Mapping[str, object]) -> dict[str, str]:
    """Return what a problem is in short: the shapes of its states, what stands beside them, and its options.

    Args:
        shapes: of its arrays, by name; that of the expected output says nothing new.
        options: those that are not at their default.
    """
    states = {name: show(tuple(shapes[name])) if name in shapes else "" for name in STATES}
    beside = [f"{name} {show(tuple(shape))}" for name, shape in shapes.items() if name not in (*STATES, "expected")]
    said = [name if value is True else f"{name} {_short(value)}" for name, value in options.items()]
    return states | {"beside": ", ".join(beside), "options": ", ".join(said).replace("_", "-")}


def fitted(rows: Sequence[Mapping[str, str]], width: int) -> Sequence[Mapping[str, str]]:
    """Return the rows with the paths of layers shortened from their beginning, or left out, as the screen needs it."""
    headings = [heading for heading in rows[0] if any(row[heading] for row in rows)]
    if "layer" not in headings:
        return rows
    widths = {heading: max(len(heading), *(len(row[heading]) for row in rows)) for heading in headings}
    room = widths["layer"] - max(0, sum(widths.values()) + GAP * (len(headings) - 1) - width)
    if room < LEAST:
        return [{heading: text for heading, text in row.items() if heading != "layer"} for row in rows]
    return [row | {"layer": _end(row["layer"], room)} for row in map(dict, rows)]


def _end(text: str, room: int) -> str:
    return text if len(text) <= room else "…" + text[1 - room :]


def _short(value: object) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def to_terminal(rows: Sequence[Mapping[str, str]], screen: Screen, console: Console) -> None:
    """Print the table; columns in which nothing stands are left out."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    rows = fitted(rows, screen.width)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    headings = [heading for heading in rows[0] if any(row[heading] for row in rows)]
    for heading in headings:
        table.add_column(screen.write(heading), no_wrap=True)
    for row in rows:
        table.add_row(*(Text(screen.write(visible(row[heading]))) for heading in headings))
    # Wider than the screen where need be: a name that is cut off picks nothing.
    console.width = WIDEST
    console.width = max(screen.width, console.measure(table).maximum)
    console.print(table)
    console.width = screen.width
