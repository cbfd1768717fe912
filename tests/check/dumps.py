"""A small language model in plain NumPy, which hands out what its attentions see and make; with a mistake, if asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Layer = dict[str, Array]

WIDTH, HEADS, KEY_HEADS, FEATURES, LAYERS, TOKENS = 24, 6, 2, 4, 6, 12
GROUP, HALF = HEADS // KEY_HEADS, FEATURES // 2
STATES = ("query", "key", "value")
LABELS = [f"t{each}" for each in range(TOKENS)]


def weights() -> list[Layer]:
    rng = np.random.default_rng(7)
    shapes = {
        "q": (WIDTH, HEADS * FEATURES),
        "k": (WIDTH, KEY_HEADS * FEATURES),
        "v": (WIDTH, KEY_HEADS * FEATURES),
        "o": (HEADS * FEATURES, WIDTH),
    }
    return [
        {name: (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32) for name, shape in shapes.items()}
        for _ in range(LAYERS)
    ]


WEIGHTS = weights()
TEXT = np.random.default_rng(8).standard_normal((TOKENS, WIDTH)).astype(np.float32)


def turned(states: Array, places: Array) -> Array:
    """Rotate the halves of the features against each other."""
    angles = places[:, None] * 10000.0 ** (-np.arange(HALF) / HALF)
    one, other = states[..., :HALF], states[..., HALF:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([one * cos - other * sin, one * sin + other * cos], axis=-1).astype(states.dtype)


def run(text: Array = TEXT, mistake: str = "", at: int = 3, padding: int = 0, dtype: Any = np.float32) -> list[Layer]:
    """Return what each layer's attention sees and makes; the first tokens may be padding, and one layer wrong."""
    states, count = text.astype(dtype), len(text)
    places = np.maximum(np.arange(count) - padding, 0)
    found = []
    for number, matrices in enumerate(WEIGHTS):
        wrong = mistake if number == at else ""
        normed = states / np.sqrt((states**2).mean(axis=-1, keepdims=True) + 1e-6)
        made = {name: normed @ matrices[name].astype(dtype) for name in "qkv"}
        query, key, value = (each.reshape(count, -1, FEATURES).swapaxes(0, 1) for each in made.values())
        query, key = turned(query, places), turned(key, places)
        if wrong == "scaled query":
            query = query / np.sqrt(FEATURES).astype(dtype)
        repeat: Callable[[Array], Array] = lambda each: np.repeat(each, GROUP, axis=0)  # noqa: E731
        if wrong == "tiled":
            repeat = lambda each: np.tile(each, (GROUP, 1, 1))  # noqa: E731
        scores = query @ repeat(key).swapaxes(1, 2) / np.sqrt(FEATURES).astype(dtype)
        if wrong == "unscaled":
            scores = scores * np.sqrt(FEATURES).astype(dtype)
        mask = np.tril(np.ones((count, count), dtype=bool)) | (wrong == "unmasked")
        mask[:, :padding] = False
        powers = np.where(mask, np.exp(scores), 0)
        total = powers.sum(axis=-1, keepdims=True)
        shares = (powers / np.where(total == 0, 1, total)).astype(dtype)
        output = shares @ repeat(value)
        states = states + output.swapaxes(0, 1).reshape(count, -1) @ matrices["o"].astype(dtype)
        layer = {"query": query, "key": key, "value": value, "mask": mask}
        found.append(layer | {"scores": scores, "weights": shares, "output": output})
    return found


def saved(
    path: Path,
    layers: Sequence[Layer],
    name: str,
    keep: Sequence[str] = (*STATES, "mask", "output"),
    turn: Callable[[str, Array], Array] = lambda name, array: array,
    **more: Any,
) -> Path:
    """Save layers as one archive, each array below the name of its layer."""
    arrays: dict[str, Any] = {
        f"{name.format(at)}.{each}": turn(each, layer[each]) for at, layer in enumerate(layers) for each in keep
    }
    np.savez(path, **(arrays | more))
    return path


def by_tokens(name: str, array: Array) -> Array:
    """Lay an array of heads as (length, heads, features)."""
    return array.swapaxes(0, 1) if name in (*STATES, "output") else array


def options(**given: object) -> Mapping[str, Any]:
    """Return options as archives hold them."""
    import json

    return {"options": np.array(json.dumps(given))}
