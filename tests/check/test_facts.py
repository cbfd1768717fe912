"""What is said of an output that nothing explains, held to what was done to it here in plain NumPy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.check.test_recovered import DISTANCE, FEATURES, HEADS, LENGTH, STATES, weights
from tests.support.processes import called

Array: TypeAlias = NDArray[Any]
RNG = np.random.default_rng(21)
NOISE = RNG.standard_normal((1, HEADS, LENGTH, FEATURES))
OPTIONS = np.array('{"scale": "sqrt", "causal": true}')
BY_CELL = RNG.standard_normal((LENGTH, LENGTH))


def output(made: Array) -> Array:
    """Weigh the values."""
    return np.asarray(made @ STATES["value"].astype(float))


def found(tmp_path: Path, expected: Array) -> dict[str, dict[str, Any]]:
    """Return the facts that the command reports, by name."""
    path = tmp_path / "case.npz"
    np.savez(path, **STATES, expected=expected.astype(np.float32), options=OPTIONS)  # type: ignore[arg-type]
    record = json.loads(called("check", path, "-f", "json", "--seconds", 0.5, status=1).out)
    assert record["explanations"] == []
    return {each["fact"]: each for each in record["facts"]}


def from_row(row: int) -> Array:
    """Add noise from a row on."""
    return output(weights()) + np.where(np.arange(LENGTH)[:, None] >= row, NOISE, 0)


def in_columns(columns: slice) -> Array:
    """Add noise to some columns."""
    made = output(weights())
    made[..., columns] += NOISE[..., columns]
    return made


SLOPES = -0.31 * np.array([0.0, 0, 1, 1])[:, None, None] * DISTANCE
CASES: dict[str, tuple[Callable[[], Array], str, dict[str, Any], dict[str, Any]]] = {
    "a slope": (lambda: output(weights(SLOPES)), "logits-slope", {"heads": "2–3"}, {"number": "-0.31"}),
    "a number for each cell": (lambda: output(weights(BY_CELL)), "logits-other", {"heads": "0–3"}, {}),
    "noise from row 16 on": (lambda: from_row(16), "border", {"rows": "16–23"}, {"border": 16, "tile": 16}),
    "noise behind the sum": (lambda: output(weights()) + NOISE, "outside", {}, {}),
    "noise of one size": (lambda: output(weights()) + NOISE * output(weights()).std(), "chance-even", {}, {}),
    "noise in the last columns": (lambda: in_columns(np.s_[8:]), "columns", {"columns": "8–11"}, {"all": FEATURES}),
    "a number for each cell, times 1.3": (lambda: 1.3 * output(weights(BY_CELL)), "sums", {}, {"sums": "1.3"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fact_is_said_with_its_place_and_its_numbers(name: str, tmp_path: Path) -> None:
    """As an object, whose sentence is the report's."""
    made, fact, where, detail = CASES[name]
    facts = found(tmp_path, made())
    assert fact in facts
    assert facts[fact]["where"].items() >= where.items()
    assert facts[fact]["detail"].items() >= {name: each for name, each in detail.items() if name != "sums"}.items()
    assert facts[fact]["said"]
    if "sums" in detail:
        assert detail["sums"] in facts[fact]["said"]


def test_numbers_that_are_zero_are_told_by_their_share(tmp_path: Path) -> None:
    """Where the others are wrong too, by no factor."""
    kept = RNG.random(NOISE.shape) >= 0.1
    facts = found(tmp_path, np.where(kept, output(weights()) + NOISE, 0))
    assert facts["zeros"]["detail"] == {"share": f"{1 - kept.mean():.0%}"}


def test_what_there_was_no_time_for_is_said(tmp_path: Path) -> None:
    """In the report, with the option that gives more."""
    path = tmp_path / "case.npz"
    np.savez(path, **STATES, expected=(output(weights()) + NOISE).astype(np.float32), options=OPTIONS)  # type: ignore[arg-type]
    said = " ".join(called("check", path, "--seconds", 0, status=1).out.split())
    assert "The search ended after 0 s." in said
    assert "pairs of mistakes" in said
    assert "--seconds N gives it more time" in said
