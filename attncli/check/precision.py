"""What rounding explains: how far apart two right outputs may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attncli.attend.fast import stream
from attncli.attend.layer import Layer
from attncli.attend.operands import Operands
from attncli.attend.stages import cache
from attncli.attend.stages.out import finished
from attncli.attend.types import own
from attncli.attend.views import one_of
from attncli.check.positions import in_float32
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.rounding import EVERYTHING, FLOAT32, HALVES, PRECISIONS, TOGETHER, Precision, Rounding

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A row in which the error of float32 happens to be small gets this quantile of all rows, as a share of its size.
MOST = 0.99
# The size of a row is at least this share of that of its head's values, even if the row has no open key.
LEAST = 0.01
# The root of the squared differences must shrink by this factor before rounding is believed.
LESS = 2.0
# Heads, rows of a head, and scores in them, in which the cost of half precision is measured.
HEADS, ROWS, SCORES = 6, 64, 1 << 18
# Some of the numbers that may go to another code may change a row by this many times what all of them do.
SOME = 2.0
# A grid says something only if this many numbers need more than this many binary digits.
TELLING, DIGITS = 3, 6


class Right(Protocol):
    """What is right, as `attncli.check.diagnosis.chosen` compares with it: an output, or a gradient."""

    @property
    def output(self) -> NDArray[Any]:
        """Four axes, in float64."""

    def tolerance(self, precision: Precision) -> NDArray[Any]:
        """Return how far it may be from another right one of some precision in each row, (batch, heads, L)."""

    def rounding_of(self, expected: NDArray[Any]) -> Rounding | None:
        """Return what, rounded to half precision, brings it much nearer to what was observed, if anything does."""


@dataclass(frozen=True)
class Reference:
    """The right output, in float64, and what it costs to compute it less precisely.

    Attributes:
        operands: the problem, to be computed in float64.
        single: the same, to be computed in float32, positions included.
        other_codes: the same in float64, where keys and values that float32 might round to other codes of a cache have
            those; None: there is no such cache.
        given: the problem before its states are projected and normalised; None: mistakes before that are not made.
        progress: called with the share that is done.
    """

    operands: Operands
    single: Operands
    progress: Callable[[float], None] | None = None
    other_codes: Operands | None = None
    given: Operands | None = None

    @property
    def until(self) -> str:
        """The result that it is of."""
        return OUTPUT

    @classmethod
    def of(cls, operands: Operands, progress: Callable[[float], None] | None = None) -> Reference:
        """Prepare a problem."""
        double, single = (np.dtype(each) for each in (np.float64, np.float32))
        given = replace(operands, dtype=double, output_dtype=double)
        right = given.core
        less = replace(operands, dtype=single, output_dtype=single).core
        if operands.options.cache is None:
            return cls(right, in_float32(less), progress, given=given)
        # Mistakes are made to what has been rounded. What float32 rounds to other codes counts apart from its error.
        other, right, less = cache.baked(right, in_float32=True), cache.baked(right), cache.baked(less)
        return cls(right, replace(less, key=right.key, value=right.value), progress, other)

    @cached_property
    def output(self) -> NDArray[Any]:
        """(batch, heads, L, Ev) in float64."""
        return stream.run(self.operands, progress=self.progress).output

    @cached_property
    def size(self) -> NDArray[Any]:
        """(batch, heads, L) how large the numbers are that each row is the sum of: Σ weights · |value|."""
        o = replace(self.single, value=np.abs(self.operands.value), layer=_of_sizes(self.single.layer))
        summed = stream.run(o).output
        largest = np.where(np.isfinite(summed), summed, 0).max(axis=-1).astype(np.float64)
        if self.operands.has_after:
            return np.maximum(largest, np.finfo(float).tiny)
        places = np.ndindex(largest.shape[:2])
        floors = np.reshape(
            [_typical(self.operands.value, b, h, self.operands) for b, h in places], (*largest.shape[:2], 1)
        )
        return np.maximum(np.maximum(largest, LEAST * floors), np.finfo(float).tiny)

    @cached_property
    def error(self) -> NDArray[Any]:
        """(batch, heads, L) the error of float32 in each row, and no less than most rows have for their size."""
        apart = np.abs(stream.run(self.single).output - self.output).max(axis=-1)
        shares = (apart / self.size)[np.isfinite(apart)]
        typical = float(np.quantile(shares, MOST)) if shares.size else 0.0
        least = max(typical, FLOAT32.eps / 2)
        return np.maximum(np.where(np.isfinite(apart), apart, 0), least * self.size)

    @cached_property
    def by_codes(self) -> NDArray[Any] | float:
        """(batch, heads, L) how far each row is off where numbers near the middle between codes go to the other one."""
        if self.other_codes is None:
            return 0.0
        return np.asarray(np.abs(stream.run(self.other_codes).output - self.output).max(axis=-1))

    @cached_property
    def half(self) -> dict[Precision, float]:
        """What rounding everything to half precision costs, as a share of a row's size, by precision."""
        costs = dict.fromkeys(HALVES, 0.0)
        for batch, head, rows in self.samples():
            right = self.output[batch, head, rows]
            for kind in HALVES:
                made = self.made(Rounding(kind, EVERYTHING), batch, head, rows)
                apart = np.abs(made - right).max(axis=-1) / self.size[batch, head, rows]
                costs[kind] = max(costs[kind], float(apart[np.isfinite(apart)].max(initial=0.0)))
        return costs

    def made(self, rounding: Rounding, batch: int, head: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return some rows of the output, (rows, features), as they are with everything rounded."""
        o = self.operands
        if not o.has_after:
            return rounding.applied(Recipe(o)).compute(batch, head, rows)
        recipe, round_ = rounding.applied(Recipe(stream.alone(o))), rounding.kind.round
        context = np.stack([recipe.compute(batch, each, rows) for each in range(o.sizes.heads)])[None]
        return np.asarray(round_(finished(o.select(batch=batch, rows=rows), round_(context))))[0, head]

    def rounding_of(self, expected: NDArray[Any], recipe: Recipe | None = None) -> Rounding | None:
        """Return what, rounded to half precision, brings a recipe much nearer to the observed output, if anything does.

        Rounding is not random: done to the same numbers, it gives the same differences, but for sums in another order.
        It is not looked for where anything comes after the weighted sum.
        """
        if self.operands.has_after:
            return None
        recipe = Recipe(self.operands, until=self.until) if recipe is None else recipe
        tried = [Rounding(kind, places) for kind, places in product(HALVES, TOGETHER)]
        recipes = [recipe, *(each.applied(recipe) for each in tried)]
        apart = [0.0] * len(recipes)  # squared differences, summed
        for batch, head, rows in self.samples():
            observed = expected[batch, head, rows].astype(np.float64)
            size = self.size[batch, head, rows][:, None]
            for at, each in enumerate(recipes):
                squares = ((each.compute(batch, head, rows) - observed) / size) ** 2
                apart[at] += float(squares[np.isfinite(squares)].sum())
        plain, *others = apart
        nearest = int(np.argmin(others))
        return tried[nearest] if others[nearest] * LESS**2 <= plain else None

    def samples(self) -> list[tuple[int, int, NDArray[np.int64]]]:
        """Return some rows of some heads, spread over all."""
        sizes, (_, places, length, _) = self.operands.sizes, self.output.shape
        count = max(1, min(ROWS, length, SCORES // sizes.keys))
        rows = np.unique(np.linspace(0, length - 1, count).round().astype(np.int64))
        heads = np.unique(np.linspace(0, sizes.batch * places - 1, HEADS).round().astype(np.int64))
        return [(*divmod(int(each), places), rows) for each in heads]

    def tolerance(self, precision: Precision) -> NDArray[Any]:
        """Return how far a right output of some precision may be from this one in each row, (batch, heads, L).

        Half precision is that of all intermediate numbers. Of the numbers near the middle between two codes any may go
        to the other one; some of them may change more than all do, whose changes partly cancel.
        """
        if precision.is_half:
            allowed = np.maximum(precision.margin * self.half[precision] * self.size, FLOAT32.margin * self.error)
        else:
            allowed = precision.margin * precision.eps / FLOAT32.eps * self.error
        return allowed + SOME * self.by_codes

    def limit(self, precision: Precision) -> float:
        """Return how large a share of a row rounding may be."""
        return float((self.tolerance(precision) / self.size).max())


def _of_sizes(layer: Layer) -> Layer:
    """Return a layer whose matrix after the attention adds up sizes, whatever their signs."""
    if layer.out is None:
        return layer
    weight, bias = (None if each is None else np.abs(each) for each in (layer.out.weight, layer.out.bias))
    return replace(layer, out=replace(layer.out, weight=weight, bias=bias))


def _typical(value: NDArray[Any], batch: int, head: int, o: Operands) -> float:
    """Return the root mean square of the finite values of a head."""
    some = one_of(value, batch)[head // o.sizes.group].astype(np.float64)
    finite = some[np.isfinite(some)]
    largest = float(np.abs(finite).max(initial=0.0))
    return largest * float(np.sqrt(np.mean((finite / largest) ** 2))) if largest else 0.0


def decimals(array: NDArray[Any]) -> int | None:
    """Return to how many decimals all numbers are rounded, 1 (if there are many) to 7; None if they are not.

    >>> decimals(np.array([0.12, 3.5])), decimals(np.array([1 / 3]))
    (2, None)
    """
    numbers = np.asarray(array, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    eps = PRECISIONS[own(array.dtype).name].eps
    for count in range(1 if finite.size > 8 else 2, 8):
        if (np.abs(finite - finite.round(count)) <= 2 * eps * np.abs(finite)).all():
            return count if (finite != finite.round(0)).any() else None
    return None


def grids(array: NDArray[Any]) -> list[Precision]:
    """Return the precisions, finest first, in which all numbers of an array can be written, if there are enough.

    >>> thirds = np.arange(1, 30) / 3
    >>> grids(thirds), grids(thirds.astype(np.float32)), grids(np.arange(9.0))
    ([], [], [])
    >>> [each.name for each in grids(HALVES[1].round(thirds))]
    ['float16', 'bfloat16']
    """
    numbers = np.asarray(array, dtype=np.float64)
    finite = np.unique(numbers[np.isfinite(numbers)])
    scaled = np.frexp(finite)[0] * 2.0 ** (DIGITS - 1)
    if (scaled != np.round(scaled)).sum() < TELLING:
        return []
    return [kind for kind in HALVES if (kind.round(finite) == finite).all()]
