"""The record that describes a stage of attention; each stage's module has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands

Made = Mapping[str, "NDArray[Any]"]
Forward = Callable[["ScoreOperands", Made], dict[str, "NDArray[Any]"]]
Backward = Callable[["ScoreOperands", Made, Made], dict[str, "NDArray[Any]"]]


class Stage(NamedTuple):
    """One stage of the computation.

    Attributes:
        name: that of its module; options and arrays refer to their stage by it.
        step: the step (``--step``) that the stage is part of.
        formula: its computation, in one line.
        makes: the names of its user-visible results, in order.
        forward: takes the operands and the results of earlier stages, and returns its own results by name; none if it
            has nothing to do, such as ``cap`` without ``--softcap``.
        backward: takes the operands, the results of all stages and the gradients found so far, by the name of what they
            are the gradient of; returns those of what the stage used: earlier results, and arrays as the operands have
            them. A gradient of 0 stays 0 whatever it meets: nothing behind a mask leaks.
        made_of: takes the operands, and returns which of its results it makes of them; None: all of them.
    """

    name: str
    step: str
    formula: str
    makes: tuple[str, ...]
    forward: Forward
    backward: Backward
    made_of: Callable[[ScoreOperands], list[str]] | None = None

    def results(self, o: ScoreOperands) -> list[str]:
        """Return the names of the user-visible results that the stage makes of these operands."""
        return list(self.makes) if self.made_of is None else self.made_of(o)
