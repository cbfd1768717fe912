"""Heat maps on a terminal: one with its labels, or several side by side, with the colour bar below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attncli.errors import InputError
from attncli.files.formats import FORMATS
from attncli.plot import multiples
from attncli.plot.ink import NOTHING, Ink, cells, shares, written
from attncli.plot.picture import CLOSED, Panel, Picture
from attncli.said import Said
from attncli.show.axes import column_names, fitted
from attncli.show.lines import print_lines
from attncli.show.numbers import label, number

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from attncli.files.contents import Labels
    from attncli.show.screen import Screen

# Up to this many rows, each has a line with its label; beyond, two rows share a line as half blocks.
SINGLE = 40
MOST_ROWS = 96
MOST_CELL = 6
BAR = 24
SIDE = 16
# Digits of the numbers at the colour bar, and of those in cells.
DIGITS, CELL_DIGITS = 4, 2
# The most rows of a map in shades, where each takes a line.
SHADED_ROWS, SHADED_MULTIPLE = 48, 20
PICTURE = FORMATS["png"].suffix


def room(screen: Screen, console: Console, *, several: bool) -> tuple[int, int]:
    """Return how many rows and columns of a matrix there is room for; a line of half blocks holds two rows.

    Args:
        screen: where they are drawn.
        console: likewise.
        several: whether there are several.
    """
    colors = Ink.of(screen, console).colors
    if several:
        return multiples.MOST if colors else SHADED_MULTIPLE, min(multiples.MOST, screen.width // 2)
    return MOST_ROWS if colors else SHADED_ROWS, max(4, screen.width - SIDE - 3)


def to_terminal(picture: Picture, screen: Screen, console: Console) -> None:
    """Print a picture: title, maps, colour bar, caption.

    Raises:
        InputError: numbers are to be written into cells, and there is no room for them.
    """
    ink = Ink.of(screen, console)
    rows, columns = picture.panels[0].numbers.shape
    names = (
        _names(picture.row_labels, rows, picture.shape[0], screen),
        _names(picture.column_labels, columns, picture.shape[1], screen),
    )
    if len(picture.panels) > 1:
        lines = multiples.lines(picture, ink, screen.width, names)
    else:
        lines = _labelled(picture, picture.panels[0], ink, screen, names)
    drawn = list(lines)
    if picture.title:
        print_lines(picture.title, screen=screen, console=console, style="bold")
    if len(picture.panels) == 1 and picture.panels[0].name:
        print_lines(picture.panels[0].name, screen=screen, console=console, style="bold cyan")
    for line in [*drawn, _bar(picture, ink, screen)]:
        console.print(line, no_wrap=True, crop=False, overflow="ignore")
    closed, nothing = picture.holes
    words = Said("{before}; {after}", before=picture.caption, after=Said("queries go down, keys across"))
    if closed:
        words = Said("{before}; {after}", before=words, after=Said("{sign} closed", sign=ink.closed))
    if nothing:
        words = Said("{before}; {after}", before=words, after=Said("{sign} no number", sign=NOTHING))
    print_lines(words, screen=screen, console=console, style="dim")


def _labelled(
    picture: Picture, panel: Panel, ink: Ink, screen: Screen, names: tuple[list[str], list[str]]
) -> Iterator[Text]:
    """Return the lines of one map with labels on both axes."""
    from rich.cells import cell_len
    from rich.text import Text

    numbers = shares(picture, panel)
    rows, columns = numbers.shape
    side = min(SIDE, max(map(cell_len, names[0])))
    width = max(1, min(MOST_CELL, (screen.width - side - 2) // columns))
    texts = _texts(panel, screen) if picture.values else []
    if texts:
        width = _width(texts, screen.width - side - 2)
    for line in column_names(names[1], width):
        yield Text(" " * (side + 1) + line, "bold")
    together = 1 if texts or rows <= SINGLE or not ink.colors else 2
    for start in range(0, rows, together):
        style = "bold reverse" if picture.row in range(start, start + together) else "bold"
        text = Text().append(fitted(names[0][start], side), style).append(" ")
        if texts:
            text.append_text(written(numbers[start], texts[start], width, ink))
        else:
            bottom = numbers[start + 1] if start + 1 < rows else None
            text.append_text(cells(numbers[start], numbers[start] if together == 1 else bottom, width, ink))
        yield text


def _texts(panel: Panel, screen: Screen) -> list[list[str]]:
    """Return the numbers of a map as they stand in its cells."""
    return [
        ["" if each == CLOSED else screen.write(number(each, CELL_DIGITS, narrow=True)) for each in row]
        for row in panel.numbers.tolist()
    ]


def _width(texts: list[list[str]], most: int) -> int:
    """Return how wide cells are that have numbers in them.

    Raises:
        InputError: so many columns of numbers do not fit.
    """
    width = max(len(text) for row in texts for text in row) + 1
    if width * len(texts[0]) > most:
        message = f"--values: {len(texts[0])} columns of numbers do not fit on this screen"
        raise InputError(message, hint=f"-o FILE{PICTURE} draws a picture; --width N says how wide the screen is")
    return width


def _names(labels: Labels | None, shown: int, total: int, screen: Screen) -> list[str]:
    """Return the labels of an axis, or the index at which each of its cells begins."""
    if labels is not None:
        return [screen.write(label(each)) for each in labels]
    run = -(-total // shown)
    return [str(index * run) for index in range(shown)]


def _bar(picture: Picture, ink: Ink, screen: Screen) -> Text:
    """Return the colour bar, with numbers at its ends and in its middle."""
    from rich.text import Text

    low, high = picture.range
    ends = [screen.write(number(each, DIGITS)) for each in (low, (low + high) / 2, high)]
    half = max(2, min(BAR, screen.width - sum(map(len, ends)) - 4) // 2)
    steps = np.linspace(0, 1, 2 * half)
    text = Text(f"{ends[0]} ")
    text.append_text(cells(steps[:half], steps[:half], 1, ink))
    text.append(f" {ends[1]} ")
    text.append_text(cells(steps[half:], steps[half:], 1, ink))
    return text.append(f" {ends[2]}")


def recorder(screen: Screen) -> tuple[Screen, Console]:
    """Return an invisible terminal as wide as this screen, with all colours, that records what is printed on it."""
    from io import StringIO

    from rich.console import Console

    console = Console(
        width=screen.width, record=True, file=StringIO(), color_system="truecolor", force_terminal=True, markup=False
    )
    return replace(screen, terminal=True, color=True, unicode=True), console


def as_svg(console: Console) -> str:
    """Return what was printed on a recorder as an SVG picture that loads no font."""
    import re

    svg = console.export_svg(title="attn plot", unique_id="attn")
    # Rich refers to a font on a server; any fixed-width font of the reader's machine will do.
    return re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
