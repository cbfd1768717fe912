"""Every known mistake on the way back: its id, what it is, and what to do about it.

Mistakes of the forward pass have the same names here as there (`attncli.check.mistakes.registry`), whether they are
made in both passes or where the weights are computed again in the backward pass.
"""

from __future__ import annotations

from attncli.check.mistakes.mistake import Mistake

BACKWARD: dict[str, Mistake] = {}


def _declare(name: str, sentence: str, fix: str, libraries: str = "") -> Mistake:
    BACKWARD[name] = Mistake(name, sentence, fix, libraries)
    return BACKWARD[name]


BROADCAST_SUM = _declare(
    "broadcast-sum",
    "The gradient of a bias or a mask is not summed over the axes along which it serves several rows, or is of another "
    "result.",
    "Sum the gradient of the logits over every axis on which the array has length 1.",
)
D_OUTPUT = _declare(
    "d-output",
    "The loss is another one: all gradients are multiplied by a number, or the given d_output is not used.",
    "Look for a mean instead of a sum, a loss scale, or a d_output of ones.",
)
DELTA = _declare(
    "delta",
    "δ = rowsum(d_output ∘ output), which is subtracted from d_weights, is left out or wrong.",
    "d_scores = weights ∘ (d_weights − δ) with one δ for each row, of the final, normalised output.",
)
GRADIENT_FACTOR = _declare(
    "gradient-factor",
    "One of the gradients is multiplied by a number.",
    "Look for what is added up twice, or for a factor in its last step.",
)
GRADIENT_LAYOUT = _declare(
    "gradient-layout",
    "A gradient is written with the strides of another layout: the right numbers in other places.",
    "Swap length and heads before reshaping, or pass the strides of the gradient as it lies in memory.",
)
GRADIENTS_SWAPPED = _declare(
    "gradients-swapped",
    "The gradients of query, key and value are taken for each other.",
    "Return them in the order query, key, value.",
)
GROUP_ORDER = _declare(
    "group-order",
    "Gradients of shared key heads are summed over the wrong query heads: h mod Hk.",
    "Key head k collects the query heads k·(H / Hk) and those after it: reshape to (Hk, H / Hk) and sum the second.",
)
GROUP_SUM = _declare(
    "group-sum",
    "The gradient of a key head that several query heads share is not their sum but one, their mean, or all apart.",
    "Sum the gradients of the query heads that share a key head.",
)
ROTATION_BACK = _declare(
    "rotation-back",
    "The gradients of rotated queries or keys are not turned back, turned the wrong way, or with other pairs.",
    "Turn them by the same angles with the other sign: cos, −sin.",
)
SCALE_BACK = _declare(
    "scale-back",
    "The scale is missing in the gradient of the query or of the key, or multiplied twice.",
    "d_query = scale · d_scores · key and d_key = scale · d_scoresᵀ · query: the scale once in each.",
)
SINK_BACK = _declare(
    "sink-back",
    "The gradient of the sinks lacks their share of the weight, its sign or the sum.",
    "d_sink = −Σ exp(sink − lse) · δ over batch and queries.",
)
SOFTCAP_BACK = _declare(
    "softcap-back",
    "The derivative of softcap is left out or wrong.",
    "Multiply by 1 − tanh²(score/X) = 1 − (capped/X)².",
)
SOFTMAX_BACK = _declare(
    "softmax-back",
    "The gradient of softmax is left out, or taken along another axis.",
    "d_scores = weights ∘ (d_weights − rowsum(weights ∘ d_weights)).",
)
SPLIT = _declare(
    "split",
    "A run of keys is missing in, or added twice to, the gradient of the query; or a run of queries in those of key "
    "and value.",
    "Look at the bounds of the loop over tiles, at the last tile that is not full, and at what is added up atomically.",
)
TRANSPOSED = _declare(
    "transposed",
    "A matrix is not transposed, or an operand is taken for another, in one of the products.",
    "d_query = d_scores · key, d_key = d_scoresᵀ · query, d_value = weightsᵀ · d_output.",
)
