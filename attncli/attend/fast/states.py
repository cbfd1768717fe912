"""Query, key and value as the tiles need them: normalised, rotated, prepared for the score function, and grouped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.buffers import LOG2E
from attncli.attend.fast.change import Change, changes
from attncli.attend.scores import FUNCTIONS, ScoreFunction
from attncli.attend.stages.cache import held
from attncli.attend.stages.rotate import to_meet
from attncli.attend.types import is_ordinary
from attncli.attend.views import by_group, one_of, ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

# With fewer queries than this, scanning all keys beforehand costs more than keeping a running maximum.
FEW = 64


@dataclass(frozen=True)
class States:
    """Query, key and value as the tiles need them: (batch or 1, key heads, …), rotated and prepared.

    Attributes:
        query: (batch or 1, key heads, group, L, E), as it was read where ``change`` says what becomes of it.
        change: what becomes of queries when they are loaded; None: nothing.
        key: (batch or 1, key heads, S, E)
        value: (batch or 1, key heads, S, Ev)
        function: the score function; query and key are already prepared for it.
        parameters: those of the score function, for the tiles that need them.
        query_factor: factor on the queries, where it costs least.
        score_factor: factor on the scores, for functions that are not linear in the query.
        capped_factor: factor on the scores after softcap.
        is_ordinary: whether tiles can be computed with these factors; if not, the reference has to.
        has_ones: whether values get a column of ones; for few queries that costs more than it saves.
        has_additions: whether anything is added to the scores.
    """

    query: NDArray[Any]
    change: Change | None
    key: NDArray[Any]
    value: NDArray[Any]
    function: ScoreFunction
    parameters: dict[str, NDArray[Any]]
    query_factor: float
    score_factor: float
    capped_factor: float
    is_ordinary: bool
    has_ones: bool
    has_additions: bool

    @classmethod
    def of(cls, o: Operands) -> States:
        """Bring operands to the form that the tiles need."""
        function = FUNCTIONS[o.options.score]
        parameters = {name: ready(array, o.dtype) for name, array in o.parameters.items()}
        # A query that needs no change stays as it was read, so that a memory-mapped one stays on disk.
        query, key, change = o.query, o.key, None
        if (found := changes(o)) is not None:
            change, key = found[0], found[1].keys(key, o.dtype, o.sizes.past)
        elif o.options.rope is not None or o.norms_late:
            query, key = to_meet(o)
        key, value = held(o, "key", key), held(o, "value", o.value)
        if function.needs_preparation:
            with np.errstate(invalid="ignore", over="ignore"):
                query, key = function.prepare(ready(query, o.dtype), ready(key, o.dtype), parameters)
        own_scale = o.inputs.get("query_scale")
        if own_scale is not None and function.is_dot:
            with np.errstate(all="ignore"):
                query = ready(query, o.dtype) * ready(own_scale, o.dtype)[..., None]
        cap = o.options.softcap
        # Softcap is X·tanh(score/X): divide by X before tanh, multiply by X after it. The tiles compute powers of 2, so
        # log2(e) is folded into a factor that is applied anyway.
        factor, capped_factor = (o.factor * LOG2E, 1.0) if cap is None else (o.factor / cap, cap * LOG2E)
        value_heads = value.shape[1]
        if value_heads < o.sizes.key_heads:
            value = np.repeat(value, o.sizes.key_heads // value_heads, axis=1)
        numeric = o.mask is not None and o.mask.dtype != bool
        return cls(
            query=by_group(query, o.sizes.key_heads),
            change=change,
            key=key,
            value=value,
            function=function,
            parameters=parameters,
            query_factor=factor if function.is_dot else 1.0,
            score_factor=1.0 if function.is_dot else factor,
            capped_factor=capped_factor,
            is_ordinary=all(is_ordinary(each, o.dtype) for each in (factor, capped_factor))
            and (own_scale is None or function.is_dot),
            has_ones=o.sizes.group * o.sizes.queries >= FEW,
            has_additions=numeric or o.bias is not None or o.options.alibi,
        )

    def load(self, batch: int, heads: slice, rows: slice, into: NDArray[Any]) -> None:
        """Write the queries of some key heads as they meet the keys, times their factor, (heads, group, rows, E)."""
        source, factor = one_of(self.query, batch)[heads, :, rows], into.dtype.type(self.query_factor)
        # One pass converts, rearranges and scales; half precision and mapped files are read here for the first time.
        if self.change is None:
            np.multiply(source, factor, out=into, casting="same_kind")
        else:
            self.change.queries(source, into, batch, rows.start, factor)
