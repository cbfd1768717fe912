"""Half precision hides no mistake that explains an output much better than rounding does, and accepts no bad fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.case import Case
from attncli.check.compare import compare
from attncli.check.diagnosis import Finding, check
from attncli.check.parts import places
from attncli.check.precision import Reference
from attncli.check.rounding import BFLOAT16, FLOAT16, Level, Precision
from attncli.check.search import Search
from attncli.check.voice import IN_ENGLISH
from tests.mistakes.controls import bfloat16, float16
from tests.support.checking import PATIENT

Array = np.ndarray[Any, Any]
LENGTH, FEATURES = 64, 32
SCALE = 0.25
KINDS = {"float16": float16, "bfloat16": bfloat16}


def states(kind: str) -> list[Array]:
    """Query, key and value, rounded."""
    rng = np.random.default_rng(0)
    return [KINDS[kind](rng.standard_normal((1, 4, LENGTH, FEATURES))) for _ in range(3)]


def attended(scores: Array, value: Array, kind: str) -> Array:
    """Causal attention whose weights and output are rounded."""
    logits = np.where(np.tri(LENGTH, dtype=bool), scores, -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return KINDS[kind](KINDS[kind](weights / weights.sum(-1, keepdims=True)) @ value)


def prepared(given: list[Array]) -> Operands:
    """The problem of them."""
    arrays = {name: each.astype(np.float32) for name, each in zip(("query", "key", "value"), given, strict=True)}
    return prepare(arrays, Options.parse({"causal": True, "scale": str(SCALE)}))


def found(given: list[Array], output: Array) -> Finding:
    """What a check says."""
    return check(prepared(given), output.astype(np.float32), PATIENT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rounds_scores", [False, True])
def test_what_is_rounded_agrees(kind: str, *, rounds_scores: bool) -> None:
    """Whether scores are rounded or not."""
    query, key, value = given = states(kind)
    scores = SCALE * (query @ key.swapaxes(-1, -2))
    finding = found(given, attended(KINDS[kind](scores) if rounds_scores else scores, value, kind))
    assert finding.agrees
    assert not finding.explanations


@pytest.mark.parametrize(("kind", "times"), [("bfloat16", 1.02), ("float16", 1.004)])
def test_a_scale_within_the_tolerance_is_seen(kind: str, times: float) -> None:
    """No rounding does what it does to every row."""
    query, key, value = given = states(kind)
    finding = found(given, attended(times * SCALE * (query @ key.swapaxes(-1, -2)), value, kind))
    assert not finding.agrees
    assert finding.explanations[0].mistakes == ("scale",)
    times_better = finding.comparison.level.times_better
    assert times_better is not None
    assert times_better >= 4


@pytest.mark.parametrize("kind", [FLOAT16, BFLOAT16])
def test_an_explanation_leaves_less_than_the_tolerance_lets_be(kind: Precision) -> None:
    """Right outputs are granted eight times what rounding costs, and what explains a wrong one three times that."""
    query, key, value = given = states(kind.name)
    output = attended(2 * SCALE * (query @ key.swapaxes(-1, -2)), value, kind.name)
    reference = Reference.of(prepared(given))
    comparison = compare(output, reference.output, reference.tolerance(kind), Level(kind))
    search = Search.of(Case(reference, output, kind), comparison)
    assert 2.5 * search.allowed(search.right) < search.case.limit


def test_the_worst_element_is_not_rounding_beside_nan() -> None:
    """Where one row is NaN and the others are right, only that is said."""
    query, key, value = given = states("bfloat16")
    output = attended(SCALE * (query @ key.swapaxes(-1, -2)), value, "bfloat16")
    output[0, 1, 5] = np.nan
    said = [IN_ENGLISH.say(line) for line in places(found(given, output).comparison, {})]
    assert said[0].startswith("first")
    assert not [line for line in said if "worst" in line]
