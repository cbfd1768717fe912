"""What a stage of attention is: one record per stage, kept in the module that computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands

Made = Mapping[str, "NDArray[Any]"]
Forward = Callable[["ScoreOperands", Made], dict[str, "NDArray[Any]"]]


@dataclass(frozen=True)
class Stage:
    """One stage of the computation.

    Attributes:
        name: that of its module; options and arrays name the stage that they belong to by it.
        step: the step of the command line (``--step``) that the stage is part of.
        formula: what it computes, in one line.
        makes: the names of the results that people see, in their order; ``rotated_query`` is not among them.
        forward: takes the operands and what earlier stages made, and returns its own results by name; none where it
            has nothing to do, such as ``cap`` without ``--softcap``.
    """

    name: str
    step: str
    formula: str
    makes: tuple[str, ...]
    forward: Forward
