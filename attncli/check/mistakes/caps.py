"""Wrong softcaps: other functions in the place of X·tanh(score/X)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.registry import SOFTCAP
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# What stands in the place of X·tanh(s/X), X being the limit, by its form.
FUNCTIONS: dict[str, Callable[[Any, float], Any]] = {
    "clamp": lambda s, x: np.clip(s, -x, x),
    "not divided": lambda s, x: x * np.tanh(s),
    "twice": lambda s, x: x * np.tanh(np.tanh(s / x)),
    "half": lambda s, x: x * np.tanh(s / (2 * x)),
    "soft sign": lambda s, x: s / (1 + np.abs(s) / x),
    "arc tangent": lambda s, x: x * np.arctan(s / x),
    "above only": np.minimum,
}


def caps(o: Operands) -> Iterator[Variant]:
    """Another function stands in the place of softcap."""
    limit = o.options.softcap
    if limit is None:
        return
    numbers = {"limit": f"{limit:g}", "double": f"{2 * limit:g}"}
    fix = sentence("fix_softcap", cap=f"{limit:g}")
    for form, function in FUNCTIONS.items():
        said = sentence(f"cap_{form.replace(' ', '_')}", **numbers)
        apply = partial(_with, function=partial(_capped, function=function, limit=limit))
        yield Variant((SOFTCAP,), pieces.CAP, form, apply, said, fix, {"place": form})


def _with(recipe: Recipe, *, function: Callable[[Array, Operands], Array]) -> Recipe:
    return replace(recipe, cap=function)


def _capped(scores: Array, o: Operands, *, function: Callable[[Array, float], Array], limit: float) -> Array:
    return function(scores, limit)
