"""Wrong biases, ALiBi, factors of queries and softcaps are named; each wrong program is plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.check.programs import (
    FEATURES,
    HEADS,
    LENGTH,
    Array,
    attended,
    closed,
    found,
    in_words,
    scores,
    served,
    softmax,
    states,
)

SCALE = FEATURES**-0.5
AHEAD = np.arange(LENGTH) - np.arange(LENGTH)[:, None]
SLOPES = 2.0 ** (-2.0 * np.arange(1, HEADS + 1))[:, None, None]
Change = Callable[[Array], Array]


def bucket(ahead: Array, *, both: bool = True, most: int = 128) -> Array:
    """Return T5's bucket of a key so far ahead, of 32."""
    each = 16 if both else 32
    behind = np.abs(ahead) if both else np.maximum(-ahead, 0)
    near = each // 2
    far = near + (np.log(np.maximum(behind, 1) / near) / np.log(most / near) * (each - near)).astype(int)
    return np.asarray(np.where(behind < near, behind, np.minimum(far, each - 1)) + (ahead > 0) * each * both)


FREE = np.random.default_rng(5).standard_normal((HEADS, LENGTH, LENGTH))
# So long that all buckets are seen but number 16: no key ahead is at distance 0, and nobody knows its number.
LONG = 128
FAR = np.arange(LONG) - np.arange(LONG)[:, None]
TABLE = np.random.default_rng(4).standard_normal((2, 32)) * (np.arange(32) != 16)


def skewed(bias: Array) -> Array:
    """Make Transformer-XL's relative shift."""
    padded = np.concatenate([np.zeros((HEADS, LENGTH, 1)), bias], axis=2)
    return padded.reshape(HEADS, LENGTH + 1, LENGTH)[:, 1:].reshape(bias.shape)


# By name: the bias that is right, the one that was added, and words that say it.
BIASES: dict[str, tuple[Array, Array, str]] = {
    "mean of heads": (FREE, FREE.mean(0, keepdims=True), "the mean of the biases of all heads was added in each head"),
    "cut off": (FREE, np.where(np.arange(LENGTH) < 16, FREE, 0), "the bias was left out from key 16 on"),
    "skewed twice": (
        skewed(FREE),
        skewed(skewed(FREE)),
        "the relative shift (by padding and reshape) was made once more",
    ),
}


@pytest.mark.takes(3)
@pytest.mark.parametrize("name", BIASES)
def test_wrong_biases_are_named(name: str) -> None:
    """With what was done to them."""
    right, wrong, said = BIASES[name]
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    made = attended(query, key, value, added=wrong, causal=False)
    first = found(arrays | {"bias": right[None]}, made, causal=False).explanations[0]
    assert first.mistakes == ("bias",)
    assert said in in_words(first)[0]


BUCKETS: dict[str, tuple[Array, str]] = {
    "one-sided": (bucket(-np.abs(FAR)), "T5's buckets were those of |distance| for both sides"),
    "one direction": (
        bucket(FAR, both=False),
        "T5's buckets were one-sided: all keys ahead were in the first bucket (bidirectional was lost)",
    ),
    "far distances": (bucket(FAR, most=64), "T5's buckets of far distances ended at 64 instead of 128"),
}


@pytest.mark.takes(3)
@pytest.mark.parametrize("name", BUCKETS)
def test_other_buckets_of_t5_are_named(name: str) -> None:
    """The table is read off the right bias."""
    wrong, said = BUCKETS[name]
    arrays = states(query=(1, 2, LONG, 16), key=(1, 2, LONG, 16), value=(1, 2, LONG, 16))
    query, key, value = (each.astype(float) for each in arrays.values())
    made = attended(query, key, value, added=TABLE[:, wrong], causal=False)
    explanations = found(arrays | {"bias": TABLE[:, bucket(FAR)][None]}, made, causal=False).explanations
    assert {each.mistakes for each in explanations} == {("bias",)}
    assert any(said in in_words(each)[0] for each in explanations)


ALIBI: dict[str, tuple[Array, str]] = {
    "by rank": (
        -np.tile(2.0 ** (-4.0 * np.arange(1, 3)), 2)[:, None, None] * np.abs(AHEAD),
        "ALiBi's slopes: each of 2 ranks counted its 2 heads from 0, with the slopes of 2 heads",
    ),
    "reversed": (-SLOPES[::-1] * np.abs(AHEAD), "ALiBi's slopes stood in reverse order of the heads"),
    "ended": (
        -SLOPES * np.minimum(np.abs(AHEAD), 9),
        "ALiBi's distance was at most 9: farther keys had no more penalty",
    ),
    "local": (
        -SLOPES * -(np.arange(LENGTH) % 8 - np.arange(LENGTH)[:, None]),
        "ALiBi's distance was taken from the column in a tile of 8 keys, which restarts at each tile",
    ),
}


@pytest.mark.takes(2)
@pytest.mark.parametrize("name", ALIBI)
def test_wrong_penalties_are_named(name: str) -> None:
    """Of other heads, or of another distance."""
    wrong, said = ALIBI[name]
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    first = found(arrays, attended(query, key, value, added=wrong), alibi=True).explanations[0]
    assert (first.mistakes, in_words(first)) == (("alibi-slopes",), (said,))


TEMPERATURE = 1 + np.log1p(np.arange(LENGTH))
OF = "the factors of queries (query_scale, temperature)"
FACTORS: dict[str, tuple[Any, str]] = {
    "lost": (1.0, f"{OF} were left out"),
    "late": (TEMPERATURE[[0, *range(LENGTH - 1)]][:, None], f"{OF} were those of one position before: late by one"),
    "on keys": (
        TEMPERATURE,
        "the factors of queries (temperature) were multiplied to the keys at their positions instead",
    ),
}


@pytest.mark.parametrize("name", FACTORS)
def test_wrong_factors_of_queries_are_named(name: str) -> None:
    """Left out, a position late, on the keys."""
    factor, said = FACTORS[name]
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    made = attended(query, key, value, scale=SCALE * factor)
    given = arrays | {"query_scale": TEMPERATURE.astype(np.float32)[None, None]}
    first = found(given, made).explanations[0]
    assert (first.mistakes, in_words(first)) == (("query-scale",), (said,))


def test_a_factor_that_grows_with_the_position_is_named_with_its_rule() -> None:
    """It is fitted in some rows, and the rule in all."""
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    by = np.log(np.arange(LENGTH) + 2) / np.log(8)
    first = found(arrays, attended(query, key, value, scale=SCALE * by[:, None])).explanations[0]
    assert first.mistakes == ("query-scale",)
    assert "multiplied by 0.4809 · log(position + 2) besides" in in_words(first)[0]


def test_a_scale_of_whole_numbers_is_named() -> None:
    """1 // √d is 0."""
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    first = found(arrays, attended(query, key, value, scale=0.0)).explanations[0]
    assert first.mistakes == ("scale",)
    assert "as by an integer division" in in_words(first)[0]


CAPS: dict[str, tuple[Change, str]] = {
    "clamp": (lambda s: np.clip(s, -1.5, 1.5), "softcap was a clamp: scores were clipped at ±1.5"),
    "not divided": (
        lambda s: 1.5 * np.tanh(s),
        "softcap was 1.5·tanh(score): the score was not divided by 1.5",
    ),
    "twice": (lambda s: 1.5 * np.tanh(np.tanh(s / 1.5)), "softcap was applied twice"),
}


@pytest.mark.parametrize("name", CAPS)
def test_wrong_softcaps_are_named(name: str) -> None:
    """Another function stands in the place of X·tanh(score/X)."""
    function, said = CAPS[name]
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    made = softmax(closed(function(SCALE * scores(query, key)))) @ served(value, HEADS)
    first = found(arrays, made, softcap=1.5).explanations[0]
    assert (first.mistakes, in_words(first)) == (("softcap",), (said,))
