"""What a search has tried so far, and how near each maker of mistakes came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli.check.families import FAMILIES

if TYPE_CHECKING:
    from attncli.check.mistakes.variant import Variant

Maker = Callable[..., Any]


@dataclass
class Journal:
    """What a search has tried so far.

    Attributes:
        tried: how many mistakes of each maker were tried.
        nearest: the nearest of each, with what it leaves as a share of a row.
        apply: the makers that had something to try, or to read an output with.
        done: those of which all was tried.
        turn: the one whose turn it is.
    """

    tried: dict[Maker, int] = field(default_factory=dict)
    nearest: dict[Maker, tuple[float, Variant]] = field(default_factory=dict)
    apply: set[Maker] = field(default_factory=set)
    done: set[Maker] = field(default_factory=set)
    turn: Maker = FAMILIES[0]

    def begin(self, maker: Maker) -> None:
        """Note that something of a maker is tried, or read with, next."""
        self.turn = maker
        self.apply.add(maker)

    def count(self) -> None:
        """Note that something was tried."""
        self.tried[self.turn] = self.tried.get(self.turn, 0) + 1

    def note(self, variant: Variant, distance: float) -> None:
        """Note how near a mistake came."""
        if self.turn not in self.nearest or distance < self.nearest[self.turn][0]:
            self.nearest[self.turn] = distance, variant
