"""The signs that masks are drawn with on a terminal, and their colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.show import heat

if TYPE_CHECKING:
    from attncli.show.screen import Screen

Sign = tuple[str, str]
# What only one of two masks opens is told by a letter, so that no colour is needed to see it.
ALONE = {"A": "bold #e5484d", "B": "bold #3e9fe8"}


@dataclass(frozen=True)
class Signs:
    """The signs that a screen can show; each is a text and a style.

    Attributes:
        open: for a cell that is open.
        closed: for a cell, or a square, of which nothing is open.
        shades: for a square, from little of it to all.
        dash: between the first and the last of a range.
    """

    open: str
    closed: str
    shades: str
    dash: str

    @classmethod
    def of(cls, screen: Screen) -> Signs:
        """Choose what the screen can show."""
        return cls("■", "·", "░▒▓█", "–") if screen.unicode else cls("#", "-", ".:*#", "-")

    def cell(self, a: bool, b: bool) -> Sign:
        """Return the sign of a cell in two masks; in one alone, give it twice."""
        if a != b:
            letter = "A" if a else "B"
            return letter, ALONE[letter]
        return (self.open, _style(1.0)) if a else (self.closed, "dim")

    def square(self, share: float) -> Sign:
        """Return the sign of a square; only where all of it is set there is all the ink."""
        if share == 0:
            return self.closed, "dim"
        most = len(self.shades) - 1
        return self.shades[most if share == 1 else int(share * most)], _style(share)

    def range(self, first: int, last: int) -> str:
        """Write a run of keys."""
        return str(first) if first == last else f"{first}{self.dash}{last}"


def _style(share: float) -> str:
    # The lighter half of the scale: signs are thin, and stand on dark grounds and on light ones.
    return "#{:02x}{:02x}{:02x}".format(*heat.scale(0.4 + 0.4 * share))
