"""Check that the shapes of a problem fit together, and suggest the option that would make them fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from attncli.attend.arrays import STATES
from attncli.attend.layouts import ORDERS, WORDS, Form, most_axes
from attncli.attend.options import Options
from attncli.attend.scores import FUNCTIONS
from attncli.errors import InputError

Shape = tuple[int, ...]
Checked = TypeVar("Checked")

# The states whose shapes must fit; `hidden` plays the part of two of them.
FITTED = tuple(name for name in STATES if name != "hidden")


@dataclass(frozen=True)
class Sizes:
    """The sizes of one problem, with all arrays viewed as (batch, heads, length, features).

    Attributes:
        keys: S, including past keys.
        past: the number of past keys.
        rank: number of axes of scores, logits and weights; a 1-D query gives 1-D scores, weights and output.
        packed: whether heads were split off the last axis, so that the output is packed again.
        out_features: of the output, if a matrix makes it of the sums of all heads; 0 stands for none.
    """

    batch: int
    heads: int
    key_heads: int
    queries: int
    keys: int
    features: int
    value_features: int
    past: int = 0
    rank: int = 4
    packed: bool = False
    out_features: int = 0

    @property
    def context_shape(self) -> tuple[int, int, int, int]:
        """(batch, heads, L, Ev), the shape of the weighted sums."""
        return self.batch, self.heads, self.queries, self.value_features

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        """The shape of the output before the user's axes are restored; of all heads together (batch, 1, L, out)."""
        if self.out_features:
            return self.batch, 1, self.queries, self.out_features
        return self.context_shape

    @property
    def group(self) -> int:
        """The number of consecutive query heads that share a key head."""
        return self.heads // self.key_heads


def fit(
    shapes: Mapping[str, Shape],
    options: Options,
    called: Mapping[str, str] | None = None,
    value_heads: int | None = None,
    pooled: Container[str] = (),
) -> Sizes:
    """Check that the shapes fit together.

    Args:
        shapes: of ``query``, ``key`` and, if given, ``value``, ``past_key``, ``past_value`` and the parameters of
            the score function.
        options: how to interpret the arrays.
        called: the user's name for an array, if it differs (``hidden``).
        value_heads: how many heads a packed value has, if not as many as the key.
        pooled: the states that are (batch, heads, length, features) whatever the options say.

    Raises:
        InputError: with both shapes, and the option that would make them fit, if there is one.
    """
    return or_fix(lambda each: _Fit(shapes, each, called or {}, value_heads, pooled).sizes(), options, shapes.values())


def fit_sum(weights: Shape, value: Shape, options: Options, past: Shape | None = None, *, pooled: bool = False) -> None:
    """Check that weights (…, L, S) and value (…, S, Ev), with ``past`` values before them, fit together.

    Raises:
        InputError: as `fit`.
    """
    if pooled:  # no option says how it lies
        _fit_sum(weights, value, Options(), None)
        return
    or_fix(lambda each: _fit_sum(weights, value, each, past), options, (weights, value))


def as_four_axes(name: str, shape: Shape, options: Options = Options(), heads: int | None = None) -> Shape:  # noqa: B008
    """Return the shape as (batch, heads, length, features), each state a row.

    Args:
        name: of the array, for the message.
        shape: as in the file.
        options: whether states are columns, and in which order their axes lie.
        heads: number of heads to split the last axis into; None: it is not split.

    Raises:
        InputError: no axes or too many, one of length 0, or a last axis that ``heads`` does not divide.

    Example:
        >>> as_four_axes("query", (5, 7)), as_four_axes("query", (5, 6), heads=2)
        ((1, 1, 5, 7), (1, 2, 5, 3))
    """
    if not 1 <= len(shape) <= 4:
        fact = f"has {len(shape)} axes; at most 4 are supported" if shape else "is a single number, not an array"
        raise InputError(f"{name} {fact}", arrays=[name])
    if 0 in shape:
        raise InputError(f"{name} {show(shape)} has an axis of length 0", arrays=[name])
    turned = shape[:-2] + shape[:-3:-1] if options.states == "columns" and len(shape) >= 2 else shape
    _check_axes(name, shape, options, packed=heads is not None)
    if heads is not None and turned[-1] % heads:
        raise InputError(f"{name} {show(shape)} has {turned[-1]} features, not divisible by --heads {heads}")
    return Form.of_state(len(shape), options.layout, heads).lengths(turned)


def _check_axes(name: str, shape: Shape, options: Options, *, packed: bool) -> None:
    """Check that a state has as many axes as its layout has, and heads on one of them."""
    most = most_axes(options.layout, packed=packed)
    if packed and not 2 <= len(shape) <= 3:
        fact = f"{name} {show(shape)} has {len(shape)} axes; --heads splits the last axis of 2 or 3"
        raise InputError(fact, arrays=[name])
    if len(shape) > most:
        words = "tokens, heads·features" if packed else WORDS[options.layout]
        fact = f"{name} {show(shape)} has {len(shape)} axes; with --layout {options.layout} it has at most {most}"
        raise InputError(f"{fact}, ({words})", arrays=[name])


def show(shape: Iterable[int]) -> str:
    """Format a shape for people: ``3×5``."""
    return "×".join(map(str, shape)) or "scalar"


def heads_of(name: str, shape: Shape, options: Options, value_heads: int | None = None) -> int | None:
    """Return the number of heads to split the last axis of this array into; None: it is not split.

    Past keys and values may be packed like the others, or have four axes, as caches do.
    """
    if options.heads is None or (name.startswith("past") and len(shape) == 4):
        return None
    if value_heads is not None and name.endswith("value"):
        return value_heads
    return options.heads if name == "query" else options.kv_heads or options.heads


class _Fit:
    """The checks of one problem under one set of options."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        options: Options,
        called: Mapping[str, str],
        value_heads: int | None,
        pooled: Container[str],
    ) -> None:
        self.shapes, self.options, self.called = shapes, options, called
        self.full = {}
        for name in FITTED:
            if name in pooled:
                self.full[name] = shapes[name]
            elif name in shapes:
                heads = heads_of(name, shapes[name], options, value_heads)
                self.full[name] = as_four_axes(called.get(name, name), shapes[name], options, heads)

    def clash(self, one: str, other: str, fact: str) -> InputError:
        names = [self.called.get(name, name) for name in (one, other)]
        texts = [f"{name} {show(self.shapes[each])}" for name, each in zip(names, (one, other), strict=True)]
        return InputError(f"{' and '.join(texts)} do not fit: {fact}", arrays=names)

    def sizes(self) -> Sizes:
        query, key, value = self.full["query"], self.full["key"], self.full.get("value", self.full["key"])
        self.check_features()
        self.check_past()
        if key[2] != value[2]:
            raise self.clash("key", "value", f"there are {key[2]} keys, but {value[2]} values")
        if key[1] % value[1]:
            raise self.clash("key", "value", f"{key[1]} key heads cannot share {value[1]} value heads evenly")
        if query[1] % key[1]:
            raise self.clash("query", "key", f"{query[1]} query heads cannot share {key[1]} key heads evenly")
        batch = max(shape[0] for shape in self.full.values())
        for name, shape in self.full.items():
            if shape[0] not in (1, batch):
                other = next(each for each in self.full if self.full[each][0] == batch)
                raise self.clash(name, other, f"batches of {shape[0]} and {batch}")
        past = self.full["past_key"][2] if "past_key" in self.full else 0
        packed = self.options.heads is not None
        rank = 4 if batch > query[0] else len(self.shapes["query"]) + packed
        keys, features, value_features = key[2] + past, query[3], value[3]
        return Sizes(batch, query[1], key[1], query[2], keys, features, value_features, past, rank, packed)

    def check_features(self) -> None:
        """Check that the score function, with the parameters given, can compare queries with keys."""
        query, key = self.full["query"][3], self.full["key"][3]
        lengths: dict[str, tuple[int, str]] = {"E": (query, "query"), "Ek": (key, "key")}
        function = FUNCTIONS[self.options.score]
        known = [name for name in function.parameters if name in self.shapes]
        for name in known:
            self.check_parameter(name, function.parameters[name], lengths)
        sizes = {axis: length for axis, (length, _) in lengths.items()}
        left, right = (function.size_when_met(side, known, sizes) for side in ("E", "Ek"))
        if left != right:
            if not known:
                raise self.clash("query", "key", f"each query has {query} feature{'s' * (query != 1)}, each key {key}")
            raise self.clash("query", "key", f"with {' and '.join(known)} they have {left} and {right} features")
        if "A" in lengths and lengths["A"][0] != left:
            owner = lengths["A"][1]
            raise self.clash(owner, "query", f"{lengths['A'][0]} factors for {left} features")

    def check_parameter(self, name: str, axes: tuple[str, ...], lengths: dict[str, tuple[int, str]]) -> None:
        shape = self.shapes[name]
        if len(shape) != len(axes):
            wanted = f"({', '.join(axes)})"
            raise InputError(f"{name} {show(shape)} must have the axes {wanted}", arrays=[name])
        for axis, length in zip(axes, shape, strict=True):
            wanted_length, owner = lengths.setdefault(axis, (length, name))
            if length != wanted_length:
                fact = f"axis {axis} is {length} in {name} but {wanted_length} in {owner}"
                raise self.clash(name, owner, fact)

    def check_past(self) -> None:
        """Check that past keys and values are given together, and fit the new ones."""
        for one, other in (("past_key", "past_value"), ("past_value", "past_key")):
            if one in self.full and other not in self.full and "value" in self.shapes:
                raise InputError(f"{one} is given without {other}", hint="give both or neither", arrays=[one])
        for past, new in (("past_key", "key"), ("past_value", "value")):
            if past in self.full and new in self.full:
                for axis, what in ((1, "heads"), (3, "features")):
                    if self.full[past][axis] != self.full[new][axis]:
                        fact = f"{self.full[past][axis]} and {self.full[new][axis]} {what}"
                        raise self.clash(past, new, fact)
        if {"past_key", "past_value"} <= self.full.keys() and self.full["past_key"][2] != self.full["past_value"][2]:
            fact = f"there are {self.full['past_key'][2]} past keys, but {self.full['past_value'][2]} past values"
            raise self.clash("past_key", "past_value", fact)


def _fit_sum(weights: Shape, value: Shape, options: Options, past: Shape | None) -> None:
    rows = as_four_axes("weights", weights)
    states = as_four_axes("value", value, options, heads_of("value", value, options))
    values = states[2]
    if past is not None:
        values += as_four_axes("past_value", past, options, heads_of("past_value", past, options))[2]
    for fits, fact in (
        (rows[3] == values, f"each row has {rows[3]} weights, but there are {values} values"),
        (rows[1] % states[1] == 0, f"{rows[1]} heads cannot share {states[1]} value heads evenly"),
        (states[0] in (1, rows[0]), f"batches of {rows[0]} and {states[0]}"),
    ):
        if not fits:
            message = f"weights {show(weights)} and value {show(value)} do not fit: {fact}"
            raise InputError(message, arrays=["weights", "value"])


def or_fix(check: Callable[[Options], Checked], options: Options, shapes: Iterable[Shape]) -> Checked:
    """Check; on failure, look for an option that would make the check succeed, and suggest it.

    Args:
        check: what raises an error where the shapes do not fit under some options, and returns something otherwise.
        options: those that are given.
        shapes: of all arrays.

    Raises:
        InputError: that of the check, with a hint.
    """
    try:
        return check(options)
    except InputError as error:
        longest = max((length for shape in shapes for length in shape), default=0)
        for other, hint in _alternatives(options, longest):
            try:
                check(other)
            except InputError:
                continue
            error.hint = error.hint or hint
            break
        raise


def _alternatives(options: Options, longest: int) -> Iterator[tuple[Options, str]]:
    """Return options that may be meant, each with the hint that says so; no axis is longer than ``longest``."""
    states: Literal["rows", "columns"] = "rows" if options.states == "columns" else "columns"
    if options.layout == "bhsd":
        turned = replace(options, states=states)
        yield turned, f"with --states {states} they fit (each state a {states[:-1]} of its matrix)"
    if options.heads is not None:
        yield replace(options, heads=None, kv_heads=None), "without --heads they fit"
        # No axis can be split into more heads than it is long, whatever number a file may hold.
        for count in _divisors(options.heads)[:-1] if options.heads <= longest else ():
            yield replace(options, kv_heads=count), f"with --kv-heads {count} they fit"
    for layout in ORDERS if options.states == "rows" else ():
        if layout != options.layout:
            yield replace(options, layout=layout), f"with --layout {layout} they fit ({WORDS[layout]})"


def _divisors(number: int) -> list[int]:
    """Return what divides a number, in order.

    >>> _divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    small = [each for each in range(1, math.isqrt(number) + 1) if number % each == 0]
    return sorted({*small, *(number // each for each in small)})
