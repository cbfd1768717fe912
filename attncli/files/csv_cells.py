"""The cells of a table: which of them are numbers, and what those are that a number should be."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attncli.errors import InputError
from attncli.files import signs

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What else float() accepts (1_000, Arabic digits, blanks inside) would be a slip in a table. Each character can be
# matched in one way only; otherwise a long cell that is not a number would take for ever.
NUMBER = re.compile(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*", re.ASCII)
WHOLE = re.compile(r"\s*[-+]?\d+\s*", re.ASCII)
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
# How programs write that a number is missing: R, pandas, spreadsheets, databases, Python, C.
MISSING = {"na", "n/a", "<na>", "#n/a", "#na", "null", "none", "nil", "nat", "missing", "+nan", "-nan"}
SPREADSHEET_ERROR = re.compile(r"#(DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!|SPILL!|CALC!)")
QUOTIENT = re.compile(r"([-+]?\d{1,9}(?:[.,]\d{1,9})?) ?(%|/ ?(\d{1,9}))", re.ASCII)
COMMENTED = re.compile(r"\s*[-+]?[\d.]+(e[-+]?\d+)?\s*#.*", re.ASCII | re.DOTALL | re.IGNORECASE)
MOST_SHOWN = 40
WRITE_NAN = "write NaN for a number that is missing"


class Row(NamedTuple):
    """The cells of one row and the line of the file on which it ends."""

    line: int
    cells: list[str]


class Slip(NamedTuple):
    """What stands where a number should be.

    Attributes:
        message: what it is.
        hint: what to write instead.
        is_sign: whether it is one character of the line, which the message shows.
    """

    message: str
    hint: str
    is_sign: bool = False

    def error(self, row: Row, column: int) -> InputError:
        """Return the error about a cell."""
        place = f"line {row.line}" + ("" if self.is_sign else f", column {column + 1}")
        return InputError(self.message, hint=self.hint, place=place)


class Cells:
    """How the cells of a table are read.

    Attributes:
        comma: whether the numbers have decimal commas.
    """

    def __init__(self, rows: Sequence[Row], delimiter: str) -> None:
        self.comma = delimiter in ";\t|" and any(DECIMAL_COMMA.fullmatch(each) for row in rows for each in row.cells)

    def value(self, cell: str) -> float | None:
        """Return the number in a cell, or None if there is none."""
        if self.comma and DECIMAL_COMMA.fullmatch(cell):
            cell = cell.replace(",", ".")
        return float(cell) if NUMBER.fullmatch(cell) else NOT_FINITE.get(cell.strip().lower())

    def is_text(self, cell: str) -> bool:
        """Tell whether a cell can only be a label: it is no number, nor what people write in place of one."""
        known = cell.strip() == "" or cell.strip().lower() in TRUTH or self.value(cell) is not None
        return not known and self.slip(cell) is None

    def mostly_text(self, cells: Sequence[str]) -> bool:
        """Tell whether most of some cells can only be labels."""
        return 2 * sum(map(self.is_text, cells)) > len(cells)

    def slip(self, cell: str) -> Slip | None:
        """Return what stands in place of a number, or None if it may be anything.

        >>> Cells((), ",").slip("50%")
        Slip(message="'50%' is a percentage, not a number", hint='write 0.5', is_sign=False)
        """
        text = cell.strip()
        said = repr(text[:MOST_SHOWN]) if text else "an empty cell"
        if not text or text.lower() in MISSING:
            return Slip(f"{said} is a missing value, not a number", WRITE_NAN)
        if text.isascii() and text.isalpha():
            return None  # soon done with most labels
        if SPREADSHEET_ERROR.fullmatch(text):
            return Slip(f"{said} is an error of the spreadsheet, not a number", f"mend the formula, or {WRITE_NAN}")
        if found := QUOTIENT.fullmatch(text):
            return Slip(f"{said} is a {'percentage' if found[2] == '%' else 'fraction'}, not a number", _divided(found))
        if not self.comma and DECIMAL_COMMA.fullmatch(cell):
            hint = f"write {text.replace(',', '.')}, or separate the cells with semicolons or tabs"
            return Slip(f"{said} has a decimal comma", hint)
        if COMMENTED.fullmatch(cell):
            hint = "comments stand before the table, on lines of their own that begin with #"
            return Slip(f"{said} is a number and a comment", hint)
        sign = signs.first(cell)
        return Slip(sign.name, sign.hint, is_sign=True) if sign and self._has_number(signs.plain(cell)) else None

    def _has_number(self, cell: str) -> bool:
        return any(part and self.value(part) is not None for part in re.split(r"[,;:\s]+", cell.strip("[](){}\"' ")))


def _divided(found: re.Match[str]) -> str:
    by = 100 if found[2] == "%" else int(found[3])
    return f"write {float(found[1].replace(',', '.')) / by:.15g}" if by else ""


def numbers(rows: Sequence[Row], cells: Cells, *, header: bool, labels: bool) -> NDArray[Any]:
    """Return the numbers, or truths, of a table.

    Args:
        rows: those beneath the header; all of one length.
        cells: how they are read.
        header: whether there is a header above them.
        labels: whether their first cells are labels.

    Raises:
        InputError: with line and column of the first cell that is not a number.
    """
    first = int(labels)
    if rows[0].cells[first].strip().lower() in TRUTH:
        return np.array([[_truth(row, column) for column in range(first, len(row.cells))] for row in rows], dtype=bool)
    values = np.empty((len(rows), len(rows[0].cells) - first))
    for i, row in enumerate(rows):
        found = [cells.value(cell) for cell in row.cells[first:]]
        if None in found:
            column = found.index(None) + first
            raise _no_number(row, column, cells, _text_hint(above=i == 0 and not header, beside=column == 0))
        values[i] = found
        if np.isinf(values[i]).any():
            _check_range(row, first)
    return values


def _text_hint(*, above: bool, beside: bool) -> str:
    """Return what would make a label of a text in the first row or column, where there are no labels."""
    return ", ".join(
        ["--header reads the first row as a header"] * above
        + ["--row-labels reads the first column as labels"] * beside
    )


def _no_number(row: Row, column: int, cells: Cells, hint: str) -> InputError:
    cell = row.cells[column]
    slip = cells.slip(cell) or Slip(f"{cell[:MOST_SHOWN]!r} is not a number", hint if cells.is_text(cell) else "")
    return slip.error(row, column)


def _check_range(row: Row, first: int) -> None:
    for column, cell in enumerate(row.cells[first:], first):
        if NUMBER.fullmatch(cell.replace(",", ".")) and math.isinf(float(cell.replace(",", "."))):
            place = f"line {row.line}, column {column + 1}"
            raise InputError(f"{cell.strip()[:MOST_SHOWN]} is beyond the range of float64", place=place)


def _truth(row: Row, column: int) -> bool:
    cell = row.cells[column].strip().lower()
    if cell not in TRUTH:
        place = f"line {row.line}, column {column + 1}"
        raise InputError(f"{row.cells[column][:MOST_SHOWN]!r} is neither true nor false", place=place)
    return TRUTH[cell]
