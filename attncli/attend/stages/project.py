"""project: query, key and value made of hidden states by a matrix each.

    q, k, v = x·W + b

Source: Vaswani et al., *Attention Is All You Need*, 2017, section 3.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.layer import LETTERS, Projection
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import after_past, ready, summed_to, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def project(states: NDArray[Any], by: Projection, heads: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return x·W + b, its features cut into heads.

    Args:
        states: (batch, 1, L, in)
        by: the matrix (in, heads·E) and the bias (heads·E).
        heads: how many heads lie side by side in what comes out.
        dtype: the precision.

    Returns:
        (batch, heads, L, E)

    Example:
        >>> by = Projection(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0.0, 1.0]), ("w_q", "b_q"))
        >>> project(np.array([[[[3.0, 4.0]]]]), by, 2, np.dtype("f8")).tolist()
        [[[[3.0]], [[9.0]]]]
    """
    made = affine(states, by, dtype)
    batch, _, length, features = made.shape
    return ready(made.reshape(batch, length, heads, features // heads).swapaxes(1, 2), dtype)


def affine(states: NDArray[Any], by: Projection, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return x·W + b, (…, out), of states (…, in)."""
    made = ready(states, dtype)
    with np.errstate(all="ignore"):
        if by.weight is not None:
            made = made @ ready(by.weight, dtype)
        return made if by.bias is None else made + ready(by.bias, dtype)


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the projected query (batch, heads, L, E), key and value (batch, their heads, S, …), past ones first."""
    found = {}
    for state, by in o.layer.projections.items():
        if state in o.states:
            new = project(o.states[state], by, o.split[state], o.dtype)
            found[f"projected_{state}"] = ready(after_past(o.past.get(state), new), o.dtype)
    return found


def affine_backward(
    states: NDArray[Any], by: Projection, given: NDArray[Any], letter: str
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return the gradients of the states and, by name, of the matrix and the bias, of a gradient of x·W + b.

        d_x = d · Wᵀ, d_W = xᵀ · d, d_b = Σ d

    Args:
        states: (batch or 1, 1, L, in)
        by: the matrix and the bias.
        given: (batch, 1, L, out) the gradient of what they made.
        letter: that of the names of the matrix and the bias.
    """
    found = {} if by.bias is None else {f"b_{letter}": given.sum(axis=(0, 1, 2))}
    if by.weight is None:
        return summed_to(given, states.shape), found
    of_states = summed_to(weigh(given, ready(by.weight, given.dtype).T), states.shape)
    # xᵀ·d of all items and rows in one product, in which a row without a gradient does not count.
    rows = np.broadcast_to(ready(states, given.dtype), (*given.shape[:3], states.shape[3])).reshape(-1, states.shape[3])
    found[f"w_{letter}"] = weigh(given.reshape(-1, given.shape[3]).T, rows).T
    return of_states, found


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the states that were projected, of past ones, and of the matrices and biases."""
    gradients: dict[str, NDArray[Any]] = {}
    for state, by in o.layer.projections.items():
        past = o.sizes.past if state in o.past else 0
        whole = found[state]  # (batch, heads, P + L, E)
        new = whole[:, :, past:].swapaxes(1, 2)
        packed = new.reshape(len(new), 1, new.shape[1], -1)
        gradients[state], of_weights = affine_backward(o.states[state], by, packed, LETTERS[state])
        gradients |= of_weights | ({f"past_{state}": whole[:, :, :past]} if past else {})
    return gradients


STAGE = Stage(
    "project",
    "project",
    "q, k, v = x·W + b",
    ("projected_query", "projected_key", "projected_value"),
    forward,
    backward,
    lambda o: [f"projected_{state}" for state in o.layer.projections if state in o.states],
)
