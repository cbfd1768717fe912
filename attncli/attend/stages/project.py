"""project: query, key and value made of hidden states by a matrix each.

    q, k, v = x·W + b

Source: Vaswani et al., *Attention Is All You Need*, 2017, section 3.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.layer import Projection
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import after_past, ready

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


STAGE = Stage(
    "project",
    "project",
    "q, k, v = x·W + b",
    ("projected_query", "projected_key", "projected_value"),
    forward,
    lambda o: [f"projected_{state}" for state in o.layer.projections if state in o.states],
)
