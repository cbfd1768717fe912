"""score: how well each key answers each query, times the scale.

    scores = scale · score(query, key)

How a query meets a key is declared in `attncli.attend.scores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import by_group, ready, ungroup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def products(o: ScoreOperands, query: NDArray[Any], key: NDArray[Any]) -> NDArray[Any]:
    """Return the unscaled scores, (batch or 1, heads, L, S), of a rotated query and key."""
    function = FUNCTIONS[o.options.score]
    parameters = {name: ready(array, o.dtype) for name, array in o.parameters.items()}
    # ∞ and NaN in the input are allowed.
    with np.errstate(invalid="ignore", over="ignore"):
        query, key = function.prepare(query, key, parameters)
        return ungroup(function.meet(by_group(query, o.sizes.key_heads), key[:, :, None], parameters))


def scaled(o: ScoreOperands, raw: NDArray[Any]) -> NDArray[Any]:
    """Return the scores times the scale."""
    with np.errstate(invalid="ignore", over="ignore"):
        return raw * o.dtype.type(o.factor)


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the scaled scores (batch, heads, L, S)."""
    scores = scaled(o, products(o, made["rotated_query"], made["rotated_key"]))
    return {"scores": np.broadcast_to(scores, (o.sizes.batch, *scores.shape[1:]))}


STAGE = Stage("score", "score", "scores = scale · score(query, key)", ("scores",), forward)
