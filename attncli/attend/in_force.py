"""Describe what is in force in a prepared problem, from the records of options and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.attend.arrays import ARRAYS, GIVEN
from attncli.attend.options import records
from attncli.attend.words.array import Array
from attncli.attend.words.option import LAYOUT, PRECISION, Option

if TYPE_CHECKING:
    from attncli.attend.operands import ScoreOperands

# How a query meets a key comes first, then the layout of arrays, then the stages that change the computation.
ORDER = (
    "score",
    LAYOUT,
    "project",
    "norm",
    "rotate",
    "",
    "cache",
    "cap",
    "mask",
    "softmax",
    "sum",
    "gate",
    "out",
    PRECISION,
)


def in_force(operands: ScoreOperands) -> dict[str, str]:
    """Return a short description of each option and array that has an effect, by name.

    Options at their default are included if readers need to know the default, such as the score function.
    """
    # The option `weights` and the result of that name are not the same.
    declared: dict[str, Option | Array] = {**records(), **{name: ARRAYS[name] for name in GIVEN}}
    ordered = sorted(declared, key=lambda name: ORDER.index(declared[name].stage))
    descriptions = {name: declared[name].words(operands) for name in ordered}
    return {name: words for name, words in descriptions.items() if words}
