"""The exam of `attn check` is itself right: wrong outputs are wrong, right ones right, and answers are judged so."""

from __future__ import annotations

import numpy as np
import pytest

from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.attend.steps import run
from tests.mistakes.exam.judging import VISIBLE, apart, is_right, is_visible
from tests.mistakes.exam.kinds import KINDS, item, named, questions
from tests.mistakes.exam.plain import merged, right
from tests.mistakes.exam.right import frameworks
from tests.mistakes.exam.routes import matching, output_of, routes
from tests.mistakes.exam.setups import SETUPS, problem
from tests.mistakes.stages import Problem
from tests.support.plain import attend

EVERY = [each.id for each in named("", None)]
MORE = ("chunk", "prefix", "rope-dim", "rope-scaling", "qk-norm", "heads")
MORE_ARRAYS = ("segments", "positions", "query_scale", "gate", "block_table")


def is_defined(p: Problem) -> bool:
    """Say whether the definition in extended precision knows all that a problem holds."""
    return not (p.options.keys() & set(MORE) or p.arrays.keys() & set(MORE_ARRAYS))


def test_the_whole_second_list_is_asked_about() -> None:
    """As many kinds as the list has and more, of every family; a quarter is held out from the search."""
    families = {each.partition("/")[0] for each in EVERY}
    assert len(EVERY) > 500
    assert families >= {
        *("rotary", "cache", "tiles", "splits", "scale", "heads", "masks", "bias", "softmax"),
        *("around", "numbers", "results", "partly"),
    }
    assert 0.2 < sum(KINDS[each].held_out for each in EVERY) / len(EVERY) < 0.35
    assert len(routes()) >= 30


@pytest.mark.takes(24)
@pytest.mark.parametrize("name", EVERY)
def test_a_kind_is_wrong_somewhere(name: str) -> None:
    """It can be made in one of its problems, where it differs by more than the type explains."""
    made = (item(KINDS[name], *each) for each in questions(KINDS[name]))
    assert any(each is not None and is_visible(each) for each in made)


@pytest.mark.takes(6)
@pytest.mark.parametrize("name", [name for name in routes() if frameworks.THERE or "PyTorch" not in name])
def test_a_route_is_right(name: str) -> None:
    """Within what the type costs; scores in half precision may cost three times as much."""
    seen = 0
    for setup, size, kind in matching(routes()[name], sizes=("small",)):
        p = problem(setup, size, kind)
        output = output_of(routes()[name], p)
        if output is not None:
            seen += 1
            assert apart(output, right(p)) < VISIBLE[kind] * (3 if "scores" in name else 1), setup
    assert seen


@pytest.mark.takes(5)
@pytest.mark.parametrize("setup", SETUPS)
def test_what_is_right_agrees_with_the_program(setup: str) -> None:
    p = problem(setup, "small", "float32")
    made = run(prepare(p.arrays, Options.parse(p.options | {"dtype": "float64"}))).output
    wanted = right(p)
    # Where heads are packed, the program keeps them apart until something follows.
    made = merged(made) if made.ndim > wanted.ndim else made
    assert apart(made, wanted) < 1e-6


@pytest.mark.takes(6)
@pytest.mark.parametrize(
    "setup", [name for name in SETUPS if "long" not in name and is_defined(problem(name, "small", "float32"))]
)
def test_what_is_right_agrees_with_the_definition(setup: str) -> None:
    """Query by query in extended precision."""
    p = problem(setup, "small", "float32")
    assert apart(attend(p.arrays, p.options).astype(np.float64), right(p)) < 1e-9


def test_an_answer_is_judged_by_its_ids_or_by_its_words() -> None:
    asked = item(KINDS["heads/one-zero"], "dense", "small", "float32")
    assert asked is not None
    head = asked.wrong.facts["head"]
    assert is_right(asked, {"heads-lost"}, "heads-lost: some heads are not written")
    assert is_right(asked, {"new-name"}, f"new-name: head {head} is 0 throughout")
    assert not is_right(asked, {"new-name"}, f"new-name: head {head}1 is 0 throughout")
    assert not is_right(asked, {"scale"}, "scale: the scores were multiplied by 3")
    assert not is_right(asked, {"heads-lost", "scale"}, "heads-lost + scale: head 0 to 3 are 0")
