"""Attention rollout: how the tokens of the last layer are made of those of the first (Abnar and Zuidema 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.attend.fast.blas import one_thread
from attncli.attend.parts import Selection
from attncli.errors import InputError
from attncli.problem import estimate
from attncli.problem.attention import ScoreComputation
from attncli.show.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The scores that are computed at a time.
CHUNK = 1 << 21
ENCODER = "encoder."


def layers_of(computations: Sequence[ScoreComputation]) -> list[ScoreComputation]:
    """Return the layers that follow each other: those of the encoder, where some are, otherwise all.

    Raises:
        InputError: they are not all from the same tokens to the same tokens.
    """
    named = [each for each in computations if each.problem.place.rpartition(":")[2].startswith(ENCODER)]
    found = named or list(computations)
    shapes = {(each.operands.sizes.queries, each.operands.sizes.keys) for each in found}
    queries, keys = next(iter(shapes))
    if len(shapes) > 1 or queries != keys:
        each = ", ".join(sorted(f"{a}×{b}" for a, b in shapes))
        raise InputError(
            f"--rollout multiplies the layers of one model, from tokens to the same tokens; these weights are {each}",
            hint="give the self-attention of one encoder, layer by layer: FILE:encoder.0 FILE:encoder.1 …",
        )
    if len({each.operands.sizes.batch for each in found}) > 1:
        raise InputError("--rollout: the layers have different numbers of batch items")
    return found


def rollout(
    layers: Sequence[ScoreComputation], batch: int, *, text: bool = False, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Return how much of each output token comes from each input token, (L, L): the product of all layers.

    Each layer is the mean over its heads, half of it, and half of the identity for the residual connection, with rows
    that add up to 1.

    Args:
        layers: from the first to the last.
        batch: the batch item.
        text: whether all of it is going to be written as text.
        progress: called with the share that is done.

    Raises:
        InputError: there is not enough memory.
    """
    count = layers[0].operands.sizes.queries
    first = layers[0].sketch(Selection(batch, 0))
    step = max(1, CHUNK // count)
    memory.require(
        estimate.rollout(first, step, text=text), f"a rollout of {count} tokens", "a shorter text takes less"
    )
    product = np.eye(count)
    for done, layer in enumerate(layers):
        mean = _mean_of_heads(layer, batch, step) / 2
        np.einsum("ii->i", mean)[:] += 0.5
        mean /= mean.sum(axis=-1, keepdims=True)
        with one_thread(count**3):  # the same bits on every machine
            product = mean @ product
        if progress is not None:
            progress((done + 1) / len(layers))
    return product


def _mean_of_heads(layer: ScoreComputation, batch: int, step: int) -> NDArray[Any]:
    sizes = layer.operands.sizes
    total = np.zeros((sizes.queries, sizes.keys))
    for head in range(sizes.heads):
        for start in range(0, sizes.queries, step):
            rows = np.arange(start, min(start + step, sizes.queries))
            total[rows] += layer.compute(Selection(batch, head, rows)).arrays["weights"][0, 0]
    return total / sizes.heads
