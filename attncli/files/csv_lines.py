"""From the text of a table to its rows: what separates the cells, which lines are comments, where quotes end."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from attncli.errors import InputError
from attncli.files.csv_cells import TRUTH, Cells, Row
from attncli.said import Said

# The first line with which Excel is told what separates the cells.
SEPARATOR = re.compile(r"sep=([,;\t| ])", re.IGNORECASE)


class Lines(NamedTuple):
    """The rows of a table.

    Attributes:
        rows: those that are not empty, header included.
        delimiter: what separates their cells.
        notices: about lines that begin with ``#``.
    """

    rows: list[Row]
    delimiter: str
    notices: tuple[str, ...]


def split(text: str, delimiter: str | None = None, labelled: bool = False) -> Lines:
    """Split a text into rows.

    Lines that begin with ``#`` before the first row are comments, unless they can only be rows: a label may begin with
    it, and programs that do not quote such labels would lose rows. From the first row on ``#`` is text.

    Args:
        text: the whole file, decoded.
        delimiter: what separates the cells; None finds out.
        labelled: whether the first column is known to hold labels.

    Raises:
        InputError: with the line, if quotes are wrong.
    """
    # str.splitlines() would also split at form feeds and U+2028, which labels may hold.
    lines = io.StringIO(text, newline=None)
    above, first = _above(lines)
    ahead = [first, *_through_next(lines)]
    if found := _separator(above[0] if above else ""):
        delimiter, above[0] = found, "\n"
    marked = [(number, line) for number, line in enumerate(above, 1) if line.strip()]
    delimiter = delimiter or find_delimiter([ahead[0], ahead[-1]] if first else [line for _, line in marked[-2:]])
    # Lines that are no rows are read as empty ones, so that the others keep their numbers.
    rows = list(_rows(chain(["\n"] * len(above), ahead, lines), delimiter))
    hashed = [Row(number, _cells_of(line, delimiter)) for number, line in marked]
    start = _first_row(hashed, rows, delimiter, labelled)
    return Lines([*hashed[start:], *rows], delimiter, tuple(_notices(hashed, start)))


def _above(lines: Iterator[str]) -> tuple[list[str], str]:
    """Return the lines before the first that must be a row, and that one, which is empty at the end of the file."""
    above: list[str] = []
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#") and (above or not _separator(line)):
            return above, line
        above.append(line)
    return above, ""


def _separator(line: str) -> str:
    found = SEPARATOR.fullmatch(line.rstrip("\n"))
    return found[1] if found else ""


def _through_next(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines up to the next one that is not blank."""
    for line in lines:
        yield line
        if line.strip():
            return


def find_delimiter(lines: Sequence[str]) -> str:
    """Return what separates the cells of some rows: tab, semicolon or comma, in this order, if they have it; or blanks.

    What all rows have equally often comes before what the first one has, for a label may hold any of them.
    """
    counts = [Counter(re.sub(r'"[^"]*"', "", line)) for line in lines]
    found = {each: [count[each] for count in counts] for each in "\t;,"}
    alike = (each for each, times in found.items() if times and times[0] and len(set(times)) == 1)
    first = (each for each, times in found.items() if times and times[0])
    return next(chain(alike, first), " ")


def _rows(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter == " ", strict=True)
    start = 1
    try:
        for cells in reader:
            found = [cell for cell in cells if cell] if delimiter == " " else cells
            if any(cell.strip() for cell in found):
                yield Row(reader.line_num, found)
            start = reader.line_num + 1
    except csv.Error as error:
        message, hint = _broken(error)
        raise InputError(f"broken row: {message}", place=f"line {start}", hint=hint) from None


def _broken(error: csv.Error) -> tuple[str, str]:
    if "end of data" in str(error):
        return 'a quote (") is opened and never closed', 'write "" for a quote within quotes'
    if "limit" in str(error):
        return f"a cell is longer than {csv.field_size_limit()} characters", 'is a quote (") never closed?'
    return 'text follows a closing quote (")', 'write "" for a quote within quotes'


def _cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line that begins with ``#``; the line itself if it has only one, or cannot be a row."""
    if delimiter not in line:
        return [line.strip()]
    try:
        return [cell for row in _rows(iter([line]), delimiter) for cell in row.cells]
    except InputError:
        return [line.strip()]


def _first_row(hashed: Sequence[Row], rows: Sequence[Row], delimiter: str, labelled: bool) -> int:
    """Return which of the lines that begin with ``#`` is the first row; their number, if all are comments.

    It has as many cells as the rows below. Either the first is a label and the others are numbers; or it stands right
    above numbers, its cells are no numbers, and no blank comes after ``#``: then it is a header.
    """
    if not hashed:
        return 0
    cells = Cells(rows, delimiter)
    width = len(rows[0].cells) if rows else 0
    if width and (rows[0].cells[0].strip() == "" or cells.mostly_text(rows[0].cells)):
        return len(hashed)  # there is a header, and no row stands above it
    fitting = [len(each.cells) > 1 and len(each.cells) == (width or len(each.cells)) for each in hashed]
    labelled = labelled or (bool(rows) and cells.mostly_text([row.cells[0] for row in rows]))
    for at, each in enumerate(hashed):
        if fitting[at] and _has_numbers(each, cells) and (labelled or _is_label(each.cells[0], cells)):
            return at
    header = bool(rows) and fitting[-1] and delimiter != " " and _is_title(hashed[-1].cells, cells)
    return len(hashed) - header


def _has_numbers(row: Row, cells: Cells) -> bool:
    rest = row.cells[1:]
    some = any(cells.value(each) is not None or each.strip().lower() in TRUTH for each in rest)
    return some and not any(map(cells.is_text, rest))


def _is_label(cell: str, cells: Cells) -> bool:
    """Tell whether a row whose first cell begins with ``#`` is no comment: ``##ing`` and ``#N/A``, but not ``# 1``."""
    rest = cell.strip()[1:]
    return cells.slip(cell) is not None or (rest == rest.lstrip() and cells.is_text(rest))


def _is_title(found: Sequence[str], cells: Cells) -> bool:
    rest = found[0].strip()[1:]
    return rest == rest.lstrip() and cells.mostly_text(found)


def _notices(hashed: Sequence[Row], start: int) -> Iterator[str]:
    if start == 1:
        yield Said("1 comment line before the table is left out")
    elif start:
        yield Said("{count} comment lines before the table are left out", count=start)
    lines = [row.line for row in hashed[start:]]
    if len(lines) == 1:
        yield Said("line {line} begins with # and is read as a row, for it has the cells of one", line=lines[0])
    elif lines:
        yield Said(
            "lines {first} to {last} begin with # and are read as rows, for they have the cells of some",
            first=lines[0],
            last=lines[-1],
        )
