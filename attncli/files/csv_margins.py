"""Whether a table has a header row and a column of labels, where nobody says so: by how its cells look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attncli.files.csv_cells import MOST_SHOWN, WHOLE, Cells, Row
from attncli.said import Said
from attncli.text import a_few

# A row that counts needs so many numbers to be taken for a header: alone; behind what may be the name of the labels.
FEW, FEW_BESIDE_A_NAME = 2, 3
# And so many before a notice says that it could have been one, or that a column could have been labels.
TELLING = 3


class Found(NamedTuple):
    """What stands around the numbers.

    Attributes:
        header: whether the first row is a header.
        labels: whether the first column holds labels.
        notices: guesses that may be wrong.
    """

    header: bool
    labels: bool
    notices: tuple[str, ...]


def find(rows: Sequence[Row], cells: Cells, header: bool | None, labels: bool | None) -> Found:
    """Find out what stands around the numbers of a table.

    A first row is a header if its first cell is empty, or most of its cells are text, or it counts 0, 1, 2, … above
    rows that are not whole numbers. A first column holds labels if the cell in its corner is empty, or most of its
    cells are text.

    Args:
        rows: of one length.
        cells: how they are read.
        header: whether there is a header; None finds out.
        labels: whether there are labels; None finds out.
    """
    first = rows[0].cells
    corner = len(first) > 1 and first[0].strip() == ""
    counted = _counts_above(rows, cells)
    titled = cells.mostly_text(first)
    is_header = header if header is not None else corner or counted or titled
    column = [row.cells[0] for row in rows[int(is_header) :]]
    is_labels = labels if labels is not None else _are_labels(first, column, cells, header=is_header, counted=counted)
    notices: list[str] = []
    if header is None and not titled:
        notices += _of_header(rows, int(is_labels), found=is_header, corner=corner)
    if labels is None and not any(map(cells.is_text, column)):
        notices += _of_labels(column, rows, found=is_labels)
    return Found(is_header, is_labels, tuple(notices))


def _are_labels(first: Sequence[str], column: Sequence[str], cells: Cells, *, header: bool, counted: bool) -> bool:
    """Tell whether the first column holds labels: by the cell in its corner, or by its own cells."""
    if len(first) == 1:
        return False
    cornered = first[0].strip() in ("", "#") or (counted and cells.is_text(first[0]))
    return (header and cornered) or cells.mostly_text(column)


def _counts(cells: Sequence[str], *starts: int) -> bool:
    """Tell whether cells are 0, 1, 2, … (or begin at another of these starts), written without a point."""
    return any(all(cell.strip() == str(i) for i, cell in enumerate(cells, start)) for start in starts)


def _counts_above(rows: Sequence[Row], cells: Cells) -> bool:
    """Tell whether the first row can hardly be anything but the header of a data frame whose columns have no names."""
    first, below = rows[0].cells, rows[1:]
    if len(first) > FEW_BESIDE_A_NAME and cells.is_text(first[0]):  # the name of the column of labels
        column = [row.cells[0] for row in below]
        beside = cells.mostly_text(column) or _counts(column, 0, 1)
        return beside and _counts(first[1:], 0) and _never_whole(below, 1)
    return len(first) >= FEW and _counts(first, 0) and _never_whole(below, 0)


def _never_whole(rows: Sequence[Row], first: int) -> bool:
    """Tell whether there are rows, and in each a cell that is not written as a whole number."""
    return bool(rows) and all(any(not WHOLE.fullmatch(cell) for cell in row.cells[first:]) for row in rows)


def _of_header(rows: Sequence[Row], first: int, *, found: bool, corner: bool) -> Iterator[str]:
    row, below = rows[0].cells[first:], rows[1:]
    shown = a_few(cell.strip()[:MOST_SHOWN] for cell in row)
    if found and corner and _counts(row, 0, 1):
        return  # a data frame, whose columns have no names
    if found:
        yield Said("the first row, {row}, is read as a header; --no-header reads it as numbers", row=shown)
    elif below and _may_be_header(row, below, first):
        yield Said("the first row, {row}, is read as numbers; --header reads it as a header", row=shown)


def _may_be_header(row: Sequence[str], below: Sequence[Row], first: int) -> bool:
    if not _counts(row, 0, 1):
        return False
    if _never_whole(below, first):
        return len(row) >= TELLING or _counts(row, 0)
    return len(row) >= TELLING and _counts(row, 0)


def _of_labels(column: Sequence[str], rows: Sequence[Row], *, found: bool) -> Iterator[str]:
    shown = a_few(cell.strip()[:MOST_SHOWN] for cell in column)
    if found:
        yield Said("the first column, {column}, is read as labels; --no-row-labels reads it as numbers", column=shown)
    elif len(column) >= TELLING and _counts(column, 0, 1) and _never_whole(rows[-len(column) :], 1):
        yield Said("the first column, {column}, is read as numbers; --row-labels reads it as labels", column=shown)
