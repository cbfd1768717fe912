"""Right name first, right name among those offered, no blame on right outputs: counted over everything."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import check
from tests.mistakes.cases import PAIRS, cases, pairs
from tests.mistakes.controls import control, controls
from tests.mistakes.registry import MISTAKES
from tests.mistakes.stages import Problem, right
from tests.support.checking import PATIENT, diagnose
from tests.support.places import SAMPLES

SEED = 0
# With more keys than features by so many, nothing can be said of single weights, and dropout cannot be seen.
UNSEEN = {"dropout/0.1 and scale/none in dense large"}


@pytest.mark.parametrize("name", MISTAKES)
def test_single_mistakes(name: str) -> None:
    """Each is named, and no other name is offered first."""
    wrong = []
    for case in cases(name, SEED):
        finding = diagnose(case)
        names = [frozenset(each.mistakes) for each in finding.explanations]
        if not names or names[0] not in case.acceptable or finding.agrees:
            wrong.append((case.name, names))
    assert wrong == []


@pytest.mark.parametrize(("first", "second", "kind"), PAIRS)
def test_pairs(first: str, second: str, kind: str) -> None:
    """Both are named."""
    wrong = []
    for case in pairs(first, second, kind, SEED):
        names = [frozenset(each.mistakes) for each in diagnose(case).explanations]
        if (not names or names[0] not in case.acceptable) and case.name not in UNSEEN:
            wrong.append((case.name, names))
    assert wrong == []


@pytest.mark.parametrize("label", controls(SEED))
def test_controls(label: str) -> None:
    """None is blamed."""
    finding = diagnose(control(*controls(SEED)[label], SEED))
    assert finding.agrees
    assert not finding.explanations


# Two names for the same numbers, whatever the data.
TWINS = {"head-reshape", "strides"}
REAL = {"induction": "causal", "coreference": "dense", "decode": "causal-end", "reaction": "dense"}


@pytest.mark.parametrize("name", REAL)
def test_each_mistake_in_a_real_layer(name: str) -> None:
    """Layers of trained models, computed with each mistake that they can show."""
    with np.load(SAMPLES / f"{name}.npz") as archive:
        arrays = {each: archive[each][None] for each in ("query", "key", "value")}
        problem = Problem(arrays, json.loads(str(archive["options"])), REAL[name])
    exact = right(problem)
    made = {each: found.wrong(problem) for each, found in MISTAKES.items() if found.fits(problem)}
    size = np.abs(exact).max()
    shown = {each: output for each, output in made.items() if far(output, exact) > 1e-4 * size}
    assert len(shown) > 15
    wrong = []
    for variant, output in shown.items():
        same = {MISTAKES[other].id for other in shown if far(shown[other], output) <= 1e-5 * size}
        if same & TWINS:
            same |= TWINS
        expected = output.astype(np.float32)
        finding = check(prepare(arrays, Options.parse(problem.options)), expected, PATIENT)
        names = [set(each.mistakes) for each in finding.explanations if each.rank == 1]
        if not names or len(names[0]) != 1 or not names[0] <= same:
            wrong.append((variant, names))
    assert wrong == []


def far(one: Any, other: Any) -> float:
    """Return the largest difference; NaN in one of them alone is far off."""
    if (np.isnan(one) != np.isnan(other)).any():
        return float("inf")
    return float(np.nanmax(np.abs(one - other), initial=0.0))
