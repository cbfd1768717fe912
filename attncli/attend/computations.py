"""The computations, each built from arrays by name: all the steps, softmax alone, the weighted sum alone.

The public functions and the commands both use these, so that no edge case is handled twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from attncli.attend import steps
from attncli.attend.alone import Softmax, WeightedSum
from attncli.attend.layouts import Form
from attncli.attend.operands import ScoreOperands
from attncli.attend.parts import WHOLE, Selection, form_of, restored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class AttentionSteps:
    """The stages from query and key to the end of one step."""

    operands: ScoreOperands
    last: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Batch items, heads and queries of the results."""
        sizes = self.operands.sizes
        return sizes.batch, sizes.heads, sizes.queries

    @property
    def keys(self) -> int:
        """The number of keys that each query meets."""
        return self.operands.sizes.keys

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of the computation."""
        return self.operands.dtype

    def select(self, part: Selection) -> Self:
        """Return the computation of a part."""
        return replace(self, operands=self.operands.select(batch=part.batch, head=part.head, rows=part.rows))

    def results(self) -> dict[str, NDArray[Any]]:
        """Return all results by name, each (batch, heads, L, …)."""
        return steps.results(self.operands, self.last)

    def restored(self, name: str, array: NDArray[Any], part: Selection = WHOLE) -> NDArray[Any]:
        """Return one result with the axes of the user's arrays."""
        return restored(name, array, self.form(name, part))

    def form(self, name: str, part: Selection = WHOLE) -> Form:
        """Return how a result lies for the user."""
        return form_of(self.operands, name, part)


Calculation = AttentionSteps | Softmax | WeightedSum
