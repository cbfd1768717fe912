"""Describe what is in force in a prepared problem, from the records of options and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.attend.arrays import ARRAYS
from attncli.attend.options import records
from attncli.attend.words.array import Array
from attncli.attend.words.option import LAYOUT, PRECISION, Option

if TYPE_CHECKING:
    from attncli.attend.operands import ScoreOperands

# How a query meets a key comes first, then the layout of arrays, then the stages that change the computation.
ORDER = ("score", LAYOUT, "rotate", "", "cap", "mask", "softmax", "sum", PRECISION)


def in_force(operands: ScoreOperands) -> dict[str, str]:
    """Return a short description of each option and array that has an effect, by name.

    Options at their default are included if readers need to know the default, such as the score function.
    """
    declared: dict[str, Option | Array] = {**records(), **ARRAYS}
    ordered = sorted(declared, key=lambda name: ORDER.index(declared[name].stage))
    descriptions = {name: declared[name].words(operands) for name in ordered}
    return {name: words for name, words in descriptions.items() if words}
