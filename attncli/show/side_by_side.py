"""Tables side by side, each under its title, where the screen is wide enough; otherwise below each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from attncli.show.lines import print_lines
from attncli.show.plain import PlainConsole, columns_of, print_pieces
from attncli.show.tables import Grid, Pieces, fit_columns, lines_of, print_grid, widths_of, written
from attncli.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.view import View

# Blanks between two tables.
GAP = 3
# Wider than any table, so that all of its columns are there.
WIDEST = 1 << 20


@dataclass(frozen=True, eq=False)
class Titled:
    """A table with the lines above it."""

    titles: Sequence[str]
    grid: Grid


@dataclass(frozen=True, eq=False)
class _Drawn:
    lines: Sequence[Pieces]
    width: int


def print_beside(tables: Sequence[Titled], view: View, console: Console | PlainConsole) -> None:
    """Print tables: as many side by side as the screen has room for with all their columns, the same in each row."""
    drawn = [_draw(each, view, console) for each in tables]
    wide = max(each.width for each in drawn)
    most = max(1, (view.screen.width + GAP) // (wide + GAP))
    if most == 1 and wide > view.screen.width:
        _print_below(tables, view, console)
        return
    rows = -(-len(drawn) // most)
    across = -(-len(drawn) // rows)
    for start in range(0, len(drawn), across):
        if start:
            console.print()
        for line in _joined(drawn[start : start + across], wide if rows > 1 else 0):
            print_pieces(line, console, trimmed=not view.screen.color)


def _print_below(tables: Sequence[Titled], view: View, console: Console | PlainConsole) -> None:
    for at, each in enumerate(tables):
        if at:
            console.print()
        for number, title in enumerate(each.titles):
            print_lines(title, view.screen, console, "dim" if number else "bold")
        print_grid(each.grid, view.screen, console, view.digits, view.most_columns(each.grid.numbers.shape[1]))


def _draw(table: Titled, view: View, console: Console | PlainConsole) -> _Drawn:
    """Return the lines of a table with all the columns that may be shown."""
    screen, columns = view.screen, table.grid.numbers.shape[1]
    texts = written(fit_columns(table.grid, view.digits, WIDEST, view.most_columns(columns)), screen)
    titles = [screen.write(visible(screen.say(title))) for title in table.titles]
    above = [[(f" {title}", "dim" if at else "bold")] for at, title in enumerate(titles)]
    width = max(sum(widths_of(texts)), *(1 + columns_of(title) for title in titles))
    return _Drawn([*above, *lines_of(table.grid, texts, screen, console)], width)


def _joined(drawn: Sequence[_Drawn], least: int) -> Iterator[Pieces]:
    """Return the lines of tables side by side; each is filled up to its own width, or to the least one."""
    for parts in zip_longest(*(each.lines for each in drawn), fillvalue=[]):
        line: Pieces = []
        for at, (each, pieces) in enumerate(zip(drawn, parts, strict=True)):
            line += pieces
            taken = sum(columns_of(text) for text, _ in pieces)
            line.append((" " * (max(each.width, least) - taken + GAP) * (at < len(drawn) - 1), ""))
        yield line
