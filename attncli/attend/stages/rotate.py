"""rotate: query and key turned by angles that grow with their positions (rotary position embedding).

    (a, b) → (a·cos − b·sin, a·sin + b·cos), by the angle position · theta^(−2i/d) for pair i of d/2

Source: Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021, section 3.2.2; the two
pairings are those of the ONNX operator ``RotaryEmbedding`` (opset 23).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.norm import after_rope, norm
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def angles(positions: NDArray[np.int64], features: int, theta: float) -> NDArray[np.float64]:
    """Return the angle by which each pair of features is turned at each position, in radians.

    Pair i of d/2 turns by position · theta^(−2i/d): the first by one radian per position, the last hardly at all.

    Args:
        positions: (…, L)
        features: d, even.
        theta: base of the frequencies, 10000 in the paper.

    Returns:
        (…, L, d/2)

    Example:
        >>> angles(np.array([0, 3]), 4, 10000.0).tolist()
        [[0.0, 0.0], [3.0, 0.03]]
    """
    frequencies = theta ** (-np.arange(0, features, 2) / features)
    return positions[..., None] * frequencies


def rotate(states: NDArray[Any], positions: NDArray[np.int64], theta: float, pairing: str) -> NDArray[Any]:
    """Turn each pair of features (a, b) by its angle: (a·cos − b·sin, a·sin + b·cos).

    Args:
        states: (batch, heads, L, d)
        positions: (batch or 1, L)
        theta: see `angles`.
        pairing: ``"half"`` pairs feature i with i + d/2, ``"interleaved"`` 2i with 2i + 1.

    Returns:
        (batch, heads, L, d) in the precision of the states; the angles are computed in float64.

    Example:
        >>> rotate(np.array([[[[1.0, 0.0]]]]), np.array([[0]]), 10000.0, "half").tolist()
        [[[[1.0, 0.0]]]]
    """
    turned = angles(positions, states.shape[-1], theta)[:, None]  # (batch or 1, 1, L, d/2)
    cos, sin = np.cos(turned).astype(states.dtype), np.sin(turned).astype(states.dtype)
    first, second = pairs(states.shape[-1], pairing)
    a, b = states[..., first], states[..., second]
    rotated = np.empty(np.broadcast_shapes(states.shape, (len(positions), 1, 1, 1)), dtype=states.dtype)
    with np.errstate(invalid="ignore"):
        rotated[..., first] = a * cos - b * sin
        rotated[..., second] = a * sin + b * cos
    return rotated


def pairs(features: int, pairing: str) -> tuple[slice, slice]:
    """Return the indices of the first and of the second feature of every pair."""
    if pairing == "half":
        return slice(0, features // 2), slice(features // 2, features)
    return slice(0, features, 2), slice(1, features, 2)


def rotated(o: ScoreOperands) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return query and key in the precision of the computation, turned by their positions if ``--rope`` is given.

    Past keys come from a cache, which holds keys that are turned already, so they are not turned again.
    """
    query, key = ready(o.query, o.dtype), ready(o.key, o.dtype)
    if o.options.rope is None:
        return query, key
    new = np.arange(o.sizes.past, o.sizes.keys)[None]
    turned = rotate(key[:, :, o.sizes.past :], new, o.options.rope_theta, o.options.rope)
    query = rotate(query, o.positions, o.options.rope_theta, o.options.rope)
    return query, np.concatenate([key[:, :, : o.sizes.past], turned], axis=2)


def to_meet(o: ScoreOperands) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return query and key as they are scored: rotated, and normalised after that where the norm comes last."""
    query, key = rotated(o)
    both = {"query": query, "key": key}
    both |= {state: norm(o, state, both[state]) for state in after_rope(o)}
    return both["query"], both["key"]


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the rotated query (batch, heads, L, E) and key (batch, key heads, S, E), and both as they are scored."""
    query, key = rotated(o)
    found = {"rotated_query": query, "rotated_key": key} if o.options.rope is not None else {}
    late = {
        f"normed_{state}": norm(o, state, array)
        for state, array in (("query", query), ("key", key))
        if state in after_rope(o)
    }
    return (
        found
        | late
        | {
            "met_query": late.get("normed_query", query),
            "met_key": late.get("normed_key", key),
        }
    )


STAGE = Stage(
    "rotate",
    "rotate",
    "(a, b) → (a·cos − b·sin, a·sin + b·cos)",
    ("rotated_query", "rotated_key"),
    forward,
    lambda o: [] if o.options.rope is None else ["rotated_query", "rotated_key"],
)
