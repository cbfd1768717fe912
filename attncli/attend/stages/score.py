"""The score functions: how a query meets a key, before the scale.

Sources: ``dot`` and ``general`` Luong et al., *Effective Approaches to Attention-based Neural Resources Translation*,
2015, section 3.1; ``additive`` Bahdanau et al., *Neural Resources Translation by Jointly Learning to Align and
Translate*, 2015, section A.1.2; ``cosine`` Graves et al., *Neural Turing Machines*, 2014, section 3.3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Parameters = Mapping[str, "NDArray[Any]"]


def dot(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return q·k.

    Args:
        query: (batch, key heads, group, L, E)
        key: (batch, key heads, 1, S, E)
        parameters: none are used.

    Returns:
        (batch, key heads, group, L, S)
    """
    return query @ np.swapaxes(key, -1, -2)


def cosine(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return q·k/(|q||k|); a vector of zeros has no direction, and its cosine with anything is 0."""
    return dot(unit(query), unit(key), parameters)


def general(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return q·W·k with ``w_score`` (E, Ek)."""
    projected = query @ parameters["w_score"] if "w_score" in parameters else query
    return dot(projected, key, parameters)


def additive(query: NDArray[Any], key: NDArray[Any], parameters: Parameters) -> NDArray[Any]:
    """Return v·tanh(q·W₁ + k·W₂) with ``w_query`` (E, A), ``w_key`` (Ek, A) and ``v_score`` (A).

    A projection that is not given is the identity, and v a vector of ones.
    """
    left = query @ parameters["w_query"] if "w_query" in parameters else query
    right = key @ parameters["w_key"] if "w_key" in parameters else key
    size = left.shape[-1]
    factors = parameters.get("v_score", np.ones(size, dtype=left.dtype))
    shape = (*np.broadcast_shapes(left.shape[:-2], right.shape[:-2]), left.shape[-2], right.shape[-2])
    total = np.zeros(shape, dtype=left.dtype)
    # Feature by feature: all at once would take A times the memory of the scores.
    for a in range(size):
        total += factors[a] * np.tanh(left[..., a, None] + right[..., None, :, a])
    return total


def unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return vectors of length 1 in the same directions; one of zeros stays what it is."""
    # Scaled by the largest component first: its square must not overflow.
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scaled = vectors / np.where(largest == 0, 1, largest)
    length = np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    return scaled / np.where(length == 0, 1, length)


FUNCTIONS: dict[str, Callable[[NDArray[Any], NDArray[Any], Parameters], NDArray[Any]]] = {
    "dot": dot,
    "cosine": cosine,
    "general": general,
    "additive": additive,
}

# Which arrays each function has a use for, each with the axes it must have.
PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "dot": {},
    "cosine": {},
    "general": {"w_score": ("E", "Ek")},
    "additive": {"w_query": ("E", "A"), "w_key": ("Ek", "A"), "v_score": ("A",)},
}
