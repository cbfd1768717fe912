"""The right gradients, in float64, and how far rounding may take them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.backpropagation import Backpropagation
from attncli.attend.layouts import Form
from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.returning import form_of, returned
from attncli.attend.shapes import FITTED
from attncli.attend.types import is_floating
from attncli.check.backward.rounded import DELTA, TOGETHER, WHERE, has_sizes, in_half, rounding, sizes
from attncli.check.backward.way import Way
from attncli.check.precision import LEAST, LESS, MOST
from attncli.check.rounding import EVERYTHING, FLOAT32, HALVES, Place, Precision, Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# A problem with more scores than this is large: what rounding costs is measured in a part of it.
FEW = 1 << 22
# Heads, and scores of one, in which the cost of half precision is measured.
HEADS, SCORES = 4, 1 << 17
# How many queries are among them that are the nearer to the first the more of them.
FIRST = 12
# What is compared of a large problem part by part.
PARTLY = ("query", "key", "value")
# How often inputs are changed by as much as float32 rounds them.
TIMES = 2
# Seconds after which no further rounding is tried.
SECONDS = 3.0


@dataclass(frozen=True, eq=False)
class Gradients:
    """The right gradients of a problem, and what it costs to find them less precisely.

    Attributes:
        arrays: what was given, by name, ``d_output`` included where it was.
        options: the options.
        right: by name, each as its array lies, in float64.
        way: how they are found, in float64.
    """

    arrays: Mapping[str, Array]
    options: Options
    right: Mapping[str, Array]
    way: Way
    given: Mapping[str, Array]

    @classmethod
    def of(cls, arrays: Mapping[str, Array], options: Options) -> Gradients:
        """Find the right gradients.

        Raises:
            InputError: ``d_output``, or another array, does not fit.
        """
        back = Backpropagation.of(arrays, replace(options, dtype="float64"))
        right = {name.removeprefix("d_"): array for name, array in back.of_arrays().items()}
        return cls(arrays, options, right, Way(back.operands, np.asarray(back.output, np.float64)), back.arrays)

    @property
    def operands(self) -> Operands:
        """The problem, to be computed in float64."""
        return self.way.operands

    @property
    def is_large(self) -> bool:
        """Whether there are too many scores to be held many times."""
        s = self.operands.sizes
        return s.batch * s.heads * s.queries * s.keys > FEW

    def taken(self, name: str) -> Callable[[Array], Array]:
        """Return what brings a gradient as the user has it to four axes, the last two of which are a matrix."""
        array = self.given[name]
        if name not in (*FITTED, "hidden") or "block_table" in self.given:
            return _padded
        form, is_turned = self.form(name), self.options.states == "columns" and array.ndim >= 2
        return lambda each: form.taken(np.swapaxes(each, -1, -2) if is_turned else each)

    def form(self, name: str) -> Form:
        """Return how a state lies."""
        array = self.given[name]
        is_turned = self.options.states == "columns" and array.ndim >= 2
        shape = (*array.shape[:-2], array.shape[-1], array.shape[-2]) if is_turned else array.shape
        return form_of(self.operands, "key" if name == "hidden" else name, shape)

    def restored(self, found: Mapping[str, Array]) -> dict[str, Array]:
        """Return gradients as the operands have them in the user's form, with four axes."""
        apart = returned(self.operands, self.given, found)
        return {name: self.taken(name)(array) for name, array in apart.items()}

    @cached_property
    def core(self) -> dict[str, Array]:
        """The right gradients as the operands have them."""
        return self.way.found()

    @cached_property
    def size(self) -> dict[str, Array]:
        """How large the numbers are of which each row is the sum, (batch, heads, length), by name."""
        followed = {}
        if has_sizes(self.operands) and not self.is_large:
            followed = self.restored(sizes(self.way).found())
        found = {}
        for name, right in self.right.items():
            array = np.abs(self.taken(name)(right))
            numbers = np.where(np.isfinite(array), array, 0)
            whole = followed.get(name, np.broadcast_to(numbers.max(initial=0.0), array.shape))
            rows = np.where(np.isfinite(whole), whole, 0).max(axis=-1)
            floor = LEAST**2 * float(numbers.max(initial=0.0))
            found[name] = np.maximum(rows, max(floor, np.finfo(float).tiny))
        return found

    @cached_property
    def error(self) -> dict[str, Array]:
        """The error of float32 in each row, and no less than most rows have for their size, by name."""
        every = [self._single()] if self.is_large else [self._single(), *map(self._moved, range(TIMES))]
        found = {}
        for name, size in self.size.items():
            right = self.taken(name)(self.right[name])
            apart = [np.abs(self.taken(name)(each[name]) - right).max(axis=-1) for each in every]
            shares = np.concatenate([(each / size)[np.isfinite(each)].ravel() for each in apart])
            typical = float(np.quantile(shares, MOST)) if shares.size else 0.0
            own = np.max([np.where(np.isfinite(each), each, 0) for each in apart], axis=0)
            found[name] = np.maximum(own, max(typical, FLOAT32.eps / 2) * size)
        return found

    def _single(self) -> dict[str, Array]:
        """Return all gradients as they are computed in float32."""
        back = Backpropagation.of(self.arrays, replace(self.options, dtype="float32"))
        return {name.removeprefix("d_"): array.astype(np.float64) for name, array in back.of_arrays().items()}

    def _moved(self, seed: int) -> dict[str, Array]:
        """Return the gradients of arrays that are changed by what float32 rounds."""
        random = np.random.default_rng(seed)

        def moved(name: str, array: Array) -> Array:
            if not is_floating(array.dtype) or (not ARRAYS[name].has_gradient and name != "d_output"):
                return array
            noise = random.uniform(-1, 1, array.shape) * FLOAT32.eps
            with np.errstate(invalid="ignore", over="ignore"):
                return array.astype(np.float64) * (1 + noise)

        arrays = {name: moved(name, array) for name, array in self.arrays.items()}
        back = Backpropagation.of(arrays, replace(self.options, dtype="float64"))
        return {name.removeprefix("d_"): array for name, array in back.of_arrays().items()}

    @cached_property
    def half(self) -> dict[Precision, dict[str, float]]:
        """What rounding everything to half precision costs, as a share of the sizes, by precision and name."""
        if not has_sizes(self.operands):
            return {kind: self._half_of_whole(kind) for kind in HALVES}
        costs: dict[Precision, dict[str, float]] = {kind: {} for kind in HALVES}
        for part in self._parts():
            right = part.back()
            # Where the whole is too large for its sizes to be followed, tolerances are shares of its largest number.
            size = {name: _largest(right[name]) for name in PARTLY} if self.is_large else sizes(part).back()
            for kind in HALVES:
                rounded = in_half(part, kind).back()
                for name in size.keys() & rounded.keys():
                    share = _share(rounded[name], right[name], size[name])
                    costs[kind][name] = max(costs[kind].get(name, 0.0), share)
        return {kind: {name: _of(name, each) for name in self.right} for kind, each in costs.items()}

    def _parts(self) -> list[Way]:
        """Return some queries of some heads: the first too, where few keys have large gradients."""
        s = self.operands.sizes
        spread = np.linspace(0, s.queries - 1, max(1, min(s.queries, SCORES // s.keys)))
        first = np.geomspace(1, s.queries, FIRST) - 1
        rows = np.unique(np.concatenate([spread, first]).round().astype(np.int64))
        heads = np.unique(np.linspace(0, s.batch * s.heads - 1, HEADS).round().astype(np.int64))
        return [self.way.part(*divmod(int(each), s.heads), rows) for each in heads]

    def _half_of_whole(self, kind: Precision) -> dict[str, float]:
        rounded = self.restored(in_half(self.way, kind).found())
        right = {name: self.taken(name)(array) for name, array in self.right.items()}
        return {name: _share(rounded[name], right[name], self.size[name][..., None]) for name in right}

    @cached_property
    def emulated(self) -> list[tuple[Rounding, dict[str, Array]]]:
        """The gradients with some numbers rounded to half precision; none of a large problem."""
        found: list[tuple[Rounding, dict[str, Array]]] = []
        begun = time.monotonic()
        for where, kind in product([] if self.is_large else TOGETHER, HALVES):
            if time.monotonic() - begun < SECONDS:
                way = in_half(self.way, kind) if where == WHERE else rounding(self.way, kind, frozenset(where))
                places = (
                    EVERYTHING if where == WHERE else tuple(Place(name, _no_recipe) for name in where if name != DELTA)
                )
                found.append((Rounding(kind, places), self.restored(way.found())))
        return found

    def tolerance(self, name: str, precision: Precision) -> Array:
        """Return how far the right gradient of an array may be from this one in each row, in some precision."""
        if precision.is_half:
            share = self.half[precision][name]
            return np.maximum(precision.margin * share * self.size[name], FLOAT32.margin * self.error[name])
        return precision.margin * precision.eps / FLOAT32.eps * self.error[name]


@dataclass(frozen=True)
class OfArray:
    """The right gradient of one array, as outputs are compared."""

    gradients: Gradients
    name: str

    @cached_property
    def output(self) -> Array:
        """The right gradient, (batch, heads, length, features)."""
        return self.gradients.taken(self.name)(self.gradients.right[self.name])

    def tolerance(self, precision: Precision) -> Array:
        """Return how far rounding may take each row, (batch, heads, length)."""
        return self.gradients.tolerance(self.name, precision)

    def rounding_of(self, expected: Array) -> Rounding | None:
        """Return what, rounded to half precision, brings the right gradient much nearer, if anything does."""
        right, size = self.output, self.gradients.size[self.name][..., None]

        def apart(made: Array) -> float:
            squares = ((made - expected) / size) ** 2
            return float(squares[np.isfinite(squares)].sum())

        every = {rounding: apart(made[self.name]) for rounding, made in self.gradients.emulated}
        nearest = min(every, key=lambda each: every[each], default=None)
        return nearest if nearest is not None and every[nearest] * LESS**2 <= apart(right) else None


def _no_recipe(recipe: Any, rounded: Any) -> Any:
    """Return the recipe: what is rounded on the way back is no stage of a recipe of the forward pass."""
    return recipe


def _padded(array: Array) -> Array:
    """Return an array with four axes, one that has a single axis as a column: each of its numbers is a row."""
    if array.ndim == 1:
        return array[None, None, :, None]
    return array.reshape((1,) * (4 - array.ndim) + array.shape)


def _of(name: str, costs: Mapping[str, float]) -> float:
    """Return the cost of an array's gradient; of one that plays several parts, or none by its own name, the highest."""
    return costs.get(name.removeprefix("past_"), max(costs.values(), default=0.0))


def _largest(array: Array) -> Array:
    """Return the largest finite number of an array, without its sign, in the place of each."""
    return np.broadcast_to(np.abs(np.where(np.isfinite(array), array, 0)).max(initial=0.0), array.shape)


def _share(made: Array, right: Array, size: Array) -> float:
    """Return the largest difference of a row, as a share of its size."""
    if made.ndim == 1:
        made, right, size = made[:, None], right[:, None], size[:, None]
    largest = np.where(np.isfinite(size), size, 0).max(axis=-1)
    apart = np.abs(made - right).max(axis=-1)
    with np.errstate(all="ignore"):
        shares = apart / np.maximum(largest, LEAST**2 * largest.max(initial=0.0))
    return float(shares[np.isfinite(shares)].max(initial=0.0))
