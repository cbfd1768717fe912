"""out: the output of the layer, made of the sums of all heads side by side.

    output = context · W_o + b_o

Source: Vaswani et al., *Attention Is All You Need*, 2017, section 3.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.gate import gated
from attncli.attend.stages.project import affine, affine_backward
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def finished(o: ScoreOperands, context: NDArray[Any]) -> NDArray[Any]:
    """Return the output of weighted sums (batch, heads, L, Ev): gated, all heads side by side, times W_o.

    Returns:
        (batch, 1, L, out), or (batch, heads, L, Ev) where no matrix follows; in its final type.
    """
    return of_gated(o, gated(o, context))


def of_gated(o: ScoreOperands, context: NDArray[Any]) -> NDArray[Any]:
    """Return the output of sums that are gated already."""
    if o.layer.out is not None:
        batch, heads, length, features = context.shape
        context = affine(context.swapaxes(1, 2).reshape(batch, 1, length, heads * features), o.layer.out, o.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return context.astype(o.output_dtype, copy=False)


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the output, where anything comes after the weighted sum and all heads are there."""
    return {"output": of_gated(o, made.get("gated", made["context"]))} if makes(o) else {}


def makes(o: ScoreOperands) -> list[str]:
    """Return the results of this stage: none of a part of the heads, which a matrix needs all of."""
    whole = o.layer.out is None or len(o.head_indices) == o.head_count
    return ["output"] if o.has_after and whole else []


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of the sums that come in, (batch, heads, L, Ev), of W_o and of b_o."""
    if not o.has_after:
        return {}
    given, name = ready(found["output"], o.dtype), "context" if o.gate is None else "gated"
    if o.layer.out is None:
        return {name: given}
    sums = made[name]
    batch, heads, length, features = sums.shape
    side_by_side = sums.swapaxes(1, 2).reshape(batch, 1, length, heads * features)
    of_sums, gradients = affine_backward(side_by_side, o.layer.out, given, "o")
    return gradients | {name: of_sums.reshape(batch, length, heads, features).swapaxes(1, 2)}


STAGE = Stage("out", "out", "output = context · W_o + b_o", ("output",), forward, backward, makes)
