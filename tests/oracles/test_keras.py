"""Keras's Attention and AdditiveAttention layers: called with query, value, key; their softmax is in float32."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.testing import assert_allclose

from tests.support.arrays import normal

os.environ["KERAS_BACKEND"] = "numpy"
import keras  # the backend is chosen before

from attncli import attention

QUERY, KEY, VALUE = normal(2, 5, 8), normal(2, 7, 8), normal(2, 7, 4)
ALONE: Any = {"query": QUERY[:, None], "key": KEY[:, None], "value": VALUE[:, None]}


def run(layer: Any, **options: Any) -> np.ndarray[Any, Any]:
    return np.asarray(keras.ops.convert_to_numpy(layer([QUERY, VALUE, KEY], **options)))


def test_dot_product_attention() -> None:
    """Unscaled, with a padding mask and a causal one."""
    layer = keras.layers.Attention(dtype="float64")
    padding = np.array([[True] * 7, [True] * 4 + [False] * 3])
    assert_allclose(attention(**ALONE)[:, 0], run(layer), rtol=1e-5, atol=2e-6)
    masked = attention(**ALONE, mask=padding[:, None, None], causal=True)[:, 0]
    assert_allclose(masked, run(layer, mask=[None, padding], use_causal_mask=True), rtol=1e-5, atol=2e-6)
    assert_allclose(
        attention(**ALONE, key_lengths=[7, 4])[:, 0], run(layer, mask=[None, padding]), rtol=1e-5, atol=2e-6
    )


def test_additive_attention() -> None:
    """Σ v·tanh(q + k), with the layer's own v, and without."""
    plain = keras.layers.AdditiveAttention(use_scale=False, dtype="float64")
    assert_allclose(attention(**ALONE, score="additive")[:, 0], run(plain), rtol=1e-5, atol=2e-6)
    layer = keras.layers.AdditiveAttention(dtype="float64")
    layer.build([QUERY.shape, VALUE.shape, KEY.shape])
    factors = normal(8, seed=3)
    layer.scale.assign(factors)
    assert_allclose(attention(**ALONE, score="additive", v_a=factors)[:, 0], run(layer), rtol=1e-5, atol=2e-6)
