"""Weights that are recovered from an output, and what is read off them, on outputs made here in plain NumPy."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.case import Case
from attncli.check.compare import compare
from attncli.check.differences import Difference, differences
from attncli.check.precision import Reference
from attncli.check.recovered import Recovery, recover
from attncli.check.rounding import FLOAT32, Level
from attncli.check.search import Search

Array: TypeAlias = NDArray[Any]
HEADS, LENGTH, FEATURES = 4, 24, 12
DISTANCE = np.arange(LENGTH)[:, None] - np.arange(LENGTH)
RNG = np.random.default_rng(8)
STATES = {
    name: RNG.standard_normal((1, HEADS, LENGTH, FEATURES)).astype(np.float32) for name in ("query", "key", "value")
}


def logits() -> Array:
    """Return the right logits under a causal rule."""
    query, key, _ = (array.astype(float) for array in STATES.values())
    return np.where(DISTANCE < 0, -np.inf, query @ key.swapaxes(2, 3) / np.sqrt(FEATURES))


def weights(added: Any = 0.0) -> Array:
    """Return weights with something added to the logits."""
    powers = np.exp(logits() + added)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def recovered(made: Array) -> Recovery:
    """Recover what a program's weights were from its output."""
    expected = (made @ STATES["value"].astype(float)).astype(np.float32)
    reference = Reference.of(prepare(STATES, Options.parse({"scale": "sqrt", "causal": True})))
    comparison = compare(expected, reference.output, reference.tolerance(FLOAT32), Level(FLOAT32))
    return recover(Search.of(Case(reference, expected, FLOAT32), comparison).observed)


def test_recovered_weights_are_those_that_were_used() -> None:
    """To single precision, of rows that see no more keys than there are features."""
    made = weights(RNG.standard_normal((LENGTH, LENGTH)))
    found = recovered(made)
    assert found.outside == []
    assert len(found.rows) > 20
    for row in found.rows:
        assert row.keys.tolist() == list(range(row.row + 1))
        assert len(row.keys) <= FEATURES
        assert np.allclose(row.weights, made[0, row.head, row.row, : row.row + 1], rtol=0, atol=row.noise)


BY_KEY = RNG.standard_normal(LENGTH)
ADDED: dict[str, tuple[Array, Difference]] = {
    "slopes in two heads": (
        -0.31 * np.array([0.0, 0, 1, 1])[:, None, None] * DISTANCE,
        Difference("slope", -0.31, (2, 3)),
    ),
    "a factor": (np.where(DISTANCE < 0, 0, 0.25 * logits()), Difference("factor", 1.25, (0, 1, 2, 3))),
}


@pytest.mark.parametrize("name", ADDED)
def test_a_slope_and_a_factor_are_read_off(name: str) -> None:
    """With the heads in which they are."""
    added, expected = ADDED[name]
    (found,) = differences(recovered(weights(added)).rows)
    assert (found.kind, found.heads, found.by) == (expected.kind, expected.heads, ())
    assert found.number == pytest.approx(expected.number, rel=1e-3)


@pytest.mark.parametrize(("kind", "added"), [("distance", np.sin(DISTANCE)), ("key", BY_KEY)])
def test_what_depends_on_distance_or_key_alone_is_told_apart(kind: str, added: Array) -> None:
    """With the number of each, but for one that is added to all."""
    (found,) = differences(recovered(weights(added)).rows)
    assert (found.kind, found.heads) == (kind, (0, 1, 2, 3))
    for at, number in found.by:
        right = np.sin(at) - np.sin(0) if kind == "distance" else BY_KEY[at] - BY_KEY[0]
        assert number == pytest.approx(right, abs=0.03)


def test_what_follows_no_rule_is_called_other() -> None:
    """A number for each cell."""
    (found,) = differences(recovered(weights(RNG.standard_normal((LENGTH, LENGTH)))).rows)
    assert found.kind == "other"


def test_weights_that_are_not_normalised_keep_their_sum() -> None:
    """And their logits are the right ones."""
    found = recovered(1.13 * weights())
    assert [row.weights.sum() for row in found.rows] == pytest.approx([1.13] * len(found.rows), rel=1e-4)
    assert [each.kind for each in differences(found.rows)] == ["none"]


def test_rows_that_no_weights_make_are_outside() -> None:
    """Something was added behind the weighted sum."""
    reference = weights() @ STATES["value"].astype(float)
    moved = (reference + 0.01 * RNG.standard_normal(reference.shape)).astype(np.float32)
    right = Reference.of(prepare(STATES, Options.parse({"scale": "sqrt", "causal": True})))
    comparison = compare(moved, right.output, right.tolerance(FLOAT32), Level(FLOAT32))
    found = recover(Search.of(Case(right, moved, FLOAT32), comparison).observed)
    assert len(found.outside) > 20
