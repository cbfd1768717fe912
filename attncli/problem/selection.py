"""The choice of steps, heads and batch items of a problem."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from attncli.attend.parts import Selection
from attncli.errors import InputError
from attncli.said import Said
from attncli.text import did_you_mean

Index = int | Literal["all"] | None


@dataclass(frozen=True)
class Choice:
    """The heads and batch items to show, each given as an index, as "all", or not at all (None).

    Attributes:
        batch: which batch item.
        head: which query head.
    """

    batch: Index = None
    head: Index = None

    @property
    def picks_one(self) -> bool:
        """Whether a head or a batch item is chosen by its index."""
        return isinstance(self.batch, int) or isinstance(self.head, int)

    def places(self, shape: tuple[int, ...]) -> list[tuple[int, int]]:
        """Return the pairs of batch item and head to show; by default the first.

        Args:
            shape: the numbers of batch items and heads.

        Raises:
            InputError: there is no such head or batch item.

        Example:
            >>> Choice(head="all").places((2, 2))
            [(0, 0), (0, 1)]
        """
        batches, heads = indices("batch", self.batch, shape[0]), indices("head", self.head, shape[1])
        return [(batch, head) for batch in batches for head in heads]

    def parts(self, shape: tuple[int, ...]) -> tuple[list[int], list[int]]:
        """Return the batch items and the heads of what is told by head; by default all of them.

        Raises:
            InputError: there is no such head or batch item.

        Example:
            >>> Choice(head=1).parts((2, 2))
            ([0, 1], [1])
        """
        batches = indices("batch", "all" if self.batch is None else self.batch, shape[0])
        heads = indices("head", "all" if self.head is None else self.head, shape[1])
        return list(batches), list(heads)

    def part(self, shape: tuple[int, ...]) -> Selection:
        """Return the part to write in formats for programs; by default everything.

        Raises:
            InputError: there is no such head or batch item.

        Example:
            >>> Choice(head=1).part((2, 2))
            Selection(batch=None, head=1, rows=None)
        """
        batch, head = self.places(shape)[0]
        return Selection(batch if isinstance(self.batch, int) else None, head if isinstance(self.head, int) else None)

    def left_out(self, shape: tuple[int, ...]) -> list[str]:
        """Describe what is not shown: by default only the first of several is."""
        said: list[str] = []
        if shape[0] > 1 and self.batch is None:
            said.append(
                Said("only batch 0 of {count} is shown; --batch N shows another, --batch all shows all", count=shape[0])
            )
        if shape[1] > 1 and self.head is None:
            said.append(
                Said("only head 0 of {count} is shown; --head N shows another, --head all shows all", count=shape[1])
            )
        return said


def indices(name: str, wanted: Index, count: int) -> Sequence[int]:
    """Return the indices of the chosen heads (or batch items).

    Args:
        name: ``"head"`` or ``"batch"``, for the message.
        wanted: an index, ``"all"``, or None for the first.
        count: the number of heads (or batch items).

    Raises:
        InputError: there is no such head.

    Example:
        >>> indices("head", None, 4), indices("head", "all", 4)
        ([0], range(0, 4))
    """
    if wanted == "all":
        return range(count)
    index = wanted or 0
    if count == 1 and index != 0:
        raise InputError(f"--{name} {wanted}: the only index is 0")
    if not 0 <= index < count:
        raise InputError(f"--{name} {wanted}: the indices run from 0 to {count - 1}")
    return [index]


def choice_of(batch: str | None, head: str | None) -> Choice:
    """Return the choice that --batch and --head make.

    Raises:
        InputError: see `index_or_all`.
    """
    return Choice(index_or_all("batch", batch), index_or_all("head", head))


def index_or_all(name: str, text: str | None, least: int = 0) -> int | Literal["all"] | None:
    """Read the value of --head, --rows and the like.

    Raises:
        InputError: it is neither "all" nor a whole number of at least ``least``.
    """
    if text is None or text == "all":
        return None if text is None else "all"
    # Nothing is that long, and int() would refuse the longest numbers.
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise InputError(f"--{name} must be all or a whole number from {least}, not {text[:40]!r}")
    return int(text)


def steps_among(known: Sequence[str], asked: Iterable[str] | None) -> list[str]:
    """Return the steps that are asked for by name.

    Args:
        known: the steps that there are.
        asked: what was given with the flag.

    Raises:
        InputError: there is no such step.
    """
    from attncli.attend.steps import STEP_ALIASES

    steps = [STEP_ALIASES.get(each, each) for each in asked or ()]
    for step in steps:
        if step not in known:
            message = f"--step {step}: the steps are {', '.join(known)}"
            raise InputError(message, hint=did_you_mean(step, known))
    return steps
