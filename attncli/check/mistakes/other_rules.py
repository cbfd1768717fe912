"""Masks, biases and lengths that are those of another batch item or head, or that lie a key or a query off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import RULES_MIXED
from attncli.check.mistakes.masks import with_empty
from attncli.check.mistakes.orders import named
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

AXES = ("batch item", "head")


@dataclass(frozen=True)
class Other:
    """What an array was instead of itself.

    Attributes:
        name: in scripts.
        said: in words.
        array: what it was.
        detail: numbers, for scripts.
    """

    name: str
    said: Sentence
    array: Array
    detail: Mapping[str, object] = field(default_factory=dict)


def mixed(o: Operands) -> Iterator[Variant]:
    """A mask, a bias or the lengths were those of another item or head, or lie beside their place."""
    for name in ("mask", "bias", "key_lengths"):
        array = getattr(o, name)
        if array is None:
            continue
        for other in _others(name, array, o.sizes.keys):
            if not np.array_equal(other.array, array):
                yield from with_empty(_variant(name, other))


def _others(name: str, array: Array, keys: int) -> Iterator[Other]:
    yield from _of_others(name, array)
    yield from _lengths(array, keys) if name == "key_lengths" else _beside(name, array)


def _of_others(name: str, array: Array) -> Iterator[Other]:
    """Return what belongs to other batch items or heads."""
    for axis, noun in enumerate(AXES[: min(2, array.ndim)]):
        count = array.shape[axis]
        for order in _orders(count) if count > 1 else ():
            how, another = named(order, np.arange(count), count), word("another", noun)
            said = (
                sentence("lengths_of_another", another=another, how=how)
                if name == "key_lengths"
                else sentence("array_of_another", array=word("name", name), another=another, how=how)
            )
            yield Other(f"of another {noun}", said, np.take(array, order, axis=axis), {"order": order.tolist()})


def _lengths(array: Array, keys: int) -> Iterator[Other]:
    for length, other in {
        "one too long": np.clip(array + 1, 0, keys),
        "one too short": np.clip(array - 1, 0, keys),
        "largest": np.full_like(array, array.max()),
        "smallest": np.full_like(array, array.min()),
    }.items():
        yield Other(length, word("lengths", length), other)


def _beside(name: str, array: Array) -> Iterator[Other]:
    """Return what lies a key or a query off, or turned round."""
    said = partial(sentence, array=word("name", name))
    for axis, noun, many in ((3, "key", "keys"), (2, "query", "queries")):
        if array.shape[axis] > 1:
            one = word("row", noun)
            for step, where in ((1, "ahead"), (-1, "back")):
                yield Other(f"one {noun} {where}", said(f"array_{where}", one=one), _shifted(array, step, axis))
                rolled = np.roll(array, step, axis=axis)
                yield Other(f"rolled {where} by one {noun}", said(f"array_rolled_{where}", one=one), rolled)
            turned = said("array_reversed", axis=word("axis", many))
            yield Other(f"reversed along the {many}", turned, np.flip(array, axis))


def _orders(count: int) -> Iterator[NDArray[np.int64]]:
    places = np.arange(count)
    yield places[::-1]
    yield np.roll(places, 1)
    yield np.roll(places, -1)
    yield from (np.full(count, number) for number in range(min(count, 8)))


def _shifted(array: Array, step: int, axis: int) -> Array:
    """Move an array along an axis; what comes in is what stood at the edge."""
    at = np.clip(np.arange(array.shape[axis]) - step, 0, array.shape[axis] - 1)
    return np.take(array, at, axis=axis)


def _variant(name: str, other: Other) -> Variant:
    return Variant(
        (RULES_MIXED,),
        pieces.MASK,
        " ".join((name, other.name, *map(str, other.detail.values()))),
        partial(_with, name=name, changed=other.array),
        other.said,
        sentence("fix_own_rule"),
        {"array": name, "was": other.name, **other.detail},
    )


def _with(recipe: Recipe, *, name: str, changed: Array) -> Recipe:
    return recipe.with_operands(**{name: changed})
