"""Plain tables: one row per record, one column per heading."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from attncli.show.lines import wrap
from attncli.show.plain import columns_of
from attncli.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from attncli.show.screen import Screen

Record = Mapping[str, str]

# Wider than any table of records, so that measuring one is not cut off at the width of the screen.
WIDEST = 10_000
# Blanks between two columns, and the fewest characters that still tell one path or file from another.
GAP, LEAST = 3, 14


def print_records(
    records: Sequence[Record],
    screen: Screen,
    console: Console,
    *,
    right: Collection[str] = (),
    path: str = "",
    folded: str = "",
) -> None:
    """Print records as a table; headings that no record has a text for are left out.

    The table is wider than the screen if need be: a name or a number that is cut off is of no use. One column may
    give way.

    Args:
        records: texts by heading, the same headings in each record; without records nothing is printed.
        screen: where it is printed.
        console: what it is printed on.
        right: headings whose columns are aligned to the right, as numbers are.
        path: the heading of paths; where the screen is too narrow they lose their beginning, or are left out.
        folded: the heading of a column that is broken over several lines where the screen is too narrow.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not records:
        return
    records = [{screen.say(heading): visible(screen.say(text)) for heading, text in each.items()} for each in records]
    right, path, folded = [screen.say(heading) for heading in right], screen.say(path), screen.say(folded)
    if path:
        records = shorten(records, path, screen.width)
    records = _written(records, screen.write)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    headings = _headings(records)
    for heading in headings:
        folds = heading == folded
        table.add_column(
            screen.write(heading),
            justify="right" if heading in right else "left",
            no_wrap=not folds,
            overflow="fold" if folds else "ellipsis",
        )
    widths = {heading: _width(records, heading) for heading in headings}
    room = max(LEAST, screen.width - sum(widths.values()) - GAP * (len(headings) - 1) + widths.get(folded, 0))
    widest = 0
    for record in records:
        texts = {heading: record[heading] for heading in headings}
        if folded in texts:
            lines = list(wrap(texts[folded], room))
            widest, texts[folded] = max(widest, *map(columns_of, lines)), "\n".join(lines)
        table.add_row(*map(Text, texts.values()))
    # What is left to fold are words, such as paths, that are wider than their column.
    _print_whole(table, screen, console, spare=max(0, widest - room))


def shorten(records: Sequence[Record], path: str, width: int) -> Sequence[Record]:
    """Return the records with one heading's paths cut at their beginning, or left out, so that they fit the width.

    >>> shorten([{"name": "a", "path": "model.layers.10.attention"}], "path", 24)
    [{'name': 'a', 'path': '…ers.10.attention'}]
    """
    headings = _headings(records)
    if path not in headings:
        return records
    widths = {heading: _width(records, heading) for heading in headings}
    room = widths[path] - max(0, sum(widths.values()) + GAP * (len(headings) - 1) - width)
    if room < LEAST:
        return [{heading: text for heading, text in record.items() if heading != path} for record in records]
    return [{**record, path: _end(record[path], room)} for record in records]


def _headings(records: Sequence[Record]) -> list[str]:
    return [heading for heading in records[0] if any(record[heading] for record in records)]


def _written(records: Sequence[Record], write: Callable[[str], str]) -> list[Record]:
    return [{heading: write(text) for heading, text in record.items()} for record in records]


def _width(records: Sequence[Record], heading: str) -> int:
    return max(columns_of(heading), *(columns_of(record[heading]) for record in records))


def _end(text: str, room: int) -> str:
    if columns_of(text) <= room:
        return text
    start, taken = len(text), columns_of("…")
    while start and taken + columns_of(text[start - 1]) <= room:
        start, taken = start - 1, taken + columns_of(text[start - 1])
    return "…" + text[start:]


def _print_whole(table: Table, screen: Screen, console: Console, spare: int) -> None:
    """Print a table in the width that its columns need, or that of the screen if that is more.

    Args:
        table: what is printed.
        screen: how wide the screen is.
        console: what it is printed on.
        spare: columns of the screen that the table can do without, because one of its columns folds.
    """
    console.width = WIDEST
    needed = console.measure(table).maximum - spare
    console.width = max(screen.width, needed)
    console.print(table)
    console.width = screen.width
