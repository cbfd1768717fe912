"""CSV and TSV as people have them: one matrix, with or without a header row and a column of labels.

Read: commas, semicolons, tabs or blanks between the numbers; comments before the table, from ``#``; quotes; decimal
commas if semicolons or tabs separate the numbers; empty lines anywhere. Written: the plainest form of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from attncli.errors import InputError
from attncli.files import signs
from attncli.files.contents import Labels, Matrix, Named
from attncli.files.csv_cells import NUMBER, Cells, Row, numbers
from attncli.files.csv_lines import split
from attncli.files.csv_margins import find
from attncli.files.pieces import pieces
from attncli.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray


def parse(
    text: str, delimiter: str | None = None, header: bool | None = None, row_labels: bool | None = None
) -> Matrix:
    """Read the text of a file.

    Args:
        text: the whole file, decoded.
        delimiter: what separates the cells; None finds out.
        header: whether the first row is a header; None finds out.
        row_labels: whether the first column holds labels; likewise.

    Raises:
        InputError: with the line, and with the column if one cell is wrong.
    """
    lines = split(text, delimiter, bool(row_labels))
    if not lines.rows:
        raise InputError("no numbers in it: the file is empty or all comments")
    cells = Cells(lines.rows, lines.delimiter)
    rows = _without_ends(_with_corner(lines.rows, cells))
    _check_ragged(rows)
    found = find(rows, cells, header, row_labels)
    body = rows[1:] if found.header else rows
    first = int(found.labels)
    if not body or len(body[0].cells) <= first:
        raise InputError(f"no numbers in it: there is only a {'header' if not body else 'column of labels'}")
    return Matrix(
        numbers(body, cells, header=found.header, labels=found.labels),
        row_labels=tuple(row.cells[0] for row in body) if found.labels else None,
        column_labels=tuple(rows[0].cells[first:]) if found.header else None,
        notices=(*lines.notices, *found.notices),
        is_table=True,
    )


def _with_corner(rows: list[Row], cells: Cells) -> list[Row]:
    """Give a header the empty corner that R's write.table leaves out: it then has one cell less than each row below."""
    first, below = rows[0], rows[1:]
    shifted = below and all(len(row.cells) == len(first.cells) + 1 for row in below) and not _all_end(below)
    return [Row(first.line, ["", *first.cells]), *below] if shifted and cells.mostly_text(first.cells) else rows


def _without_ends(rows: list[Row]) -> list[Row]:
    """Take away the empty cell behind the delimiter at the end of each line."""
    if len(rows[0].cells) > 1 and _all_end(rows):
        return [Row(row.line, row.cells[:-1]) for row in rows]
    return rows


def _all_end(rows: Sequence[Row]) -> bool:
    return all(row.cells[-1].strip() == "" for row in rows)


def _check_ragged(rows: Sequence[Row]) -> None:
    width = len(rows[0].cells)
    for number, row in enumerate(rows):
        if len(row.cells) != width:
            _check_signs([min(rows[0], row, key=lambda each: len(each.cells))])
            has, first = _count(len(row.cells)), _count(width)
            message = f"row {number + 1} has {has}, the first row {first}: ragged rows"
            is_comment = row.cells[0].lstrip().startswith("#")
            hint = "a line that begins with # is a comment only before the first row" if is_comment else ""
            raise InputError(message, place=f"line {row.line}", hint=hint)
    if width == 1 and any(_is_list(row.cells[0]) for row in rows[1:] or rows):
        _check_signs(rows)


def _is_list(cell: str) -> bool:
    """Tell whether the only cell of a row holds several that something else separates."""
    parts = re.split("[,;]", signs.plain(cell))
    return len(parts) > 1 and any(map(NUMBER.fullmatch, parts))


def _check_signs(rows: Iterable[Row]) -> None:
    """Refuse the first character that separates no cells, and looks as if it did."""
    found = ((row, signs.first(cell, ",;")) for row in rows for cell in row.cells)
    for row, sign in found:
        if sign is not None:
            raise InputError(sign.name, place=f"line {row.line}", hint=sign.hint)


def _count(cells: int) -> str:
    return f"{cells} cell" + ("" if cells == 1 else "s")


def write(
    named: Named,
    file: IO[bytes],
    delimiter: str = ",",
    header: bool | None = None,
    row_labels: bool | None = None,
) -> None:
    """Write the last array, which has at most two axes.

    Args:
        named: the results.
        file: open for writing.
        delimiter: what separates the cells.
        header: whether there is a header; None: if columns have labels, or rows that stand beside them.
        row_labels: whether there is a column of labels; likewise. What has no labels is counted.
    """
    name, array = named.last
    rows, columns = named.labels_of(name)
    table = np.atleast_2d(array)
    # Where an axis of length 1 is left out, the rows may be heads, and have no labels.
    rows, columns = (
        each if each and len(each) == count else None for each, count in zip((rows, columns), table.shape, strict=True)
    )
    # The empty corner tells a reader that the first row and column are labels, even if they are numbers.
    beside = row_labels if row_labels is not None else bool(rows or (columns and header is not False))
    above = header if header is not None else bool(columns or (rows and row_labels is not False))
    if above:
        head = [""] * beside + _labels(columns, table.shape[1], delimiter)
        file.write((delimiter.join(head) + "\n").encode())
    side = _labels(rows, len(table), delimiter) if beside else repeat("", len(table))
    for label, texts in zip(side, _written(table, delimiter), strict=True):
        file.write((label + delimiter * beside).encode())
        for text in texts:
            file.write(text.encode())
        file.write(b"\n")


def _written(table: NDArray[Any], delimiter: str) -> Iterator[Iterable[str]]:
    """Yield the text of each row; that of a long one in pieces, of which only one is in memory."""
    for some in pieces(table):
        if some.ndim == 2:
            yield from ((delimiter.join(map(repr, row)),) for row in some.tolist())
        else:
            parts = enumerate(pieces(some))
            yield (delimiter * (at > 0) + delimiter.join(map(repr, part.tolist())) for at, part in parts)


def _labels(labels: Labels | None, count: int, delimiter: str) -> list[str]:
    # A header of nothing but blank labels would be taken for an empty line.
    shown = labels if labels and any(map(str.strip, labels)) else map(str, range(count))
    return [_quoted(label, delimiter) for label in shown]


def _quoted(label: str, delimiter: str) -> str:
    """Return a label as a cell. It may begin as a comment does, or hold what other tables have between their cells."""
    text = visible(label)
    if text.lower().startswith(("#", "sep=")) or text != text.strip() or set(text) & {delimiter, *',;"'}:
        return '"' + text.replace('"', '""') + '"'
    return text
