"""A gradient found without any calculus: move one logit, go forward again, and see how the loss moves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.out import finished
from attncli.attend.stages.softmax import softmax
from attncli.attend.stages.sum import weighted_sum
from attncli.attend.views import product, within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands

DOUBLE = np.dtype(np.float64)
STEPS = (1e-2, 1e-3, 1e-4, 1e-5)
# So many roundings, of half a unit in the last place or less, go into a sum of products.
ROUNDINGS = 8


@dataclass(frozen=True)
class FiniteDifference:
    """How the loss moves with one logit.

    Attributes:
        step: how far the logit is moved, up and down.
        below: the loss with the logit moved down.
        above: the loss with the logit moved up.
        error: about how far the quotient may be from the derivative: by rounding, and because the step is finite.
    """

    step: float
    below: float
    above: float
    error: float

    @property
    def quotient(self) -> float:
        """The central difference, (above − below) / (2 · step)."""
        return (self.above - self.below) / (2 * self.step)


@dataclass(frozen=True)
class Row:
    """One query of one head, in float64: what its part of the loss depends on.

    Attributes:
        o: the operands of all heads and this query.
        head: which of the heads.
        logits: (S,)
        sinks: (1,) that of the head, or None.
        value: (1, 1, S, Ev)
        output: (1, heads or 1, 1, …) the gradient of the output.
        sums: (Ev) the gradient of the weighted sum of this head, by which errors are reckoned.
    """

    o: ScoreOperands
    head: int
    logits: NDArray[Any]
    sinks: NDArray[Any] | None
    value: NDArray[Any]
    output: NDArray[Any]
    sums: NDArray[Any]

    def moved(self, column: int, step: float) -> NDArray[Any]:
        """Return the terms d_output · output with one logit moved; those alone in which this head has a part.

        The loss is their sum. Other heads add to the output what does not depend on the logit, so they are left out.
        """
        weights = self.weights(column, step)
        sums = weighted_sum(weights, self.value, DOUBLE)
        if self.o.has_after:
            o = replace(self.o, dtype=DOUBLE, output_dtype=DOUBLE)
            every = np.zeros((1, o.sizes.heads, 1, sums.shape[-1]))
            every[:, self.head] = sums[:, 0]
            return product(self.output.astype(DOUBLE), finished(o, every))
        return product(self.output.astype(DOUBLE)[:, self.head], sums[:, 0])

    def weights(self, column: int, step: float) -> NDArray[Any]:
        """Return the weights (1, 1, 1, S) with one logit moved.

        The largest logit is taken off before, not after: a small step would be lost beside a large logit.
        """
        logits, sinks = self.logits.astype(DOUBLE), None if self.sinks is None else within(self.sinks, DOUBLE)
        peak = logits.max() if sinks is None else max(logits.max(), sinks[0])
        logits -= peak
        logits[column] += step
        return softmax(logits[None, None, None], None if sinks is None else sinks - peak)

    @cached_property
    def size(self) -> float:
        """How large the products are whose sum the loss is, before they cancel out."""
        weights = softmax(self.logits.astype(DOUBLE)[None, None, None], self.sinks)
        sizes = weighted_sum(weights, np.abs(self.value), DOUBLE)[0, 0, 0]
        return float(product(np.abs(self.sums.astype(DOUBLE)), sizes).sum())

    def difference(self, column: int, gradient: float) -> FiniteDifference:
        """Return the central difference of the loss in one logit, with the step that errs least.

        In one logit the loss is a + b·σ(logit − c): a sigmoid, whose third derivative is nowhere larger than its first.
        So the quotient is off by at most step²/6 of the gradient, and by what rounding makes of the loss over step.

        Args:
            column: the key.
            gradient: about what will come out.
        """
        with np.errstate(all="ignore"):
            unit = float(np.finfo(DOUBLE).eps)
            errors = {step: ROUNDINGS * unit * self.size / step + step**2 / 6 * abs(gradient) for step in STEPS}
            step = min(errors, key=lambda each: errors[each])
            below, above = (float(self.moved(column, each).sum()) for each in (-step, step))
        return FiniteDifference(step, below, above, errors[step])
