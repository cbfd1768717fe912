"""What a known mistake is, and how one is declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One kind of mistake, whatever its form.

    Attributes:
        id: what it is called in reports and in files.
        sentence: what it is.
        fix: what to do about it.
        libraries: which libraries follow which convention, where mixing those up makes the mistake.
    """

    id: str
    sentence: str
    fix: str
    libraries: str = ""


class Registry(dict[str, Mistake]):
    """Mistakes by their ids, each declared once."""

    def declare(self, name: str, sentence: str, fix: str, libraries: str = "") -> Mistake:
        """Add a mistake, and return it."""
        self[name] = Mistake(name, sentence, fix, libraries)
        return self[name]
