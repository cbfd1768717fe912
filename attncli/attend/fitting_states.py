"""Check that query, key and value fit together, past ones and the parameters of the score function included."""

from __future__ import annotations

from collections.abc import Mapping

from attncli.attend.options import Options
from attncli.attend.remedies import or_fix
from attncli.attend.scores import FUNCTIONS
from attncli.attend.shapes import FITTED, Shape, Sizes, as_four_axes, heads_of, show
from attncli.errors import InputError


def fit(
    shapes: Mapping[str, Shape],
    options: Options,
    called: Mapping[str, str] | None = None,
    value_heads: int | None = None,
    pooled: Mapping[str, Shape] | None = None,
) -> Sizes:
    """Check that the shapes fit together.

    Args:
        shapes: of ``query``, ``key`` and, if given, ``value``, ``past_key``, ``past_value`` and the parameters of
            the score function.
        options: how to interpret the arrays.
        called: the user's name for an array, if it differs (``hidden``).
        value_heads: how many heads a packed value has, if not as many as the key.
        pooled: the pools of those states that lie in pages; what is gathered of them is (batch, heads, length,
            features) whatever the options say.

    Raises:
        InputError: with both shapes, and the option that would make them fit, if there is one.
    """

    def sizes(each: Options) -> Sizes:
        return _Fit(shapes, each, called or {}, value_heads, pooled or {}).sizes()

    return or_fix(sizes, options, shapes.values())


def fit_sum(weights: Shape, value: Shape, options: Options, past: Shape | None = None, *, pooled: bool = False) -> None:
    """Check that weights (…, L, S) and value (…, S, Ev), with ``past`` values before them, fit together.

    Raises:
        InputError: as `fit`.
    """
    if pooled:  # no option says how it lies
        _fit_sum(weights, value, Options(), None)
        return
    or_fix(lambda each: _fit_sum(weights, value, each, past), options, (weights, value))


class _Fit:
    """The checks of one problem under one set of options."""

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        options: Options,
        called: Mapping[str, str],
        value_heads: int | None,
        pooled: Mapping[str, Shape],
    ) -> None:
        self.shapes, self.options, self.called = {**shapes, **pooled}, options, called
        self.full = {}
        for name in FITTED:
            if name in pooled:
                self.full[name] = shapes[name]  # not that of the pool, which messages name
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
