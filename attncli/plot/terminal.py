"""Heat maps on a terminal: half blocks in colour, or shades if there are no colours or too few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.plot import picture as picture_of
from attncli.plot.picture import Panel, Picture
from attncli.show import heat
from attncli.show.axes import column_names, fitted
from attncli.show.lines import print_lines
from attncli.show.numbers import label, number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.text import Text

    from attncli.files.contents import Labels
    from attncli.show.screen import Screen

# Up to this many rows, each has a line with its label; beyond, two rows share a line as half blocks.
SINGLE = 40
MOST_ROWS = 96
MOST_CELL = 6
BAR = 24
# More ink means more weight, on dark and on light backgrounds.
SHADES, PLAIN_SHADES = " ░▒▓█", " .:*#"
CLOSED, NOTHING = "·", "!"
SIDE = 16
DIGITS = 4
MULTIPLE = 32
# The most rows of a map in shades, where each takes a line.
SHADED_ROWS, SHADED_MULTIPLE = 48, 20


@dataclass(frozen=True)
class Ink:
    """How a share of the range is drawn.

    Attributes:
        colors: whether there are enough colours for a scale.
        shades: characters from no ink to the most.
        closed: the character for a closed key.
    """

    colors: bool
    shades: str
    closed: str

    @classmethod
    def of(cls, screen: Screen, console: Console) -> Ink:
        """Choose what the terminal can show; 16 colours are too few for a scale and differ between terminals."""
        enough = screen.color and console.color_system in ("truecolor", "256", "windows")
        shades = SHADES if screen.unicode else PLAIN_SHADES
        return cls(enough and screen.unicode, shades, CLOSED if screen.unicode else "-")

    def shade(self, share: float) -> str:
        """Return the character for a share; next to nothing gets no ink."""
        if not share >= heat.FAINT:
            return self.shades[0]
        return self.shades[min(len(self.shades) - 1, 1 + int(share * (len(self.shades) - 1)))]


def room(screen: Screen, console: Console, *, multiples: bool) -> tuple[int, int]:
    """Return how many rows and columns of a matrix there is room for; a line of half blocks holds two rows."""
    colors = Ink.of(screen, console).colors
    if multiples:
        return MULTIPLE if colors else SHADED_MULTIPLE, min(MULTIPLE, screen.width // 2)
    return MOST_ROWS if colors else SHADED_ROWS, max(4, screen.width - SIDE - 3)


def to_terminal(picture: Picture, screen: Screen, console: Console) -> None:
    """Print a picture: title, maps, colour bar, caption."""
    if picture.title:
        print_lines(picture.title, screen=screen, console=console, style="bold")
    ink = Ink.of(screen, console)
    if len(picture.panels) == 1:
        panel = picture.panels[0]
        if panel.name:
            print_lines(panel.name, screen=screen, console=console, style="bold cyan")
        for line in _labelled(picture, panel, ink, screen):
            console.print(line, no_wrap=True, crop=False, overflow="ignore")
    else:
        for line in _multiples(picture, ink, screen.width):
            console.print(line, no_wrap=True, crop=False, overflow="ignore")
    console.print(_bar(picture, ink, screen), no_wrap=True, crop=False, overflow="ignore")
    numbers = [panel.numbers for panel in picture.panels]
    words = [picture.caption]
    words += [f"{ink.closed} closed"] * any((each == picture_of.CLOSED).any() for each in numbers)
    words += [f"{NOTHING} no number"] * any(np.isnan(each).any() for each in numbers)
    print_lines("; ".join(words), screen=screen, console=console, style="dim")


def shares(picture: Picture, panel: Panel) -> NDArray[Any]:
    """Return the numbers of a panel as shares of the range, 0 to 1; −1 for closed keys, and NaN stays NaN."""
    low, high = picture.range
    with np.errstate(invalid="ignore"):
        found = np.clip((panel.numbers - low) / (high - low), 0, 1)
    return np.where(panel.numbers == picture_of.CLOSED, -1, found)


def _labelled(picture: Picture, panel: Panel, ink: Ink, screen: Screen) -> Iterator[Text]:
    """Return the lines of one map with labels on both axes."""
    from rich.cells import cell_len
    from rich.text import Text

    numbers = shares(picture, panel)
    rows, columns = numbers.shape
    names = _names(picture.row_labels, rows, picture.shape[0], screen)
    side = min(SIDE, max(map(cell_len, names)))
    width = max(1, min(MOST_CELL, (screen.width - side - 2) // columns))
    for line in column_names(_names(picture.column_labels, columns, picture.shape[1], screen), width):
        yield Text(" " * (side + 1) + line, "bold")
    together = 1 if rows <= SINGLE or not ink.colors else 2
    for start in range(0, rows, together):
        text = Text(fitted(names[start], side) + " ", "bold")
        both = [numbers[start], numbers[start + 1] if start + 1 < min(rows, start + together) else None]
        text.append_text(_line(both[0], both[1] if together == 2 else both[0], width, ink))
        yield text


def _names(labels: Labels | None, shown: int, total: int, screen: Screen) -> list[str]:
    """Return the labels of an axis, or the index at which each of its cells begins."""
    if labels is not None:
        return [screen.write(label(each)) for each in labels]
    run = -(-total // shown)
    return [str(index * run) for index in range(shown)]


def _line(top: NDArray[Any], bottom: NDArray[Any] | None, width: int, ink: Ink) -> Text:
    """Return one line of a map: one row, or two rows of which each takes half of the height."""
    from rich.style import Style
    from rich.text import Text

    text = Text()
    for at, share in enumerate(top.tolist()):
        under = -1.0 if bottom is None else float(bottom[at])
        if not ink.colors:
            text.append(_mark(share, ink) * width)
            continue
        upper, lower = _color(share), _color(under)
        if share != share:
            text.append(NOTHING.center(width), "bold")
        elif upper is None and lower is None:
            text.append(ink.closed.center(width), "dim")
        elif upper == lower:
            text.append(" " * width, Style(bgcolor=upper))
        elif upper is None:
            text.append("▄" * width, Style(color=lower))
        else:
            text.append("▀" * width, Style(color=upper, bgcolor=lower))
    return text


def _mark(share: float, ink: Ink) -> str:
    """Return the character for a share if there are no colours."""
    return NOTHING if share != share else ink.closed if share < 0 else ink.shade(share)


def _color(share: float) -> str | None:
    """Return the colour of a share in hexadecimal; None for a closed key or NaN."""
    if not share >= 0:
        return None
    return "#{:02x}{:02x}{:02x}".format(*heat.scale(share))


def _multiples(picture: Picture, ink: Ink, width: int) -> Iterator[Text]:
    """Return the lines of small maps side by side, each under its name."""
    from rich.text import Text

    columns = picture.panels[0].numbers.shape[1]
    cell = max(1, min(2, MULTIPLE // columns))
    wide = max(columns * cell, 10) + 2
    beside = max(1, width // wide)
    for start in range(0, len(picture.panels), beside):
        panels = picture.panels[start : start + beside]
        yield Text("".join(fitted(panel.name, wide) for panel in panels), "bold cyan")
        maps = [shares(picture, panel) for panel in panels]
        together = 2 if ink.colors else 1
        for row in range(0, len(maps[0]), together):
            line = Text()
            for numbers in maps:
                bottom = numbers[row + 1] if together == 2 and row + 1 < len(numbers) else None
                line.append_text(_line(numbers[row], bottom, cell, ink))
                line.append(" " * (wide - columns * cell))
            yield line
        yield Text()


def _bar(picture: Picture, ink: Ink, screen: Screen) -> Text:
    """Return the colour bar, with numbers at its ends and in its middle."""
    from rich.text import Text

    low, high = picture.range
    ends = [screen.write(number(each, DIGITS)) for each in (low, (low + high) / 2, high)]
    half = max(2, min(BAR, screen.width - sum(map(len, ends)) - 4) // 2)
    steps = np.linspace(0, 1, 2 * half)
    text = Text(f"{ends[0]} ")
    text.append_text(_line(steps[:half], steps[:half], 1, ink))
    text.append(f" {ends[1]} ")
    text.append_text(_line(steps[half:], steps[half:], 1, ink))
    return text.append(f" {ends[2]}")


def recorder(width: int) -> tuple[Screen, Console]:
    """Return an invisible terminal of this width, with all colours, that records what is printed on it."""
    from io import StringIO

    from rich.console import Console

    from attncli.show.screen import Screen

    console = Console(
        width=width, record=True, file=StringIO(), color_system="truecolor", force_terminal=True, markup=False
    )
    return Screen(terminal=True, width=width, color=True, unicode=True), console


def to_svg(picture: Picture, screen: Screen, console: Console) -> str:
    """Return what a terminal shows as an SVG picture that loads no font."""
    import re

    to_terminal(picture, screen, console)
    svg = console.export_svg(title="attn plot", unique_id="attn")
    # Rich refers to a font on a server; any fixed-width font of the reader's machine will do.
    return re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
