"""Problems of every kind, in many shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import product
from typing import NamedTuple, TypeAlias

import numpy as np

from tests.mistakes.stages import Array, Problem, Rng
from tests.mistakes.wrong import documents


class Shape(NamedTuple):
    """Batch, heads, key heads, queries, keys, size, value size."""

    b: int
    h: int
    hk: int
    n: int
    s: int
    e: int
    ev: int


SHAPES: dict[str, Shape] = {
    "square": Shape(2, 4, 4, 12, 12, 8, 8),
    "cross": Shape(2, 4, 4, 5, 9, 8, 8),
    "grouped": Shape(2, 6, 2, 10, 10, 8, 8),
    "one-head": Shape(2, 1, 1, 11, 11, 8, 8),
    "batch-1": Shape(1, 4, 4, 7, 7, 8, 6),
    "large": Shape(1, 4, 4, 40, 40, 16, 16),
    "tall": Shape(2, 4, 4, 9, 6, 8, 8),
    "chunk": Shape(2, 6, 3, 3, 12, 8, 8),
    "decode": Shape(2, 4, 2, 1, 9, 8, 8),
    "step": Shape(2, 4, 2, 1, 1, 8, 8),
}
FORMS: dict[str, Callable[[Shape], bool]] = {
    "any": lambda shape: shape.s > 1,
    "square": lambda shape: shape.n == shape.s > 1,
    "square or step": lambda shape: shape.n == shape.s,
    "oblong": lambda shape: shape.n != shape.s,
    "wide": lambda shape: shape.n < shape.s,
    "half": lambda shape: shape.n <= shape.s // 2,
    "rows": lambda shape: shape.n > 1,
}
Extra: TypeAlias = Callable[[Shape, Rng], dict[str, Array]]


def lengths(shape: Shape, rng: Rng) -> dict[str, Array]:
    """Key lengths, the first item full where there is another."""
    each = rng.integers(shape.s // 2, shape.s, size=shape.b)
    each[: shape.b - 1] = shape.s
    return {"key_lengths": each}


def left_padding(shape: Shape, rng: Rng) -> dict[str, Array]:
    """A mask (B, 1, 1, S) of the same lengths, padded in front."""
    mask = np.arange(shape.s) >= shape.s - lengths(shape, rng)["key_lengths"].reshape(-1, 1, 1, 1)
    return {"mask": mask}


def random_mask(shape: Shape, rng: Rng, empty: bool = False) -> dict[str, Array]:
    """A mask (B, 1, L, S) with the first key open, or with some empty rows."""
    mask = rng.random((shape.b, 1, shape.n, shape.s)) < 0.6
    mask[..., 0] = True
    mask[:, :, 1::3] &= not empty
    return {"mask": mask}


def number_mask(shape: Shape, rng: Rng) -> dict[str, Array]:
    """The same as the numbers 1 and 0, which are added."""
    return {"mask": random_mask(shape, rng)["mask"].astype(float)}


def past(shape: Shape, rng: Rng) -> dict[str, Array]:
    """Six past keys and values."""
    parts = {"past_key": shape.e, "past_value": shape.ev}
    return {name: rng.standard_normal((shape.b, shape.hk, 6, size)) for name, size in parts.items()}


def some_bias(shape: Shape, rng: Rng) -> dict[str, Array]:
    """A bias for each head."""
    return {"bias": 2 * rng.standard_normal((1, shape.h, shape.n, shape.s))}


@dataclass(frozen=True)
class Kind:
    """A kind of problem: options, more arrays, the form of its shapes, a factor on the query."""

    options: dict[str, object] = field(default_factory=dict)
    extra: Extra = lambda shape, rng: {}
    form: str = "any"
    loud: float = 1.0


HERE: dict[str, object] = {"causal": True}
END = HERE | {"offset": "end"}
HALF: dict[str, object] = {"rope": "half"}
CAPPED: dict[str, object] = {"softcap": 5.0}
KINDS: dict[str, Kind] = {
    "dense": Kind(),
    "plain": Kind({"scale": "none"}),
    "given-scale": Kind({"scale": 0.25}),
    "causal": Kind(HERE),
    "causal-end": Kind(END, form="oblong"),
    "window": Kind({"window": [3, 0]}),
    "band": Kind({"window": [2, 2]}),
    "window-causal": Kind(HERE | {"window": [3, -1]}),
    "window-end": Kind(END | {"window": [3, -1]}, form="wide"),
    "softcap": Kind(CAPPED, loud=6.0),
    "softcap-causal": Kind(HERE | CAPPED, loud=6.0),
    "softcap-bias": Kind(CAPPED, some_bias, loud=6.0),
    "window-rope": Kind(HERE | HALF | {"window": [3, -1]}, form="square"),
    "rope": Kind(HALF),
    "rope-interleaved": Kind({"rope": "interleaved"}),
    "rope-causal": Kind(HERE | HALF),
    "rope-end": Kind(END | HALF, form="wide"),
    "rope-cache": Kind(HERE | HALF, past, "square or step"),
    "rope-interleaved-cache": Kind(HERE | {"rope": "interleaved"}, past, "square or step"),
    "cache": Kind(HERE, past, "square or step"),
    "padded": Kind({}, lengths),
    "padded-causal": Kind(HERE | {"offset": 0}, lengths, "square"),
    "padded-decode": Kind(HERE, lengths, "half"),
    "left-padded": Kind({}, left_padding),
    "left-padded-causal": Kind(HERE, left_padding, "square"),
    "masked": Kind({}, random_mask),
    "masked-causal": Kind(HERE, random_mask),
    "tril-mask": Kind({}, lambda shape, rng: {"mask": np.tri(shape.n, shape.s, dtype=bool)}),
    "empty-rows": Kind({}, partial(random_mask, empty=True), "rows"),
    "documents": Kind(HERE, lambda shape, rng: {"mask": documents(shape.n)}, "square"),
    "documents-dense": Kind({}, lambda shape, rng: {"mask": documents(shape.n)}, "square"),
    "documents-one-mask": Kind(
        {}, lambda shape, rng: {"mask": documents(shape.n) & np.tri(shape.n, dtype=bool)}, "square"
    ),
    "alibi": Kind({"alibi": True}),
    "alibi-causal": Kind(HERE | {"alibi": True}),
    "sinks": Kind({}, lambda shape, rng: {"sinks": 1 + rng.standard_normal(shape.h)}),
    "sinks-causal": Kind(HERE, lambda shape, rng: {"sinks": 1 + rng.standard_normal(shape.h)}),
    "bias": Kind({}, some_bias),
    "number-mask": Kind({}, number_mask),
    "number-mask-causal": Kind(HERE, number_mask),
}
LOUD = {"scores-50": Kind(loud=16.0), "scores-50-causal": Kind(HERE, loud=16.0)}
EVERY_KIND = KINDS | LOUD


def places(seed: int) -> list[tuple[str, str]]:
    """Every kind in every shape that suits it, in an order the seed decides."""
    every = list(product(KINDS, SHAPES))
    shuffled = [every[each] for each in np.random.default_rng(seed).permutation(len(every))]
    return [(kind, shape) for kind, shape in shuffled if suits(kind, shape)]


def suits(kind: str, shape: str) -> bool:
    """Say whether problems of a kind have this shape."""
    return FORMS[EVERY_KIND[kind].form](SHAPES[shape])


@cache
def problem(seed: int, kind: str, shape: str) -> Problem:
    """A random problem of a kind in a shape."""
    made, sizes = EVERY_KIND[kind], SHAPES[shape]
    rng = np.random.default_rng([seed, list(EVERY_KIND).index(kind), list(SHAPES).index(shape)])
    arrays: dict[str, Array] = {
        "query": made.loud * rng.standard_normal((sizes.b, sizes.h, sizes.n, sizes.e)),
        "key": rng.standard_normal((sizes.b, sizes.hk, sizes.s, sizes.e)),
        "value": rng.standard_normal((sizes.b, sizes.hk, sizes.s, sizes.ev)),
    }
    arrays |= made.extra(sizes, rng)
    arrays = {label: x.astype(np.float32) if x.dtype.kind == "f" else x for label, x in arrays.items()}
    return Problem(arrays, {"scale": "sqrt"} | made.options, kind)
