"""rotate: query and key turned by angles that grow with their positions (rotary position embedding).

    (a, b) → (a·cos − b·sin, a·sin + b·cos), by the angle position · theta^(−2i/d) for pair i of d/2

Source: Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021, section 3.2.2; the two
pairings, tables and partial rotation are those of the ONNX operator ``RotaryEmbedding`` (opset 23), the scaling of the
frequencies is that of transformers: see `attncli.attend.rotary`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.rotary.making import rotation
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.stages.norm import after_rope, norm, norm_backward
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.views import ready, summed_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def rotation_of(o: ScoreOperands, features: int) -> Rotation:
    """Return how states of so many features are turned; ``--rope`` is in force."""
    table = None if o.cos is None or o.sin is None else (o.cos, o.sin)
    return rotation(o.options, features, o.rope_length, table)


def query_places(o: ScoreOperands) -> NDArray[np.int64]:
    """Return by what the queries are turned: their positions or their rows in tables, (3 or 1, batch or 1, L)."""
    return o.standing if o.row_indices is None else o.row_indices[None, None]


def key_places(o: ScoreOperands) -> NDArray[np.int64]:
    """Return by what the new keys are turned, (3 or 1, batch or 1, new keys)."""
    if o.row_indices is not None:
        return np.arange(o.sizes.keys - o.sizes.past)[None, None]
    return o.keys_standing[:, :, o.sizes.past :]


def rotated(o: ScoreOperands) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return query and key in the precision of the computation, turned by their positions if ``--rope`` is given.

    Past keys come from a cache, which holds keys that are turned already, so they are not turned again.
    """
    query, key = ready(o.query, o.dtype), ready(o.key, o.dtype)
    if o.options.rope is None:
        return query, key
    places, new = (query_places(o), key_places(o))
    turning = rotation_of(o, query.shape[-1])
    made = turning.tables(places, o.dtype)
    query = turning.turn(query, *made)
    # Most queries stand where the keys do, and have as many features: the same cosines serve both.
    if key.shape[-1] != query.shape[-1] or not np.array_equal(places, new):
        turning = rotation_of(o, key.shape[-1])
        made = turning.tables(new, o.dtype)
    turned = turning.turn(key[:, :, o.sizes.past :], *made)
    if not o.sizes.past:
        return query, turned
    past = np.broadcast_to(key[:, :, : o.sizes.past], (len(turned), *key.shape[1:2], o.sizes.past, key.shape[3]))
    return query, np.concatenate([past, turned], axis=2)


def normed_late(o: ScoreOperands, query: NDArray[Any], key: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what is normalised only after the rotation, of a rotated query and key, by the name of its result."""
    both = {"query": query, "key": key}
    return {f"normed_{state}": norm(o, state, both[state]) for state in after_rope(o)}


def to_meet(o: ScoreOperands) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return query and key as they are scored: rotated, and normalised after that where the norm comes last."""
    query, key = rotated(o)
    late = normed_late(o, query, key)
    return late.get("normed_query", query), late.get("normed_key", key)


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the rotated query (batch, heads, L, E) and key (batch, key heads, S, E), and both as they are scored."""
    query, key = rotated(o)
    late = normed_late(o, query, key)
    met = {"met_query": late.get("normed_query", query), "met_key": late.get("normed_key", key)}
    turned = {"rotated_query": query, "rotated_key": key} if o.options.rope is not None else {}
    return turned | late | met


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of query and key before they were turned, of tables, and of the weights of a late norm."""
    gradients: dict[str, NDArray[Any]] = {}
    for state, places in (("query", query_places), ("key", key_places)):
        given, array = found[f"met_{state}"], o.states[state]
        if state in after_rope(o):
            given, of_weights = norm_backward(o, state, made.get(f"rotated_{state}", array), given)
            gradients |= of_weights
        if o.options.rope is not None:
            given, of_tables = turned_back(o, array, given, places(o), o.sizes.past if state == "key" else 0)
            gradients |= {name: gradients.get(name, 0) + each for name, each in of_tables.items()}
        gradients[state] = summed_to(given, array.shape)
    return gradients


def turned_back(
    o: ScoreOperands, array: NDArray[Any], given: NDArray[Any], places: NDArray[np.int64], past: int
) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return the gradients of a query or key before the rotation, and of cos and sin if these are given.

    Args:
        o: the operands.
        array: (batch or 1, heads, length, E) what was turned.
        given: (batch, heads, length, E) the gradient of what came out.
        places: by what the new ones were turned.
        past: the number of keys at the front that were not turned.
    """
    turning = rotation_of(o, array.shape[-1])
    back = turning.turn_back(np.ascontiguousarray(given[:, :, past:]), *turning.tables(places, o.dtype))
    tables: dict[str, NDArray[Any]] = {}
    if o.cos is not None:
        new = ready(array, o.dtype)[:, :, past:]
        tables["cos"], tables["sin"] = turning.of_tables(new, given[:, :, past:], places)
    return (np.concatenate([given[:, :, :past], back], axis=2) if past else back), tables


STAGE = Stage(
    "rotate",
    "rotate",
    "(a, b) → (a·cos − b·sin, a·sin + b·cos)",
    ("rotated_query", "rotated_key"),
    forward,
    backward,
    lambda o: [] if o.options.rope is None else ["rotated_query", "rotated_key"],
)
