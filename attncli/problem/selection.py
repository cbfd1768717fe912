"""Which heads and batch items of a problem are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from attncli.attend.computations import Selection
from attncli.errors import InputError

Index = int | Literal["all"] | None


@dataclass(frozen=True)
class Choice:
    """The heads and batch items that are asked for: an index, all of them, or nothing said.

    Attributes:
        batch: which batch item.
        head: which query head.
    """

    batch: Index = None
    head: Index = None

    @property
    def is_some(self) -> bool:
        """Whether a head or a batch item is picked out by its index."""
        return isinstance(self.batch, int) or isinstance(self.head, int)

    def places(self, shape: tuple[int, ...]) -> list[tuple[int, int]]:
        """Return the batch items and heads that are shown; where nothing is said, the first.

        Args:
            shape: how many batch items and heads there are.

        Raises:
            InputError: there is no such head or batch item.

        Example:
            >>> Choice(head="all").places((2, 2))
            [(0, 0), (0, 1)]
        """
        batches, heads = indices("batch", self.batch, shape[0]), indices("head", self.head, shape[1])
        return [(batch, head) for batch in batches for head in heads]

    def part(self, shape: tuple[int, ...]) -> Selection:
        """Return the part that formats for programs carry; where nothing is said, everything.

        Raises:
            InputError: there is no such head or batch item.

        Example:
            >>> Choice(head=1).part((2, 2))
            Selection(batch=None, head=1, rows=None)
        """
        batch, head = self.places(shape)[0]
        return Selection(batch if isinstance(self.batch, int) else None, head if isinstance(self.head, int) else None)

    def left_out(self, shape: tuple[int, ...]) -> list[str]:
        """Say what is not shown where nothing was said and there are several."""
        return [
            f"{name} 0 of {count} is shown; --{name} N shows another, --{name} all every one"
            for name, asked, count in (("batch", self.batch, shape[0]), ("head", self.head, shape[1]))
            if count > 1 and asked is None
        ]


def indices(name: str, asked: Index, count: int) -> Sequence[int]:
    """Return the indices of the heads (or batch items) that are asked for.

    Args:
        name: ``"head"`` or ``"batch"``, for the message.
        asked: an index, ``"all"``, or None for the first.
        count: how many there are.

    Raises:
        InputError: there is no such head.

    Example:
        >>> indices("head", None, 4), indices("head", "all", 4)
        ([0], range(0, 4))
    """
    if asked == "all":
        return range(count)
    index = asked or 0
    if count == 1 and index != 0:
        raise InputError(f"--{name} {asked}: there is only one, number 0")
    if not 0 <= index < count:
        raise InputError(f"--{name} {asked}: they are counted from 0, the last is {count - 1}")
    return [index]
