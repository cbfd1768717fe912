"""Find the run of keys that an observed row is made of: where a causal rule or a window ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attncli.attend.views import one_of
from attncli.check.mistakes.masks import with_rule_options
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.sample import Group, Sample

# Rows of which the borders are tried.
ROWS = 4


def reach(recipe: Recipe, sample: Sample) -> list[float]:
    """Return where the causal rule would begin if each observed row were made of the keys before some key."""
    return _ends(recipe, sample, lambda made, group, row: made - group.rows[row])


def behind(recipe: Recipe, sample: Sample) -> list[float]:
    """Return how far back a window would reach if each observed row were made of the keys from some key on."""
    positions = recipe.operands.positions

    def reach(kept_keys: int, group: Group, row: int) -> float:
        position = one_of(positions, group.batch)[group.rows[row]]
        return int(position) - (recipe.operands.sizes.keys - 1 - kept_keys)

    return [each for each in _ends(recipe, sample, reach, backwards=True) if each >= 0]


def _ends(
    recipe: Recipe, sample: Sample, number: Callable[[int, Group, int], float], *, backwards: bool = False
) -> list[float]:
    """Find the run of keys that makes what was observed in the last rows of the worst head; return what it says.

    All runs of a row are tried at once: their sums are the running sums of exponentials and of values.
    """
    o = recipe.operands
    if recipe.until != OUTPUT:
        return _seen(recipe, sample.groups[0], number, backwards=backwards)
    if recipe.back or o.has_after or o.sinks is not None or not recipe.has_right("close", "softmax", "masked", "empty"):
        return []
    open_ = with_rule_options(recipe, window=None) if backwards else with_rule_options(recipe, causal=False)
    group = sample.groups[0]
    found: list[float] = []
    for row in sorted({len(group.rows) - 1, len(group.rows) // 2, max(0, len(group.rows) - 2)}, reverse=True):
        logits, value = open_.logits_and_values(group.batch, group.head, group.rows[row : row + 1])
        if backwards:
            logits, value = logits[::-1], value[::-1]
        powers = np.exp(logits - logits.max())[:, None]
        made = np.cumsum(powers * value, axis=0) / np.cumsum(powers, axis=0) * recipe.factor
        apart = np.abs(made - group.observed[row]).max(axis=1)
        if np.isfinite(apart).any():
            found.append(number(int(np.nanargmin(apart)), group, row))
    return list(dict.fromkeys(found))


def _seen(recipe: Recipe, group: Group, number: Callable[[int, Group, int], float], *, backwards: bool) -> list[float]:
    """Return what the open keys of logits or weights say, where the run of keys is there to be seen."""
    closed = {"logits": -np.inf, "weights": 0.0}.get(recipe.until)
    if closed is None:
        return []
    found = []
    for row, observed in enumerate(group.observed):
        opened = np.flatnonzero(observed > closed)
        if len(opened):
            last = len(observed) - 1
            found.append(number(int(last - opened[0] if backwards else opened[-1]), group, row))
    return list(dict.fromkeys(found))[:ROWS]
