"""What rounding explains: how far apart two right outputs may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast import stream
from attncli.attend.operands import Operands
from attncli.attend.types import own
from attncli.check.recipe import Recipe
from attncli.check.rounding import to_half

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
# Two right answers may differ by this many times the error that plain computation shows.
MARGIN = 12.0
# A row in which that error happens to be small is given what most rows have, as a share of its size.
MOST = 0.99
# Rows are taken for at least this share of a head's values, those without any key among them.
LEAST = 0.01
# The same for half precision, whose cost is measured with everything rounded.
HALF_MARGIN = 8.0
KINDS = ("float16", "bfloat16")
PLACES = {
    "inputs": frozenset({"inputs"}),
    "scores": frozenset({"scores"}),
    "weights": frozenset({"weights"}),
    "output": frozenset({"output"}),
    "inputs and weights": frozenset({"inputs", "weights"}),
    "all": frozenset({"inputs", "scores", "weights", "output"}),
}
# By so much the root of the squared differences must shrink before rounding is believed.
LESS = 2.0
# Heads, rows of a head, and scores in them, in which the cost of half precision is measured.
HEADS, ROWS, SCORES = 6, 64, 1 << 18
# Distinct numbers with so many binary digits that must lie on a grid before it says anything.
TELLING, DIGITS = 3, 6


@dataclass(frozen=True)
class Reference:
    """The right output, in float64, and what it costs to compute it less precisely.

    Attributes:
        operands: the problem, to be computed in float64.
        single: the same, to be computed in float32.
    """

    operands: Operands
    single: Operands
    progress: Callable[[float], None] | None = None

    @classmethod
    def of(cls, o: Operands, progress: Callable[[float], None] | None = None) -> Reference:
        """Prepare a problem."""
        double, single = np.dtype(np.float64), np.dtype(np.float32)
        return cls(
            replace(o, dtype=double, output_dtype=double), replace(o, dtype=single, output_dtype=single), progress
        )

    @cached_property
    def output(self) -> NDArray[Any]:
        """(batch, heads, L, Ev) in float64."""
        return stream.run(self.operands, progress=self.progress).output

    @cached_property
    def size(self) -> NDArray[Any]:
        """(batch, heads, L) how large the numbers of each row are that are added up: Σ weights · |value|."""
        assert self.operands.value is not None
        with np.errstate(all="ignore"):
            summed = stream.run(replace(self.single, value=np.abs(self.operands.value))).output
            largest = np.where(np.isfinite(summed), summed, 0).max(axis=-1).astype(np.float64)
        places = np.ndindex(largest.shape[:2])
        floors = np.reshape(
            [_typical(self.operands.value, b, h, self.operands) for b, h in places], (*largest.shape[:2], 1)
        )
        return np.maximum(np.maximum(largest, LEAST * floors), np.finfo(float).tiny)

    @cached_property
    def error(self) -> NDArray[Any]:
        """(batch, heads, L) the error of float32 in each row, and no less than most rows have for their size."""
        with np.errstate(all="ignore"):
            apart = np.abs(stream.run(self.single).output - self.output).max(axis=-1)
        shares = (apart / self.size)[np.isfinite(apart)]
        typical = float(np.quantile(shares, MOST)) if shares.size else 0.0
        least = max(typical, EPS["float32"] / 2)
        return np.maximum(np.where(np.isfinite(apart), apart, 0), least * self.size)

    @cached_property
    def half(self) -> dict[str, float]:
        """What rounding everything to half precision costs, as a share of a row's size, by kind."""
        costs = dict.fromkeys(KINDS, 0.0)
        for batch, head, rows in self.samples():
            right = self.output[batch, head, rows]
            for kind in KINDS:
                made = Recipe(self.operands, half=(kind, PLACES["all"])).compute(batch, head, rows)
                with np.errstate(all="ignore"):
                    apart = np.abs(made - right).max(axis=-1) / self.size[batch, head, rows]
                costs[kind] = max(costs[kind], float(apart[np.isfinite(apart)].max(initial=0.0)))
        return costs

    def rounding_of(self, expected: NDArray[Any], recipe: Recipe | None = None) -> str:
        """Name what, rounded to half precision, brings a recipe much nearer to the observed output, if anything does.

        Rounding is no accident: made to the same numbers, it gives the same differences, but for sums in another order.
        """
        recipe = Recipe(self.operands) if recipe is None else recipe
        apart: dict[str, float] = {}
        for batch, head, rows in self.samples():
            observed = expected[batch, head, rows].astype(np.float64)
            size = self.size[batch, head, rows][:, None]
            for kind, name in [("", ""), *product(KINDS, PLACES)]:
                made = replace(recipe, half=(kind, PLACES.get(name, frozenset()))).compute(batch, head, rows)
                with np.errstate(all="ignore"):
                    squares = ((made - observed) / size) ** 2
                label = f"{kind} {name}"
                apart[label] = apart.get(label, 0.0) + float(squares[np.isfinite(squares)].sum())
        plain = apart.pop(" ")
        nearest = min(apart, key=lambda each: apart[each])
        return nearest if apart[nearest] * LESS**2 <= plain else ""

    def samples(self) -> list[tuple[int, int, NDArray[np.int64]]]:
        """Return some rows of some heads, spread over all."""
        sizes = self.operands.sizes
        count = max(1, min(ROWS, sizes.queries, SCORES // sizes.keys))
        rows = np.unique(np.linspace(0, sizes.queries - 1, count).round().astype(np.int64))
        heads = np.unique(np.linspace(0, sizes.batch * sizes.heads - 1, HEADS).round().astype(np.int64))
        return [(*divmod(int(each), sizes.heads), rows) for each in heads]

    def tolerance(self, level: str) -> NDArray[Any]:
        """Return how far a right output may be from this one in each row, (batch, heads, L).

        Args:
            level: a precision; half precision is that of all intermediate numbers.
        """
        if level in KINDS:
            return np.maximum(HALF_MARGIN * self.half[level] * self.size, MARGIN * self.error)
        return MARGIN * EPS[level] / EPS["float32"] * self.error


def _typical(value: NDArray[Any], batch: int, head: int, o: Operands) -> float:
    """Return the root mean square of the finite values of a head."""
    some = value[batch if len(value) > 1 else 0, head // o.sizes.group].astype(np.float64)
    finite = some[np.isfinite(some)]
    largest = float(np.abs(finite).max(initial=0.0))
    return largest * float(np.sqrt(np.mean((finite / largest) ** 2))) if largest else 0.0


def decimals(array: NDArray[Any]) -> int | None:
    """Return to how many decimals all numbers are rounded, if to 1 (of many) to 7; None: they are not.

    >>> decimals(np.array([0.12, 3.5])), decimals(np.array([1 / 3]))
    (2, None)
    """
    numbers = np.asarray(array, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    eps = EPS[own(array.dtype).name]
    for count in range(1 if finite.size > 8 else 2, 8):
        if (np.abs(finite - finite.round(count)) <= 2 * eps * np.abs(finite)).all():
            return count if (finite != finite.round(0)).any() else None
    return None


def grids(array: NDArray[Any]) -> list[str]:
    """Return the precisions, finest first, in which all numbers of an array can be written; few numbers tell nothing.

    >>> thirds = np.arange(1, 30) / 3
    >>> grids(thirds), grids(thirds.astype(np.float32)), grids(to_half(thirds, "bfloat16")), grids(np.arange(9.0))
    ([], [], ['float16', 'bfloat16'], [])
    """
    numbers = np.asarray(array, dtype=np.float64)
    finite = np.unique(numbers[np.isfinite(numbers)])
    scaled = np.frexp(finite)[0] * 2.0 ** (DIGITS - 1)
    if (scaled != np.round(scaled)).sum() < TELLING:
        return []
    return [kind for kind in KINDS if (to_half(finite, kind) == finite).all()]
