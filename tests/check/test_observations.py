"""What is said of a difference that no mistake explains, without a search for one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Wanted, check
from attncli.check.observations import observed
from attncli.check.voice import IN_ENGLISH
from tests.support.places import SAMPLES


@pytest.fixture(scope="module")
def sample() -> dict[str, Any]:
    """Twelve heads of 16 queries, with the output of the model itself."""
    with np.load(SAMPLES / "coreference.npz") as archive:
        return dict(archive)


def said(sample: dict[str, Any], wrong: np.ndarray) -> list[str]:
    """Return what is observed of a wrong output of the sample."""
    o = prepare(
        {name: sample[name] for name in ("query", "key", "value")}, Options.parse(json.loads(str(sample["options"])))
    )
    comparison = check(o, wrong, Wanted(diagnose=False)).comparison
    facts = observed(comparison, wrong[None], sample["expected"][None].astype(np.float64))
    return list(map(IN_ENGLISH.say, facts))


def test_permuted_heads_are_told(sample: dict[str, Any]) -> None:
    """The first two exchanged."""
    order = [1, 0, *range(2, 12)]
    assert said(sample, sample["expected"][order]) == [
        "heads that differ: 0–1; the other 10 of 12 are exact",
        "160 of 192 rows are exact",
        f"the heads are right, but in another order: {', '.join(map(str, order))}",
    ]


def test_multiples_are_told(sample: dict[str, Any]) -> None:
    """Each row but the first grows, the last to twice what it is."""
    wrong = sample["expected"] * np.linspace(1, 2, 16, dtype=np.float32)[:, None]
    assert said(sample, wrong) == [
        "query rows that differ: 1–15; the other 1 of 16 are exact",
        "12 of 192 rows are exact",
        "every row that differs is a multiple of the right row, by 1.067 to 2",
    ]


def test_numbers_in_other_places_are_told(sample: dict[str, Any]) -> None:
    """The features in reverse: all numbers are there."""
    wrong = np.ascontiguousarray(sample["expected"][..., ::-1])
    assert said(sample, wrong) == [
        "every row differs",
        "the numbers are right, but in other places: a permutation",
    ]


def test_nothing_but_zeros_or_nan_is_told(sample: dict[str, Any]) -> None:
    """Of NaN nothing else can be said."""
    assert said(sample, np.zeros_like(sample["expected"]))[:2] == [
        "the expected output is 0 throughout",
        "every row differs",
    ]
    assert said(sample, np.full_like(sample["expected"], np.nan)) == [
        "the expected output is NaN throughout",
        "every row differs",
    ]
