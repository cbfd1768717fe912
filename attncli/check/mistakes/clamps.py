"""Logits that were held within bounds before softmax: above, below, on both sides, or so far below the largest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import FUNCTION
from attncli.check.mistakes.near import FAR, Row, rows
from attncli.check.mistakes.variant import Generator, Observed, Unknown, Variant
from attncli.check.recipe import Recipe, softmax
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Clamp: TypeAlias = Callable[[Array, float], Array]

# How many bounds are tried, and rows that they are tried on.
STEPS, ROWS = 40, 4


def _less_the_largest(logits: Array, bound: float) -> Array:
    return np.maximum(logits, logits.max(axis=-1, keepdims=True) - bound)


CLAMPS: dict[str, Clamp] = {
    "above": np.minimum,
    "below": np.maximum,
    "both sides": lambda logits, bound: np.clip(logits, -abs(bound), abs(bound)),
    "below the largest": _less_the_largest,
}


def clamps(o: Operands) -> Iterator[Generator]:
    """Logits were held within bounds."""
    if not o.has_after:
        yield from (Generator(pieces.SOFTMAX_ROW, partial(_found, form=form)) for form in CLAMPS)


def _found(observed: Observed, *, form: str) -> Iterator[Unknown]:
    some = rows(observed, 1)[:ROWS]
    if not some:
        return
    logits = np.concatenate([row.logits[np.isfinite(row.logits)] for row in some])
    low, high = float(logits.min()), float(logits.max())
    bounds = np.linspace(0, high - low, STEPS + 2)[1:-1] + (0 if form == "below the largest" else low)
    apart = [max(_far(row, CLAMPS[form], float(bound)) for row in some) for bound in bounds]
    best = int(np.argmin(apart))
    if apart[best] <= FAR and bounds[best] != 0:
        near = [float(bounds[best]), float(bounds[best - 1] if best else bounds[1])]
        yield Unknown(pieces.SOFTMAX_ROW, near, partial(_variant, form=form))


def _far(row: Row, clamp: Clamp, bound: float) -> float:
    return row.far(row.softmax(_clamped(row.logits, clamp, bound)))


def _clamped(logits: Array, clamp: Clamp, bound: float) -> Array:
    return np.where(np.isfinite(logits), clamp(logits, bound), logits)


def _variant(bound: float, *, form: str) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return replace(recipe, softmax=clamped)

    def clamped(logits: Array, o: Operands) -> Array:
        return softmax(_clamped(logits, CLAMPS[form], bound), o)

    bound = abs(bound) if form == "both sides" else bound
    said = sentence("logits_clamped", where=word("clamp", form), bound=f"{bound:.6g}")
    detail = {"clamp": form, "bound": bound}
    return Variant((FUNCTION,), pieces.SOFTMAX_ROW, f"clamped {form}", apply, said, sentence("fix_clamp"), detail)
