"""The same vector added to every row of the output: a bias that is lost, or added where it should not be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import PROJECTION_BIAS
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.observations import ranges
from attncli.check.recipe import Recipe
from attncli.sentences import sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many rows have to say the same, in which the vector must be so many times what is left.
ROWS, BETTER = 6, 8.0


def constants(o: Operands) -> Iterator[Generator]:
    """Every row of a head, or of the output of all heads, has one vector more.

    Where nothing comes after the attention, the same is said of the values (`values.changed`).
    """
    if o.has_after and o.sizes.queries * o.sizes.batch >= ROWS:
        yield Generator(pieces.OUTPUT, _found, in_layers=True)


def _found(observed: Observed) -> Iterator[Variant]:
    apart = observed.expected.astype(np.float64) - observed.output  # (batch, heads, L, Ev)
    if not np.isfinite(apart).all():
        return
    vectors = apart.mean(axis=(0, 2), keepdims=True)
    left = np.abs(apart - vectors).max(axis=(0, 2, 3))
    heads = np.abs(vectors).max(axis=(0, 2, 3)) > BETTER * left
    wrong = observed.wrong.any(axis=(0, 2))
    if not heads.any() or (wrong & ~heads).any():
        return
    vectors = np.where(heads[:, None, None], vectors, 0.0)
    largest = float(np.abs(vectors).max())
    which = ranges(np.flatnonzero(heads))
    said = sentence("same_vector_in_heads", largest=f"{largest:.4g}", heads=which)
    if heads.all():
        said = sentence("same_vector", largest=f"{largest:.4g}")
    yield Variant(
        (PROJECTION_BIAS,),
        pieces.OUTPUT,
        "the same vector added" if heads.all() else f"the same vector added in heads {which}",
        partial(_with, vectors=vectors),
        said,
        sentence("fix_same_vector"),
        {"largest": largest, "heads": np.flatnonzero(heads).tolist()},
    )


def _with(recipe: Recipe, *, vectors: NDArray[Any]) -> Recipe | None:
    shape = recipe.operands.sizes.output_shape
    return replace(recipe, beside=np.broadcast_to(vectors, shape)) if shape[1] == vectors.shape[1] else None
