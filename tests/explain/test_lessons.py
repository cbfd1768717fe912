"""Every stage and every score function is taught, and what a stage says is found by its name."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

import attncli.explain.lessons
from attncli.attend.scores import FUNCTIONS
from attncli.attend.steps import STAGES
from attncli.explain.document import STEPS, stage_lesson
from attncli.explain.lesson import StageLesson
from attncli.explain.workings import WORKINGS
from attncli.languages import LANGUAGES, catalogue

CODE = Path(attncli.__file__).parent
TAUGHT = list(chain.from_iterable(STEPS.values()))


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("[a-z]*.py")}


def test_every_stage_has_a_lesson_and_a_step_that_brings_it() -> None:
    """No module of a stage goes untaught, and no lesson is about a stage that no step has."""
    assert {stage.name for stage in STAGES} == set(TAUGHT)
    assert sorted(TAUGHT) == sorted(modules(CODE / "explain/lessons"))


@pytest.mark.parametrize("stage", TAUGHT)
def test_a_stage_says_something(stage: str) -> None:
    """At least one of its parts is its own."""
    assert stage_lesson(stage) != StageLesson()


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_named_after_one_of_its_stages(step: str) -> None:
    """That one says what is worked out."""
    assert step in STEPS[step]
    assert stage_lesson(step).element is not StageLesson().element


def test_every_score_function_is_taught() -> None:
    """Its working, and what it is for in every language."""
    assert list(WORKINGS) == list(FUNCTIONS)
    for name in LANGUAGES:
        assert {f"score_purpose_{score}" for score in FUNCTIONS} <= catalogue(name).LESSON.keys()
