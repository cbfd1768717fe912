"""The problem that is timed: random numbers in the sizes that were asked for, the same each time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attncli.attend.layer import Layer
from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.errors import InputError
from attncli.memory import available_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 1706
# The options of what comes before the scores.
BEFORE = ("rope", "qk_norm")


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
        documents: how many documents lie in the row; None: one.
        chunk: as ``--chunk`` has it, or None.
        rope: as ``--rope`` has it, or None.
        qk_norm: as ``--qk-norm`` has it, or None.
        dtype: precision.
    """

    length: int
    keys: int | None
    dim: int
    heads: int
    kv_heads: int | None
    causal: bool
    window: str | None
    documents: int | None
    chunk: int | None
    rope: Literal["half", "interleaved"] | None
    qk_norm: Literal["rms"] | None
    dtype: Literal["float32", "float64"]


def problem(shape: Shape, *, backward: bool = False) -> Operands:
    """Return standard normal queries, keys and values with the scale 1/√dim.

    Args:
        shape: its sizes and options.
        backward: whether its gradients are to be computed.

    Raises:
        InputError: heads that cannot share the key heads, bounds that are not a window, more documents than queries or
            keys, an odd number of features to rotate, or more than memory holds.
    """
    rng = np.random.default_rng(SEED)
    key_heads, keys = shape.kv_heads or shape.heads, shape.keys or shape.length
    sizes = {
        "query": (shape.heads, shape.length, shape.dim),
        "key": (key_heads, keys, shape.dim),
        "value": (key_heads, keys, shape.dim),
    }
    if shape.rope is not None and shape.dim % 2:
        raise InputError(f"--rope {shape.rope} turns pairs of features, and --dim {shape.dim} is odd")
    check_memory(sizes, np.dtype(shape.dtype).itemsize, backward=backward)
    arrays: dict[str, NDArray[Any]] = {
        name: rng.standard_normal((1, *size), dtype=shape.dtype) for name, size in sizes.items()
    }
    if shape.documents is not None:
        arrays |= {"segments": _ids(shape.documents, keys), "query_segments": _ids(shape.documents, shape.length)}
    options = {"scale": "sqrt"} | {name: getattr(shape, name) for name in ("causal", "window", "chunk", *BEFORE)}
    return prepare(arrays, Options.parse({name: value for name, value in options.items() if value is not None}))


def has_before(o: Operands) -> bool:
    """Tell whether anything comes before the scores."""
    return any(getattr(o.options, name) is not None for name in BEFORE)


def plain(o: Operands) -> Operands:
    """Return a problem with nothing before the scores."""
    return replace(o, options=replace(o.options, rope=None, qk_norm=None), layer=Layer(), early=None)


def _ids(documents: int, tokens: int) -> NDArray[np.int64]:
    """Return the document of each token; all are about the same length.

    Raises:
        InputError: there are more documents than tokens.
    """
    if documents > tokens:
        raise InputError(f"--documents {documents}: there are only {tokens} tokens for them")
    return np.arange(tokens) * documents // tokens


def check_memory(sizes: Mapping[str, tuple[int, ...]], itemsize: int, *, backward: bool) -> None:
    """Refuse a problem that memory does not hold, before any of it is made.

    Args:
        sizes: the shapes of the states.
        itemsize: bytes of one of their numbers.
        backward: whether their gradients are compared.
    """
    states = itemsize * sum(map(math.prod, sizes.values()))
    # Two outputs are compared at a time: both in float64, and their difference.
    needed = states + (2 * itemsize + 3 * 8) * math.prod(sizes["query"])
    # There is a gradient of the output too, and two of each state, of which one is compared at a time.
    needed += backward * (itemsize * math.prod(sizes["query"]) + 2 * states)
    if needed > available_memory():
        gigabytes = min(needed, 10**300) / 1e9  # there are whole numbers that no float holds
        message = f"this problem would take {gigabytes:.3g} GB, more than the available memory"
        raise InputError(message, hint="give a smaller --length, --keys, --dim or --heads")
