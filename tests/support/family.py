"""Random problems at the edges of tiles, with any options together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from attncli.attend.fast import tiles


def around(number: int) -> list[int]:
    """Return a number and its neighbours: an edge is where a mistake by one shows."""
    return [number - 1, number, number + 1]


EDGES = [1, 2, *around(tiles.FEW_ROWS), *around(tiles.DIAGONAL_KEYS), *around(tiles.KEYS), 800]


def drawn(draw: Callable[[Any], Any]) -> tuple[dict[str, Any], dict[str, Any], float]:
    """Return arrays, options, and how far two computations of them may be apart.

    Args:
        draw: draws from a strategy.
    """
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    batch, key_heads, group = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    queries, keys = draw(st.sampled_from(EDGES)), draw(st.sampled_from(EDGES))
    features, wide = draw(st.sampled_from([2, 8, 32])), draw(st.sampled_from([1, 3, 32]))
    heads, normal = key_heads * group, rng.standard_normal
    arrays: dict[str, Any] = {
        "query": normal((batch, heads, queries, features)),
        "key": normal((batch, key_heads, keys, features)),
        "value": normal((batch, key_heads, keys, wide)),
    }
    options: dict[str, Any] = {"scale": draw(st.sampled_from([0.1, 1.0, 20.0])), "causal": draw(st.booleans())}
    total = keys
    cache = draw(st.sampled_from(["none", "none", "past", "lengths"]))
    if cache == "past":
        arrays["past_key"], arrays["past_value"] = (normal((batch, key_heads, 9, n)) for n in (features, wide))
        total += 9
    if cache == "lengths":
        arrays["key_lengths"] = rng.integers(0, keys + 1, batch)
    if draw(st.booleans()):
        options["window"] = (draw(st.integers(-1, 300)), draw(st.integers(-1, 300)))
    if draw(st.booleans()):
        options["offset"] = draw(st.integers(-50, 300))
    if draw(st.integers(0, 3)) == 0:
        options |= {"softcap": draw(st.sampled_from([0.5, 50.0])), "alibi": draw(st.booleans())}
    if draw(st.integers(0, 3)) == 0:
        options["rope"] = draw(st.sampled_from(["half", "interleaved"]))
    options["score"] = draw(st.sampled_from(["dot", "dot", "dot", "cosine", "general", "additive"]))
    if draw(st.integers(0, 3)) == 0:
        arrays["sinks"] = 5 * normal(heads)
    full = (batch, heads, queries, draw(st.integers(1, total)))
    shape = tuple(n if i == 3 or draw(st.booleans()) else 1 for i, n in enumerate(full))
    mask = draw(st.sampled_from(["none", "none", "bool", "float"]))
    if mask == "bool":
        arrays["mask"] = rng.random(shape) > 0.3
    if mask == "float":
        arrays["mask"] = np.where(rng.random(shape) > 0.2, normal(shape), -np.inf)
    if draw(st.integers(0, 4)) == 0:
        arrays["bias"] = normal((*shape[:3], total))
    if draw(st.integers(0, 5)) == 0:
        arrays[draw(st.sampled_from(["key", "value"]))][0, 0, keys // 2] = draw(st.sampled_from([np.nan, np.inf]))
    dtype, tolerance = draw(st.sampled_from([("f8", 1e-9), ("f4", 2e-3), ("f2", 2e-2)]))
    for name in ("query", "key", "value", "past_key", "past_value"):
        if name in arrays:
            arrays[name] = arrays[name].astype(dtype)
    return arrays, options, tolerance
