"""The problem that is timed: random numbers in the sizes that were asked for, the same each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from attncli.attend.operands import Operands, prepare
from attncli.attend.options import Options

SEED = 1706


@dataclass(frozen=True)
class Shape:
    """The sizes and options of the problem that is timed.

    Attributes:
        length: queries.
        keys: keys; None: as many as queries.
        dim: features of a head.
        heads: query heads.
        kv_heads: key heads; None: as many as query heads.
        causal: whether there is a causal rule.
        window: as ``--window`` has it, or None.
        dtype: precision.
    """

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
        InputError: heads that cannot share the key heads, or bounds that are not a window.
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
