"""The catalogues of the reference: one sentence per declaration in each language, and none that is not used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import attncli
from attncli.attend.arrays import ARRAYS, EXPECTED_GRADIENTS, EXPECTED_RESULTS, GRADIENTS
from attncli.attend.options import records
from attncli.attend.steps import STAGES
from attncli.attend.words.array import AXES
from attncli.attend.words.option import LAYOUT, PRECISION
from attncli.check.backward.registry import BACKWARD
from attncli.check.mistakes.registry import MISTAKES
from attncli.commands.registry import COMMANDS
from attncli.files.contents import Cases, Named
from attncli.files.formats import FORMATS, Holds
from attncli.files.open import read
from attncli.files.samples import PREFIX, samples
from attncli.languages import DEFAULT, LANGUAGES
from attncli.mask.differences import DIFFERENCES
from attncli.reference.python import public
from attncli.stats.numbers import NUMBERS
from attncli.stats.words import WORDS
from tests.languages.test_catalogues import OTHERS, constants, fields, texts, words

CODE = Path(attncli.__file__).parent

DECLARED = {
    *(f"option_{name}" for name in records()),
    # One sentence is on all those that are left out.
    *(f"array_{name}" for name in ARRAYS.keys() - {*GRADIENTS, *EXPECTED_GRADIENTS, *EXPECTED_RESULTS}),
    *(f"axis_{symbol}" for symbol in AXES),
    *(f"stage_{stage.name}" for stage in STAGES),
    *(f"stage_{name}" for name in (LAYOUT, PRECISION)),
    *(f"holds_{each.name.lower()}" for each in Holds),
    *(f"python_{name.strip('_')}" for name, _ in public()),
    *(f"{kind}_{name}" for name in MISTAKES | BACKWARD for kind in ("mistake", "fix")),
    *(f"difference_{name}" for name in DIFFERENCES),
    *(f"number_{name}" for name in NUMBERS),
    *(f"word_{each.id}" for each in WORDS),
    *(f"sample_{name}" for name in samples() if isinstance(read(PREFIX + name), Named | Cases)),
    *(f"libraries_{name}" for name, each in MISTAKES.items() if each.libraries),
}
# What a language may say of a declaration, and otherwise leaves as it is: formulas with words in them, and the lines of
# `attn --help`, which is English.
OPTIONAL = {
    *(f"formula_{stage.name}" for stage in STAGES),
    *(f"command_{name}" for name in COMMANDS),
    *(f"heading_{entry.heading}" for entry in COMMANDS.values()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_every_declaration_has_its_sentence(name: str) -> None:
    """None is missing, none is left over; English is in the declarations themselves."""
    own = texts(name, "REFERENCE").keys() - texts(DEFAULT, "REFERENCE").keys()
    assert DECLARED - own == set()
    assert own - DECLARED - OPTIONAL == set()


def test_english_repeats_no_declaration() -> None:
    """A sentence that stood in two places would sooner or later say two things."""
    assert texts(DEFAULT, "REFERENCE").keys() & (DECLARED | OPTIONAL) == set()


@pytest.mark.parametrize("name", OTHERS)
def test_every_language_has_the_headings_and_introductions(name: str) -> None:
    """With the same fields."""
    english, other = texts(DEFAULT, "REFERENCE"), texts(name, "REFERENCE")
    assert english.keys() - other.keys() == set()
    for key, text in english.items():
        assert fields(other[key]) == fields(text), key


@pytest.mark.parametrize("name", OTHERS)
def test_no_sentence_was_left_in_english(name: str) -> None:
    """Only names are the same in two languages."""
    for key, text in texts(DEFAULT, "REFERENCE").items():
        assert texts(name, "REFERENCE")[key] != text or not words(text.replace("Python", "")), key


@pytest.mark.parametrize("name", LANGUAGES)
def test_what_is_to_be_typed_stands_between_two_backticks(name: str) -> None:
    """One that is missing would turn the rest of the sentence into code."""
    assert [key for key, text in texts(name, "REFERENCE").items() if text.count("`") % 2] == []


def test_what_is_said_of_formats_is_said_of_formats_that_exist() -> None:
    """A note on a format goes with it."""
    noted = [key.removeprefix("format_") for key in texts(DEFAULT, "REFERENCE") if key.startswith("format_")]
    assert set(noted) <= set(FORMATS)


def test_every_sentence_of_the_reference_is_used() -> None:
    """By its name, or by a name that ends in that of a declaration."""
    used = [re.compile(each) for each in set(constants(CODE / "reference"))]
    assert [key for key in texts(DEFAULT, "REFERENCE") if not any(each.fullmatch(key) for each in used)] == []
