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
from attncli.check.mistakes.general import FUNCTION
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe, softmax
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Function: TypeAlias = Callable[[Array, Operands], Array]

MOST_KEPT = (1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 40, 50, 64, 100, 128, 256)


def _exponentials(logits: Array, o: Operands) -> Array:
    return np.exp(logits)


def _less_maximum(logits: Array, o: Operands) -> Array:
    top = logits.max(axis=-1, keepdims=True)
    return np.exp(logits - np.where(np.isfinite(top), top, 0))


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
    return np.divide(made, total, out=np.zeros_like(made), where=total != 0)


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
    z = np.where(np.isfinite(logits), logits - np.where(np.isfinite(top), top, 0), -1e30)
    ordered = -np.sort(-z, axis=-1)
    sums = np.cumsum(ordered, axis=-1) - 1
    count = np.arange(1, z.shape[-1] + 1)
    support = (ordered * count > sums).sum(axis=-1, keepdims=True)
    threshold = np.take_along_axis(sums, support - 1, axis=-1) / support
    return np.where(logits > -np.inf, np.maximum(z - threshold, 0), 0)


def _square_root(logits: Array, o: Operands) -> Array:
    made = _less_maximum(logits, o)
    total = np.sqrt((made**2).sum(axis=-1, keepdims=True))
    return np.divide(made, total, out=np.zeros_like(made), where=total != 0)


def _kept(logits: Array, o: Operands, *, count: int, renormalised: bool) -> Array:
    """Keep the largest logits of each row alone."""
    least = np.partition(logits, -count, axis=-1)[..., -count, None]
    small = logits < least
    return softmax(np.where(small, -np.inf, logits), o) if renormalised else np.where(small, 0, softmax(logits, o))


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
}


def functions(o: Operands) -> Iterator[Variant]:
    """Another function stands in place of softmax, or keeps a few keys alone."""
    for form, function in FUNCTIONS.items():
        if form != WITH_CLOSED or openings(o):
            yield _variant(form, word("function", form), function)
    for count in MOST_KEPT:
        if count < o.sizes.keys:
            said = sentence("kept_one") if count == 1 else sentence("kept_several", count=count)
            yield _variant(f"{count} kept", said, partial(_kept, count=count, renormalised=True))
            said = sentence("kept_as_they_are", what=said)
            form = f"{count} kept, and not normalised again"
            yield _variant(form, said, partial(_kept, count=count, renormalised=False))


def _variant(form: str, said: Sentence, function: Function) -> Variant:
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
