"""What a tolerance stands for, in words made from the margins that are in force."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import Finding, check
from attncli.check.report import details
from attncli.check.rounding import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    GIVEN,
    HALF_MARGIN,
    MARGIN,
    WEIGHTS,
    Level,
    Rounding,
    to_half,
)
from attncli.check.voice import IN_ENGLISH
from attncli.sentences import Sentence
from tests.check.plain import attended, states
from tests.support.checking import PATIENT

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize(
    ("level", "words", "tolerance"),
    [
        (GIVEN, "given", "as given"),
        (Level(FLOAT64), "float64", f"{MARGIN} times the error of float64 on these inputs"),
        (Level(FLOAT32), "float32", f"{MARGIN} times the error of float32 on these inputs"),
        (Level(FLOAT32, decimals=3), "3 decimals", "half a unit of the last of 3 decimals"),
        (
            Level(FLOAT16),
            "float16",
            f"{HALF_MARGIN} times the error of rounding everything to float16 on these inputs",
        ),
        (
            Level(BFLOAT16, rounding=Rounding(BFLOAT16, (WEIGHTS,))),
            "bfloat16 weights",
            f"{HALF_MARGIN} times the error of rounding everything to bfloat16 on these inputs",
        ),
    ],
)
def test_a_level_in_words(level: Level, words: str, tolerance: str) -> None:
    """For scripts, and for people."""
    assert (IN_ENGLISH.say(level.words()), IN_ENGLISH.say(level.tolerance())) == (words, tolerance)


def test_the_readme_states_the_margins() -> None:
    """As words, which nothing else would change with them."""
    text = " ".join(README.read_text().split())
    assert (MARGIN, HALF_MARGIN) == (12, 8)
    assert "twelve times the error" in text
    assert "eight times for half precision" in text


def checked(expected: np.ndarray, arrays: dict[str, np.ndarray]) -> Finding:
    return check(prepare(arrays, Options.parse({"scale": "sqrt"})), expected, PATIENT)


def said(sentences: Iterable[Sentence]) -> list[str]:
    return list(map(IN_ENGLISH.say, sentences))


def test_the_report_says_what_was_rounded() -> None:
    """The output alone, and intermediate numbers, which are found by rounding them likewise."""
    arrays = states(heads=2, length=24, features=16)
    right = attended(arrays, 16**-0.5)
    assert said(details(checked(right, arrays))) == ["tolerance: 12 times the error of float32 on these inputs"]
    assert said(details(checked(np.round(right, 3), arrays))) == [
        "tolerance: half a unit of the last of 3 decimals",
        "the difference is that of rounding: 3 decimals",
    ]
    rounded = {name: to_half(array.astype(np.float64), "bfloat16") for name, array in arrays.items()}
    assert said(details(checked(attended(rounded, 16**-0.5), arrays))) == [
        "tolerance: 8 times the error of rounding everything to bfloat16 on these inputs",
        "the difference is that of rounding: bfloat16 inputs",
    ]
