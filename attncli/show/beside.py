"""What is told beside results: on screens, in Markdown, and as records for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
