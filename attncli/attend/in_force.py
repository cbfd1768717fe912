"""What is in force in a prepared problem, in words: from the records of options and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.attend.arrays import ARRAYS, Array
from attncli.attend.options import LAYOUT, PRECISION, Option, records

if TYPE_CHECKING:
    from attncli.attend.operands import ScoreOperands

# How a query meets a key comes first, then how arrays lie, then the stages that change what is computed.
ORDER = ("score", LAYOUT, "rotate", "", "cap", "mask", "softmax", "sum", PRECISION)


def in_force(operands: ScoreOperands) -> dict[str, str]:
    """Return the options and arrays that take part, by name, each in a few words.

    Options at their default are included where it matters what the default is, such as the score function.
    """
    declared: dict[str, Option | Array] = {**records(), **ARRAYS}
    ordered = sorted(declared, key=lambda name: ORDER.index(declared[name].stage))
    said = {name: declared[name].words(operands) for name in ordered}
    return {name: words for name, words in said.items() if words}
