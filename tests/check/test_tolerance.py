"""The tolerance knows what right programs do in float32, and no more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, Wanted, check

LENGTH, FEATURES, HEADS = 1024, 32, 2
ONLY_COMPARED = Wanted(diagnose=False)


def problem(seed: int = 0, loud: float = 3.0) -> dict[str, np.ndarray[Any, Any]]:
    """Query, key and value in float32, of so many positions."""
    rng = np.random.default_rng(seed)
    arrays = {name: rng.standard_normal((1, HEADS, LENGTH, FEATURES), np.float32) for name in ("query", "key", "value")}
    return arrays | {"query": np.float32(loud) * arrays["query"]}


def turned(states: np.ndarray[Any, Any], theta: float) -> np.ndarray[Any, Any]:
    """States turned as `LlamaRotaryEmbedding` of transformers does it: everything in float32."""
    single = np.float32
    frequencies = single(1) / single(theta) ** (np.arange(0, FEATURES, 2, dtype=single) / single(FEATURES))
    angles = np.arange(LENGTH, dtype=single)[:, None] * frequencies
    cos, sin = (np.concatenate([each, each], -1) for each in (np.cos(angles), np.sin(angles)))
    first, second = np.split(states, 2, axis=-1)
    return np.asarray(states * cos + np.concatenate([-second, first], -1) * sin)


def causal(scores: np.ndarray[Any, Any], value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Causal softmax of float32, and the weighted sum."""
    logits = np.where(np.tri(LENGTH, dtype=bool), scores, np.float32(-np.inf))
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(weights / weights.sum(-1, keepdims=True) @ value)


def found(arrays: dict[str, np.ndarray[Any, Any]], output: np.ndarray[Any, Any], **more: object) -> Finding:
    """What a check without a search says."""
    assert output.dtype == np.float32
    options = Options.parse({"causal": True, "scale": "0.25", **more})
    return check(prepare(arrays, options), output, ONLY_COMPARED)


@pytest.mark.parametrize(("theta", "agrees"), [(10000.0, True), (10010.0, False), (10100.0, False)])
def test_rotary_tables_of_float32(theta: float, agrees: bool) -> None:
    """They are right, and a base that is off by a thousandth is not."""
    arrays = problem()
    query, key = (turned(arrays[name], theta) for name in ("query", "key"))
    output = causal(query @ key.swapaxes(-1, -2) * np.float32(0.25), arrays["value"])
    assert found(arrays, output, rope="half").agrees is agrees


@pytest.mark.parametrize(("change", "agrees"), [(1.0, True), (1.001, False)])
def test_alibi_that_grows_with_the_key(change: float, agrees: bool) -> None:
    """Slope · j in float32 is right, and slopes that are off by a thousandth are not."""
    arrays = problem()
    slopes = np.float32(change) * np.array([2.0**-4, 2.0**-8], np.float32)[:, None, None]
    scores = arrays["query"] @ arrays["key"].swapaxes(-1, -2) * np.float32(0.25)
    output = causal(scores + slopes * np.arange(LENGTH, dtype=np.float32), arrays["value"])
    assert found(arrays, output, alibi=True).agrees is agrees
