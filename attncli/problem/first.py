"""What a problem says is to be shown of it first, and where an index or a label stands."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from attncli.errors import InputError
from attncli.problem.selection import Choice
from attncli.text import did_you_mean, quoted

if TYPE_CHECKING:
    from attncli.files.contents import Labels

# The longest label that could name a query or key.
LONGEST = 1000


@dataclass(frozen=True)
class First:
    """What plots, explanations and pages show of a problem where no flag says it.

    Attributes:
        batch: which batch item.
        head: which query head.
        row: which query, by index or label.
        col: which key, likewise.
    """

    batch: int | None = None
    head: int | None = None
    row: str | None = None
    col: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> First:
        """Read the entry ``show`` of a file.

        Raises:
            InputError: a name is unknown, or what it says is no index and no label.

        Example:
            >>> First.parse({"head": 1, "row": "it"})
            First(batch=None, head=1, row='it', col=None)
        """
        known = tuple(cls.__dataclass_fields__)
        for name, value in given.items():
            if name not in known:
                raise InputError(
                    f"show: unknown name {quoted(name)}",
                    hint=did_you_mean(name, known) or f"it says {', '.join(known)}",
                )
            is_index = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 60
            is_label = name in ("row", "col") and isinstance(value, str) and len(value) <= LONGEST
            if not is_index and not is_label:
                what = "an index or a label" if name in ("row", "col") else "a whole number from 0"
                raise InputError(f"show: {name} must be {what}, not {quoted(value)}")
        places: Any = {name: str(value) for name, value in given.items() if name in ("row", "col")}
        return cls(**{**given, **places})

    def as_given(self) -> dict[str, object]:
        """Return it as files hold it: what is not said is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def choice(self, asked: Choice, shape: Sequence[int]) -> Choice:
        """Return the heads and batch items that are asked for, or else those that are shown first.

        Args:
            asked: what flags say.
            shape: the numbers of batch items and heads.

        Raises:
            InputError: there is no such head or batch item.

        Example:
            >>> First(head=1).choice(Choice(batch=2), (3, 4)), First(head=1).choice(Choice(head="all"), (1, 4)).head
            (Choice(batch=2, head=1), 'all')
        """
        for name, index, count in (("batch", self.batch, shape[0]), ("head", self.head, shape[1])):
            if index is not None and index >= count:
                raise InputError(f"show: {name} {index}: the indices run from 0 to {count - 1}")
        batch = self.batch if asked.batch is None else asked.batch
        return Choice(batch, self.head if asked.head is None else asked.head)

    def element(
        self, batch: int, labels: Mapping[str, Labels], counts: tuple[int, int]
    ) -> tuple[int | None, int | None]:
        """Return the query and the key that are shown first of a batch item, None where nothing is said of it.

        Args:
            batch: which item.
            labels: its ``query_labels`` and ``key_labels``, if any.
            counts: how many queries and keys there are.

        Raises:
            InputError: there is no such query or key.
        """
        if batch != (self.batch or 0):
            return None, None
        row, col = (
            None if asked is None else find(name, asked, labels.get(axis), count, f"show: {name}")
            for name, asked, axis, count in (
                ("row", self.row, "query_labels", counts[0]),
                ("col", self.col, "key_labels", counts[1]),
            )
        )
        return row, col


def find(name: str, asked: str, labels: Labels | None, count: int, said: str = "") -> int:
    """Return the index that is meant by an index or a label.

    Args:
        name: ``"row"`` or ``"col"``.
        asked: the index or the label.
        labels: of all queries or keys, if they have some.
        count: how many there are.
        said: how it was asked for, for the message; empty: with the flag of that name.

    Raises:
        InputError: there is no such index or label, or several keys have this label.
    """
    index = index_of(asked)
    if index is not None and index < count:
        return index
    same = [i for i, label in enumerate(labels or ()) if label == asked]
    # Tables show outer blanks as ␣, and users copy what they see.
    same = same or [i for i, label in enumerate(labels or ()) if label == asked.replace("␣", " ")]
    same = same or [i for i, label in enumerate(labels or ()) if label.strip() == asked.strip(" ␣")]
    if len(same) == 1:
        return same[0]
    said = said or f"--{name}"
    if same:
        places = ", ".join(map(str, same))
        raise InputError(f"{said} {asked}: the label stands at {places}", hint=f"{said} {same[0]}")
    known = f"0 to {count - 1}" + (" or a label" if labels else "")
    hint = did_you_mean(asked, labels or ())
    raise InputError(f"{said} {asked}: there is no such {'query' if name == 'row' else 'key'} ({known})", hint=hint)


def index_of(text: str) -> int | None:
    """Return the index that a text is, if it is one.

    Text with more digits than any index has is a label; int() would even refuse the longest.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(sys.maxsize)) else None
