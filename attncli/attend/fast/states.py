"""Query, key and value as the tiles take them: rotated, prepared for the score function, and grouped by key head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.scores import FUNCTIONS, ScoreFunction
from attncli.attend.stages.rotate import rotated
from attncli.attend.views import by_group, ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

LOG2E = math.log2(math.e)
# With fewer queries than this, looking at every key beforehand costs more than a running maximum.
FEW = 64


@dataclass(frozen=True)
class States:
    """Query, key and value as the tiles take them: (batch or 1, key heads, …), rotated and prepared.

    Attributes:
        query: (batch or 1, key heads, group, L, E)
        key: (batch or 1, key heads, S, E)
        value: (batch or 1, key heads, S, Ev)
        function: how they meet in a tile; they have been prepared for it.
        parameters: of the score function, where a tile needs them.
        before: factor on the queries; there it costs least.
        between: factor on the scores, for functions that are not linear in the query.
        after: factor after softcap.
        ones: whether values are given a column of ones; for few queries that would cost more than it saves.
        added: whether anything is added to the scores.
    """

    query: NDArray[Any]
    key: NDArray[Any]
    value: NDArray[Any]
    function: ScoreFunction
    parameters: dict[str, NDArray[Any]]
    before: float
    between: float
    after: float
    ones: bool
    added: bool

    @classmethod
    def of(cls, o: Operands) -> States:
        """Bring operands to the form that the tiles take."""
        function = FUNCTIONS[o.options.score]
        parameters = {name: ready(array, o.dtype) for name, array in o.parameters.items()}
        # A query that nothing is done to stays as it was read, so that a memory-mapped one stays on disk.
        query, key = (o.query, o.key) if o.options.rope is None else rotated(o)
        if not function.is_bare:
            with np.errstate(invalid="ignore", over="ignore"):
                query, key = function.prepare(ready(query, o.dtype), ready(key, o.dtype), parameters)
        cap = o.options.softcap
        # Softcap is X·tanh(score/X): what goes in is divided by X, what comes out multiplied. The base of the powers
        # is 2, so that logits are multiplied by log2(e) wherever a factor is applied anyway.
        factor, after = (o.factor * LOG2E, 1.0) if cap is None else (o.factor / cap, cap * LOG2E)
        numeric = o.mask is not None and o.mask.dtype != bool
        return cls(
            query=by_group(query, o.sizes.key_heads),
            key=key,
            value=o.value,
            function=function,
            parameters=parameters,
            before=factor if function.is_dot else 1.0,
            between=1.0 if function.is_dot else factor,
            after=after,
            ones=o.sizes.group * o.sizes.queries >= FEW,
            added=numeric or o.bias is not None or o.options.alibi,
        )
