"""The computations, each built from arrays by name: all the steps, softmax alone, the weighted sum alone.

The public functions and the commands both use these, so that no edge case is handled twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from attncli.attend import steps
from attncli.attend.arrays import STATES
from attncli.attend.fast.blas import one_thread
from attncli.attend.fitting import fit_sinks
from attncli.attend.operands import ScoreOperands, as_states, precision
from attncli.attend.options import Options
from attncli.attend.shapes import as_four_axes, fit_sum
from attncli.attend.stages.softmax import weights
from attncli.attend.stages.sum import weighted_sum
from attncli.attend.views import after_past, ready, restore

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The arrays whose types decide the precision of all steps.
TYPED = tuple(name for name in STATES if not name.startswith("past"))


@dataclass(frozen=True)
class Selection:
    """A part of a problem; None means all of it.

    Attributes:
        batch: one batch item.
        head: one query head.
        rows: indices of queries.
    """

    batch: int | None = None
    head: int | None = None
    rows: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class AttentionSteps:
    """The stages from query and key to the end of one step."""

    operands: ScoreOperands
    last: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Batch items, heads and queries of the results."""
        sizes = self.operands.sizes
        return sizes.batch, sizes.heads, sizes.queries

    @property
    def keys(self) -> int:
        """The number of keys that each query meets."""
        return self.operands.sizes.keys

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of the computation."""
        return self.operands.dtype

    def select(self, part: Selection) -> Self:
        """Return the computation of a part."""
        return replace(self, operands=self.operands.select(batch=part.batch, head=part.head, rows=part.rows))

    def results(self) -> dict[str, NDArray[Any]]:
        """Return all results by name, each (batch, heads, L, …)."""
        return steps.results(self.operands, self.last)

    def restored(self, name: str, array: NDArray[Any], part: Selection = Selection()) -> NDArray[Any]:
        """Return one result with the axes of the user's arrays."""
        sizes = self.operands.sizes
        return _restored(array, sizes.rank, part, packed=sizes.packed and name == "output")


@dataclass(frozen=True, eq=False)
class Softmax:
    """Softmax alone.

    Attributes:
        logits: (batch, heads, L, S)
        sinks: (heads,) or None.
        dtype: precision of the computation.
        rank: number of axes of the weights.
        options: the options in force.
        given: the user's name for the logits.
    """

    logits: NDArray[Any]
    sinks: NDArray[Any] | None
    dtype: np.dtype[Any]
    rank: int
    options: Options
    given: str = "logits"

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], options: Options) -> Softmax:
        """Use ``logits``, or ``scores`` if there are none, and ``sinks``; the states decide the precision.

        Raises:
            InputError: shapes do not fit.
        """
        name = "logits" if "logits" in arrays else "scores"
        logits = arrays[name].reshape(as_four_axes(name, arrays[name].shape))
        sinks = fit_sinks(arrays["sinks"], logits.shape[1]) if "sinks" in arrays else None
        dtype, _ = precision(states_of(arrays) or [logits], options)
        return cls(logits, sinks, dtype, arrays[name].ndim, options, name)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Batch items, heads and queries of the weights."""
        return self.logits.shape[:3]

    @property
    def keys(self) -> int:
        """The number of keys that each query meets."""
        return self.logits.shape[3]

    def select(self, part: Selection) -> Self:
        """Return the computation of a part."""
        sinks = self.sinks if self.sinks is None or part.head is None else self.sinks[part.head : part.head + 1]
        return replace(self, logits=_part(self.logits, part), sinks=sinks)

    def results(self) -> dict[str, NDArray[Any]]:
        """Return the weights, by name."""
        with np.errstate(all="ignore"):
            return {"weights": weights(self, ready(self.logits, self.dtype))}

    def restored(self, name: str, array: NDArray[Any], part: Selection = Selection()) -> NDArray[Any]:
        """Return the weights with the axes of the user's logits."""
        return _restored(array, self.rank, part)


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """The weighted sum alone.

    Attributes:
        weights: (batch, heads, L, S)
        value: (batch or 1, key heads, S, Ev), past ones first.
        dtype: precision of the computation.
        output_dtype: type of the output.
        rank: number of axes of the output before its heads are packed.
        packed: whether the output packs its heads side by side on its last axis.
        given: the user's name for the value.
    """

    weights: NDArray[Any]
    value: NDArray[Any]
    dtype: np.dtype[Any]
    output_dtype: np.dtype[Any]
    rank: int
    packed: bool
    given: str = "value"

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], options: Options) -> WeightedSum:
        """Use ``weights`` and ``value`` (or ``hidden``), after ``past_value``; the states decide the precision.

        Raises:
            InputError: shapes do not fit.
        """
        weights, past = arrays["weights"], arrays.get("past_value")
        name = "value" if "value" in arrays else "hidden"
        fit_sum(weights.shape, arrays[name].shape, options, None if past is None else past.shape)
        before = None if past is None else as_states("past_value", past, options, "past_value")
        value = after_past(before, as_states(name, arrays[name], options, "value"))
        # Without a query the weights come from elsewhere, so their own type counts too.
        dtype, output_dtype = precision([*([] if "query" in arrays else [weights]), *states_of(arrays)], options)
        rows = weights.reshape(as_four_axes("weights", weights.shape))
        return cls(rows, value, dtype, output_dtype, weights.ndim, options.heads is not None, name)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Batch items, heads and queries of the output."""
        return self.weights.shape[:3]

    @property
    def keys(self) -> int:
        """The number of values that are summed."""
        return self.weights.shape[3]

    def select(self, part: Selection) -> Self:
        """Return the computation of a part."""
        value = _part(self.value, Selection(part.batch))
        if part.head is not None:
            at = part.head * self.value.shape[1] // self.weights.shape[1]
            value = value[:, at : at + 1]
        return replace(self, weights=_part(self.weights, part), value=value)

    def results(self) -> dict[str, NDArray[Any]]:
        """Return the output, by name."""
        products = self.weights.shape[-1] * self.weights.shape[-2] * self.value.shape[-1]
        with one_thread(products), np.errstate(all="ignore"):
            output = weighted_sum(self.weights, self.value, self.dtype)
            return {"output": output.astype(self.output_dtype, copy=False)}

    def restored(self, name: str, array: NDArray[Any], part: Selection = Selection()) -> NDArray[Any]:
        """Return the output with the axes of the user's weights."""
        return _restored(array, self.rank, part, packed=self.packed)


Calculation = AttentionSteps | Softmax | WeightedSum


def states_of(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the arrays whose types decide the precision of all steps."""
    return [arrays[name] for name in TYPED if name in arrays]


def _restored(array: NDArray[Any], rank: int, part: Selection, *, packed: bool = False) -> NDArray[Any]:
    return restore(array, rank, packed=packed, one_batch=part.batch is not None, one_head=part.head is not None)


def _part(array: NDArray[Any], part: Selection) -> NDArray[Any]:
    if part.batch is not None:
        array = array[part.batch : part.batch + 1] if array.shape[0] > 1 else array
    if part.head is not None:
        array = array[:, part.head : part.head + 1]
    return array if part.rows is None else array[:, :, part.rows]
