"""Something added to the output: the input of the layer, the query, or the value of a query's own position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.around import packed
from attncli.check.mistakes.general import PROJECTION_BIAS, RESIDUAL
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def residual(o: Operands) -> Iterator[Generator]:
    """States that go in are added to what comes out."""
    yield Generator(pieces.OUTPUT, _found, in_layers=True)


def _found(observed: Observed) -> Iterator[Variant]:
    o, given = observed.right.operands, observed.given
    shape = o.sizes.output_shape
    for name, array in _states(o, given):
        laid = _laid(array, shape)
        if laid is not None:
            yield _added(RESIDUAL, name, laid, word("residual", name), sentence("fix_residual"))
    out, value = o.layer.out, None if given is None else given.layer.projections.get("value")
    if out is not None and value is not None and value.bias is not None:
        heads = (
            np.asarray(value.bias, dtype=np.float64)
            .reshape(o.value.shape[1], -1)
            .repeat(o.sizes.heads // o.value.shape[1], axis=0)
        )
        if heads.size == shape[-1] and given is not None and out.weight is not None:
            less = heads.ravel() - heads.ravel() @ np.asarray(out.weight, dtype=np.float64)
            laid, fix = np.broadcast_to(less, shape), sentence("fix_add_to_value")
            yield _added(PROJECTION_BIAS, "b_v behind w_o", laid, sentence("bias_behind_output"), fix)


def _states(o: Operands, given: Operands | None) -> Iterator[tuple[str, Array]]:
    """Return what may have been added, by a name."""
    if given is not None and given.early is not None:
        yield "hidden", given.query
    yield "query", o.query
    if o.sizes.queries == o.sizes.keys:
        yield "value", o.value.repeat(o.sizes.heads // o.value.shape[1], axis=1)


def _laid(array: Array, shape: tuple[int, ...]) -> Array | None:
    """Return states in the shape of the output; None: they do not fit."""
    array = np.broadcast_to(np.asarray(array, dtype=np.float64), (shape[0], *array.shape[1:]))
    if array.shape == shape:
        return array
    flat = packed(array)
    return flat if flat.shape == shape else None


def _added(mistake: Mistake, form: str, array: Array, said: Sentence, fix: Sentence) -> Variant:
    return Variant((mistake,), pieces.OUTPUT, form, partial(_with, array=array), said, fix, {"added": form})


def _with(recipe: Recipe, *, array: Array) -> Recipe | None:
    return replace(recipe, beside=array) if recipe.operands.sizes.output_shape == array.shape else None
