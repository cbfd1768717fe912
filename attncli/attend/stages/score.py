"""score: how well each key answers each query, times the scale.

    scores = scale · score(query, key)

How a query meets a key is declared in `attncli.attend.scores`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import by_group, product, ready, summed_to, times, ungroup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def products(o: ScoreOperands, query: NDArray[Any], key: NDArray[Any], factor: float = 1.0) -> NDArray[Any]:
    """Return the scores of a rotated query and key times a factor, (batch or 1, heads, L, S)."""
    function = FUNCTIONS[o.options.score]
    parameters = {name: ready(array, o.dtype) for name, array in o.parameters.items()}
    # ∞ and NaN in the input are allowed.
    with np.errstate(invalid="ignore", over="ignore"):
        query, key = function.prepare(query, key, parameters)
        if function.is_dot:  # q·k may leave the range of the type although it comes back with the factor
            query, factor = times(query, factor), 1.0
        scores = ungroup(function.meet(by_group(query, o.sizes.key_heads), key[:, :, None], parameters))
    return scores if factor == 1 else times(scores, factor)


def by_feature(
    o: ScoreOperands, query: NDArray[Any], key: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return a query and a key as they meet, and what each of their features adds to the scaled score, each (A).

    Args:
        o: the query alone, of one head.
        query: as it is scored, (E).
        key: likewise, (Ek).
    """
    function = FUNCTIONS[o.options.score]
    parameters = {name: ready(array, o.dtype) for name, array in o.parameters.items()}
    with np.errstate(invalid="ignore", over="ignore"):
        query, key = function.prepare(query, key, parameters)
        return query, key, scaled(o, function.terms(query, key, parameters)[None, None, None])[0, 0, 0]


def scaled(o: ScoreOperands, raw: NDArray[Any]) -> NDArray[Any]:
    """Return unscaled scores times the scale, and times that of each query."""
    return by_query(o, times(raw, o.factor))


def by_query(o: ScoreOperands, scores: NDArray[Any]) -> NDArray[Any]:
    """Return scores times the factor that each query has of its own, if there are such."""
    if "query_scale" not in o.inputs:
        return scores
    with np.errstate(all="ignore"):
        return scores * ready(o.inputs["query_scale"], o.dtype)[..., None]


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the scaled scores (batch, heads, L, S)."""
    scores = by_query(o, products(o, made["met_query"], made["met_key"], o.factor))
    return {"scores": np.broadcast_to(scores, (o.sizes.batch, *scores.shape[1:]))}


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of query and key as they met, of the factors of queries, and of the learned parameters.

    For the dot product d_query = scale · d_scores · key and d_key = scale · d_scoresᵀ · query, summed over each group.
    """
    query, key, scores = made["met_query"], made["met_key"], found["scores"]
    gradients: dict[str, NDArray[Any]] = {}
    if "query_scale" in o.inputs:
        own = ready(o.inputs["query_scale"], o.dtype)
        alone = product(scores, products(o, query, key, o.factor)).sum(axis=-1)
        gradients["query_scale"] = summed_to(alone, own.shape)
        scores = product(scores, own[..., None])
    function = FUNCTIONS[o.options.score]
    parameters = {name: ready(array, o.dtype) for name, array in o.parameters.items()}
    with np.errstate(all="ignore"):
        left, right = function.prepare(query, key, parameters)
        of_left, of_right, of_meeting = function.meet_backward(
            by_group(left, o.sizes.key_heads), right[:, :, None], parameters, by_group(scores, o.sizes.key_heads)
        )
        # The scale comes last, as a factor on what is found: so is what it is multiplied with in the forward pass.
        of_left, of_right = times(ungroup(of_left), o.factor), times(of_right.sum(axis=2), o.factor)
        of_query, of_key, of_parameters = function.prepare_backward(query, key, parameters, of_left, of_right)
    gradients |= {name: times(each, o.factor) for name, each in of_meeting.items()} | of_parameters
    return gradients | {"met_query": summed_to(of_query, query.shape), "met_key": summed_to(of_key, key.shape)}


STAGE = Stage("score", "score", "scores = scale · score(query, key)", ("scores",), forward, backward)
