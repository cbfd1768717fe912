"""sum: the weighted sum of the values.

    output = Σ weights · value

Source: Vaswani et al., *Attention Is All You Need*, 2017, equation 1; grouped heads as in Ainslie et al., *GQA*, 2023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.softmax import open_weights
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import by_group, ready, summed_to, ungroup, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def weighted_sum(weights: NDArray[Any], value: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the sums (batch, heads, L, Ev) of values (batch, key heads, S, Ev) with weights (batch, heads, L, S)."""
    grouped = by_group(ready(weights, dtype), value.shape[1])  # (batch, key heads, group, L, S)
    return ungroup(weigh(grouped, ready(value, dtype)[:, :, None]))


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the weighted sums (batch, heads, L, Ev): the output in its final type, unless anything comes after it."""
    output = weighted_sum(made["weights"], made.get("cached_value", o.states["value"]), o.dtype)
    if o.has_after:
        return {"context": output}
    with np.errstate(over="ignore"):
        return {"output": output.astype(o.output_dtype, copy=False)}


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the weights and of the value.

    d_weights = d_context · valueᵀ, 0 at closed keys · d_value = weightsᵀ · d_context, summed over each group
    """
    value = ready(o.states["value"], o.dtype)
    given = by_group(ready(found["context" if o.has_after else "output"], o.dtype), value.shape[1])
    of_weights = ungroup(weigh(given, value[:, :, None].swapaxes(-1, -2)))
    # A query of which nothing is asked says nothing to the values, even if it is NaN.
    weights = np.where((given == 0).all(axis=-1, keepdims=True), 0, by_group(open_weights(made), value.shape[1]))
    turned = weights.swapaxes(-1, -2)  # (batch, value heads, group, S, L)
    return {
        "weights": np.where(made["logits"] == -np.inf, 0, of_weights),
        "value": summed_to(weigh(turned, given).sum(axis=2), value.shape),
    }


STAGE = Stage(
    "sum",
    "sum",
    "output = Σ weights · value",
    ("context", "output"),
    forward,
    backward,
    lambda o: ["context" if o.has_after else "output"],
)
