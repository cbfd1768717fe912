"""What people give a row in which all keys are closed, instead of 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.recipe import Recipe, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Empty: TypeAlias = Callable[[Recipe, NDArray[Any], NDArray[Any], Operands], NDArray[Any]]


def nan_when_empty(recipe: Recipe, weights: NDArray[Any], logits: NDArray[Any], o: Operands) -> NDArray[Any]:
    """Give such rows NaN: softmax of −∞ alone."""
    return _instead(weights, logits, np.nan)


def mean_when_empty(recipe: Recipe, weights: NDArray[Any], logits: NDArray[Any], o: Operands) -> NDArray[Any]:
    """Give such rows the same weight everywhere: softmax of one large finite number."""
    return _instead(weights, logits, 1 / logits.shape[-1])


def all_when_empty(recipe: Recipe, weights: NDArray[Any], logits: NDArray[Any], o: Operands) -> NDArray[Any]:
    """Give such rows the softmax over all keys: closing added the same number to all of their logits."""
    return _instead(weights, logits, softmax(recipe.logits(recipe, recipe.products(o), o, {}), o))


def _instead(weights: NDArray[Any], logits: NDArray[Any], instead: Any) -> NDArray[Any]:
    empty = (logits == -np.inf).all(axis=-1, keepdims=True)
    return np.where(empty, instead, weights)
