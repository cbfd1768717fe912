"""What is told beside results: on screens, in Markdown, and as records for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.plain import PlainConsole
    from attncli.show.view import View


class Beside(Protocol):
    """Something that a feature tells, whoever shows it."""

    def record(self) -> Mapping[str, object]:
        """Return it for programs, by its name among the results."""

    def to_terminal(self, view: View, console: PlainConsole | Console) -> None:
        """Print it."""

    def to_markdown(self, view: View) -> Iterator[str]:
        """Return the parts of it in Markdown."""


@dataclass(frozen=True)
class Together:
    """Several things told beside the same results, one after the other."""

    all: Sequence[Beside]

    @classmethod
    def of(cls, *told: Beside | None) -> Beside | None:
        """Put together what there is; None: there is nothing."""
        there = [each for each in told if each is not None]
        return cls(there) if len(there) > 1 else there[0] if there else None

    def record(self) -> Mapping[str, object]:
        """Return the records of all of them."""
        return {name: value for each in self.all for name, value in each.record().items()}

    def to_terminal(self, view: View, console: PlainConsole | Console) -> None:
        """Print them, with an empty line between them."""
        for at, each in enumerate(self.all):
            if at:
                console.print()
            each.to_terminal(view, console)

    def to_markdown(self, view: View) -> Iterator[str]:
        """Return the parts of all of them."""
        for each in self.all:
            yield from each.to_markdown(view)
