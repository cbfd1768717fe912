"""Runs of keys to which something was done: what they are called, in the sums of wrong programs in plain NumPy."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, check
from attncli.check.mistakes.spans import Run
from attncli.check.voice import voice
from tests.support.checking import PATIENT

Array: TypeAlias = NDArray[Any]
KEYS, FEATURES = 32, 8
NUMBER = np.arange(KEYS)
LENGTHS = np.array([[20], [27], [31]])
CAUSAL = NUMBER[:, None] >= NUMBER


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (Run(0, 39, follows=False), "all keys were"),
        (Run(5, 5, follows=False), "key 5 was"),
        (Run(3, 8, follows=False), "keys 3 to 8 were"),
        (Run(16, 31, follows=False), "keys 16 to 31, a tile of 16, were"),
        (Run(8, 23, follows=False), "keys 8 to 23 were"),
        (Run(32, 39, follows=False), "keys 32 to 39, the last 8, were"),
        (Run(0, 0, follows=True), "the key at the query's own position was"),
        (Run(1, 1, follows=True), "the key at p−1, p being the query's position, was"),
        (Run(-1, -1, follows=True), "the key at p+1, p being the query's position, was"),
        (Run(3, 0, follows=True), "the 4 keys up to the query's own position were"),
        (Run(2, -1, follows=True), "the keys from p−2 to p+1, p being the query's position, were"),
    ],
)
def test_a_run_is_called_by_where_it_is(run: Run, said: str) -> None:
    """Of 40 keys: by their numbers, as a tile, or from the query's position."""
    assert voice("en").say(run.words(40)) == said


def states(queries: int) -> dict[str, Array]:
    """Return query, key and value of three items with a head each."""
    rng = np.random.default_rng(5)
    shapes = {"query": queries, "key": KEYS, "value": KEYS}
    return {name: rng.standard_normal((3, 1, length, FEATURES)).astype(np.float32) for name, length in shapes.items()}


def attended(arrays: dict[str, Array], opened: Array, more: float = 0) -> Array:
    """Return the output with the open keys alone, and something more in the sum."""
    query, key, value = (arrays[name].astype(float) for name in ("query", "key", "value"))
    powers = np.where(opened, np.exp(query @ key.swapaxes(2, 3)), 0)
    return np.asarray(powers @ value / (powers.sum(axis=-1, keepdims=True) + more))


def found(arrays: dict[str, Array], output: Array, **options: object) -> Finding:
    """Check an output, without a scale."""
    return check(prepare(arrays, Options.parse({"scale": 1, **options})), output.astype(np.float32), PATIENT)


def said(finding: Finding) -> list[tuple[tuple[str, ...], str]]:
    """Return what explains it: ids, and words."""
    return [(each.mistakes, voice("en").say(each.descriptions[0])) for each in finding.explanations]


def test_with_lengths_a_run_is_counted_from_the_query_of_each_item() -> None:
    """The query stands on the last key of its item: with 20, 27 and 31 keys p − 4 to p − 2 are others in each."""
    arrays = states(1)
    kept = (NUMBER < LENGTHS) & ~((NUMBER >= LENGTHS - 5) & (NUMBER <= LENGTHS - 3))
    finding = found(arrays | {"key_lengths": LENGTHS[:, 0]}, attended(arrays, kept[:, None, None]))
    words = "the keys from p−4 to p−2, p being the query's position, were left out"
    assert said(finding) == [(("keys-lost",), words)]


def test_all_keys_are_named_once() -> None:
    """That the first key is its own neighbour makes all keys, all but the first, and all up to the query the same."""
    arrays = states(KEYS)
    value = arrays["value"]
    late = arrays | {"value": np.concatenate([value[:, :, :1], value[:, :, :-1]], axis=2)}
    words = [
        text for _, text in said(found(arrays, attended(late, CAUSAL), causal=True)) if "of the one before" in text
    ]
    assert words == ["all keys were seen with the value of the one before"]


@pytest.mark.parametrize(
    ("count", "mistake", "words"),
    [
        (4, "keys-opened", "softmax had one more logit of 1.38629 in its sum, as 4 keys of 0 would give it"),
        (2.5, "sink", "softmax had one more logit of 0.916291 in its sum"),
    ],
)
def test_keys_of_0_in_the_sum_are_counted(count: float, mistake: str, words: str) -> None:
    """Each adds exp(0) = 1 to the sum and nothing to the output: ln 4 and ln 2.5."""
    arrays = states(KEYS)
    finding = found(arrays, attended(arrays, CAUSAL, more=count), causal=True)
    assert said(finding)[0] == ((mistake,), words)
