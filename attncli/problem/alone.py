"""One step alone, on what the step before it made: softmax of logits, the weighted sum by weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncli.attend.alone import Softmax, WeightedSum
from attncli.attend.parts import Selection
from attncli.problem import estimate
from attncli.problem.computation import Computation
from attncli.problem.notices import of_logits, of_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SoftmaxComputation(Computation):
    """Softmax alone, on logits."""

    softmax: Softmax

    @property
    def calculation(self) -> Softmax:
        """The prepared arrays."""
        return self.softmax

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        return estimate.softmax(estimate.first(self.calculation.select(part), rows))

    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many numbers each result of a part has."""
        logits = self.calculation.select(part).logits
        return {"weights": logits.size, "lse": logits.size // logits.shape[-1]}

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about some logits."""
        logits = self.calculation.select(part).logits
        yield from of_numbers({self.calculation.given: logits}, closed=True)
        yield from of_logits(logits, part.rows)


@dataclass(frozen=True, eq=False)
class SumComputation(Computation):
    """The weighted sum alone, on weights and value."""

    weighted_sum: WeightedSum

    @property
    def calculation(self) -> WeightedSum:
        """The prepared arrays."""
        return self.weighted_sum

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        return estimate.weighted_sum(estimate.first(self.calculation.select(part), rows))

    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many numbers the output of a part has."""
        chosen = self.calculation.select(part)
        return {"output": math.prod(chosen.shape) * chosen.value.shape[-1]}

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about some weights and values."""
        chosen = self.calculation.select(part)
        yield from of_numbers({"weights": chosen.weights, chosen.given: chosen.value})
