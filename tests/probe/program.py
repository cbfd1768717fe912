"""A program that is asked: attention in plain NumPy, an implementation of its own, with a convention for everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def exact(array: Array) -> Array:
    return array


@dataclass(frozen=True)
class Program:
    """What a program does; by default what `attn` means.

    Attributes:
        scale: by the number of features; None: as the options say.
        true_attends: what true means in a mask.
        masks: whether it looks at masks.
        corner: where the first query stands under a causal rule, by the numbers of queries and keys.
        ahead: how far the causal rule lets queries see ahead.
        tiled: whether key heads are repeated one after the other.
        width: how much wider than asked its window is.
        cap: where its softcap is: before or after the mask, or nowhere.
        pairs: how it pairs features when it rotates; empty: as the options say.
        theta: the base of its rotation; 0: as the options say.
        counted: whether queries are rotated by their positions where they are the last ones.
        empty: what becomes of a row without a key.
        tail: the size of tiles of which the last is filled up with keys of zeros.
        tile: the size of tiles whose sums are not rescaled.
        diagonal: the size of tiles that are open throughout on the diagonal.
        added_early: whether numbers of a mask are added before the scale.
        rounded: what rounds scores, weights and output.
        weights_rounded: what rounds the weights alone.
    """

    scale: Callable[[int], float] | None = None
    true_attends: bool = True
    masks: bool = True
    corner: Callable[[int, int], int] = lambda queries, keys: 0
    ahead: int = 0
    tiled: bool = False
    width: int = 0
    cap: str = "before"
    pairs: str = ""
    theta: float = 0
    counted: bool = True
    empty: str = "zero"
    tail: int = 0
    tile: int = 0
    diagonal: int = 0
    added_early: bool = False
    rounded: Callable[[Array], Array] = exact
    weights_rounded: Callable[[Array], Array] = exact
    dtype: str = "float64"

    def __call__(self, query: Array, key: Array, value: Array, mask: Array | None = None, **options: Any) -> Array:
        """Return the output."""
        query, key, value = (each.astype(self.dtype) for each in (query, key, value))
        if options.get("rope"):
            pairs, theta = self.pairs or options["rope"], self.theta or options.get("rope_theta", 10000.0)
            first = key.shape[2] - query.shape[2] if options.get("offset") == "end" and self.counted else 0
            query, key = turned(query, pairs, theta, first), turned(key, pairs, theta)
            query, key = query.astype(self.dtype), key.astype(self.dtype)
        count = query.shape[1] // key.shape[1]
        heads = np.arange(query.shape[1])
        of = heads % key.shape[1] if self.tiled else heads // count
        key, value = key[:, of], value[:, of]
        scores = self._scores(query @ key.swapaxes(-1, -2), query.shape[-1], mask, options)
        open_ = self._open(mask, scores.shape, options)
        logits = self.rounded(np.where(open_, scores, -np.inf))
        if self.cap == "after" and options.get("softcap"):
            logits = options["softcap"] * np.tanh(logits / options["softcap"])
        weights = self.weights_rounded(self.rounded(self._weights(logits)))
        output = weights @ value
        empty = ~open_.any(-1, keepdims=True) & (self.cap != "after")
        instead = {"zero": 0.0, "nan": np.nan, "mean": value.mean(-2, keepdims=True)}[self.empty]
        return self.rounded(np.where(empty, instead, output))

    def _scores(self, scores: Array, features: int, mask: Array | None, options: Mapping[str, Any]) -> Array:
        scale = options.get("scale", "none")
        factor = {"none": 1.0, "sqrt": features**-0.5}.get(scale, scale) if self.scale is None else self.scale(features)
        numbers = mask if self.masks and mask is not None and mask.dtype != bool else np.zeros(1)
        finite = np.where(np.isfinite(numbers), numbers, 0)
        scores = self.rounded((scores + finite * self.added_early) * scores.dtype.type(factor))
        if options.get("softcap") and self.cap == "before":
            scores = options["softcap"] * np.tanh(scores / options["softcap"])
        return np.asarray(scores + finite * (not self.added_early), dtype=scores.dtype)

    def _open(self, mask: Array | None, shape: tuple[int, ...], options: Mapping[str, Any]) -> Array:
        queries, keys = shape[-2:]
        open_ = np.ones(shape, dtype=bool)
        if mask is not None and self.masks:
            open_ &= (mask == self.true_attends) if mask.dtype == bool else np.isfinite(mask)
        at, to = np.arange(queries)[:, None] + self.corner(queries, keys), np.arange(keys)
        last = at // self.diagonal * self.diagonal + self.diagonal - 1 if self.diagonal else at + self.ahead
        if options.get("causal"):
            open_ &= to <= last
        if options.get("window"):
            open_ &= to >= at - options["window"][0] - self.width
        return open_

    def _weights(self, logits: Array) -> Array:
        largest = np.max(logits, -1, keepdims=True, initial=-1e30)
        if self.tile:
            tiles = range(0, logits.shape[-1], self.tile)
            running = np.maximum.accumulate([logits[..., at : at + self.tile].max(-1) for at in tiles])
            largest = np.repeat(np.moveaxis(running, 0, -1), self.tile, -1)[..., : logits.shape[-1]]
        largest = np.where(largest > -1e29, largest, 0)  # of a row without a key
        powers = np.exp(logits - largest)
        total = powers.sum(-1, keepdims=True)
        if self.tail:
            total = total + (-logits.shape[-1] % self.tail) * np.exp(-largest[..., :1])
        return np.asarray(powers / np.where(total == 0, 1, total), dtype=logits.dtype)


def turned(states: Array, pairs: str, theta: float, first: int = 0) -> Array:
    """Rotate states (batch, heads, length, features) as complex numbers."""
    half = states.shape[-1] // 2
    one, other = (slice(half), slice(half, None)) if pairs == "half" else (slice(0, None, 2), slice(1, None, 2))
    angles = (first + np.arange(states.shape[-2]))[:, None] * theta ** (-np.arange(half) / half)
    made = (states[..., one] + 1j * states[..., other]) * np.exp(1j * angles)
    result = np.empty(states.shape)
    result[..., one], result[..., other] = made.real, made.imag
    return result


def fill(
    path: Path, program: Callable[..., Array | None], *, without: Collection[str] = (), only: Collection[str] = ()
) -> None:
    """Let a program answer a probe, but for the problems whose options it does not have, or only some problems."""
    file = dict(np.load(path))
    for of in [name.removesuffix("query") for name in file if name.endswith("query")]:
        arrays = {name: file[of + name] for name in ("query", "key", "value", "mask") if of + name in file}
        options = json.loads(str(file[of + "options"]))
        if not set(without) & set(options) and (not only or of.strip(".") in only):
            file[of + "expected"] = np.asarray(program(**arrays, **options), dtype=np.float32)
    np.savez(path, **file)
