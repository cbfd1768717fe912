"""What a search is about: an output that differs from the right one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attncli.check.deadline import Deadline
from attncli.check.precision import Reference
from attncli.check.recipe import Recipe
from attncli.check.rounding import Precision, Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Case:
    """An output that differs from the right one.

    Attributes:
        reference: the problem, its right output, and what rounding costs.
        expected: (batch, heads, L, Ev) the output that is to be explained.
        precision: that in which it was computed.
        deadline: when the search ends.
    """

    reference: Reference
    expected: NDArray[Any]
    precision: Precision
    deadline: Deadline = field(default_factory=Deadline)

    @cached_property
    def limit(self) -> float:
        """How large a share of a row rounding may be, for the right recipe."""
        return self.reference.limit(self.precision)

    def rounding_of(self, recipe: Recipe) -> Rounding | None:
        """Return what, rounded to half precision, brings a recipe much nearer to the expected output, if anything."""
        return self.reference.rounding_of(self.expected, recipe)
