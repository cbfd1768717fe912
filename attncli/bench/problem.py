"""The problem that is timed: random, of the size that was asked for, and the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.operands import Operands, prepare
from attncli.attend.options import Options

if TYPE_CHECKING:
    from attncli.commands.arguments import Shape

SEED = 1706


def problem(shape: Shape) -> Operands:
    """Return standard normal queries, keys and values with the scale 1/√dim.

    Raises:
        InputError: heads that cannot share the key heads, or a window that is none.
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
