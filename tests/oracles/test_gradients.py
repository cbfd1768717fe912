"""Gradients against PyTorch's autograd: of the whole formula, of its own modules, and of a layer of transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
import torch

from attncli import steps
from attncli.attend.backpropagation import GIVEN, Backpropagation
from attncli.attend.fast import backward
from attncli.attend.options import Options, records
from attncli.attend.returning import returned
from attncli.attend.words.gradients import ON_THE_WAY
from tests.fuzz.problems import Array
from tests.fuzz.whole import Whole, whole
from tests.oracles.autograd import Autograd

# So many problems, each of all options and arrays.
COUNT = 200
# The limit of the relative error in float64, and how often what rounding does is measured.
MOST, TIMES = 1e-9, 3
# A result may err by so many times what plain float32 errs, of which the largest of a few is known.
AS_PLAIN, MEASURED, EPS = 3, 8, 2.0**-23


def streamed(whole: Backpropagation) -> dict[str, Array]:
    """Return the gradients of arrays as large problems have them, without a matrix of scores."""
    found = returned(whole.operands, whole.arrays, backward.run(whole.operands, whole.output, threads=2))
    return {f"d_{name}": each for name, each in found.items()}


WAYS: Mapping[str, Callable[[Backpropagation], dict[str, Array]]] = {
    "reference": Backpropagation.results,
    "streamed": streamed,
}


@cache
def drawn(seed: int, dtype: str) -> tuple[Whole, Array]:
    """Return a problem in a type, and a gradient of its output, which float32 holds too."""
    rng = np.random.default_rng([15, seed])
    w = whole(rng).typed("f4").typed(dtype)
    return w, rng.standard_normal(steps(**w.given).output.shape).astype("f4").astype(dtype)


def made(w: Whole, loss: Array, way: str) -> dict[str, Array]:
    """Return the gradients that attncli finds, by the name of what they are of."""
    given = w.given
    options = {name: given[name] for name in records() if name in given}
    found = WAYS[way](Backpropagation.of(w.arrays | {GIVEN: loss}, Options.parse(options)))
    return {name.removeprefix("d_"): each for name, each in found.items() if name != GIVEN}


@pytest.mark.parametrize("seed", range(COUNT))
def test_the_formula_is_the_same(seed: int) -> None:
    """Before any gradient: what PyTorch differentiates is what attncli computes, closed keys included."""
    w, loss = drawn(seed, "f8")
    theirs, mine = Autograd.of(w, loss, torch.float64), steps(**w.given)
    assert theirs.output.shape == mine.output.shape
    assert np.array_equal(np.isneginf(theirs.logits), np.isneginf(mine.logits))
    assert largest(mine.output - theirs.output) <= MOST * largest(theirs.output)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(COUNT))
def test_every_gradient_of_random_problems(seed: int, way: str) -> None:
    """In float64 to a billionth of its largest number, where PyTorch itself knows so many digits."""
    w, loss = drawn(seed, "f8")
    right = Autograd.of(w, loss, torch.float64).gradients
    rough = [Autograd.roughly(w, loss, torch.float64, at).gradients for at in range(TIMES)]
    found = made(w, loss, way)
    assert found.keys() == right.keys() - (set() if way == "reference" else {*ON_THE_WAY})
    for name, gradient in found.items():
        assert gradient.shape == right[name].shape, name
        unsure = 12 * max(largest(each[name] - right[name]) for each in rough)
        # Where a row is saturated, gradients of weights cancel, and what rounding leaves of them is all that there is.
        unsure += 1e-14 * largest(right["weights"])
        assert largest(gradient - right[name]) <= MOST * largest(right[name]) + unsure, name


def largest(array: Array) -> float:
    """Return the largest absolute number of an array."""
    return float(np.abs(array).max(initial=0))


@pytest.mark.parametrize("way", WAYS)
def test_in_float32_they_err_as_plain_float32_does(way: str) -> None:
    """No more than three times, each array of each problem; and over all of them no more at all.

    Problems as small as these are left to the stages. The stream, made to compute them all the same, rounds each
    exponent with its row's logarithm in it, where plain softmax subtracts the maximum first.
    """
    every = [found for seed in range(COUNT) for found in errors(seed, way)]
    off, plain, rough = (np.array(each) for each in zip(*every, strict=True))
    more = 2 if way == "streamed" else 1
    assert (off / np.maximum(rough, EPS)).max() <= AS_PLAIN * more
    # The mean of the logarithms, so that no array counts for many.
    assert np.exp(np.mean(np.log(off + EPS / 8) - np.log(plain + EPS / 8))) <= 1.5 * more


def errors(seed: int, way: str) -> list[tuple[float, float, float]]:
    """Return by which share of its largest number each gradient is off, and plain float32's once, and at most.

    Plain float32 is right by chance where an array has few numbers: the largest error of a few counts, each with its
    numbers moved by rounding.
    """
    w, loss = drawn(seed, "f4")
    right = Autograd.of(w, loss, torch.float64).gradients
    plain = Autograd.of(w, loss, torch.float32).gradients
    rough = [Autograd.roughly(w, loss, torch.float32, at).gradients for at in range(MEASURED)]
    found = []
    left = EPS * largest(right["weights"])  # what rounding leaves where they cancel
    for name, gradient in made(w, loss, way).items():
        # Where the truth is 0, what plain float32 makes of it says what size rounding has.
        size = largest(right[name]) or max(1e-300, *(largest(each[name]) for each in (plain, *rough)))
        off, *others = (
            largest(each - right[name]) / size for each in (gradient, plain[name], *(r[name] for r in rough))
        )
        found.append((off, others[0], max(*others, left / size)))
    return found
