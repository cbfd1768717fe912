"""Create the computation of the requested steps of a problem."""

from __future__ import annotations

from collections.abc import Sequence

from attncli.attend.alone import Softmax, WeightedSum
from attncli.attend.arrays import missing_hint
from attncli.attend.operands import ScoreOperands
from attncli.attend.steps import STEPS, names
from attncli.errors import InputError
from attncli.problem.alone import SoftmaxComputation, SumComputation
from attncli.problem.attention import AttentionComputation, ScoreComputation
from attncli.problem.problem import Problem


def attention_of(problem: Problem, steps: Sequence[str] = STEPS) -> AttentionComputation:
    """Return the computation of these steps, which include the sum or what comes after it.

    Raises:
        InputError: an array is missing or does not fit, or the steps do nothing in this problem.
    """
    operands = problem.operands()
    _check_labels(problem, operands)
    return AttentionComputation(problem, _names(operands, steps), False, operands, max(steps, key=STEPS.index))


def scores_of(problem: Problem, steps: Sequence[str], *, carries: bool = False) -> ScoreComputation:
    """Return the computation of these steps, which do not need a value.

    Raises:
        InputError: as `attention_of`.
    """
    operands = problem.score_operands()
    _check_labels(problem, operands)
    return ScoreComputation(problem, _names(operands, steps), carries, operands, max(steps, key=STEPS.index))


def computation_of(problem: Problem, steps: Sequence[str]) -> ScoreComputation:
    """Return the computation of any steps.

    Raises:
        InputError: as `attention_of`.
    """
    return attention_of(problem, steps) if needs_value(steps) else scores_of(problem, steps)


def needs_value(steps: Sequence[str]) -> bool:
    """Tell whether a step is among these that needs a value: the sum, or one after it."""
    return any(STEPS.index(step) >= STEPS.index("sum") for step in steps)


def _names(operands: ScoreOperands, steps: Sequence[str]) -> list[str]:
    found = names(operands, steps)
    if not found:
        few = ", ".join(f"--step {step}" for step in STEPS if names(operands, [step]))
        raise InputError(f"--step {steps[0]} does nothing in this problem", hint=f"there are {few}")
    return found


def softmax_of(problem: Problem) -> SoftmaxComputation:
    """Return the computation of softmax alone, on logits (or on scores, if there are no logits).

    Raises:
        InputError: neither is given, or they do not fit.
    """
    name = "logits" if "logits" in problem.arrays else "scores"
    _require(problem, name, "attn score FILE | attn softmax")
    with problem.naming_files():
        calculation = Softmax.of(problem.arrays, problem.options)
    problem.check_labels(calculation.shape[0], calculation.shape[2], calculation.keys)
    return SoftmaxComputation(problem, ["weights", "lse"], True, calculation)


def sum_of(problem: Problem) -> SumComputation:
    """Return the computation of the weighted sum alone, on weights and value.

    Raises:
        InputError: one is missing, or they do not fit.
    """
    _require(problem, "weights", "attn score FILE | attn softmax | attn sum")
    if not {"value", "hidden"} & problem.arrays.keys():
        raise InputError("value is missing", hint=missing_hint("value"), place=problem.place)
    with problem.naming_files():
        problem.require_room()
        calculation = WeightedSum.of(problem.arrays, problem.options)
    problem.check_labels(calculation.shape[0], calculation.shape[2], calculation.keys)
    return SumComputation(problem, calculation.names, True, calculation)


def _require(problem: Problem, name: str, pipe: str) -> None:
    if name not in problem.arrays:
        raise InputError(f"{name} are missing", hint=f"give a matrix of them, or a pipe: {pipe}", place=problem.place)


def _check_labels(problem: Problem, operands: ScoreOperands) -> None:
    problem.check_labels(operands.sizes.batch, operands.sizes.queries, operands.sizes.keys)
