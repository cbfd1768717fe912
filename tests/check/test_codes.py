"""Codes of few bits, sums of few bits, and dropout: each wrong program is written here as such programs are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.check.test_generators import attended, found, logits, served, softmax, weighed, words

Array: TypeAlias = NDArray[Any]
Program: TypeAlias = Callable[[Array, Array, Array], Array]


def codes(x: Array, axes: tuple[int, ...], most: int = 127) -> tuple[Array, Array]:
    """Return symmetric codes and their scale."""
    scale = np.abs(x).max(axis=axes, keepdims=True) / most
    return np.rint(x / scale), scale


def counted(x: Array) -> tuple[Array, Array, Array]:
    """Return codes from 0 to 255 of each token, their scale and the smallest number."""
    low = x.min(axis=-1, keepdims=True)
    scale = (x.max(axis=-1, keepdims=True) - low) / 255
    return np.rint((x - low) / scale), scale, low


def next_head(query: Array, key: Array, value: Array) -> Array:
    """Multiply codes of keys by the scale of the next head."""
    made, scale = codes(key, (2, 3))
    return attended(query, made * np.roll(scale, -1, axis=1), value)


def no_zero_point(query: Array, key: Array, value: Array) -> Array:
    """Give values back without their smallest number."""
    made, scale, _ = counted(value)
    return attended(query, key, made * scale)


def wraps(query: Array, key: Array, value: Array) -> Array:
    """Let +8 come back as −8."""
    made, scale = codes(value, (3,), 8)
    return attended(query, key, np.where(made == 8, -8, made) * scale)


def nibbles(query: Array, key: Array, value: Array) -> Array:
    """Exchange the two codes of a byte."""
    made, scale = codes(value, (3,), 7)
    pairs = (made * scale).reshape(*value.shape[:-1], -1, 2)[..., ::-1]
    return attended(query, key, pairs.reshape(value.shape))


def eighth(x: Array) -> Array:
    """Round to eight bits, four of them for the exponent."""
    return x.astype(ml_dtypes.float8_e4m3fn).astype(np.float64)


def saturated(query: Array, key: Array, value: Array) -> Array:
    """Cut keys at 2, to eight bits."""
    return attended(query, eighth(np.clip(key * 224, -448, 448)) / 224, value)


def summed(made: Array) -> Array:
    """Sum exponentials in bfloat16, key by key."""
    powers = np.exp(made - made.max(axis=-1, keepdims=True))
    total = np.zeros((*powers.shape[:-1], 1))
    for at in range(powers.shape[-1]):
        total = (total + powers[..., at : at + 1]).astype(ml_dtypes.bfloat16).astype(float)
    return np.asarray(powers / total)


def small_lost(made: Array) -> Array:
    """Take weights below 0.03 for 0."""
    weights = softmax(made)
    return np.where(weights < 0.03, 0, weights)


def dropped(of: str) -> Program:
    """Drop a tenth of something."""

    def program(query: Array, key: Array, value: Array) -> Array:
        made = logits(query, served(key))
        kept = np.random.default_rng(5).random(made.shape) >= 0.1
        if of == "keys":
            return np.asarray(
                softmax(np.where(kept | (made == made.max(-1, keepdims=True)), made, -np.inf)) @ served(value)
            )
        return np.asarray(softmax(np.where(kept, made / 0.9, np.where(made > -np.inf, 0, made))) @ served(value))

    return program


def dropped_output(query: Array, key: Array, value: Array) -> Array:
    """Drop a tenth of the output."""
    made = attended(query, key, value)
    return np.where(np.random.default_rng(5).random(made.shape) >= 0.1, made / 0.9, 0)


CASES: dict[str, tuple[Program, str, str]] = {
    "next head": (
        next_head,
        "cache-rounded",
        "keys went through codes (int8, a scale for each head), and were multiplied by the scale of the next head",
    ),
    "no zero point": (
        no_zero_point,
        "cache-rounded",
        "and the zero point was not added again: the zero point is forgotten",
    ),
    "wraps": (
        wraps,
        "cache-rounded",
        "(int4, a scale for each token), in which the largest overflows: it wraps to the smallest",
    ),
    "nibbles": (
        nibbles,
        "cache-rounded",
        "two to a byte, high and low nibble swapped: neighbouring features are exchanged",
    ),
    "saturated": (
        saturated,
        "cache-rounded",
        "keys went through codes (e4m3) whose fixed scale lets them reach 2: more is cut",
    ),
    "whole values": (
        lambda q, k, v: attended(q, k, np.rint(v)),
        "cache-rounded",
        "values were rounded to whole multiples of 1",
    ),
    "scores in e4m3": (
        weighed(lambda made: softmax(np.where(made > -np.inf, eighth(np.where(made > -np.inf, made, 0)), made))),
        "rounding",
        "the scores went through e4m3, with no scale: so few bits round them",
    ),
    "weights in int8": (
        weighed(lambda made: np.rint(softmax(made) * 127) / 127),
        "rounding",
        "the weights were rounded to whole multiples of 1/127, as codes of few bits (int8, int4) are",
    ),
    "sum in bfloat16": (
        weighed(summed),
        "rounding",
        "the sum of the exponentials was accumulated in bfloat16, 1 keys at a time, and rounded after each",
    ),
    "small weights": (
        weighed(small_lost),
        "weights-flushed",
        "weights below 0.03 counted as 0, and the others kept theirs",
    ),
    "dropout of keys": (
        dropped("keys"),
        "dropout",
        "of the logits are −∞ at random, and the other keys share the weight",
    ),
    "dropout on scores": (dropped("scores"), "dropout", "on the scores (p about 0.1)"),
    "dropout on output": (dropped_output, "dropout", "on the output (p about 0.1)"),
}


@pytest.mark.takes(4)
@pytest.mark.parametrize("name", CASES)
def test_what_went_wrong_with_few_bits_or_by_chance_is_named_first(name: str) -> None:
    """With the codes, whose scale it was, and the number that was found."""
    program, mistake, said = CASES[name]
    first = found(program).explanations[0]
    assert first.mistakes == (mistake,)
    assert said in words(first)[0]
