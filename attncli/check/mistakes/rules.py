"""Documents, chunks, blocks and named keys that were not heeded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from attncli.attend.arrays import ARRAYS
from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.registry import DOCUMENTS_MIXED, MASK_DROPPED
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

DOCUMENTS = ("segments", "query_segments", "cu_seqlens")


def ignored(o: Operands) -> Iterator[Variant]:
    """One of the rules by ids is not heeded."""
    for names, mistakes in (
        (DOCUMENTS, (DOCUMENTS_MIXED, MASK_DROPPED)),
        (("blocks",), (MASK_DROPPED,)),
        (("indices",), (MASK_DROPPED,)),
    ):
        if names[0] in o.inputs and (names != ("blocks",) or o.options.causal):
            apply, form = partial(_without, names=names), f"{names[0]} dropped"
            what, fix = sentence(f"ignored_{names[0]}"), sentence(f"fix_ignored_{names[0]}")
            yield Variant(mistakes, pieces.MASK, form, apply, what, fix)


def _without(recipe: Recipe, *, names: tuple[str, ...]) -> Recipe:
    rest = {name: array for name, array in recipe.operands.inputs.items() if name not in names}
    return recipe.with_operands(inputs=rest)


def without_rules(o: Operands) -> dict[str, NDArray[Any]]:
    """Return the inputs that close nothing."""
    return {name: array for name, array in o.inputs.items() if ARRAYS[name].stage != "mask"}
