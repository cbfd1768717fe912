"""A recipe is right until a stage or an operand in it is replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli.attend import steps
from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.check.diagnosis import normal
from attncli.check.families import FAMILIES
from attncli.check.mistakes.variant import Unknown
from attncli.check.recipe import RIGHT, Recipe
from attncli.check.rounding import BFLOAT16, EVERYTHING, FLOAT16, TOGETHER, Rounding
from tests.mistakes.problems import places
from tests.mistakes.problems import problem as problem_of

KINDS = {kind: problem_of(5, kind, shape) for kind, shape in places(5)}


def operands(kind: str) -> Operands:
    """Return a problem of a kind, to be computed in float64."""
    problem = KINDS[kind]
    found = normal(prepare(problem.arrays, Options.parse(problem.options)))
    return replace(found, dtype=np.dtype(np.float64), output_dtype=np.dtype(np.float64))


def output(recipe: Recipe) -> Any:
    """Return the whole output of a recipe."""
    sizes = recipe.operands.sizes
    rows = np.arange(sizes.queries)
    return np.array([[recipe.compute(b, h, rows) for h in range(sizes.heads)] for b in range(sizes.batch)])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_replaced_is_right(kind: str) -> None:
    """The stages of a recipe are those of attend."""
    recipe = Recipe(operands(kind))
    assert recipe.is_stream
    assert_allclose(output(recipe), steps.run(recipe.operands).output, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("stage", RIGHT)
def test_a_replaced_stage_is_not_for_the_fast_twin(stage: str) -> None:
    """Which computes nothing but what is right."""
    replaced: dict[str, Any] = {stage: lambda *given: given[0]}
    assert not replace(Recipe(operands("dense")), **replaced).is_stream


def test_a_mistake_says_truly_whether_the_fast_twin_can_compute_it() -> None:
    """Where it can, its operands alone give the same output as the recipe row by row."""
    seen = 0
    for kind in ("causal", "masked", "rope", "alibi", "sinks", "bias", "softcap"):
        right = Recipe(operands(kind))
        for family in FAMILIES:
            for each in family(right.operands):
                made = (each.of(2.0) if isinstance(each, Unknown) else each).apply(right)
                if made is not None and made.is_stream and not made.back:
                    seen += 1
                    with np.errstate(all="ignore"):
                        twin = made.factor * steps.run(made.operands).output
                    assert_allclose(output(made), twin, rtol=1e-9, atol=1e-12)
    assert seen > 100


@pytest.mark.parametrize("kind", [FLOAT16, BFLOAT16])
def test_rounding_wraps_the_stages_that_it_names(kind: Any) -> None:
    """Each place changes the output by about the precision; everything at once is on its grid."""
    right = Recipe(operands("dense"))
    plain = output(right)
    for rounded_places in TOGETHER:
        rounded = output(Rounding(kind, rounded_places).applied(right))
        assert 0 < np.abs(rounded - plain).max() < 8 * kind.eps * np.abs(plain).max()
    assert (kind.round(rounded) == rounded).all()
    assert rounded_places == EVERYTHING


def test_rounding_wraps_a_replaced_stage_too() -> None:
    """It rounds whatever stands there."""
    without = replace(Recipe(operands("dense")), softmax=lambda logits, o: np.ones_like(logits) / 3)
    weights = Rounding(BFLOAT16, (TOGETHER[2][0],)).applied(without)
    assert_allclose(output(weights), output(without) * 3 * BFLOAT16.round(np.array(1 / 3)), rtol=1e-12)
