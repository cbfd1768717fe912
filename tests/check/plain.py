"""Random states, and attention without any rule, by an implementation of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def states(heads: int, length: int, features: int) -> dict[str, NDArray[Any]]:
    """Return random query, key and value in float32."""
    rng = np.random.default_rng(12)
    shape = (1, heads, length, features)
    return {name: rng.standard_normal(shape).astype(np.float32) for name in ("query", "key", "value")}


def attended(arrays: dict[str, NDArray[Any]], scale: float) -> NDArray[Any]:
    """Return plain attention without any mask."""
    query, key, value = (arrays[name].astype(np.float64) for name in ("query", "key", "value"))
    scores = query @ key.swapaxes(-1, -2) * scale
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return (powers / powers.sum(-1, keepdims=True) @ value).astype(np.float32)
