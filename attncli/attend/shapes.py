"""How the shapes of query, key and value fit together, and which option would make them fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from attncli.attend.options import Options
from attncli.errors import InputError

Shape = tuple[int, ...]
Checked = TypeVar("Checked")


@dataclass(frozen=True)
class Sizes:
    """The sizes of one problem, all arrays seen as (batch, heads, length, features).

    Attributes:
        rank: how many axes the results have: a 1-D query gives 1-D scores, weights and output.
    """

    batch: int
    heads: int
    key_heads: int
    queries: int
    keys: int
    features: int
    value_features: int
    rank: int

    @property
    def group(self) -> int:
        """How many consecutive query heads one key head serves."""
        return self.heads // self.key_heads


def fit(shapes: Mapping[str, Shape], options: Options, called: Mapping[str, str] | None = None) -> Sizes:
    """Check that the shapes of ``query``, ``key`` and (where given) ``value`` fit together.

    Args:
        shapes: by these names.
        options: how the arrays are to be read.
        called: what the user calls an array, where that is something else (``hidden``).

    Raises:
        InputError: with both shapes, and the option that would make them fit where there is one.
    """
    return _or_fix(lambda each: _fit(shapes, each, called or {}), options)


def fit_sum(weights: Shape, value: Shape, options: Options) -> None:
    """Check that weights (…, L, S) and value (…, S, Ev) fit together.

    Raises:
        InputError: as `fit`.
    """
    _or_fix(lambda each: _fit_sum(weights, value, each), options)


def four(name: str, shape: Shape) -> Shape:
    """Return the shape seen as (batch, heads, length, features).

    >>> four("query", (5, 7))
    (1, 1, 5, 7)
    """
    if not 1 <= len(shape) <= 4:
        raise InputError(f"{name} has {len(shape)} axes; 1 to 4 are understood", arrays=[name])
    if 0 in shape:
        raise InputError(f"{name} {show(shape)} has an axis of length 0", arrays=[name])
    return (1,) * (4 - len(shape)) + shape


def show(shape: Iterable[int]) -> str:
    """Write a shape as people do: ``3×5``."""
    return "×".join(map(str, shape)) or "scalar"


def _clash(one: str, other: str, shapes: Mapping[str, Shape], fact: str) -> InputError:
    message = f"{one} {show(shapes[one])} and {other} {show(shapes[other])} do not fit: {fact}"
    return InputError(message, arrays=[one, other])


def _fit(shapes: Mapping[str, Shape], options: Options, called: Mapping[str, str]) -> Sizes:
    full = {name: four(called.get(name, name), turn(shape, options)) for name, shape in shapes.items()}
    query, key = full["query"], full["key"]
    value = full.get("value", key)
    by_call = {called.get(name, name): shape for name, shape in shapes.items()}

    def clash(one: str, other: str, fact: str) -> InputError:
        return _clash(called.get(one, one), called.get(other, other), by_call, fact)

    if query[3] != key[3]:
        raise clash("query", "key", f"each query has {query[3]} features, each key {key[3]}")
    if key[2] != value[2]:
        raise clash("key", "value", f"there are {key[2]} keys, but {value[2]} values")
    if key[1] != value[1]:
        raise clash("key", "value", f"{key[1]} key heads, {value[1]} value heads")
    if query[1] % key[1]:
        raise clash("query", "key", f"{query[1]} query heads cannot share {key[1]} key heads evenly")
    batch = max(query[0], key[0], value[0])
    for name in ("query", "key", "value"):
        if name in full and full[name][0] not in (1, batch):
            other = next(each for each in full if full[each][0] == batch)
            raise clash(name, other, f"batches of {full[name][0]} and {batch}")
    rank = 4 if batch > query[0] else len(shapes["query"])
    return Sizes(batch, query[1], key[1], query[2], key[2], query[3], value[3], rank)


def turn(shape: Shape, options: Options) -> Shape:
    """Return the shape with each state as a row, whatever ``--states`` says of the file."""
    return shape[:-2] + shape[:-3:-1] if options.states == "columns" and len(shape) >= 2 else shape


def _fit_sum(weights: Shape, value: Shape, options: Options) -> None:
    shapes = {"weights": weights, "value": value}
    rows, states = four("weights", weights), four("value", turn(value, options))
    if rows[3] != states[2]:
        raise _clash("weights", "value", shapes, f"each row has {rows[3]} weights, there are {states[2]} values")
    if rows[1] % states[1]:
        raise _clash("weights", "value", shapes, f"{rows[1]} heads cannot share {states[1]} value heads evenly")
    if 1 != states[0] != rows[0]:
        raise _clash("weights", "value", shapes, f"batches of {rows[0]} and {states[0]}")


def _or_fix(check: Callable[[Options], Checked], options: Options) -> Checked:
    """Check, and where that fails look for the option with which it would not."""
    try:
        return check(options)
    except InputError as error:
        other = replace(options, states="rows" if options.states == "columns" else "columns")
        try:
            check(other)
        except InputError:
            raise error from None
        fact = f"with --states {other.states} they fit (each state a {other.states[:-1]} of its matrix)"
        error.hint = error.hint or fact
        raise
