"""norm: each query and key brought to the same size before they meet.

    x/√(mean x² + ε) · w, x/√(Σx² + ε) · w or (x − mean)/√(var + ε) · w

The three norms and their sources are in `attncli.attend.norms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.layer import LETTERS
from attncli.attend.norms import Norm, normed, normed_backward
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import ready, summed_to

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


def norm_backward(
    o: ScoreOperands, state: str, array: NDArray[Any], given: NDArray[Any]
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return the gradients of a state before it was normalised and, by name, of the weights.

    Args:
        o: the operands.
        state: which state.
        array: what was normalised, as for `norm`.
        given: (batch, heads, length, features) the gradient of what came out.
    """
    assert o.options.qk_norm is not None  # asked only where there is a norm
    past = 0 if state == "query" else o.sizes.past
    how, weights = Norm.of(o.options.qk_norm), o.layer.norms[state]
    new = ready(array, o.dtype)[:, :, past:]
    found, of_weights = normed_backward(new, weights, how, o.options.norm_eps, given[:, :, past:])
    whole = np.concatenate([given[:, :, :past], found], axis=2) if past else found
    named = {} if of_weights is None else {f"{LETTERS[state]}_norm": of_weights}
    return summed_to(whole, array.shape), named


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the states before they were normalised, and of the weights."""
    gradients: dict[str, NDArray[Any]] = {}
    for state in before_rope(o):
        array = made.get(f"projected_{state}", o.states[state])
        gradients[state], of_weights = norm_backward(o, state, array, found[state])
        gradients |= of_weights
    return gradients


STAGE = Stage(
    "norm",
    "norm",
    "x/√(mean x² + ε) · w",
    ("normed_query", "normed_key", "normed_value"),
    forward,
    backward,
    lambda o: [f"normed_{state}" for state in o.layer.norms if state in o.states],
)
