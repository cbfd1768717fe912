"""The names along the axes of a map that is drawn with characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attncli.text import clusters

# The most lines of names that are written from top to bottom.
TALLEST = 12


def fitted(text: str, width: int) -> str:
    """Return a text in exactly this many columns of the screen, cut or filled up."""
    from rich.cells import cell_len, set_cell_size

    return text + " " * (width - cell_len(text)) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def column_names(names: Sequence[str], width: int) -> Iterator[str]:
    """Return the lines above the columns: names side by side if they fit, else written from top to bottom."""
    from rich.cells import cell_len

    longest = max(map(cell_len, names))
    if longest < width:
        yield "".join(fitted(name, width) for name in names)
        return
    if all(name.isdigit() for name in names):
        # Numbers stay on one line: each is written if the one before leaves room.
        line = ""
        for at, name in enumerate(names):
            if cell_len(line) <= at * width:
                line += " " * (at * width - cell_len(line)) + name + " "
        yield line
        return
    upright = [list(clusters(name)) for name in names]
    if max(cell_len(each) for name in upright for each in name or " ") > width:
        return  # wide characters do not fit above narrow cells
    height = min(max(map(len, upright)), TALLEST)
    columns = [name if len(name) <= height else [*name[: height - 1], "…"] for name in upright]
    for depth in range(-height, 0):
        yield "".join(fitted(name[depth] if -depth <= len(name) else "", width) for name in columns).rstrip()
