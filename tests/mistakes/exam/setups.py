"""The problems of the exam: set-ups, each in three sizes and three types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from tests.mistakes.problems import Extra, Shape, left_padding, lengths, random_mask
from tests.mistakes.stages import Array, Problem, Rng

SIZES: dict[str, Shape] = {
    "small": Shape(1, 4, 4, 12, 12, 16, 16),
    "medium": Shape(2, 8, 2, 96, 96, 32, 32),
    "layer": Shape(1, 12, 12, 256, 256, 64, 64),
}
TYPES: dict[str, Any] = {"float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


@dataclass(frozen=True)
class Setup:
    """Options, more arrays, what becomes of the shape, a factor on the query, and types that are left out."""

    options: dict[str, object] = field(default_factory=dict)
    extra: Extra = lambda shape, rng: {}
    form: Callable[[Shape], Shape] = lambda shape: shape
    loud: float = 1.0
    types: tuple[str, ...] = tuple(TYPES)


def cross(s: Shape) -> Shape:
    """Fewer queries than keys."""
    return s._replace(n=s.s * 5 // 12)


def batch(s: Shape) -> Shape:
    """Three items; a layer with fewer heads, so that it takes no longer."""
    return s._replace(b=3, h=min(s.h, 8), hk=2)


def grouped(s: Shape) -> Shape:
    """Half as many key heads."""
    return s._replace(hk=s.h // 2)


def new(count: int, form: Callable[[Shape], Shape] = lambda shape: shape) -> Callable[[Shape], Shape]:
    """A few new tokens, the others being in the cache."""
    return lambda s: form(s)._replace(n=count, s=count)


def long(s: Shape) -> Shape:
    """Few heads and many tokens: what positions in float32 cost."""
    tokens = {4: 320, 8: 1024, 12: 2048}[s.h]
    return s._replace(b=1, h=2, hk=1, n=tokens, s=tokens)


def past(s: Shape, rng: Rng) -> dict[str, Array]:
    """A cache that fills the key axis up to what the size has."""
    full = {4: 12, 8: 96, 12: 256}[s.h] if s.s < 12 else s.s
    parts = {"past_key": s.e, "past_value": s.ev}
    return {name: rng.standard_normal((s.b, s.hk, full - s.s, size)) for name, size in parts.items()}


def documents(s: Shape, rng: Rng) -> dict[str, Array]:
    """Three documents of uneven lengths."""
    return {"segments": np.searchsorted([s.s * 5 // 12, s.s * 3 // 4], np.arange(s.s), side="right")}


def restarts(s: Shape, rng: Rng) -> dict[str, Array]:
    """Positions that begin anew at the second document, which still sees the first."""
    return {"positions": np.concatenate([np.arange(s.s * 5 // 12), np.arange(s.s - s.s * 5 // 12)])}


def by_item(s: Shape, rng: Rng) -> dict[str, Array]:
    """Positions of each item: some keys were dropped from each prompt."""
    return {"positions": np.sort(rng.permuted(np.tile(np.arange(2 * s.s), (s.b, 1)), axis=1)[:, : s.s], 1)}


def three(s: Shape, rng: Rng) -> dict[str, Array]:
    """An image between texts: time, height and width."""
    t = np.arange(s.s)
    image, side = (t >= s.s // 4) & (t < s.s // 2), max(2, s.s // 16)
    grid = np.where(image, s.s // 4, t)
    at = np.stack([grid, grid + image * (t % (side * side) // side), grid + image * (t % side)])
    return {"positions": at}


def pages(s: Shape, rng: Rng, size: int = 4) -> dict[str, Array]:
    """A pool of pages, more than are used, and a table; the last page of each item is partly used."""
    size = size if s.e == 16 else 16
    each = {16: 3, 32: 6, 64: 16}[s.e]
    pool = (s.b * each + 3, size, s.hk)
    table = rng.permutation(pool[0])[: s.b * each].reshape(s.b, each)
    count = each * size - rng.permutation(size - 1)[: s.b] - 1
    return {
        "key": rng.standard_normal((*pool, s.e)),
        "value": rng.standard_normal((*pool, s.ev)),
        "block_table": table,
        "key_lengths": count,
    }


def buckets(relative: Array, bidirectional: bool = True, count: int = 32, most: int = 128) -> Array:
    """T5's `_relative_position_bucket` of key position − query position."""
    found, n = np.zeros_like(relative), count
    if bidirectional:
        n //= 2
        found = found + (relative > 0) * n
        relative = np.abs(relative)
    else:
        relative = -np.minimum(relative, 0)
    exact = n // 2
    far = exact + (np.log(np.maximum(relative, 1) / exact) / np.log(most / exact) * (n - exact)).astype(int)
    return np.asarray(found + np.where(relative < exact, relative, np.minimum(far, n - 1)))


def t5(s: Shape, rng: Rng) -> dict[str, Array]:
    """T5's bias, of a table (buckets, heads)."""
    table = rng.standard_normal((32, s.h))
    at = buckets(np.arange(s.s) - np.arange(s.n)[:, None])
    return {"bias": table[at].transpose(2, 0, 1)[None]}


def left_decode(s: Shape, rng: Rng) -> dict[str, Array]:
    """A cache padded in front, and positions that do not count the padding."""
    made = past(s, rng)
    full = made["past_key"].shape[2] + s.s
    pad = full - rng.integers(full // 2, full, size=s.b)
    pad[0] = 0
    at = np.arange(full - s.n, full) - pad[:, None]
    return made | {"mask": (np.arange(full) >= pad[:, None])[:, None, None], "positions": at, "key_positions": at}


def layer(s: Shape, rng: Rng) -> dict[str, Array]:
    """Hidden states and the matrices of a layer."""
    width = s.h * s.e
    parts = {"q": (width, s.h * s.e), "k": (width, s.hk * s.e), "v": (width, s.hk * s.ev), "o": (s.h * s.ev, width)}
    made = {"hidden": rng.standard_normal((s.b, s.s, width))}
    for letter, shape in parts.items():
        made[f"w_{letter}"] = rng.standard_normal(shape) / np.sqrt(shape[0])
        made[f"b_{letter}"] = rng.standard_normal(shape[1])
    return made


def projected(s: Shape, rng: Rng) -> dict[str, Array]:
    """The same without the output projection."""
    return {name: x for name, x in layer(s, rng).items() if not name.endswith("_o")}


def norms(s: Shape, rng: Rng) -> dict[str, Array]:
    """Weights of the norms."""
    return {name: 1 + 0.5 * rng.standard_normal(s.e) for name in ("q_norm", "k_norm")}


def numbers(s: Shape, rng: Rng) -> dict[str, Array]:
    """A mask of 0 and −∞, as numbers: no key is closed to all."""
    return {"mask": np.where(random_mask(s, rng)["mask"], 0.0, -np.inf)}


def bias(s: Shape, rng: Rng) -> dict[str, Array]:
    """A bias for each head."""
    return {"bias": rng.standard_normal((1, s.h, s.n, s.s))}


def sinks(s: Shape, rng: Rng) -> dict[str, Array]:
    """One a head."""
    return {"sinks": 1 + rng.standard_normal(s.h)}


def both(*extras: Extra) -> Extra:
    """The arrays of several."""

    def made(s: Shape, rng: Rng) -> dict[str, Array]:
        return {name: x for extra in extras for name, x in extra(s, rng).items()}

    return made


HERE: dict[str, object] = {"causal": True}
ROPE = HERE | {"rope": "half"}
SCALINGS: dict[str, dict[str, object]] = {
    "linear": {"rope_type": "linear", "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
}
SETUPS: dict[str, Setup] = {
    "dense": Setup(),
    "causal": Setup(HERE),
    "cross": Setup({}, form=cross),
    "chunked": Setup(HERE | {"offset": "end"}, form=cross),
    "grouped": Setup(HERE, form=grouped),
    "batch": Setup({}, form=batch),
    "batch-causal": Setup(HERE, form=batch),
    "decode": Setup(HERE, past, new(1)),
    "extend": Setup(HERE, past, new(3)),
    "extend-batch": Setup(HERE, past, new(3, batch)),
    "decode-rope": Setup(ROPE, past, new(1)),
    "extend-rope": Setup(ROPE, past, new(3)),
    "rope": Setup(ROPE),
    "rope-interleaved": Setup(HERE | {"rope": "interleaved"}),
    "rope-batch": Setup(ROPE, form=batch),
    "rope-linear": Setup(ROPE | {"rope-scaling": SCALINGS["linear"]}),
    "rope-llama3": Setup(ROPE | {"rope-scaling": SCALINGS["llama3"]}),
    "rope-yarn": Setup(ROPE | {"rope-scaling": SCALINGS["yarn"]}),
    "rope-partial": Setup(ROPE | {"rope-dim": [8]}),
    "rope-last": Setup(ROPE | {"rope-dim": [8, "last"]}, form=lambda s: s._replace(ev=s.ev // 2)),
    "rope-sections": Setup(ROPE | {"rope-dim": [16], "rope-sections": [2, 3, 3]}, three),
    "rope-restarts": Setup(ROPE, restarts),
    "rope-by-item": Setup(ROPE, by_item, batch),
    "rope-far": Setup(ROPE, lambda s, rng: {"positions": 3000 + 17 * np.arange(s.s)}),
    "left-padded": Setup(HERE, left_padding, batch),
    "left-decode": Setup(ROPE, left_decode, new(1, batch)),
    "padded": Setup({}, lengths, batch),
    "padded-causal": Setup(HERE | {"offset": 0}, lengths, batch),
    "pages": Setup(HERE, pages, new(1, batch)),
    "pages-extend": Setup(HERE, pages, new(3, batch)),
    "window": Setup(HERE | {"window": [5, -1]}),
    "chunk": Setup(HERE | {"chunk": 4}),
    "prefix": Setup(HERE | {"prefix": 5}),
    "documents": Setup(HERE, documents),
    "documents-dense": Setup({}, documents),
    "masked": Setup({}, random_mask, batch),
    "number-mask": Setup({}, numbers, batch),
    "bias": Setup({}, bias),
    "t5": Setup({"scale": "none"}, t5),
    "alibi": Setup(HERE | {"alibi": True}),
    "softcap": Setup({"softcap": 5.0}, loud=4.0),
    "softcap-causal": Setup(HERE | {"softcap": 5.0}, loud=4.0),
    "sinks": Setup(HERE, sinks),
    "sinks-window": Setup(HERE | {"window": [5, -1]}, sinks),
    "temperature": Setup(HERE, lambda s, rng: {"query_scale": (1 + np.log1p(np.arange(s.n)))[None, None]}),
    "head-scale": Setup({}, lambda s, rng: {"query_scale": np.exp(rng.standard_normal((1, s.h, 1)))}),
    "normed": Setup(ROPE | {"qk-norm": "rms"}, norms),
    "gated": Setup(HERE, lambda s, rng: {"gate": rng.standard_normal((s.b, s.n, s.h * s.ev))}),
    "head-gated": Setup(HERE, lambda s, rng: {"gate": rng.standard_normal((s.b, s.n, s.h))}),
    "projected": Setup({}, projected, lambda s: s._replace(e=s.e // 2, ev=s.ev // 2)),
    "layer": Setup(HERE, layer, lambda s: s._replace(e=s.e // 2, ev=s.ev // 2)),
    "layer-rope": Setup(ROPE, layer, lambda s: s._replace(e=s.e // 2, ev=s.ev // 2)),
    "rope-long": Setup(ROPE, form=long, types=("float32",)),
    "alibi-long": Setup(HERE | {"alibi": True}, form=long, types=("float32",)),
    "loud": Setup({}, loud=30.0, types=("float16",)),
}
FULL_OPTIONS: dict[str, object] = {"scale": "sqrt"}


@cache
def problem(setup: str, size: str, kind: str) -> Problem:
    """A random problem of a set-up, in a size and a type."""
    made = SETUPS[setup]
    s = made.form(SIZES[size])
    rng = np.random.default_rng([list(SETUPS).index(setup), list(SIZES).index(size)])
    arrays: dict[str, Array] = {
        "query": made.loud * rng.standard_normal((s.b, s.h, s.n, s.e)),
        "key": rng.standard_normal((s.b, s.hk, s.s, s.e)),
        "value": rng.standard_normal((s.b, s.hk, s.s, s.ev)),
    }
    arrays |= made.extra(s, rng)
    options = FULL_OPTIONS | made.options
    if "hidden" in arrays:
        arrays = {name: x for name, x in arrays.items() if name not in ("query", "key", "value")}
        options |= {"heads": s.h, "kv-heads": s.hk}
    typed = {name: x.astype(TYPES[kind]) if x.dtype.kind == "f" else x for name, x in arrays.items()}
    return Problem(typed, options, setup)


def places(setup: str) -> list[tuple[str, str]]:
    """The sizes and types of a set-up, one type for each size, in turns."""
    types = SETUPS[setup].types
    start = list(SETUPS).index(setup)
    return [(size, types[(start + at) % len(types)]) for at, size in enumerate(SIZES)]
