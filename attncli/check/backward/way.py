"""One way back from the output to the arrays: the right one, or one in which something is replaced.

A mistake is the stages in reverse with the ``backward`` of one of them replaced, or with other operands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend import early, gradients, steps
from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.operands import Operands
from attncli.attend.stages.stage import Backward, Made

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"
Found: TypeAlias = "dict[str, NDArray[Any]]"
# Of which stage each name is, with what is done in its place.
STAGES: dict[str, Backward] = {stage.name: stage.backward for stage in steps.STAGES}
# Among what forward made: which of all queries these are.
ROWS = "rows"


def left_by_forward(way: Way) -> Made:
    """Return what the forward pass makes of the operands."""
    return steps.results(way.operands)


def kept(found: Found) -> Found:
    """Leave the gradients as they were found."""
    return found


@dataclass(frozen=True, eq=False)
class Way:
    """How gradients are found; with nothing but operands and the gradient of the output they are right.

    Attributes:
        operands: what is computed with.
        output: (batch, heads, L, Ev) the gradient of the output, or (batch, 1, L, out) where a matrix makes it.
        stages: what is done in the place of the ``backward`` of a stage, by its name.
        made: what the way back starts from: what the forward pass left, or what is computed again.
        beside: other operands that `made` needs, of which the same part is taken.
        finish: gradients by name → gradients; what is done with them at last.
        is_whole: whether no part of it makes sense, since numbers change their places.
        rows: which of all queries these are; None: all.
    """

    operands: Operands
    output: Array
    stages: Mapping[str, Backward] = field(default_factory=dict)
    made: Callable[[Way], Made] = left_by_forward
    beside: Mapping[str, Operands] = field(default_factory=dict)
    finish: Callable[[Found], Found] = kept
    is_whole: bool = False
    rows: NDArray[np.int64] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether query, key and value are what the user gave, with nothing before or after the attention."""
        return self.operands.early is None and not self.operands.has_after and not self.operands.sizes.past

    def with_stage(self, name: str, change: Changed) -> Way:
        """Return this way with the ``backward`` of one stage changed."""
        right = self.stages.get(name, STAGES[name])

        def changed(o: Any, made: Made, found: Made) -> Found:
            return change(o, made, found, right)

        return replace(self, stages={**self.stages, name: changed})

    def with_finish(self, last: Callable[[Found], Found], *, is_whole: bool = False) -> Way:
        """Return this way with something more done at last."""
        before = self.finish
        return replace(self, finish=lambda found: last(before(found)), is_whole=self.is_whole or is_whole)

    def found(self) -> Found:
        """Return all gradients, by the names of the operands."""
        with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
            back = early.backward(self.operands, self._back())
            return self.finish(back)

    def back(self) -> Found:
        """Return the gradients of query, key and value as they are rotated and scored, and of what is met on the way.

        Nothing is finished: this is for parts.
        """
        with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
            return self._back()

    def part(self, batch: int, head: int, rows: NDArray[np.int64]) -> Way:
        """Return the way of some queries of one head: their own gradients are whole, those of keys are a part."""
        chosen: dict[str, Any] = {"batch": batch, "head": head, "rows": rows}
        items = self.output[batch : batch + 1, head : head + 1, rows]
        beside = {name: each.select(**chosen) for name, each in self.beside.items()}
        return replace(self, operands=self.operands.select(**chosen), output=items, beside=beside, rows=rows)

    def _back(self) -> Found:
        rows = np.arange(self.operands.sizes.queries) if self.rows is None else self.rows
        made = {**self.made(self), ROWS: rows}
        return gradients.of_core(self.operands.core, made, self.output, self.stages)


# operands, what forward made, gradients found so far, the right ``backward`` → gradients
Changed: TypeAlias = "Callable[[Any, Made, Made, Backward], Found]"
