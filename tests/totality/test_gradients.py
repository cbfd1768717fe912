"""Every array, option and score function: what comes out has a gradient with respect to all that it is made of."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncli import attention, gradients
from attncli.attend.arrays import ARRAYS, GIVEN, GRADIENTS
from attncli.attend.options import as_flag, records
from attncli.attend.scores import FUNCTIONS, ScoreFunction
from attncli.attend.stages.stage import Stage
from attncli.attend.steps import STAGES
from attncli.errors import InputError
from tests.support.arrays import normal
from tests.support.declared import (
    FEW,
    WITHOUT_GRADIENT,
    Given,
    Setting,
    differentiable,
    numbers,
    options_for,
    put,
    states,
    values_of,
)
from tests.support.processes import called
from tests.totality.test_arrays import problem
from tests.totality.test_scores import SUBSETS

DIFFERENTIABLE = [name for name in GIVEN if ARRAYS[name].has_gradient]
STEP = 1e-5


def follow(arrays: Given, options: Given) -> Given:
    """Return the gradients of a problem, each held to what the loss does where its array takes a small step.

    The loss is Σ output · d_output; the step goes into any direction, but nothing that is not finite moves.
    """
    d_output = normal(*attention(**arrays, **options).shape, seed=5)
    found = gradients(**arrays, **options, d_output=d_output)
    assert found.keys() == {f"d_{name}" for name in arrays if ARRAYS[name].has_gradient and is_real(arrays[name])}
    for name, gradient in found.items():
        array = arrays[name.removeprefix("d_")]
        assert gradient.shape == array.shape
        way = np.where(np.isfinite(array), normal(*array.shape, seed=6), 0)
        ends = [
            float(
                (attention(**arrays | {name.removeprefix("d_"): array + sign * STEP * way}, **options) * d_output).sum()
            )
            for sign in (1, -1)
        ]
        assert_allclose((gradient * way).sum(), (ends[0] - ends[1]) / (2 * STEP), rtol=1e-6, atol=1e-7, err_msg=name)
    return found


def is_real(array: object) -> bool:
    return np.asarray(array).dtype.kind == "f"


def wide(arrays: Given) -> Given:
    """Return arrays in a precision in which small steps can be told from rounding."""
    return {name: array.astype("f8") if is_real(array) else array for name, array in arrays.items()}


@pytest.mark.parametrize("name", GIVEN)
def test_every_array_of_real_numbers_has_a_gradient(name: str) -> None:
    """And nothing else has one: no ids, positions and counts."""
    arrays = problem(name, *FEW, form=int(name in ("mask", "bias")))
    found = follow(wide(arrays), options_for(name))
    assert (f"d_{name}" in found) is ARRAYS[name].has_gradient


@pytest.mark.parametrize("setting", [each for each in differentiable() if each.name != "dtype"], ids=str)
def test_the_gradients_follow_every_option(setting: Setting) -> None:
    """With every value."""
    follow(wide(setting.arrays(*FEW)), setting.options)


@pytest.mark.parametrize("name", WITHOUT_GRADIENT)
def test_an_option_without_gradient_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    """In Python, and by every command that differentiates; what only computes takes it."""
    arrays, options = states(*FEW), dict[str, Any]({name: values_of(name)[0]})
    flag = f"--{as_flag(name)}"
    reason = f"there are no gradients with {flag}: {records()[name].no_gradient}"
    with pytest.raises(InputError, match=f"^{reason}") as refused:
        gradients(**arrays, **options)
    assert refused.value.hint == f"leave out {flag}"
    path = put(tmp_path / "p.npz", arrays | {"expected_d_query": arrays["query"]}, options)
    for words in (["grad"], ["explain", "--step", "backward"], ["check"]):
        assert called(*words, path, status=2).err == f"attn: {path}: {reason}\nhint: leave out {flag}\n"
    assert called("compute", path).out


@pytest.mark.parametrize(("name", "given"), SUBSETS, ids=str)
def test_every_score_function_has_gradients(name: str, given: tuple[str, ...]) -> None:
    """Of query and key, and of each of its parameters; with a scale, a cap and grouped heads."""
    arrays = states(*FEW) | {each: numbers(each, *FEW) for each in given}
    follow(arrays, {"score": name, "scale": 0.7, "softcap": 1.5, "causal": True})


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_score_function_that_is_no_dot_product_says_what_its_gradients_are(function: ScoreFunction) -> None:
    """None has those of the dot product by omission, neither the numbers nor the titles of tables."""
    dot = FUNCTIONS["dot"]
    if not function.is_dot:
        assert function.meet_backward is not dot.meet_backward
    if function.needs_preparation:
        assert function.prepare_backward is not dot.prepare_backward
    if function is not dot:
        assert function.backward != dot.backward


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
def test_every_stage_has_its_gradient_beside_it(stage: Stage) -> None:
    """In its own module."""
    assert stage.backward.__module__ == stage.forward.__module__


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_grad_shows_and_writes_it(name: str, tmp_path: Path) -> None:
    """A table with its formula, and an array of its own shape and type in a file, which can be read back."""
    arrays = problem(name, *FEW, form=int(name in ("mask", "bias")))
    path = put(tmp_path / "p.npz", arrays, options_for(name))
    (title,) = re.findall(rf"^d_{name} = (\S[^\n]*)", called("grad", path, "--step", f"d_{name}").out, re.MULTILINE)
    assert not title.startswith("d_output = ")
    raw = called("grad", path, "-f", "npz").raw
    found = np.load(BytesIO(raw))
    made = gradients(**arrays, **options_for(name))
    assert [each for each in GRADIENTS if each in found.files and each.removeprefix("d_") in arrays] == [
        each for each in GRADIENTS if each in made
    ]
    for each, gradient in made.items():
        assert_allclose(found[each], gradient, rtol=1e-9, atol=1e-12)
    one = called("grad", path, "--step", f"d_{name}", "-f", "npy").raw
    assert_allclose(np.load(BytesIO(one)), made[f"d_{name}"], rtol=1e-9, atol=1e-12)
    assert f"d_{name} " in called("inspect", "-", stdin=raw).out
