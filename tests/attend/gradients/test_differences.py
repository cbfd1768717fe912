"""Every gradient is the derivative: of each array, under each option and score function, and of each stage alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attncli import attention, gradients
from attncli.attend import early
from attncli.attend import steps as stepwise
from attncli.attend.arrays import ARRAYS, GIVEN
from attncli.attend.options import Options, records
from attncli.attend.prepare import prepare
from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages.stage import Stage
from attncli.attend.steps import STAGES
from tests.fuzz.whole import whole
from tests.support.arrays import normal
from tests.support.declared import (
    FEW,
    LENGTHS,
    WITHOUT_GRADIENT,
    Given,
    Setting,
    differentiable,
    numbers,
    options_for,
    states,
    states_for,
)
from tests.support.differences import directions, hold, slope

WITH_GRADIENT = [name for name in GIVEN if ARRAYS[name].has_gradient]
# What must be given beside an array for it to take part.
BESIDE = {
    "past_key": ("past_value",),
    "past_value": ("past_key",),
    "cos": ("sin",),
    "sin": ("cos",),
    "b_g": ("w_g",),
    "b_o": ("w_o",),
}
HIDDEN = {"hidden": {"query": normal(2, 4, 5, 6), "hidden": normal(2, 2, 7, 6)}}


def given_for(name: str) -> Given:
    """Return a problem in which an array takes part."""
    found: Given = HIDDEN.get(name) or states_for(name, *FEW)
    for each in (name, *BESIDE.get(name, ())):
        # Of the forms that an array has, the last one is that of numbers; b_o is as long as what is before it.
        found |= {each: numbers(each, *FEW, form=-1)} if each not in found or each == name != "hidden" else {}
    return found | ({"b_o": normal(LENGTHS["w_o"][1])} if name == "b_o" else {}) | options_for(name)


def is_real(name: str, value: Any) -> bool:
    """Tell whether this is an array that has a gradient."""
    return isinstance(value, np.ndarray) and ARRAYS[name].has_gradient and value.dtype != bool


def held(given: Given, names: list[str] | None = None) -> dict[str, Any]:
    """Hold the gradients of some arrays, or of all together, to differences; return them all."""
    loss = normal(*attention(**given).shape, seed=8)
    found = {name.removeprefix("d_"): each for name, each in gradients(**given, d_output=loss).items()}
    assert set(found) == {name for name, value in given.items() if is_real(name, value)}
    for name, gradient in found.items():
        assert gradient.shape == given[name].shape
        assert gradient.dtype == given[name].dtype
    hold(given, found, loss, names or list(found))
    return found


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", WITH_GRADIENT)
def test_every_array_that_has_a_gradient(name: str) -> None:
    """A new one fails here until it has."""
    given = given_for(name)
    assert np.any(held(given, [name])[name])
    held(given)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("score", FUNCTIONS)
@pytest.mark.parametrize("is_given", [True, False], ids=["with parameters", "without"])
def test_every_score_function(score: str, is_given: bool) -> None:
    """With all of its parameters, and with none."""
    parameters = FUNCTIONS[score].parameters if is_given else ()
    given = states(*FEW) | {name: numbers(name, *FEW) for name in parameters} | {"score": score, "scale": 0.6}
    for name in ("query", "key", "value", *parameters):
        held(given, [name])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("setting", [each for each in differentiable() if each.name != "dtype"], ids=str)
def test_every_option(setting: Setting) -> None:
    """In each of its values, all arrays together."""
    held(setting.arrays(*FEW) | setting.options)


# Problems of everything, of which several have each stage.
SEEDS = range(12)
# The stages through which gradients go.
PASSED = [stage for stage in STAGES if stage.name not in {records()[name].stage for name in WITHOUT_GRADIENT}]


@pytest.mark.parametrize("stage", PASSED, ids=lambda stage: stage.name)
def test_every_stage_alone(stage: Stage) -> None:
    """What it returns is the derivative of what it makes, by each of what it is made of."""
    assert sum(Alone(stage, seed).hold() for seed in SEEDS) > 2


class Alone:
    """One stage of one problem.

    What is made before it, and the states, move by themselves; matrices and parameters are held as arrays are, above.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        given = whole(np.random.default_rng([3, seed])).given
        arrays = {name: each for name, each in given.items() if isinstance(each, np.ndarray)}
        operands = prepare(arrays, Options.parse({name: given[name] for name in given if name not in arrays}))
        self.stage, self.seed, self.made = stage, seed, stepwise.results(operands)
        self.o: Any = operands if stage in early.STAGES else operands.core
        self.closed = np.isneginf(self.made["logits"])

    def results(self, o: Any, made: Given) -> Given:
        """Return what has a gradient of its own of what the stage makes; what is closed is not looked at."""
        found = {n: each for n, each in self.stage.forward(o, made).items() if n != "lse"}
        if self.stage.name == "rotate":  # what is turned, and normalised, is shown; it goes on as what meets
            found = {n: each for n, each in found.items() if n.startswith("met_")}
        return {n: np.where(self.closed, 0, each) if n in ("logits", "weights") else each for n, each in found.items()}

    def hold(self) -> int:
        """Hold it to differences; return how many of what it is made of were moved."""
        loss = {name: normal(*each.shape, seed=4) for name, each in self.results(self.o, self.made).items()}
        loss = {n: np.where(self.closed, 0, each) if n in ("logits", "weights") else each for n, each in loss.items()}
        # What the early stages make of a state is called as it is, on the way back.
        found = {n.partition("_")[2] if self.stage in early.STAGES else n: each for n, each in loss.items()}
        gradients = self.stage.backward(self.o, self.made, found) if loss else {}
        return sum(self.is_derivative(name, gradient, loss) for name, gradient in gradients.items())

    def is_derivative(self, name: str, gradient: Any, loss: Given) -> bool:
        """Assert it, if what the gradient is of can be moved by itself."""
        source = f"projected_{name}" if self.stage.name == "norm" and f"projected_{name}" in self.made else name
        array = self.made.get(source, getattr(self.o, source, None))
        if array is None:
            return False
        along = directions({name: array}, self.seed)[name]
        along = np.where(self.closed, 0, along) if name == "weights" else along

        def moved(t: float) -> Any:
            other = np.asarray(array + t * along)
            is_made = source in self.made
            o = self.o if is_made else replace(self.o, **{source: other})
            again = self.results(o, {**self.made, source: other} if is_made else self.made)
            return sum((again[n].astype(np.longdouble) * each).sum() for n, each in loss.items())

        right, off = slope(moved)
        parts = np.broadcast_to(gradient, np.shape(array)) * along
        assert abs(parts.sum() - right) <= 4 * off + 1e-12 * np.abs(parts).sum(), (self.seed, name)
        return True
