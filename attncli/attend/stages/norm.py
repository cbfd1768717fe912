"""norm: each query and key brought to the same size before they meet.

    x/√(mean x² + ε) · w, x/√(Σx² + ε) · w or (x − mean)/√(var + ε) · w

The three norms and their sources are in `attncli.attend.norms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.norms import Norm, normed
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def norm(o: ScoreOperands, state: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return a state (batch, heads, length, features) normalised; past ones come from a cache, and are already."""
    assert o.options.qk_norm is not None  # asked only where there is a norm
    past = 0 if state == "query" else o.sizes.past
    array = ready(array, o.dtype)
    new = normed(array[:, :, past:], weights_of(o, state), Norm.of(o.options.qk_norm), o.options.norm_eps)
    return np.concatenate([array[:, :, :past], new], axis=2) if past else new


def weights_of(o: ScoreOperands, state: str) -> NDArray[Any] | None:
    """Return the weights of a norm: of those that each head has its own of, the ones of these heads."""
    weights = o.layer.norms[state]
    if weights is None or weights.ndim == 1:
        return weights
    # A key head serves a block of consecutive query heads.
    return weights[np.unique(o.head_indices * len(weights) // o.head_count)]


def before_rope(o: ScoreOperands) -> list[str]:
    """Return the states that are normalised before any rotation; the value always is, for it is not rotated."""
    after = o.options.qk_norm is not None and Norm.of(o.options.qk_norm).after_rope
    return [state for state in o.layer.norms if state in o.states and (state == "value" or not after)]


def after_rope(o: ScoreOperands) -> list[str]:
    """Return the states that are normalised after the rotation."""
    return [state for state in o.layer.norms if state in o.states and state not in before_rope(o)]


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the normed query, key and value, (batch, heads, length, features)."""
    return {
        f"normed_{state}": norm(o, state, made.get(f"projected_{state}", o.states[state])) for state in before_rope(o)
    }


STAGE = Stage(
    "norm",
    "norm",
    "x/√(mean x² + ε) · w",
    ("normed_query", "normed_key", "normed_value"),
    forward,
    lambda o: [f"normed_{state}" for state in o.layer.norms if state in o.states],
)
