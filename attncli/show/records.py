"""Plain tables: one row per record, one column per heading."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from attncli.show.lines import wrap
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
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    if not records:
        return
    if path:
        records = shorten(records, path, screen.width)
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
        texts = {heading: screen.write(visible(record[heading])) for heading in headings}
        if folded in texts:
            lines = list(wrap(texts[folded], room))
            widest, texts[folded] = max(widest, *map(cell_len, lines)), "\n".join(lines)
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


def _width(records: Sequence[Record], heading: str) -> int:
    from rich.cells import cell_len

    return max(cell_len(heading), *(cell_len(record[heading]) for record in records))


def _end(text: str, room: int) -> str:
    return text if len(text) <= room else "…" + text[1 - room :]


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
