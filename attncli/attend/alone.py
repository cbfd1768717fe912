"""Softmax alone, and the weighted sum alone, each built from arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from attncli.attend.arrays import ARRAYS, STATES
from attncli.attend.cache.option import kept_as
from attncli.attend.cache.rounding import Held
from attncli.attend.fast.blas import one_thread
from attncli.attend.fitting import fit_sinks
from attncli.attend.fitting_states import fit_sum
from attncli.attend.layouts import Name
from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.pages import Pages
from attncli.attend.parts import WHOLE, Selection, form_of, restored
from attncli.attend.prepare import as_states, precision, prepare
from attncli.attend.shapes import as_four_axes, heads_of, show
from attncli.attend.stages import out as out_stage
from attncli.attend.stages import sum as sum_stage
from attncli.attend.stages.cache import held
from attncli.attend.stages.softmax import log_sum, weights
from attncli.attend.stages.sum import weighted_sum
from attncli.attend.views import after_past, ready
from attncli.attend.words.array import Role
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAYER_STAGES = ("project", "norm", "gate", "out")
GIVING = (Role.STATE, Role.INPUT)
# The arrays whose types decide the precision of all steps.
TYPED = tuple(name for name in STATES if not name.startswith("past"))


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
        return replace(self, logits=part.of(self.logits), sinks=sinks)

    def results(self) -> dict[str, NDArray[Any]]:
        """Return the weights and the logarithms of the rows' sums, by name."""
        logits = ready(self.logits, self.dtype)
        with np.errstate(all="ignore"):
            return {"weights": weights(self, logits), "lse": log_sum(logits, self.sinks)}

    def restored(self, name: str, array: NDArray[Any], part: Selection = WHOLE) -> NDArray[Any]:
        """Return a result with the axes of the user's logits."""
        return restored(name, array, part.form(self.rank))


@dataclass(frozen=True, eq=False)
class WeightedSum:
    """The weighted sum alone.

    Attributes:
        weights: (batch, heads, L, S)
        value: (batch or 1, key heads, S, Ev), past ones first.
        dtype: precision of the computation.
        output_dtype: type of the output.
        rank: number of axes of the output before its heads are packed.
        packed: how many heads the output packs side by side on its last axis; None: they lie apart.
        layout: the order of the axes of the output.
        given: the user's name for the value.
        layer: the whole problem, where its value is projected or anything comes after the sum; None otherwise.
    """

    weights: NDArray[Any]
    value: NDArray[Any]
    dtype: np.dtype[Any]
    output_dtype: np.dtype[Any]
    rank: int
    packed: int | None
    layout: Name
    given: str = "value"
    layer: Operands | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], options: Options) -> WeightedSum:
        """Use ``weights`` and ``value`` (or ``hidden``), after ``past_value``; the states decide the precision.

        Raises:
            InputError: shapes do not fit.
        """
        if any(ARRAYS[name].stage in LAYER_STAGES for name in arrays) or (options.cache and "query" in arrays):
            return cls.of_layer(arrays, options)
        weights, past = arrays["weights"], arrays.get("past_value")
        name = "value" if "value" in arrays else "hidden"
        if "block_table" in arrays:
            value = Pages.of(arrays, options).gathered("value")
            fit_sum(weights.shape, value.shape, options, pooled=True)
        else:
            fit_sum(weights.shape, arrays[name].shape, options, None if past is None else past.shape)
            before = None if past is None else _states("past_value", past, options)
            value = after_past(before, _states(name, arrays[name], options))
        # Without a query the weights come from elsewhere, so their own type counts too.
        dtype, output_dtype = precision([*([] if "query" in arrays else [weights]), *states_of(arrays)], options)
        if options.cache is not None and (kept := kept_as(options.cache).get("value")) is not None:
            value = Held.of(kept, value, dtype).rounded(value, dtype)
        rows = weights.reshape(as_four_axes("weights", weights.shape))
        packed = None if options.heads is None else rows.shape[1]
        return cls(rows, value, dtype, output_dtype, weights.ndim, packed, options.layout, name)

    @classmethod
    def of_layer(cls, arrays: Mapping[str, NDArray[Any]], options: Options) -> WeightedSum:
        """Use ``weights``, and everything else to make the value, and the output of the sums.

        Raises:
            InputError: something that the layer needs is missing, or does not fit.
        """
        o = prepare({name: array for name, array in arrays.items() if ARRAYS[name].role in GIVING}, options).core
        weights, sizes = arrays["weights"], o.sizes
        rows = weights.reshape(as_four_axes("weights", weights.shape))
        if rows.shape != (sizes.batch, sizes.heads, sizes.queries, sizes.keys):
            wanted = show((sizes.batch, sizes.heads, sizes.queries, sizes.keys))
            fact = f"weights {show(rows.shape)} do not fit the layer, which has {wanted} (batch×heads×queries×keys)"
            raise InputError(fact, arrays=["weights"])
        given = "value" if "value" in arrays else "hidden"
        return cls(rows, held(o, "value", o.value), o.dtype, o.output_dtype, sizes.rank, None, options.layout, given, o)

    @property
    def names(self) -> list[str]:
        """The results, in their order."""
        if self.layer is None:
            return ["output"]
        return [*sum_stage.STAGE.results(self.layer), *out_stage.STAGE.results(self.layer)]

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
        value = Selection(part.batch).of(self.value)
        if part.head is not None:
            at = part.head * self.value.shape[1] // self.weights.shape[1]
            value = value[:, at : at + 1]
        layer = self.layer
        if layer is not None:
            layer = layer.select(batch=part.batch, head=part.head, rows=part.rows)
        return replace(self, weights=part.of(self.weights), value=value, layer=layer)

    def results(self) -> dict[str, NDArray[Any]]:
        """Return the output, by name."""
        products = self.weights.shape[-1] * self.weights.shape[-2] * self.value.shape[-1]
        with one_thread(products), np.errstate(all="ignore"):
            output = weighted_sum(self.weights, self.value, self.dtype)
            if "context" not in self.names:
                return {"output": output.astype(self.output_dtype, copy=False)}
            assert self.layer is not None  # nothing else makes a context
            made = {"context": output}
            return made | ({"output": out_stage.finished(self.layer, output)} if "output" in self.names else {})

    def restored(self, name: str, array: NDArray[Any], part: Selection = WHOLE) -> NDArray[Any]:
        """Return the output with the axes of the user's weights."""
        if self.layer is not None:
            return restored(name, array, form_of(self.layer, name, part))
        return restored(name, array, part.form(self.rank, self.layout, self.packed))


def _states(name: str, array: NDArray[Any], options: Options) -> NDArray[Any]:
    """Return values as (batch, key heads, length, features)."""
    return as_states(
        name, array, options, heads_of("past_value" if name == "past_value" else "value", array.shape, options)
    )


def states_of(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the arrays whose types decide the precision of all steps."""
    return [arrays[name] for name in TYPED if name in arrays]
