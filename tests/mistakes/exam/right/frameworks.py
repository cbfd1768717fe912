"""PyTorch's own attention, where PyTorch can be imported."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from tests.mistakes.exam.kinds import kind_of
from tests.mistakes.exam.plain import Core, finish
from tests.mistakes.exam.right.sums import has_empty_rows, has_sinks
from tests.mistakes.exam.routes import route
from tests.mistakes.stages import Array, repeated

THERE = importlib.util.find_spec("torch") is not None


def sdpa(x: Core, *, own_type: bool, boolean: bool) -> Array | None:
    """scaled_dot_product_attention."""
    if not THERE or has_sinks(x) or x.cap is not None or has_empty_rows(x) or np.ndim(x.scale):
        return None
    import torch

    kinds: dict[str, Any] = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
    form = kinds[kind_of(x.p).name] if own_type else torch.float32
    q, k, v = (torch.from_numpy(np.ascontiguousarray(y)).to(form) for y in (x.q, *both(x)))
    if boolean:
        if x.add.any():
            return None
        mask = torch.from_numpy(np.ascontiguousarray(x.keep))
    else:
        added = np.where(x.keep, np.broadcast_to(x.add, x.keep.shape), -np.inf)
        mask = torch.from_numpy(np.ascontiguousarray(added)).to(form)
    made = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, scale=float(x.scale))
    return finish(x.p, made.to(torch.float32).numpy())


def both(x: Core) -> tuple[Array, Array]:
    """Key and value for each query head."""
    return repeated(x.k, x.shape[1]), repeated(x.v, x.shape[1])


@route("PyTorch's SDPA, boolean mask")
def boolean_mask(x: Core) -> Array | None:
    return sdpa(x, own_type=False, boolean=True)


@route("PyTorch's SDPA, mask of numbers")
def mask_of_numbers(x: Core) -> Array | None:
    return sdpa(x, own_type=False, boolean=False)


@route("PyTorch's SDPA in the type of the problem")
def in_its_type(x: Core) -> Array | None:
    return sdpa(x, own_type=True, boolean=True)
