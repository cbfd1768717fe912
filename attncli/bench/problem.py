"""The problem that is timed: random numbers in the sizes that were asked for, the same each time."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from attncli.attend.operands import Operands, prepare
from attncli.attend.options import Options

SEED = 1706


class Shape(Protocol):
    """The sizes of a problem: ``keys`` and ``kv_heads`` are as many as ``length`` and ``heads`` if None."""

    length: int
    keys: int | None
    dim: int
    heads: int
    kv_heads: int | None
    causal: bool
    window: str | None
    dtype: Literal["float32", "float64"]


def problem(shape: Shape) -> Operands:
    """Return standard normal queries, keys and values with the scale 1/√dim.

    Raises:
        InputError: the heads cannot share the key heads, or the window cannot be read.
    """
    rng = np.random.default_rng(SEED)
    key_heads, keys = shape.kv_heads or shape.heads, shape.keys or shape.length
    sizes = {
        "query": (shape.heads, shape.length, shape.dim),
        "key": (key_heads, keys, shape.dim),
        "value": (key_heads, keys, shape.dim),
    }
    arrays = {name: rng.standard_normal((1, *size), dtype=shape.dtype) for name, size in sizes.items()}
    options = {"scale": "sqrt", "causal": shape.causal, "window": shape.window}
    return prepare(arrays, Options.parse({name: value for name, value in options.items() if value is not None}))
