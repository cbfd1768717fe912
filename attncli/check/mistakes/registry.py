"""Every known mistake: its id, what it is, what to do about it, and which libraries follow which convention.

Each id is declared here and nowhere else. The families of this folder make the mistakes; reports and reference pages
read what is said of them.
"""

from __future__ import annotations

from attncli.check.mistakes.general import GENERAL
from attncli.check.mistakes.mistake import Registry
from attncli.sentences import sentence

_KNOWN = Registry()

ALIBI_SLOPES = _KNOWN.declare(
    "alibi-slopes",
    "ALiBi has other slopes, the wrong sign or the wrong place, is missing, or is added unasked.",
    "The slopes are 2^(-8i/n) for n heads, n a power of two. Other counts take those of the next lower power, then "
    "every other one of the next higher power. Add −slope·|p − j| after the scale.",
)
BIAS = _KNOWN.declare(
    "bias",
    "The bias is left out, subtracted, added twice, transposed, or added before the scale.",
    "Add it once, after scale and softcap.",
)
CACHE_ROUNDED = _KNOWN.declare(
    "cache-rounded",
    "Keys or values went through a cache of fewer bits: int8, int4 or fp8, with a scale per tensor, head, channel, "
    "token or group.",
    "Keep them in the type of the computation; if it is meant, say so with --cache.",
    "fp8, one scale per tensor: vLLM, TensorRT-LLM, SGLang; groups of 32 features: llama.cpp; keys per channel, values "
    "per token: KIVI",
)
CAUSAL_CORNER = _KNOWN.declare(
    "causal-corner",
    "The causal rule is aligned with the wrong corner: with fewer queries than keys, the first query stands elsewhere.",
    "Let the query at position p see the keys up to p, and say where the first query stands (--offset).",
    "top left: PyTorch SDPA, JAX, Keras, TransformerEngine causal, xformers; bottom right: flash-attention from 2.1 "
    "on, MLX; ONNX: the cache decides",
)
CAUSAL_DIAGONAL = _KNOWN.declare(
    "causal-diagonal",
    "The causal diagonal is off by one or more: queries see one key too few or too many.",
    "The query at position p sees the keys up to p, its own included.",
)
CAUSAL_UNWANTED = _KNOWN.declare(
    "causal-unwanted",
    "A causal rule is applied although nobody asked for one, as in cross-attention.",
    "Do not pass is_causal here.",
)
DOCUMENTS_MIXED = _KNOWN.declare(
    "documents-mixed",
    "Documents that are packed into one sequence see each other, all of them or at one boundary.",
    "Close every document to the others.",
)
DROPOUT = _KNOWN.declare(
    "dropout",
    "Dropout was left on: some weights are 0, and the others are scaled alike.",
    "Switch dropout off: model.eval(), dropout_p=0.",
)
EMPTY_ROW = _KNOWN.declare(
    "empty-row",
    "A row in which all keys are closed is not 0 but NaN, the mean of all values, or a softmax over all keys.",
    "Give such rows the output 0.",
    "0: current PyTorch, flash-attention, ONNX; mean of the values: JAX, Keras on TensorFlow, transformers eager",
)
HEAD_RESHAPE = _KNOWN.declare(
    "head-reshape",
    "Heads are split or merged by a reshape without the transpose, or interleaved instead of contiguous.",
    "Reshape to (batch, length, heads, features) first, then swap length and heads; and back before merging.",
)
HEADS_TILED = _KNOWN.declare(
    "heads-tiled",
    "Grouped key heads are repeated in the wrong order: query head h is served by h mod Hk.",
    "Serve query head h by key head h div (H / Hk): repeat_interleave, not repeat.",
    "h div n nearly everywhere; tiled: ONNX 1.19",
)
LAYOUT = _KNOWN.declare(
    "layout",
    "Two of the axes batch, heads and length are taken for each other.",
    "Bring the arrays to (batch, heads, length, features) first.",
    "(B, H, S, D): PyTorch, MLX, ONNX; (B, S, H, D): flash-attention, JAX, Keras, xformers; (S, B, H, D): "
    "TransformerEngine",
)
MASK_ADDED = _KNOWN.declare(
    "mask-added",
    "A mask of 0 and 1 is added to the scores.",
    "Set the logits of closed keys to −∞ before softmax.",
)
MASK_AFTER_SOFTMAX = _KNOWN.declare(
    "mask-after-softmax",
    "The mask is applied after softmax, and the weights are not normalised again.",
    "Set the logits of closed keys to −∞ before softmax.",
)
MASK_AS_BOOLEAN = _KNOWN.declare(
    "mask-as-boolean",
    "A mask of numbers, which are added to the scores, is taken for true and false.",
    "Add its numbers to the scores; or save it as true and false, if it is meant to close keys.",
    "numbers are added: SDPA, nn.MultiheadAttention, ONNX; 0 and 1 are false and true: Keras, transformers' "
    "attention_mask",
)
MASK_AXIS = _KNOWN.declare(
    "mask-axis",
    "The mask is laid along the wrong axis: along the queries, transposed, or in (heads, batch) order.",
    "A mask of keys belongs on the last axis; repeat each item's mask for its own heads.",
)
MASK_DROPPED = _KNOWN.declare(
    "mask-dropped",
    "A mask, a causal rule, a window or a padding rule is not applied at all.",
    "Pass it on, and look where it is lost: often one rule is dropped where another is given.",
)
MASK_INVERTED = _KNOWN.declare(
    "mask-inverted",
    "A mask or a causal rule is read the other way round.",
    "Swap its meaning: here true lets a query attend.",
    "true = attend: SDPA, ONNX, JAX, MLX, Keras; true = ignore: nn.MultiheadAttention, TransformerEngine",
)
MASK_VALUE = _KNOWN.declare(
    "mask-value",
    "Closed keys are given a logit that does not close them: 0, -1e-9, scores times the mask, or another number.",
    "Set the logits of closed keys to −∞ before softmax.",
)
OPERANDS_SWAPPED = _KNOWN.declare(
    "operands-swapped",
    "Query, key and value are passed in the wrong order, or one of them twice.",
    "Pass them in the order query, key, value.",
)
OUTPUT_FACTOR = _KNOWN.declare(
    "output-factor",
    "The whole output is multiplied by a number.",
    "Look for a factor on the values or after softmax, such as a scale that is applied there.",
)
PADDING_ATTENDED = _KNOWN.declare(
    "padding-attended",
    "Padded keys are attended to: their mask is not built, or it is dropped.",
    "Close the keys from each item's length on.",
)
QKV_SPLIT = _KNOWN.declare(
    "qkv-split",
    "A fused projection of query, key and value is cut in the wrong order.",
    "Cut it in the order in which its weights were packed: three blocks, or [q|k|v] for each key head.",
)
ROPE_OFFSET = _KNOWN.declare(
    "rope-offset",
    "Query or key is rotated by positions that are not its own, or twice: mostly a cache that is not counted.",
    "Count positions on from the cache, and rotate each key once.",
)
ROPE_PAIRING = _KNOWN.declare(
    "rope-pairing",
    "Rotary embedding pairs other features, turns the other way, or turns only the query, the key or some features.",
    "Rotate query and key with the pairing that the model was trained with (--rope).",
    "half: transformers, TransformerEngine, MLX; interleaved: Meta's Llama, flash-attention's cache call",
)
ROPE_THETA = _KNOWN.declare(
    "rope-theta",
    "Rotary embedding has another base.",
    "Use the base of the model's configuration (--rope-theta).",
)
SCALE = _KNOWN.declare(
    "scale",
    "The scores are multiplied by another number than they should be.",
    "Multiply them once, by 1/√d where the model says nothing else.",
    "1/√d nearly everywhere; 1: the cuDNN frontend, T5 and Whisper; MLX asks for it",
)
SCORE_FUNCTION = _KNOWN.declare(
    "score-function",
    "Another score function is used, or its matrix is transposed.",
    "Use the score function that --score names.",
)
SINK = _KNOWN.declare(
    "sink",
    "The sink is left out, scaled or has the wrong sign, or there is one although nobody asked for it.",
    "Put one more logit per head, unscaled, into the sum of softmax.",
)
SOFTCAP = _KNOWN.declare(
    "softcap",
    "Softcap is left out, applied in the wrong place, or has another limit.",
    "Apply X·tanh(score/X) after the scale and before bias and mask.",
    "before the mask: flash-attention, Gemma 2, ONNX from 1.22 on; after it: ONNX up to 1.21",
)
SOFTMAX_AXIS = _KNOWN.declare(
    "softmax-axis",
    "Softmax runs along the queries, the heads or the batch, or not at all.",
    "Take softmax along the keys, the last axis of the scores.",
)
STRIDES = _KNOWN.declare(
    "strides",
    "A buffer is read with the strides of another layout.",
    "Pass the strides of the array as it lies in memory, or copy it first.",
)
WINDOW_BOUNDS = _KNOWN.declare(
    "window-bounds",
    "The window has other bounds, or is counted from another position.",
    "Use --window LEFT,RIGHT: both inclusive, −1 is no bound.",
    "inclusive (left, right): flash-attention, TransformerEngine, JAX, ONNX; W keys with the query's own: transformers",
)

MISTAKES = dict(sorted({**_KNOWN, **GENERAL}.items()))

# Mistakes that come to the same numbers whatever the data, and what to look at then.
SAME = {
    frozenset({PADDING_ATTENDED.id, MASK_DROPPED.id}): sentence("same_mask"),
    frozenset({DOCUMENTS_MIXED.id, MASK_DROPPED.id}): sentence("same_mask"),
    frozenset({WINDOW_BOUNDS.id, MASK_DROPPED.id}): sentence("same_window"),
    frozenset({HEAD_RESHAPE.id, STRIDES.id}): sentence("same_reshape"),
}


def libraries(names: tuple[str, ...]) -> dict[str, str]:
    """Return what is known of the conventions of libraries, by the id of the mistake."""
    known = (MISTAKES[name] for name in names if name in MISTAKES)
    return {each.id: each.libraries for each in known if each.libraries}
