"""CSV and TSV as people have them: one matrix, with or without a header row and a column of labels.

Read: commas, semicolons, tabs or blanks between the numbers; comments from ``#``; quotes; decimal commas if
semicolons or tabs separate the numbers; empty lines anywhere. Written: the plainest form of it.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from attncli.errors import InputError
from attncli.files.contents import Matrix, Named
from attncli.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What else float() accepts (1_000, Arabic digits, blanks inside) would be a slip in a table. Each character can be
# matched in one way only; otherwise a long cell that is not a number would take for ever.
NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*", re.ASCII)
NOT_FINITE = {
    "nan": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
    "∞": math.inf,
    "-∞": -math.inf,
    "−∞": -math.inf,
}
TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Row:
    """The cells of one row and the line of the file on which it ends."""

    line: int
    cells: list[str]


def parse(text: str, delimiter: str | None = None) -> Matrix:
    """Read the text of a file.

    Args:
        text: the whole file, decoded.
        delimiter: what separates the cells; None finds out.

    Raises:
        InputError: with the line, and with the column if one cell is wrong.
    """
    delimiter = delimiter or find_delimiter(text)
    rows = list(_rows(text, delimiter))
    if not rows:
        raise InputError("no numbers in it: the file is empty or all comments")
    if len(rows[0].cells) > 1 and all(row.cells[-1].strip() == "" for row in rows):
        rows = [Row(row.line, row.cells[:-1]) for row in rows]  # each line ends with a delimiter
    _check_ragged(rows)
    comma = delimiter in ";\t" and any(DECIMAL_COMMA.fullmatch(cell) for row in rows for cell in row.cells)
    header, first = has_header(rows, comma), has_labels(rows, comma)
    body = rows[1:] if header else rows
    if not body or len(body[0].cells) <= first:
        raise InputError("no numbers in it: there is only a header")
    numbers = _numbers(body, first, comma)
    return Matrix(
        numbers,
        row_labels=tuple(row.cells[0] for row in body) if first else None,
        column_labels=tuple(rows[0].cells[first:]) if header else None,
        notice="" if header else _header_notice(numbers),
    )


def _header_notice(numbers: NDArray[Any]) -> str:
    """Return a notice if the first row counts 0, 1, 2, …, as the header of a data frame does."""
    if min(numbers.shape) < 2 or numbers.shape[1] < 3 or not np.array_equal(numbers[0], np.arange(numbers.shape[1])):
        return ""
    return "the first row, 0, 1, 2, …, is read as numbers; if it is a header, leave the top left cell empty"


def find_delimiter(text: str) -> str:
    """Return what separates the cells: tab, semicolon or comma, in this order, if the first row has it; else blanks."""
    lines = (line for line in io.StringIO(text, newline=None) if line.strip() and not line.lstrip().startswith("#"))
    line = next(lines, "")
    bare = re.sub(r'"[^"]*"', "", line)
    return next((each for each in "\t;," if each in bare), " ")


def has_header(rows: Sequence[Row], comma: bool) -> bool:
    """Tell whether the first row holds labels: its corner is empty, or most of its cells are not numbers."""
    first = rows[0].cells
    return (len(first) > 1 and first[0].strip() == "") or _mostly_text(first, comma)


def has_labels(rows: Sequence[Row], comma: bool) -> bool:
    """Tell whether the first column holds labels: its corner is empty, or most of its cells are not numbers."""
    cells = [row.cells[0] for row in (rows[1:] if has_header(rows, comma) else rows)]
    return len(rows[0].cells) > 1 and (rows[0].cells[0].strip() == "" or _mostly_text(cells, comma))


def _mostly_text(cells: Sequence[str], comma: bool) -> bool:
    return 2 * sum(map(partial(_is_text, comma=comma), cells)) > len(cells)


def _is_text(cell: str, comma: bool) -> bool:
    return cell.strip() != "" and cell.strip().lower() not in TRUTH and _value(cell, comma) is None


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    # str.splitlines() would also split at form feeds and U+2028, which labels may hold.
    lines = io.StringIO(text, newline=None)
    reader = csv.reader(_without_comments(lines), delimiter=delimiter, skipinitialspace=delimiter == " ", strict=True)
    try:
        for cells in reader:
            if delimiter == " ":
                cells = [cell for cell in cells if cell]
            if any(cell.strip() for cell in cells):
                yield Row(reader.line_num, cells)
    except csv.Error as error:
        raise InputError(f"broken row: {error}", place=f"line {reader.line_num}") from None


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    """Blank out comments rather than drop their lines, so that lines keep their numbers.

    After numbers a comment starts at " #"; within quotes # is text, and a cell that is nothing but # is a label.
    """
    for line in lines:
        if line.lstrip().startswith("#"):
            yield "\n"
        elif '"' not in line and (found := re.search(r"(?<=[\d.])\s+#", line)):
            yield line[: found.start()] + "\n"
        else:
            yield line


def _check_ragged(rows: Sequence[Row]) -> None:
    width = len(rows[0].cells)
    for number, row in enumerate(rows):
        if len(row.cells) != width:
            has, first = _cells(len(row.cells)), _cells(width)
            raise InputError(
                f"row {number + 1} has {has}, the first row {first}: ragged rows", place=f"line {row.line}"
            )


def _cells(count: int) -> str:
    return f"{count} cell" + ("" if count == 1 else "s")


def _numbers(rows: Sequence[Row], first: bool, comma: bool) -> NDArray[Any]:
    if rows[0].cells[first].strip().lower() in TRUTH:
        return np.array([[_truth(row, column) for column in range(first, len(row.cells))] for row in rows], dtype=bool)
    values = np.empty((len(rows), len(rows[0].cells) - first))
    for i, row in enumerate(rows):
        values[i] = [_number(row, column, comma) for column in range(first, len(row.cells))]
    return values


def _number(row: Row, column: int, comma: bool) -> float:
    cell, place = row.cells[column], f"line {row.line}, column {column + 1}"
    number = _value(cell, comma)
    if number is None:
        if not cell.strip():
            hint = "write NaN for a number that is missing"
            raise InputError("empty cell where a number should be", place=place, hint=hint)
        is_word = column == 0 and cell[:1].isalpha()
        hint = "to use the first column as labels, leave the top left cell empty" if is_word else ""
        raise InputError(f"{cell[:40]!r} is not a number", place=place, hint=hint)
    if math.isinf(number) and cell.strip().lower() not in NOT_FINITE:
        raise InputError(f"{cell.strip()[:40]} is beyond the range of float64", place=place)
    return number


def _value(cell: str, comma: bool) -> float | None:
    if comma and DECIMAL_COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    return float(cell) if NUMBER.fullmatch(cell) else NOT_FINITE.get(cell.strip().lower())


def _truth(row: Row, column: int) -> bool:
    cell = row.cells[column].strip().lower()
    if cell not in TRUTH:
        place = f"line {row.line}, column {column + 1}"
        raise InputError(f"{row.cells[column][:40]!r} is neither true nor false", place=place)
    return TRUTH[cell]


def write(named: Named, file: IO[bytes], delimiter: str = ",") -> None:
    """Write the last array, which has at most two axes, with its labels if it has any."""
    name, array = named.last
    rows, columns = named.labels_of(name)
    table = np.atleast_2d(array)
    lines = [list(map(repr, numbers)) for numbers in table.tolist()]
    if rows or columns:
        # The empty corner tells a reader that the first row and column are labels, even if they are numbers.
        side = [_quoted(label, delimiter) for label in rows or map(str, range(len(table)))]
        head = [_quoted(label, delimiter) for label in columns or map(str, range(table.shape[1]))]
        lines = [["", *head], *([label, *line] for label, line in zip(side, lines, strict=True))]
    file.write("".join(delimiter.join(line) + "\n" for line in lines).encode())


def _quoted(label: str, delimiter: str) -> str:
    """Return a label as a cell. The csv module would not quote "#", which starts a comment at the start of a line."""
    text = visible(label)
    if text.startswith("#") or text != text.strip() or {delimiter, '"'} & set(text):
        return '"' + text.replace('"', '""') + '"'
    return text
