"""How much is shown, and where; apart from what shows it, which formats for programs need not load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attncli.errors import InputError
from attncli.show.screen import Screen

ROWS = 16


@dataclass(frozen=True)
class View:
    """How much is shown, and where.

    Attributes:
        head: which head; "all" is one after the other; None the first.
        batch: which item of the batch, likewise.
        rows: at most so many rows; "all" is every one.
        cols: at most so many columns; None as many as fit.
        digits: significant digits.
    """

    screen: Screen
    head: int | str | None = None
    batch: int | str | None = None
    rows: int | str = ROWS
    cols: int | str | None = None
    digits: int = 4

    @property
    def most_rows(self) -> int | None:
        """How many rows may be shown, None for all."""
        return None if isinstance(self.rows, str) else self.rows

    def most_columns(self, total: int) -> int | None:
        """How many columns are to be shown, None for as many as fit."""
        return total if isinstance(self.cols, str) else self.cols


def chosen(name: str, asked: int | str | None, count: int) -> Sequence[int]:
    """Return the heads (or batch items) that are shown.

    Raises:
        InputError: there is no such head.
    """
    if asked == "all":
        return range(count)
    index = 0 if asked is None else int(asked)
    if count == 1 and index != 0:
        raise InputError(f"--{name} {asked}: there is only one, number 0")
    if not 0 <= index < count:
        raise InputError(f"--{name} {asked}: they are counted from 0, the last is {count - 1}")
    return [index]
