"""Every stage: a module, a lesson and results of its own, and a place for every option and array."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

import attncli
from attncli.attend.arrays import ARRAYS, RESULTS
from attncli.attend.in_force import ORDER
from attncli.attend.options import records
from attncli.attend.stages.stage import Stage
from attncli.attend.steps import STAGES, STEPS
from attncli.attend.words.array import Role
from attncli.attend.words.option import LAYOUT, PRECISION
from attncli.explain.document import STEPS as TAUGHT
from attncli.explain.document import stage_lesson
from attncli.explain.lesson import StageLesson
from tests.support.declared import FEW, put, states
from tests.support.processes import called

CODE = Path(attncli.__file__).parent
NAMES = [stage.name for stage in STAGES]

each_stage = pytest.mark.parametrize("stage", STAGES, ids=NAMES)


def modules(folder: str) -> set[str]:
    """Return the names of the modules of a folder."""
    return {path.stem for path in (CODE / folder).glob("[a-z]*.py")}


def test_the_modules_are_the_stages() -> None:
    """Each stage has one of its name, in the computation and in the lessons; and there are no others."""
    assert modules("attend/stages") - {"stage"} == set(NAMES)
    assert modules("explain/lessons") == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@each_stage
def test_a_stage_is_the_record_of_its_module_and_has_a_lesson(stage: Stage) -> None:
    """Found by its name."""
    name = stage.name
    module = import_module(f"attncli.attend.stages.{name}")
    assert module.STAGE is stage
    assert stage.formula
    assert re.match(rf"{name}: [^\n]+\.$", (module.__doc__ or "").splitlines()[0])
    assert isinstance(stage_lesson(name), StageLesson)


def test_what_stages_make_are_the_results_in_their_order() -> None:
    """Each belongs to the stage that makes it."""
    made = {result: stage.name for stage in STAGES for result in stage.makes}
    assert list(made) == list(RESULTS)
    assert made == {name: each.stage for name, each in ARRAYS.items() if each.role is Role.RESULT}


def test_every_option_and_array_has_a_stage() -> None:
    """Or says how arrays lie, or the precision; and words in force come in an order that knows each of them."""
    known = {*NAMES, LAYOUT, PRECISION, ""}
    assert {each.stage for each in records().values()} | {each.stage for each in ARRAYS.values()} <= known
    assert set(ORDER) == known
    assert len(ORDER) == len(known)


def test_every_step_is_made_of_stages_and_has_the_name_of_one() -> None:
    """It is the stage that says which element is worked out."""
    assert {stage.step for stage in STAGES} == set(STEPS)
    assert set(STEPS) <= set(NAMES)
    assert [name for step in STEPS for name in TAUGHT[step]] == NAMES
    for step in STEPS:
        assert stage_lesson(step).element is not StageLesson.element


def test_the_page_shows_what_the_stages_make(tmp_path: Path) -> None:
    """All results that are maps of queries and keys."""
    path = put(tmp_path / "p.npz", states(*FEW), {"softcap": 2})
    called("plot", path, "-o", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    data = re.search(r"<script[^>]*application/json[^>]*>(.*?)</script>", page, re.DOTALL)
    assert data is not None
    shown = json.loads(data[1])
    assert [name for name in shown["steps"] if name in RESULTS] == [
        name for name in RESULTS if ARRAYS[name].axes == ARRAYS["scores"].axes
    ]
