"""What wrong programs are made of: attention and rotary embedding, in plain NumPy and by nothing of the package."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, check
from attncli.check.explanation import Explanation
from attncli.check.voice import IN_ENGLISH
from tests.support.checking import PATIENT

Array: TypeAlias = NDArray[Any]
BATCH, HEADS, KEY_HEADS, LENGTH, FEATURES = 2, 4, 2, 24, 16
AT = np.arange(LENGTH)


def states(**shapes: tuple[int, ...]) -> dict[str, Array]:
    """Return query, key and value in float32, with two key heads for four heads; and other random arrays."""
    rng = np.random.default_rng(11)
    sizes = {"query": HEADS, "key": KEY_HEADS, "value": KEY_HEADS}
    wanted: dict[str, tuple[int, ...]] = {
        name: (BATCH, heads, LENGTH, FEATURES) for name, heads in sizes.items()
    } | shapes
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in wanted.items()}


def softmax(logits: Array) -> Array:
    """Return the weights."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def served(array: Array, heads: int) -> Array:
    """Give each query head its key head."""
    return array.repeat(heads // array.shape[1], axis=1)


def scores(query: Array, key: Array) -> Array:
    """Return q·k without any scale."""
    return np.asarray(query @ served(key, query.shape[1]).swapaxes(2, 3))


def closed(logits: Array, *, causal: bool = True) -> Array:
    """Close the keys behind each query; the last query sees all."""
    queries, keys = logits.shape[2:]
    later = np.triu(np.ones((queries, keys), bool), 1 + keys - queries)
    return np.where(later & causal, -np.inf, logits)


def attended(
    query: Array, key: Array, value: Array, *, scale: Any = FEATURES**-0.5, added: Any = 0.0, causal: bool = True
) -> Array:
    """Return the weighted sums of each head."""
    weights = softmax(closed(scale * scores(query, key) + added, causal=causal))
    return np.asarray(weights @ served(value, query.shape[1]))


def frequencies(features: int, theta: float = 10000.0) -> Array:
    """Return θ^(−2i/D)."""
    return np.asarray(theta ** (-np.arange(0, features, 2) / features))


def turn(states: Array, at: Array, each: Array, *, first: int = 0, pairing: str = "half", factor: float = 1.0) -> Array:
    """Turn the pairs of 2·len(each) features from the first one on, by position times frequency."""
    count = 2 * len(each)
    angle = np.asarray(at)[..., None] * each  # (L, pairs) or (B, L, pairs)
    angle = angle[:, None] if angle.ndim == 3 else angle
    cos, sin = factor * np.cos(angle), factor * np.sin(angle)
    made = np.array(np.broadcast_to(states, np.broadcast_shapes(states.shape, (*angle.shape[:-1], states.shape[-1]))))
    half = (slice(first, first + count // 2), slice(first + count // 2, first + count))
    one, two = half if pairing == "half" else (slice(first, first + count, 2), slice(first + 1, first + count, 2))
    a, b = states[..., one], states[..., two]
    made[..., one], made[..., two] = a * cos - b * sin, a * sin + b * cos
    return made


def merged(sums: Array) -> Array:
    """Return (batch, heads, L, features) as (batch, L, heads · features)."""
    return sums.swapaxes(1, 2).reshape(len(sums), sums.shape[2], -1)


def cut(array: Array, heads: int) -> Array:
    """Return (batch, L, heads · features) as (batch, heads, L, features)."""
    return array.reshape(*array.shape[:2], heads, -1).swapaxes(1, 2)


def found(arrays: dict[str, Array], output: Array, **options: Any) -> Finding:
    """Check an output in float32."""
    asked = {"scale": "sqrt", "causal": True} | options
    return check(prepare(arrays, Options.parse(asked)), output.astype(np.float32), PATIENT)


def in_words(explanation: Explanation) -> tuple[str, ...]:
    """Return what went wrong, in English."""
    return tuple(map(IN_ENGLISH.say, explanation.descriptions))
