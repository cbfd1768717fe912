"""Which norm a module computes: found by giving it numbers, and comparing what it makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.norms import KINDS, Norm, normed
from attncli.trace.tensors import to_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The attributes under which norms keep their ε.
EPSILONS = ("variance_epsilon", "eps", "epsilon")
# Numbers of every size, so that ε shows.
SIZES = (1e-4, 1e-3, 1e-2, 1.0, 30.0)


def options_of(module: Any, weights: NDArray[Any]) -> dict[str, object] | None:
    """Return the options that give what a norm gives; None if none do.

    Args:
        module: it normalises the last axis of its input.
        weights: its weights, (E), or (heads, E) where each head has its own.
    """
    import torch

    eps = next((getattr(module, name) for name in EPSILONS if isinstance(getattr(module, name, None), float)), None)
    if eps is None or not 1 <= weights.ndim <= 2:
        return None
    states = np.random.default_rng(0).standard_normal((len(SIZES), *weights.shape))
    states *= np.array(SIZES).reshape(-1, *[1] * weights.ndim)
    heads = states.reshape(len(SIZES), -1, weights.shape[-1])  # (length, heads, E)
    asked = torch.from_numpy(states.astype(np.float32)).to(next(module.parameters()).dtype)
    try:
        with torch.no_grad():
            made = to_numpy(module(asked))
    # The module is third-party code, which may want other arguments and raise any type of error.
    except Exception:
        return None
    if made.shape != states.shape:
        return None
    tolerance = 1e-4 if made.dtype.itemsize >= 4 else 2e-2
    for kind in KINDS:
        for mark in ("", ",plus-one"):
            ours = normed(heads.swapaxes(0, 1)[None], weights.astype(np.float64), Norm.of(kind + mark), eps)
            ours = ours[0].swapaxes(0, 1).reshape(states.shape)
            if np.allclose(ours, made.astype(np.float64), rtol=tolerance, atol=tolerance / 100):
                return {"qk_norm": kind + mark, "norm_eps": eps}
    return None
