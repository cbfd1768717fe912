"""The margins of a table: a header row and a column of labels, which stand around its numbers or do not."""

from __future__ import annotations

from typing import NamedTuple

from attncli.attend.options import as_flag
from attncli.errors import InputError
from attncli.files.formats import FORMATS, Format
from attncli.text import listed


class Margins(NamedTuple):
    """What a user says about the tables of a command, those that it reads and those that it writes.

    Attributes:
        header: whether their first row is a header; None leaves it to how a table looks, or to what has labels.
        row_labels: whether their first column holds labels; likewise.
        written: whether the command writes a table.
    """

    header: bool | None = None
    row_labels: bool | None = None
    written: bool = False

    @property
    def flags(self) -> dict[str, bool | None]:
        """The flags by the keywords that they are to the modules of tables."""
        return {"header": self.header, "row_labels": self.row_labels}

    def settings_of(self, kind: Format) -> dict[str, bool | None]:
        """Return what the module of a format takes besides."""
        return self.flags if kind.margins else {}

    def check(self, *, read: bool) -> None:
        """Refuse flags that would do nothing.

        Args:
            read: whether the command reads a table.

        Raises:
            InputError: a flag is given, and no table is read or written.
        """
        given = [f"--{'' if on else 'no-'}{as_flag(name)}" for name, on in self.flags.items() if on is not None]
        if given and not (read or self.written):
            message = f"{given[0]} does nothing here: no {listed(TITLES, 'or')} is read or written"
            raise InputError(message, hint=f"only {listed(TITLES)} have a header row and a column of labels")


# Nothing is said; how a table looks decides.
UNSAID = Margins()
# What has margins.
TITLES = tuple(each.title for each in FORMATS.values() if each.margins)
