"""The order in which the axes of states lie in the user's arrays: what ``--layout`` says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Batch, heads, length, features: the order in which everything is computed.
LETTERS = "BHLE"
# The same axes as each layout has them. Of packed documents there is one batch item, whose axis they lack.
Name = Literal["bhsd", "bshd", "sbhd", "thd"]
ORDERS: dict[Name, str] = {"bhsd": "BHLE", "bshd": "BLHE", "sbhd": "LBHE", "thd": "BLHE"}
WORDS: dict[Name, str] = {
    "bhsd": "batch, heads, length, features",
    "bshd": "batch, length, heads, features",
    "sbhd": "length, batch, heads, features",
    "thd": "tokens, heads, features",
}


def most_axes(layout: Name, *, packed: bool = False) -> int:
    """Return how many axes a state has at most in a layout; with its heads packed it has one less."""
    return 4 - packed - (layout == "thd")


@dataclass(frozen=True)
class Form:
    """How an array (batch, heads, length, features) lies in the one that a user has.

    Attributes:
        letters: its axes, in order; those that it lacks have length 1.
        packed: how many heads lie side by side on its last axis; None: it is not packed.
    """

    letters: str
    packed: int | None = None

    @classmethod
    def of_state(cls, count: int, layout: Name = "bhsd", packed: int | None = None) -> Form:
        """Return the form of a state with so many axes.

        >>> Form.of_state(3, "bshd"), Form.of_state(3, "sbhd", 2)
        (Form(letters='LHE', packed=None), Form(letters='LBE', packed=2))
        """
        there = (LETTERS if packed is None else "BLE")[-count:]
        return cls("".join(letter for letter in ORDERS[layout] if letter in there), packed)

    def without(self, *letters: str) -> Form:
        """Return the form of an array that lacks some axes; without that of the heads there is nothing to pack."""
        packed = None if "H" in letters else self.packed
        return Form("".join(letter for letter in self.letters if letter not in letters), packed)

    @property
    def _apart(self) -> str:
        return self.letters if self.packed is None else self.letters.replace("E", "HE")

    def lengths(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return (batch, heads, length, features) of a shape that the user has.

        >>> Form("LBE", 2).lengths((5, 3, 8))
        (3, 2, 5, 4)
        """
        found = dict(zip(self.letters, shape, strict=True))
        if self.packed is not None:
            found |= {"H": self.packed, "E": found["E"] // self.packed}
        return tuple(found.get(letter, 1) for letter in LETTERS)

    def shape(self, lengths: Sequence[int]) -> tuple[int, ...]:
        """Return the shape that the user has of (batch, heads, length, features).

        >>> Form("LBE", 2).shape((3, 2, 5, 4))
        (5, 3, 8)
        """
        found = dict(zip(LETTERS, lengths, strict=True))
        if self.packed is not None:
            found["E"] = math.prod((found["H"], found["E"]))
        return tuple(found[letter] for letter in self.letters)

    def taken(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view of the user's array as (batch, heads, length, features)."""
        if self.packed is not None:
            array = array.reshape(*array.shape[:-1], self.packed, array.shape[-1] // self.packed)
        there = [letter for letter in LETTERS if letter in self._apart]
        turned = array.transpose([self._apart.index(letter) for letter in there])
        return turned[tuple(slice(None) if letter in there else None for letter in LETTERS)]

    def given(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return (batch, heads, length, features) as the user has it: a view, unless heads have to be packed.

        Of axes that the user does not have, the first is taken.
        """
        there = [letter for letter in LETTERS if letter in self._apart]
        kept = array[tuple(slice(None) if letter in there else 0 for letter in LETTERS)]
        turned = kept.transpose([there.index(letter) for letter in self._apart])
        return turned if self.packed is None else np.ascontiguousarray(turned).reshape(*turned.shape[:-2], -1)


def of_result(
    rank: int,
    layout: Name = "bhsd",
    *,
    packed: int | None = None,
    one_batch: bool = False,
    one_head: bool = False,
) -> Form:
    """Return the form in which the user gets a result.

    Args:
        rank: number of axes of the result before heads are packed.
        layout: the order of its axes.
        packed: how many heads are put side by side on the last axis, as in the user's query; None: they stay apart.
        one_batch: there is no batch axis, because one item was chosen.
        one_head: there is no head axis, because one head was chosen, or all were made into one.
    """
    gone = {"B": rank < 4 or one_batch, "H": rank < 3 or one_head, "L": rank < 2}
    whole = Form(ORDERS[layout] if packed is None or one_head else ORDERS[layout].replace("H", ""), packed)
    return whole.without(*(letter for letter, is_gone in gone.items() if is_gone))
