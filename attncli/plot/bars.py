"""What a score is made of, as bars: on a terminal, and in a picture by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.languages import say_in
from attncli.plot.features import Features
from attncli.plot.layout import MOST_TITLE, TYPE, wrapped
from attncli.said import Said
from attncli.show import heat
from attncli.show.lines import print_lines
from attncli.show.numbers import number
from attncli.show.plain import columns_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.show.screen import Screen

# The most features that a terminal shows: of more, those that add most.
MOST = 64
DIGITS = 3
# Of a picture, in inches: a feature, and the least and largest width.
FEATURE, LEAST, LARGEST, HEIGHT = 0.12, 5.0, 16.0, 4.6
# What the columns of the table are, and the axes of the picture.
HEADINGS = (Said("feature"), Said("query"), Said("key"), Said("adds"))
COUNTED = Said("feature (counted from 0)")
# What adds to the score, and what takes from it: two ends of the palette.
ADDS, TAKES = 0.75, 0.2


def to_terminal(found: Features, screen: Screen, console: Console) -> None:
    """Print a line for each feature: the query, the key, what it adds, and a bar of that."""
    from rich.text import Text

    for text, style in ((found.title, "bold"), (found.head, "bold cyan"), (found.said, "")):
        if text:
            print_lines(text, screen=screen, console=console, style=style)
    shown = _most(found.added)
    rows = [
        [str(at), *(number(float(each[at]), DIGITS) for each in (found.query, found.key, found.added))] for at in shown
    ]
    rows.insert(0, list(map(screen.say, HEADINGS)))
    widths = [max(columns_of(screen.write(row[column])) for row in rows) for column in range(4)]
    room = max(4, (screen.width - sum(widths) - 9) // 2)
    largest = float(np.nanmax(np.abs(np.where(np.isfinite(found.added), found.added, 0)), initial=0)) or 1.0
    full = "█" if screen.unicode else "#"
    for at, row in enumerate(rows):
        cells = [screen.write(cell) for cell in row]
        line = Text(
            "  ".join(" " * (width - columns_of(cell)) + cell for cell, width in zip(cells, widths, strict=True)) + "  "
        )
        if at:
            value = float(found.added[shown[at - 1]])
            size = round(min(1.0, abs(value) / largest) * room) if np.isfinite(value) else 0
            color = heat.paint(ADDS if value >= 0 else TAKES, console.color_system)[0]
            left, right = (0, size) if value >= 0 else (size, 0)
            line.append(" " * (room - left)).append(full * left, color).append("│" if screen.unicode else "|", "dim")
            line.append(full * right, color)
        else:
            line.stylize("bold")
        console.print(line, no_wrap=True, crop=False, overflow="ignore")
    if len(shown) < len(found.added):
        rest = found.score - float(found.added[shown].sum())
        text = Said(
            "the other {count} features add {rest}",
            count=len(found.added) - len(shown),
            rest=number(rest, DIGITS),
        )
        print_lines(text, screen=screen, console=console, style="dim")


def _most(added: NDArray[Any]) -> list[int]:
    """Return the features to show, in their order: all, or those that add or take most."""
    if len(added) <= MOST:
        return list(range(len(added)))
    size = np.nan_to_num(np.abs(added), nan=np.inf)
    return sorted(np.argsort(-size, kind="stable")[:MOST].tolist())


def written(found: Features, lang: str) -> list[str]:
    """Return what is written beside the bars, in a language."""
    return [say_in(lang, each) for each in (found.head, found.said, COUNTED, *HEADINGS)]


def draw(found: Features, lang: str, make: type[Figure]) -> Figure:
    """Draw query, key, and what each feature adds to the score, below each other, with the words of a language."""
    head, said, counted, _, *names = written(found, lang)
    count = len(found.added)
    width = min(LARGEST, max(LEAST, FEATURE * count + 1.5))
    figure = make(figsize=(width, HEIGHT), layout="constrained")
    grid = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1, 2])
    grey = [channel / 255 for channel in heat.scale(0.5)]
    adds, takes = ([channel / 255 for channel in heat.scale(share)] for share in (ADDS, TAKES))
    places = np.arange(count)
    for axes, numbers, name in zip(grid, (found.query, found.key, found.added), names, strict=True):
        finite = np.where(np.isfinite(numbers), numbers, 0).astype(np.float64)
        colors: Any = [adds if each >= 0 else takes for each in finite] if numbers is found.added else grey
        axes.bar(places, finite, width=0.8, color=colors)
        axes.axhline(0, color="0.4", linewidth=0.6)
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
    grid[-1].set_xlabel(counted)
    grid[-1].set_xlim(-0.7, count - 0.3)
    figure.align_ylabels(grid)
    lines = [found.title[:MOST_TITLE], head, said]
    figure.suptitle(wrapped("\n".join(filter(None, lines)), round(width * 11)), fontsize=TYPE + 1)
    return figure
