"""Which numbers: the scale, softcap."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.known_scales import constant_of, scales_of
from attncli.check.mistakes import numbers, pieces
from attncli.check.recipe import Recipe
from attncli.check.solving import solutions
from attncli.probe.question import Answer, Phrase, Question, among
from attncli.text import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Digits of a number that is not known by name.
DIGITS = 5
# Weights below this are lost in the rounding of the others.
LEAST = 1e-5


def _said(value: float, o: Operands) -> Phrase:
    """Call a scale by what it is."""
    if value == 1:
        return Phrase("one")
    known = constant_of(value, scales_of(o))
    if known is None or " " in known.name:  # words, not a formula
        return Phrase("number", {"value": plain(value, DIGITS)})
    return Phrase("known", {"formula": known.name, "value": plain(value, DIGITS)})


def _scale(value: float, o: Operands) -> Answer:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(factor=value)

    return Answer("scale", _said(value, o), apply, pieces.SCALE.order, fits_all=True)


def _scales(o: Operands) -> Iterator[Answer]:
    yield from (_scale(value, o) for value in scales_of(o) if not math.isclose(value, o.factor, rel_tol=1e-9))


def _fitted(recipe: Recipe, observed: NDArray[Any]) -> Answer | None:
    """Read the scale off the weights, where the values let them be recovered.

    output = weights · value gives the weights where the values are independent; among the open keys of a row their
    logarithms are the scores times the scale, but for a constant.
    """
    o = recipe.operands
    if o.sizes.keys > o.sizes.value_features or not np.isfinite(observed).all():
        return None
    ratio = spread = 0.0
    for batch, head in np.ndindex(o.sizes.batch, o.sizes.heads):
        one = o.select(batch=batch, head=head)
        values = np.asarray(one.value, dtype=np.float64)[0, 0]
        weights = solutions(values.T, np.asarray(observed[batch, head], dtype=np.float64))
        if weights is None:
            return None
        for scores, row in zip(recipe.products(one)[0, 0], weights, strict=True):
            seen = row > LEAST
            if seen.sum() > 1:
                products, logits = (each - each.mean() for each in (scores[seen], np.log(row[seen])))
                ratio, spread = ratio + float(products @ logits), spread + float(products @ products)
    return _scale(float(f"{ratio / spread:.4g}"), o) if ratio and spread else None


SCALE = Question("scale", lambda o: _said(o.factor, o), _scales, _fitted)

SOFTCAP = Question(
    "softcap",
    lambda o: Phrase("before", {"cap": plain(o.options.softcap or 0.0, DIGITS)}),
    among(
        "softcap",
        numbers.softcap,
        {
            (pieces.CAP.name, "missing"): "missing",
            (pieces.CAP.name, "after the mask"): "after",
            (pieces.CAP.name, "before the scale"): "before-scale",
            (pieces.CAP.name, "without multiplying by X again"): "tanh",
        },
    ),
)
