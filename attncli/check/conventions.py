"""What is known of each mistake beyond the case at hand: which libraries do what, and what would tell two apart."""

from __future__ import annotations

# Which libraries follow which convention, by the id of the mistake that mixing them up makes.
LIBRARIES = {
    "causal-corner": (
        "top left: PyTorch SDPA, JAX, Keras, TransformerEngine causal, xformers; bottom right: flash-attention from "
        "2.1 on, MLX; ONNX: the cache decides"
    ),
    "mask-inverted": (
        "true = attend: SDPA, ONNX, JAX, MLX, Keras; true = ignore: nn.MultiheadAttention, TransformerEngine"
    ),
    "empty-row": (
        "0: current PyTorch, flash-attention, ONNX; mean of the values: JAX, Keras on TensorFlow, transformers eager"
    ),
    "window-bounds": (
        "inclusive (left, right): flash-attention, TransformerEngine, JAX, ONNX; W keys with the query's own: "
        "transformers"
    ),
    "softcap": "before the mask: flash-attention, Gemma 2, ONNX from 1.22 on; after it: ONNX up to 1.21",
    "heads-tiled": "h div n nearly everywhere; tiled: ONNX 1.19",
    "layout": (
        "(B, H, S, D): PyTorch, MLX, ONNX; (B, S, H, D): flash-attention, JAX, Keras, xformers; (S, B, H, D): "
        "TransformerEngine"
    ),
    "scale": "1/√d nearly everywhere; 1: the cuDNN frontend, T5 and Whisper; MLX asks for it",
    "rope-pairing": (
        "half: transformers, TransformerEngine, MLX; interleaved: Meta's Llama, flash-attention's cache call"
    ),
}

# Pairs of ids that come to the same numbers whatever the data.
SAME = {
    frozenset({"padding-attended", "mask-dropped"}): "two names for the same thing: look at which mask went missing",
    frozenset({"documents-mixed", "mask-dropped"}): "two names for the same thing: look at which mask went missing",
    frozenset({"window-bounds", "mask-dropped"}): "two names for the same thing: the window did not reach the kernel",
    frozenset({"head-reshape", "strides"}): "the same numbers: look whether a reshape or a stride is wrong in the code",
}
