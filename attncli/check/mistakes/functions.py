"""Other functions in place of softmax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import pieces
from attncli.check.mistakes.arithmetic import exponentials, finite, over
from attncli.check.mistakes.general import FUNCTION
from attncli.check.mistakes.near import functions_near
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe, softmax
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Function: TypeAlias = Callable[[Array, Operands], Array]


def _exponentials(logits: Array, o: Operands) -> Array:
    return np.exp(logits)


def _less_maximum(logits: Array, o: Operands) -> Array:
    return exponentials(logits)


def _twice(logits: Array, o: Operands) -> Array:
    closed = logits == -np.inf
    return softmax(np.where(closed, -np.inf, softmax(logits, o)), o)


def _twice_open(logits: Array, o: Operands) -> Array:
    return softmax(softmax(logits, o), o)


def _sigmoid(logits: Array, o: Operands) -> Array:
    return 1 / (1 + np.exp(-logits))


def _normalised(function: Callable[[Array], Array], logits: Array, o: Operands) -> Array:
    made = np.where(logits == -np.inf, 0, function(logits))
    total = made.sum(axis=-1, keepdims=True)
    return over(made, total)


def _relu(logits: Array, o: Operands) -> Array:
    return np.where(logits > 0, logits, 0)


def _relu_mean(logits: Array, o: Operands) -> Array:
    count = (logits > -np.inf).sum(axis=-1, keepdims=True)
    return np.where(logits > 0, logits, 0) / np.maximum(count, 1)


def _squared_relu(logits: Array) -> Array:
    return np.where(logits > 0, logits, 0) ** 2


def _log(logits: Array, o: Operands) -> Array:
    with np.errstate(divide="ignore"):
        made = np.log(softmax(logits, o))
    return np.where(np.isfinite(made), made, 0)


def _in_base_2(logits: Array, o: Operands) -> Array:
    return softmax(logits * np.log(2), o)


def _mean(logits: Array, o: Operands) -> Array:
    return _normalised(np.ones_like, logits, o)


def _sparsemax(logits: Array, o: Operands) -> Array:
    """Project logits on the simplex (Martins & Astudillo, "From softmax to sparsemax", 2016, algorithm 1)."""
    top = logits.max(axis=-1, keepdims=True)
    z = np.where(np.isfinite(logits), logits - finite(top), -1e30)
    ordered = -np.sort(-z, axis=-1)
    sums = np.cumsum(ordered, axis=-1) - 1
    count = np.arange(1, z.shape[-1] + 1)
    support = (ordered * count > sums).sum(axis=-1, keepdims=True)
    threshold = np.take_along_axis(sums, support - 1, axis=-1) / support
    return np.where(logits > -np.inf, np.maximum(z - threshold, 0), 0)


def _square_root(logits: Array, o: Operands) -> Array:
    made = _less_maximum(logits, o)
    total = np.sqrt((made**2).sum(axis=-1, keepdims=True))
    return over(made, total)


def _entmax(logits: Array, o: Operands) -> Array:
    """Project with α = 1.5 (Peters et al., "Sparse sequence-to-sequence models", 2019), the threshold by bisection."""
    top = logits.max(axis=-1, keepdims=True)
    z = np.where(np.isfinite(logits), (logits - finite(top)) / 2, -np.inf)
    low, high = np.full_like(top, -1.0), np.zeros_like(top)
    for _ in range(40):
        middle = (low + high) / 2
        more = (np.maximum(z - middle, 0) ** 2).sum(axis=-1, keepdims=True) >= 1
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.maximum(z - low, 0) ** 2


def _per_key(function: Callable[[Array], Array], logits: Array, o: Operands) -> Array:
    """Divide by the number of open keys."""
    is_open = logits > -np.inf
    return np.where(is_open, function(logits), 0) / np.maximum(is_open.sum(axis=-1, keepdims=True), 1)


def _per_slot(function: Callable[[Array], Array], logits: Array, o: Operands) -> Array:
    """Divide by the number of all keys."""
    return np.where(logits > -np.inf, function(logits), 0) / logits.shape[-1]


def _plain(function: Callable[[Array], Array], logits: Array, o: Operands) -> Array:
    return np.where(logits > -np.inf, function(logits), 0)


def _sigmoid_of_length(logits: Array, o: Operands) -> Array:
    """σ(logit − ln n), n being the number of keys (Ramapuram et al., "Theory of sigmoid self-attention", 2024)."""
    return 1 / (1 + np.exp(np.log(logits.shape[-1]) - logits))


def _one_more(logits: Array, o: Operands) -> Array:
    made = _less_maximum(logits, o)
    return np.asarray(made / (1 + made.sum(axis=-1, keepdims=True)))


def _up_to_each(logits: Array, o: Operands) -> Array:
    made = _less_maximum(logits, o)
    total = np.cumsum(made, axis=-1)
    return over(made, total)


def _by_length(logits: Array, o: Operands) -> Array:
    made = np.where(logits > -np.inf, logits, 0)
    total = np.sqrt((made**2).sum(axis=-1, keepdims=True))
    return over(made, total)


def _by_size(logits: Array, o: Operands) -> Array:
    made = np.where(logits > -np.inf, logits, 0)
    total = np.abs(made).sum(axis=-1, keepdims=True)
    return over(made, total)


def _changed(function: Callable[[Array, Array], Array], logits: Array, o: Operands) -> Array:
    """Change the right weights, given how many keys are open."""
    is_open = logits > -np.inf
    return np.where(is_open, function(softmax(logits, o), is_open.sum(axis=-1, keepdims=True)), 0)


def _times(number: Callable[[Array, Array], Array], power: float, logits: Array, o: Operands) -> Array:
    """Multiply the right weights of each row by a power of one number of the row."""
    right = softmax(logits, o)
    return np.asarray(right * np.where(np.isfinite(logits).any(-1, keepdims=True), number(logits, right), 1) ** power)


def _sum(logits: Array, right: Array) -> Array:
    return np.asarray(np.exp(logits - logits.max(axis=-1, keepdims=True)).sum(axis=-1, keepdims=True))


def _lse(logits: Array, right: Array) -> Array:
    return logits.max(axis=-1, keepdims=True) + np.log(_sum(logits, right))


# Numbers of a row that its weights may be multiplied or divided by, to which power; what comes to another is left out.
ROW_NUMBERS: dict[str, tuple[Callable[[Array, Array], Array], tuple[float, ...]]] = {
    "sum": (_sum, (-1.0,)),
    "sum of exponentials": (lambda logits, right: np.exp(_lse(logits, right)), (-1.0,)),
    "lse": (_lse, (1.0, -1.0)),
    "maximum": (lambda logits, right: logits.max(axis=-1, keepdims=True), (1.0, -1.0)),
    "exponential of the maximum": (lambda logits, right: np.exp(logits.max(axis=-1, keepdims=True)), (-1.0,)),
    "number of keys": (lambda logits, right: (logits > -np.inf).sum(axis=-1, keepdims=True), (1.0, -1.0, 0.5, -0.5)),
    "largest weight": (lambda logits, right: right.max(axis=-1, keepdims=True), (1.0,)),
    "length of the weights": (lambda logits, right: np.sqrt((right**2).sum(axis=-1, keepdims=True)), (1.0, -1.0)),
}
POWERS = {1.0: "multiplied", -1.0: "divided", 0.5: "multiplied by the root", -0.5: "divided by the root"}

# What comes to the same as another where nothing is closed.
WITH_CLOSED = "twice with closed keys"
# By what identifies each, which names the sentence on it too.
FUNCTIONS: dict[str, Function] = {
    "exponentials": _exponentials,
    "exponentials less the maximum": _less_maximum,
    "twice": _twice,
    WITH_CLOSED: _twice_open,
    "sigmoid": _sigmoid,
    "sigmoid normalised": partial(_normalised, lambda x: 1 / (1 + np.exp(-x))),
    "relu": _relu,
    "relu normalised": partial(_normalised, lambda x: np.where(x > 0, x, 0)),
    "relu mean": _relu_mean,
    "relu squared normalised": partial(_normalised, _squared_relu),
    "softplus normalised": partial(_normalised, lambda x: np.logaddexp(0, x)),
    "scores over their sum": partial(_normalised, lambda x: x),
    "elu": partial(_normalised, lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))),
    "log": _log,
    "base 2": _in_base_2,
    "mean": _mean,
    "sparsemax": _sparsemax,
    "square root": _square_root,
    "entmax": _entmax,
    "one more after the maximum": _one_more,
    "relu squared mean": partial(_per_key, _squared_relu),
    "relu squared over all keys": partial(_per_slot, _squared_relu),
    "relu over all keys": partial(_per_slot, lambda x: np.maximum(x, 0)),
    "relu squared": partial(_plain, _squared_relu),
    "sigmoid less ln n": _sigmoid_of_length,
    "sigmoid mean": partial(_per_key, lambda x: 1 / (1 + np.exp(-x))),
    "exponentials mean": partial(_per_key, np.exp),
    "scores mean": partial(_per_key, lambda x: x),
    "scores over all keys": partial(_per_slot, lambda x: x),
    "scores over their length": _by_length,
    "scores over their size": _by_size,
    "scores squared normalised": partial(_normalised, lambda x: x * x),
    "taylor": partial(_normalised, lambda x: 1 + x + x * x / 2),
    "silu": partial(_plain, lambda x: x / (1 + np.exp(-x))),
    "tanh": partial(_plain, np.tanh),
    "softplus": partial(_plain, lambda x: np.logaddexp(0, x)),
    "up to each key": _up_to_each,
    "weights squared": partial(_changed, lambda w, n: w * w),
    "root of weights": partial(_changed, lambda w, n: np.sqrt(w)),
    "one less weights": partial(_changed, lambda w, n: 1 - w),
    "weights less their mean": partial(_changed, lambda w, n: w - 1 / np.maximum(n, 1)),
}
# Beside which other mistakes would be named first, for they come near it in half precision.
EARLY = ("twice", WITH_CLOSED)


def early(o: Operands) -> Iterator[Variant]:
    """Those that a scale or a softcap comes near to."""
    for form in EARLY:
        if form != WITH_CLOSED or openings(o):
            yield replace(variant_of(form, word("function", form), FUNCTIONS[form]), alone=True)


def functions(o: Operands) -> Iterator[Variant | Generator]:
    """Another function stands in place of softmax, or a number of each row is multiplied with it."""
    if o.has_after:
        yield from _every(o)
    else:
        yield Generator(pieces.SOFTMAX_ROW, _near)


def _near(observed: Observed) -> Iterator[Variant]:
    yield from functions_near(observed, _every(observed.right.operands))


def _every(o: Operands) -> Iterator[Variant]:
    for form, function in FUNCTIONS.items():
        if form != WITH_CLOSED or openings(o):
            yield variant_of(form, word("function", form), function)
    for name, (number, powers) in ROW_NUMBERS.items():
        for power in powers:
            said = sentence("row_times", how=word("row", POWERS[power]), number=word("row_number", name))
            yield variant_of(f"{POWERS[power]}, {name}", said, partial(_times, number, power))


def variant_of(form: str, said: Sentence, function: Function) -> Variant:
    """Return the mistake of another function in place of softmax."""
    return Variant(
        (FUNCTION,),
        pieces.SOFTMAX_ROW,
        form,
        partial(_with, function=function),
        said,
        sentence("fix_function"),
        {"function": form},
    )


def _with(recipe: Recipe, *, function: Function) -> Recipe:
    def quietly(logits: Array, o: Operands) -> Array:
        with np.errstate(all="ignore"):
            return function(logits, o)

    return replace(recipe, softmax=quietly)
