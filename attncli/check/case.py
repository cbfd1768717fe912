"""What a search is about: an output that differs from the right one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.deadline import Deadline
from attncli.check.precision import Reference
from attncli.check.recipe import Recipe
from attncli.check.rounding import Precision, Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Numbers in query, key and value that are converted to float64 beforehand.
MOST_IN_FLOAT64 = 1 << 25


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

    @property
    def right(self) -> Recipe:
        """The right recipe, its states in float64 where they are small enough: thousands of recipes use them."""
        o = self.reference.operands
        if sum(array.size for array in o.states.values()) <= MOST_IN_FLOAT64:
            query, key, value = (np.asarray(array, dtype=np.float64) for array in (o.query, o.key, o.value))
            o = replace(o, query=query, key=key, value=value)
        return Recipe(o, until=self.reference.until)

    @cached_property
    def limit(self) -> float:
        """How large a share of a row rounding may be, for the right recipe."""
        return self.reference.limit(self.precision)

    @cached_property
    def size(self) -> NDArray[Any]:
        """(batch, heads, L) how large the numbers of each row are, right or observed: the larger ones."""
        observed = np.abs(self.expected).max(axis=-1, initial=0.0)
        return np.maximum(self.reference.size, np.where(np.isfinite(observed), observed, 0))

    def rounding_of(self, recipe: Recipe) -> Rounding | None:
        """Return what, rounded to half precision, brings a recipe much nearer to the expected output, if anything."""
        return self.reference.rounding_of(self.expected, recipe)
