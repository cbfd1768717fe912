"""gate: the weighted sum of each head, multiplied by numbers between 0 and 1.

    gated = context · σ(gate)

Source: Qiu et al., *Gated Attention for Large Language Models*, 2025.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import product, ready, summed_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def sigmoid(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return 1/(1 + e^(−x)), without overflow on either side.

    >>> sigmoid(np.array([0.0, -1e4, 1e4])).tolist()
    [0.5, 0.0, 1.0]
    """
    small = np.exp(-np.abs(numbers))
    return np.where(numbers < 0, small, 1) / (1 + small)


def gated(o: ScoreOperands, context: NDArray[Any]) -> NDArray[Any]:
    """Return the weighted sums (batch, heads, L, Ev) times σ of the gate, or as they are without one."""
    if o.gate is None:
        return context
    with np.errstate(all="ignore"):
        return context * sigmoid(ready(o.gate, o.dtype))


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the gated sums, (batch, heads, L, Ev); they are the output unless a matrix follows."""
    return {} if o.gate is None else {"gated": gated(o, made["context"])}


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the weighted sums and of the gate: d · σ(gate), and d · context · σ(gate) · σ(−gate)."""
    if o.gate is None:
        return {}
    gate = ready(o.gate, o.dtype)
    with np.errstate(all="ignore"):
        opened, rest = sigmoid(gate), sigmoid(-gate)
    of_gate = product(product(found["gated"], made["context"]), opened * rest)
    return {"context": product(found["gated"], opened), "gate": summed_to(of_gate, gate.shape)}


STAGE = Stage("gate", "out", "gated = context · σ(gate)", (), forward, backward)
