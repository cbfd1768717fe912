"""Derivatives by differences: what gradients are held to where no other library is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import attncli
from attncli import attention

Array = np.ndarray[Any, Any]
# Errors of the formula fall as the fourth power of the step, those of rounding rise as it gets smaller: in float64 they
# meet where the step is about the fifth root of the rounding error, 7e-4.
STEP = 2.0**-10


def gradients(*states: Any, **given: Any) -> dict[str, Any]:
    """Return the gradients that attncli finds, of arrays and options of any type."""
    return dict(attncli.gradients(*states, **given))


def slope(function: Callable[[float], Any]) -> tuple[float, float]:
    """Return the derivative of a function at 0, and how far off it may be.

    By five points, (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h, with two steps: what differs between them, and the
    rounding of the numbers that are subtracted, say how far off.

    >>> found, off = slope(lambda t: np.exp(3 * t))
    >>> abs(found - 3) <= off < 1e-9
    True
    """
    at = {t: function(t * STEP) for t in (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)}

    def by(h: float) -> Any:
        return (8 * (at[h] - at[-h]) - (at[2 * h] - at[-2 * h])) / (12 * h * STEP)

    halves, whole = by(0.5), by(1.0)
    rounding = 4 * np.finfo(float).eps * max(map(abs, at.values())) / STEP
    return float(halves), float(abs(halves - whole) + rounding)


def loss_of(given: Mapping[str, Any], loss: Array) -> Any:
    """Return Σ output · loss, which is summed in long double."""
    return (attention(**given).astype(np.longdouble) * loss).sum()


def directions(arrays: Mapping[str, Array], seed: int = 0) -> dict[str, Array]:
    """Return a direction for each array; −∞, which closes keys, stays."""
    found = {}
    for at, (name, array) in enumerate(arrays.items()):
        found[name] = np.where(np.isneginf(array), 0, np.random.default_rng([seed, at]).standard_normal(array.shape))
    return found


def compared(
    given: Mapping[str, Any], gradients: Mapping[str, Array], loss: Array, names: list[str], seed: int = 0
) -> tuple[float, float, float, float]:
    """Return how fast the loss changes as some arrays move together in a random direction.

    Args:
        given: arrays and options as Python takes them.
        gradients: by the name of the array.
        loss: the gradient of the output.
        names: the arrays that move.
        seed: of the direction.

    Returns:
        What the gradients say; what the difference says, and how far off that may be; and the sum of all absolute
        products of a gradient and a direction.
    """
    along = directions({name: np.asarray(given[name]) for name in names}, seed)
    found, off = slope(lambda t: loss_of({**given, **{n: given[n] + t * v for n, v in along.items()}}, loss))
    parts = [(np.asarray(gradients[name], float) * v).ravel() for name, v in along.items()]
    return float(sum(part.sum() for part in parts)), found, off, float(sum(np.abs(part).sum() for part in parts))


def hold(given: Mapping[str, Any], gradients: Mapping[str, Array], loss: Array, names: list[str]) -> None:
    """Assert that gradients say how the loss changes as some arrays move together in a random direction."""
    said, found, off, size = compared(given, gradients, loss, names)
    assert off <= 1e-6 * size or size < 1e-9, "the difference does not tell"
    assert abs(said - found) <= 4 * off + 1e-12 * size, f"{names}: {said} and not {found}, within {off}"
