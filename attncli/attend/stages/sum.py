"""sum: the weighted sum of the values.

    output = Σ weights · value

Source: Vaswani et al., *Attention Is All You Need*, 2017, equation 1; grouped heads as in Ainslie et al., *GQA*, 2023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import by_group, ready, ungroup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def weighted_sum(weights: NDArray[Any], value: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the sums (batch, heads, L, Ev) of values (batch, key heads, S, Ev) with weights (batch, heads, L, S)."""
    grouped = by_group(ready(weights, dtype), value.shape[1])  # (batch, key heads, group, L, S)
    return ungroup(weigh(grouped, ready(value, dtype)[:, :, None]))


def weigh(weights: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
    """Return Σ weights · value over the keys; a key of weight 0 contributes nothing.

    By IEEE arithmetic 0 · ∞ = NaN, but a closed key has weight 0, and not even ∞ or NaN in its value may leak.

    Args:
        weights: (…, L, S)
        value: (…, S, Ev)
    """
    finite = np.isfinite(value)
    with np.errstate(invalid="ignore", over="ignore"):
        if finite.all():
            return weights @ value
        output = weights @ np.where(finite, value, 0)
        for key in np.flatnonzero(~finite.all(axis=-1).all(axis=tuple(range(value.ndim - 2)))):
            weight = weights[..., key, None]  # (…, L, 1)
            state = value[..., key, :][..., None, :]  # (…, 1, Ev)
            extra = np.where(np.isfinite(state), 0, state)
            output += np.where((weight == 0) | (extra == 0), 0, weight * extra)
        return output


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the weighted sums (batch, heads, L, Ev): the output in its final type, unless anything comes after it."""
    output = weighted_sum(made["weights"], o.states["value"], o.dtype)
    if o.has_after:
        return {"context": output}
    with np.errstate(over="ignore"):
        return {"output": output.astype(o.output_dtype, copy=False)}


STAGE = Stage(
    "sum",
    "sum",
    "output = Σ weights · value",
    ("context", "output"),
    forward,
    lambda o: ["context" if o.has_after else "output"],
)
