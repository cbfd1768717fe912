"""A mistake is recognised by its key, in a part of a problem as in the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check import subset
from attncli.check.case import Case
from attncli.check.diagnosis import check, normal
from attncli.check.families import FAMILIES
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.precision import Reference
from attncli.check.recipe import Recipe
from attncli.check.rounding import FLOAT32
from attncli.check.sample import Sample
from attncli.check.search import Search
from attncli.check.subset import same
from attncli.sentences import sentence
from tests.check.plain import attended, states
from tests.mistakes.problems import places
from tests.mistakes.problems import problem as problem_of
from tests.mistakes.stages import Problem
from tests.support.checking import PATIENT

FEATURES = 8


@pytest.mark.takes(6)
@pytest.mark.parametrize("large", [1 << 21, 0])
@pytest.mark.parametrize(
    ("scale", "constant"), [((4 * FEATURES) ** -0.5, "1/√(H·d)"), (4**-0.5, "1/√H"), (0.173, None)]
)
def test_a_scale_by_the_number_of_heads_is_found_beside_another_mistake(
    monkeypatch: pytest.MonkeyPatch, large: int, scale: float, constant: str | None
) -> None:
    """In a large problem pairs are looked for in two of the heads, where 1/√H is still that of all of them."""
    monkeypatch.setattr(subset, "LARGE", large)
    arrays = states(heads=4, length=24, features=FEATURES)
    operands = prepare(arrays, Options.parse({"scale": "sqrt", "causal": True}))
    found = check(operands, attended(arrays, scale), PATIENT).explanations[0]
    assert set(found.mistakes) == {"scale", "mask-dropped"}
    assert found.detail["scale"] == {"scale": pytest.approx(scale), "constant": constant}


def problems() -> list[Any]:
    """Return a problem of every kind."""
    found = {kind: problem_of(5, kind, shape) for kind, shape in places(5)}
    return [pytest.param(problem, id=kind) for kind, problem in found.items()]


def mistakes_in(operands: Operands) -> list[Variant]:
    """Return every mistake that can be made in a problem, with some number in those that have one."""
    every = [each for family in FAMILIES for each in family(operands)]
    return [each.of(2.0) if isinstance(each, Unknown) else each for each in every]


@pytest.mark.parametrize("problem", problems())
def test_no_two_mistakes_have_one_key(problem: Problem) -> None:
    """Piece and form say which of the known mistakes it is."""
    operands = normal(prepare(problem.arrays, Options.parse(problem.options)))
    keys = [each.key for each in mistakes_in(operands)]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("problem", problems())
def test_a_part_of_a_problem_has_the_keys_of_the_whole(problem: Problem) -> None:
    """Whatever is found in two heads can be found again in all of them."""
    operands = normal(prepare(problem.arrays, Options.parse(problem.options)))
    heads = list(range(operands.sizes.heads))[:2]
    part = subset.part_of(operands, 0, heads)
    lost = {each.key for each in mistakes_in(part) if not each.piece.needs_all_heads} - {
        each.key for each in mistakes_in(operands)
    }
    assert lost == set()


def test_a_mistake_is_found_again_whatever_is_said_of_it() -> None:
    """By its key, and by its number where it has one."""
    arrays = states(heads=2, length=4, features=FEATURES)
    operands = prepare(arrays, Options.parse({"scale": "sqrt", "causal": True}))
    case = Case(Reference.of(operands), arrays["query"], FLOAT32)
    search = Search(case, Recipe(operands), Sample(()), np.ones((1, 2, 4), bool))
    for each in search.known:
        variant = replace(each.of(2.0), number=2.0) if isinstance(each, Unknown) else each
        found = same(search, replace(variant, description=sentence("why"), fix=sentence("where")))
        assert found is not None
        assert (found.key, found.number, found.description) == (variant.key, variant.number, variant.description)
