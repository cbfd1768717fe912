"""Wrong splits, blocks, sinks and functions in place of softmax, each in an output that plain NumPy makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, check
from attncli.check.mistakes.cuts import Cut, cut
from attncli.check.voice import IN_ENGLISH
from tests.support.checking import PATIENT

Array: TypeAlias = NDArray[Any]
HEADS, LENGTH, FEATURES = 3, 40, 16
SCALE = FEATURES**-0.5
PLACE = np.arange(LENGTH)
LATER = PLACE[:, None] < PLACE
SINKS = np.array([-1.0, 0.5, 2.0])


def states() -> dict[str, Array]:
    """Return query, key and value."""
    rng = np.random.default_rng(7)
    made = {name: rng.standard_normal((1, HEADS, LENGTH, FEATURES)) for name in ("query", "key", "value")}
    return {name: array.astype(np.float32) for name, array in (made | {"query": 3 * made["query"]}).items()}


def logits(query: Array, key: Array) -> Array:
    """Return those of all keys."""
    return np.asarray(SCALE * query @ key.swapaxes(2, 3))


def softmax(made: Array) -> Array:
    """Return the weights."""
    powers = np.exp(made - made.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def found(weights: Callable[[Array], Array], *, causal: bool = False, **given: Array) -> Finding:
    """Check what weights make, given the logits of all keys."""
    arrays = states()
    exact = {name: array.astype(np.float64) for name, array in arrays.items()}
    output = weights(logits(exact["query"], exact["key"])) @ exact["value"]
    options = Options.parse({"scale": "sqrt", "causal": causal})
    return check(prepare(arrays | given, options), output.astype(np.float32), PATIENT)


def first(finding: Finding) -> tuple[tuple[str, ...], str]:
    """Return the ids of the first explanation, and what it says."""
    explanation = finding.explanations[0]
    return explanation.mistakes, " ".join(map(IN_ENGLISH.say, explanation.descriptions))


def merged(shares: Callable[[Array, Array], Array], count: int) -> Callable[[Array], Array]:
    """Return the weights of parts that get shares, made of their log-sum-exps and largest logits (parts, …, 1)."""

    def weights(made: Array) -> Array:
        parts = np.array_split(made, count, axis=-1)
        lse = np.stack([np.log(np.exp(each).sum(axis=-1, keepdims=True)) for each in parts])
        top = np.stack([each.max(axis=-1, keepdims=True) for each in parts])
        own = shares(lse, top)
        return np.concatenate([softmax(each) * own[at] for at, each in enumerate(parts)], axis=-1)

    return weights


def normalised(lse: Array) -> Array:
    """Return exp(lse) as shares that sum to 1."""
    powers = np.exp(lse - lse.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0))


MERGES: dict[str, tuple[Callable[[Array, Array], Array], int, str]] = {
    "log2 for ln": (lambda lse, top: normalised(lse / np.log(2)), 2, "a log-sum-exp in base 2 (log2) (2 parts)"),
    "of the next part": (lambda lse, top: normalised(np.roll(lse, -1, 0)), 3, "of another, the next one (3 parts)"),
    "not divided": (lambda lse, top: np.exp(lse - lse.max(0)), 2, "not divided by the sum of these weights (2 parts)"),
    "the largest": (lambda lse, top: lse == lse.max(0), 4, "with the largest log-sum-exp stood for all (4 parts)"),
    "head 0": (lambda lse, top: normalised(lse[:, :, :1] + 0 * lse), 2, "the log-sum-exps of head 0 (2 parts)"),
    "fitted": (
        lambda lse, top: normalised(0.7 * lse + 0.5 * top),
        3,
        "merged by other shares than exp(lse): by exp of the sum of 0.7 · lse, 0.5 · largest logit (3 parts)",
    ),
    "a part too much": (
        lambda lse, top: normalised(lse) * np.array([1, 3.0])[:, None, None, None, None],
        2,
        "-1 · lse of all, 1.099 for part 1 (2 parts)",
    ),
}


@pytest.mark.takes(7)
@pytest.mark.parametrize("name", MERGES)
def test_parts_that_were_merged_by_other_shares_are_named_with_the_rule(name: str) -> None:
    """Those that have no name by the rule that their shares follow."""
    shares, count, said = MERGES[name]
    mistakes, words = first(found(merged(shares, count)))
    assert mistakes == ("parts-merged",)
    assert said in words


BLOCK = PLACE // 8
BLOCKS: dict[str, tuple[Array, str, str]] = {
    "own whole": (LATER & (BLOCK[:, None] != BLOCK), "keys-opened", "the tile on the diagonal had no causal rule"),
    "early": (LATER | (((PLACE + 1) // 8 * 8)[:, None] <= PLACE), "keys-lost", "the loop over keys ended a tile early"),
    "missing": (LATER | (BLOCK[:, None] - 1 == BLOCK), "keys-lost", "one step of a ring is missing"),
    "first keys": (LATER | ((PLACE % 8 == 0) & (PLACE > 0)), "keys-lost", "the first key of each block but the first"),
}


@pytest.mark.takes(4)
@pytest.mark.parametrize("name", BLOCKS)
def test_rules_by_blocks_of_queries_and_keys_are_named(name: str) -> None:
    """Whose rows without any key are 0, as a kernel leaves them."""
    closed, mistake, said = BLOCKS[name]

    def weights(made: Array) -> Array:
        powers = np.exp(made) * ~closed
        total = powers.sum(axis=-1, keepdims=True)
        return np.asarray(powers / np.where(total == 0, 1, total))

    mistakes, words = first(found(weights, causal=True))
    assert mistakes == (mistake,)
    assert said in words
    assert words.endswith("(tiles of 8 keys)")


def kept(made: Array, threshold: Array) -> Array:
    """Return the weights of the keys from a threshold on."""
    return softmax(np.where(made >= threshold, made, -np.inf))


def up_to(made: Array, limit: float) -> Array:
    """Return the largest weights that together reach a limit, normalised again."""
    weights = softmax(made)
    order = np.argsort(-weights, axis=-1)
    ordered = np.take_along_axis(weights, order, axis=-1)
    some = np.where(np.cumsum(ordered, axis=-1) - ordered < limit, ordered, 0)
    np.put_along_axis(weights, order, some / some.sum(axis=-1, keepdims=True), axis=-1)
    return weights


def with_epsilon(made: Array) -> Array:
    """Return weights whose sum has a tenth more in it, where the largest exponential is 1."""
    powers = np.exp(made - made.max(axis=-1, keepdims=True))
    return np.asarray(powers / (powers.sum(axis=-1, keepdims=True) + 0.1))


FUNCTIONS: dict[str, tuple[Callable[[Array], Array], str]] = {
    "the 7 largest": (lambda made: kept(made, np.sort(made)[..., -7, None]), "only the 7 largest weights were kept"),
    "up to 0.8": (lambda made: up_to(made, 0.8), "as many as together reach 0.8 (top p)"),
    "divided twice": (
        lambda made: softmax(made) / np.exp(made - made.max(-1, keepdims=True)).sum(-1, keepdims=True),
        "the normalisation was done twice",
    ),
    "squared ReLU": (
        lambda made: np.maximum(made, 0) ** 2 / LENGTH,
        "a squared ReLU, divided by the number of open keys",
    ),
    "clamped": (lambda made: softmax(np.minimum(made, 1.5)), "the logits were clamped to at most 1.5 before softmax"),
    "an epsilon": (with_epsilon, "0.1 was added to the sum of the exponentials after"),
    "the whole matrix": (
        lambda made: np.exp(made) / np.exp(made).sum(axis=(2, 3), keepdims=True),
        "along queries and keys together",
    ),
}


@pytest.mark.takes(7)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_other_functions_in_place_of_softmax_are_named(name: str) -> None:
    """With the numbers in them."""
    weights, said = FUNCTIONS[name]
    mistakes, words = first(found(weights))
    assert mistakes == ("softmax-axis" if name == "the whole matrix" else "softmax-replaced",)
    assert said in words


def with_sink(sink: Array | float) -> Callable[[Array], Array]:
    """Return the weights beside a sink, one for each head or for each row."""

    def weights(made: Array) -> Array:
        powers = np.exp(made)
        return np.asarray(powers / (powers.sum(axis=-1, keepdims=True) + np.exp(np.reshape(sink, (-1, 1, 1)))))

    return weights


@pytest.mark.takes(4)
@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (with_sink(np.roll(SINKS, 1)), "the sink of another head was read: for each the one before"),
        (with_sink(SINKS + np.log(3)), "the sink was in the sum 3 times"),
        (with_sink(np.array([-0.6, 0.8, 2.0])), "softmax had another sink in its sum: -0.6 in head 0, 0.8 in head 1"),
        (lambda made: softmax(made + SINKS[:, None, None] * (PLACE == 0)), "added to the first key's logit"),
    ],
)
def test_wrong_sinks_are_named(weights: Callable[[Array], Array], said: str) -> None:
    """By the head that they are of, how often they count, or the key that they were taken for."""
    mistakes, words = first(found(weights, sinks=SINKS.astype(np.float32)))
    assert mistakes == ("sink",)
    assert said in words


def test_a_maximum_of_all_rows_is_named_where_rows_became_nan() -> None:
    """Their exponentials are 0 in float32."""
    arrays = states()
    arrays["query"] *= np.where(PLACE == 5, 60, 1).astype(np.float32)[:, None]
    exact = {name: array.astype(np.float64) for name, array in arrays.items()}
    made = logits(exact["query"], exact["key"])
    powers = np.exp((made - made.max()).astype(np.float32))
    with np.errstate(all="ignore"):
        output = powers / powers.sum(axis=-1, keepdims=True) @ exact["value"]
    assert 0 < np.isnan(output).any(axis=-1).sum() < output[..., 0].size
    finding = check(prepare(arrays, Options.parse({"scale": "sqrt"})), output.astype(np.float32), PATIENT)
    assert "the maximum of all rows" in first(finding)[1]


def test_scores_of_some_features_are_named() -> None:
    """The last ones were left out."""
    arrays = states()
    exact = {name: array.astype(np.float64) for name, array in arrays.items()}
    output = softmax(logits(exact["query"][..., :12], exact["key"][..., :12])) @ exact["value"]
    finding = check(prepare(arrays, Options.parse({"scale": "sqrt"})), output.astype(np.float32), PATIENT)
    assert first(finding) == (
        ("features-moved",),
        "the scores had only the first 12 of 16 features: the last, from 12 on, were left out",
    )


def test_keys_are_cut_into_parts_of_which_each_is_found_again() -> None:
    """The last one is shorter."""
    made = Cut((0, 3, 5, 7), 3)
    assert made.index.tolist() == [[0, 1, 2], [3, 4, 7], [5, 6, 7]]
    assert made.index.ravel()[made.back].tolist() == list(range(7))
    assert cut(7, 3).borders == (0, 3, 6, 7)
