"""cache: keys and values as a cache of fewer bits gives them back.

    x → round(x / scale) · scale,  scale = max |x| / largest code

It comes after norm and rotation, where models put keys into their cache, and past ones are rounded with the new. Types,
scales and their sources are in `attncli.attend.cache`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from attncli.attend.cache.option import Kept, kept_as
from attncli.attend.cache.rounding import Held
from attncli.attend.stages import rotate
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands, ScoreOperands

Prepared = TypeVar("Prepared", bound="ScoreOperands")


def with_held(o: Prepared, kept: dict[str, Kept] | None = None) -> Prepared:
    """Return operands that know how their keys and values are held, of which all parts have the same scales.

    Args:
        o: with query, key and value made.
        kept: how they are held; None: as the option says.
    """
    if kept is None:
        kept = {} if o.options.cache is None else kept_as(o.options.cache)
    if not kept:
        return o
    whole = dict(o.states)
    if "key" in kept:  # of one query: keys are turned and normalised whatever the queries are
        whole["key"] = rotate.to_meet(o.select(rows=np.arange(1)))[1]
    found = {name: Held.of(how, whole[name], o.dtype, o.key_lengths) for name, how in kept.items() if name in whole}
    return replace(o, held=found)


def to_meet(o: ScoreOperands) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return query and key as they are scored: normalised, rotated, and the key as the cache gives it back."""
    query, key = rotate.to_meet(o)
    return query, held(o, "key", key)


def held(o: ScoreOperands, name: str, states: NDArray[Any]) -> NDArray[Any]:
    """Return keys that are ready to be scored, or values, as the cache gives them back."""
    return states if name not in o.held else o.held[name].rounded(states, o.dtype)


def baked(o: Operands, *, in_float32: bool = False) -> Operands:
    """Return operands whose query, key and value are as they meet, with nothing left to be done to them.

    Args:
        o: with query, key and value made.
        in_float32: whether numbers that float32 might round to other codes are rounded to those.
    """
    if in_float32:
        o = replace(o, held={name: each.loosened() for name, each in o.held.items()})
    query, key = to_meet(o)
    options = replace(o.options, cache=None, rope=None, qk_norm=None)
    value = held(o, "value", ready(o.value, o.dtype))
    layer = replace(o.layer, norms={})
    return replace(o, query=query, key=key, value=value, options=options, layer=layer, held={})


def results(o: ScoreOperands) -> list[str]:
    """Return the names of what is made of these operands."""
    return [] if o.options.cache is None else [f"cached_{name}" for name in kept_as(o.options.cache) if name in o.NAMES]


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the cached key and value (batch, key heads, S, …), and the key as it is scored."""
    states = {**o.states, "key": made["met_key"]}
    found = {f"cached_{name}": held(o, name, states[name]) for name in o.held if name in states}
    return found | ({"met_key": found["cached_key"]} if "cached_key" in found else {})


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return nothing: a rounded number does not move with what it is rounded from, but where it jumps.

    Gradients of a problem with a cache are refused, see `attncli.attend.backpropagation.require_differentiable`.
    """
    return {}


STAGE = Stage(
    "cache",
    "cache",
    "x → round(x / scale) · scale",
    ("cached_key", "cached_value"),
    forward,
    backward,
    results,
)
