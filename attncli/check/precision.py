"""What rounding explains: how far apart two right outputs may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import pipeline, stream
from attncli.attend.masking import close
from attncli.attend.operands import Operands

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
# Two right answers may differ by this many times the error that plain computation shows.
MARGIN = 8.0
# A row in which that error happens to be small is given what most rows have, as a share of its size.
MOST = 0.95
# Outputs below this share of a head's values are taken for this large: they come about by cancellation.
CANCELLED = 0.01
# Rows of a head, and scores in them, in which the cost of half precision is measured.
ROWS, SCORES = 16, 1 << 20


@dataclass(frozen=True)
class Reference:
    """The right output, in float64, and what it costs to compute it less precisely.

    Attributes:
        o: the problem, to be computed in float64.
        single: the same, to be computed in float32.
    """

    o: Operands
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
        return stream.run(self.o, progress=self.progress).output

    @cached_property
    def size(self) -> NDArray[Any]:
        """(batch, heads, L) how large the numbers of each row are."""
        with np.errstate(all="ignore"):
            largest = np.nanmax(np.where(np.isfinite(self.output), np.abs(self.output), 0), axis=-1)
        assert self.o.value is not None
        floors = np.array(
            [[_typical(self.o.value, b, h, self.o) for h in range(largest.shape[1])] for b in range(len(largest))]
        )
        return np.maximum(np.maximum(largest, CANCELLED * floors[:, :, None]), np.finfo(float).tiny)

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
        """What rounding to half precision costs, as a share of a row's size: by what is rounded and how."""
        costs: dict[str, float] = {}
        for batch, head, rows in self.samples():
            right = self.output[batch, head, rows]
            for kind in ("float16", "bfloat16"):
                for where in ("inputs", "scores", "weights", "output", "all"):
                    made = rounded(self.o, batch, head, rows, kind, where)
                    with np.errstate(all="ignore"):
                        apart = np.abs(made - right).max(axis=-1) / self.size[batch, head, rows]
                    cost = float(apart[np.isfinite(apart)].max(initial=0.0))
                    name = f"{kind} {where}"
                    costs[name] = max(costs.get(name, 0.0), cost)
        return costs

    def samples(self) -> list[tuple[int, int, NDArray[np.int64]]]:
        """Return some rows of the first and the last head."""
        sizes = self.o.sizes
        count = max(1, min(ROWS, sizes.queries, SCORES // sizes.keys))
        rows = np.unique(np.linspace(0, sizes.queries - 1, count).round().astype(np.int64))
        return [(batch, head, rows) for batch, head in {(0, 0), (sizes.batch - 1, sizes.heads - 1)}]

    def tolerance(self, level: str) -> NDArray[Any]:
        """Return how far a right output may be from this one in each row, (batch, heads, L).

        Args:
            level: ``"float64"``, ``"float32"`` or ``"half"``, which is what float16 and bfloat16 may cost anywhere.
        """
        if level == "half":
            worst = max(self.half.values())
            return np.maximum(MARGIN * worst * self.size, MARGIN * self.error)
        return MARGIN * EPS[level] / EPS["float32"] * self.error


def _typical(value: NDArray[Any], batch: int, head: int, o: Operands) -> float:
    """Return the root mean square of the finite values of a head."""
    some = value[batch if len(value) > 1 else 0, head // o.sizes.group].astype(np.float64)
    finite = some[np.isfinite(some)]
    largest = float(np.abs(finite).max(initial=0.0))
    return largest * float(np.sqrt(np.mean((finite / largest) ** 2))) if largest else 0.0


def to_half(array: NDArray[Any], kind: str) -> NDArray[Any]:
    """Round numbers to float16 or bfloat16, to nearest and ties to even; they stay float64.

    >>> to_half(np.array([1.001, 3.14159]), "bfloat16").tolist()
    [1.0, 3.140625]
    """
    with np.errstate(over="ignore"):
        if kind == "float16":
            return array.astype(np.float16).astype(np.float64)
        bits = array.astype(np.float32).view(np.uint32)
    rounded = bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)
    # The bits of ∞ and NaN must not be added to.
    kept = np.where(np.isfinite(array), rounded & np.uint32(0xFFFF0000), bits)
    return kept.astype(np.uint32).view(np.float32).astype(np.float64)


def rounded(o: Operands, batch: int, head: int, rows: NDArray[np.int64], kind: str, where: str) -> NDArray[Any]:
    """Return some rows of the output, (rows, Ev), with one kind of intermediate numbers in half precision."""
    one = o.select(batch=batch, head=head, rows=rows)

    def maybe(array: NDArray[Any], *places: str) -> NDArray[Any]:
        return to_half(np.asarray(array, dtype=np.float64), kind) if where in (*places, "all") else array

    assert one.value is not None
    with np.errstate(all="ignore"):
        one = replace(
            one, query=maybe(one.query, "inputs"), key=maybe(one.key, "inputs"), value=maybe(one.value, "inputs")
        )
        scores = maybe(pipeline.score_step(one), "scores")
        capped = pipeline.softcap_step(scores, one)
        weights = pipeline.softmax_step(close(scores if capped is None else capped, one), one.sinks)
        return maybe(pipeline.output_step(maybe(weights, "weights"), one), "output")[0, 0]


def decimals(array: NDArray[Any]) -> int | None:
    """Return to how many decimals all numbers are rounded, if to 2 to 7; None: they are not.

    >>> decimals(np.array([0.12, 3.5])), decimals(np.array([1 / 3]))
    (2, None)
    """
    numbers = np.asarray(array, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    eps = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else EPS["float64"]
    for count in range(2, 8):
        if (np.abs(finite - finite.round(count)) <= 2 * eps * np.abs(finite)).all():
            return count if (finite != finite.round(0)).any() else None
    return None
