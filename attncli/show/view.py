"""How much of a result is shown. Separate from the tables, so that formats for programs need not import them."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.show.screen import Screen

ROWS = 16
DIGITS = 4
# So many digits tell any two numbers apart.
MOST_DIGITS = 17


@dataclass(frozen=True)
class View:
    """How much is shown, and on what screen.

    Attributes:
        rows: the most rows that are shown, or "all".
        cols: the most columns that are shown, or "all"; None shows as many as fit.
        digits: significant digits.
    """

    screen: Screen
    rows: int | str = ROWS
    cols: int | str | None = None
    digits: int = DIGITS

    @property
    def most_rows(self) -> int | None:
        """The most rows that may be shown, None for all."""
        return None if isinstance(self.rows, str) else self.rows

    def most_columns(self, total: int) -> int | None:
        """Return the most columns that may be shown, None for as many as fit."""
        return total if isinstance(self.cols, str) else self.cols
