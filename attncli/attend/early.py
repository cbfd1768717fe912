"""What comes before query and key are rotated and scored: projections, norms, and what makes the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.fitting import as_gate
from attncli.attend.stages import cache, norm, project
from attncli.attend.stages.stage import Made

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.layer import Projection
    from attncli.attend.operands import Prepared, ScoreOperands

# The stages that are run here, in their order.
STAGES = (project.STAGE, norm.STAGE)


def is_needed(o: ScoreOperands) -> bool:
    """Tell whether anything comes before query and key are rotated and scored, or is to be known of all keys."""
    return bool(o.layer.projections or norm.before_rope(o)) or not (o.layer.gate is None and o.options.cache is None)


def core(o: Prepared) -> Prepared:
    """Return the operands with query, key and value projected and normalised, the gate made, and scales found."""
    made: dict[str, NDArray[Any]] = {}
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        for stage in STAGES:
            made |= stage.forward(o, made)
        gate = o.gate if o.layer.gate is None else _gate(o, o.layer.gate)
    states: dict[str, Any] = {}
    for name, array in o.states.items():
        states[name] = made.get(f"normed_{name}", made.get(f"projected_{name}", array))
    return cache.with_held(_done(o, states, made, gate))


def _gate(o: ScoreOperands, by: Projection) -> NDArray[Any]:
    """Return the gate of each head and query, (batch, heads, L, Ev or 1)."""
    batch, _, length, _ = o.query.shape
    packed = o.query.swapaxes(1, 2).reshape(batch, length, -1)
    return as_gate(project.affine(packed, by, o.dtype), o.sizes)


def backward(o: ScoreOperands, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients of what was given, of those of the states that the core has, and of the gate.

    Args:
        o: the operands, which still have what makes the core.
        found: the gradients of query, key and value, (batch or 1, heads, length, features), and of the gate.
    """
    gradients, made = dict(found), o.core.made
    for stage in reversed(STAGES):
        gradients |= stage.backward(o, made, gradients)
    if o.layer.gate is not None:
        batch, heads, length, features = o.query.shape
        packed = o.query.swapaxes(1, 2).reshape(batch, 1, length, heads * features)
        gate = gradients.pop("gate").swapaxes(1, 2)  # (batch, L, heads, Ev or 1)
        side_by_side = gate.reshape(len(gate), 1, length, -1)
        of_query, of_weights = project.affine_backward(packed, o.layer.gate, side_by_side, "g")
        apart = of_query.reshape(len(of_query), length, heads, features).swapaxes(1, 2)
        gradients |= of_weights | {"query": gradients["query"] + apart}
    for name in ("key", "value"):
        if o.sizes.past and name in o.states and name not in o.layer.projections:
            whole = gradients[name]
            gradients |= {f"past_{name}": whole[:, :, : o.sizes.past], name: whole[:, :, o.sizes.past :]}
    return gradients


def outline(o: Prepared) -> Prepared:
    """Return the operands with arrays of the right sizes, which take no memory, in the place of what is to be made."""
    sizes = o.sizes
    lengths = {
        "query": (sizes.heads, sizes.queries, sizes.features),
        "key": (sizes.key_heads, sizes.keys, sizes.features),
        "value": (o.split.get("value", sizes.key_heads), sizes.keys, sizes.value_features),
    }
    blank = np.zeros((), dtype=o.dtype)
    states: dict[str, Any] = {name: np.broadcast_to(blank, (sizes.batch, *lengths[name])) for name in o.states}
    names = [*project.STAGE.results(o), *(f"normed_{name}" for name in norm.before_rope(o))]
    gate = o.gate if o.layer.gate is None else np.broadcast_to(blank, sizes.context_shape)
    return _done(o, states, {name: states[name.partition("_")[2]] for name in names}, gate)


def _done(o: Prepared, states: dict[str, Any], made: dict[str, NDArray[Any]], gate: NDArray[Any] | None) -> Prepared:
    """Return the operands with these states, of which nothing is left to be made."""
    layer = replace(o.layer, projections={}, gate=None)
    return replace(o, early=None, made=made, layer=layer, gate=gate, past={}, **states)
