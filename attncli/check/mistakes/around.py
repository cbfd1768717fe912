"""What families of mistakes around the attention share: recipes with other stages before it, or behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early
from attncli.attend.operands import Operands
from attncli.attend.stages.gate import gated
from attncli.attend.stages.out import of_gated
from attncli.check.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# Operands of some rows, their weighted sums (1, heads, rows, Ev) → the same gated; and gated → output.
After = Callable[[Operands, "NDArray[Any]"], "NDArray[Any]"]


def earlier(recipe: Recipe, given: Operands, changed: Operands) -> Recipe | None:
    """Return the recipe of a problem in which something before query, key and value is changed.

    Args:
        recipe: that of the problem as it should be.
        given: the problem, of which nothing is projected or normalised yet.
        changed: the same with the change.
    """
    if recipe.operands.sizes != given.sizes:  # a part of the problem, in which other heads stand
        return None
    made = early.core(changed) if early.is_needed(changed) else changed
    states = {name: np.asarray(getattr(made, name), dtype=np.float64) for name in Operands.NAMES}
    options = replace(recipe.operands.options, qk_norm=changed.options.qk_norm, norm_eps=changed.options.norm_eps)
    layer = replace(recipe.operands.layer, norms=changed.layer.norms)
    return recipe.with_operands(**states, gate=made.gate, options=options, layer=layer)


def with_after(recipe: Recipe, *, gate: After = gated, out: After = of_gated) -> Recipe:
    """Return the recipe in which something else comes after the weighted sums."""
    return replace(recipe, after=lambda some, sums: out(some, gate(some, sums)))


def packed(sums: Array) -> Array:
    """Return (batch, heads, L, Ev) as (batch, 1, L, heads · Ev)."""
    batch, heads, length, features = sums.shape
    return sums.swapaxes(1, 2).reshape(batch, 1, length, heads * features)
