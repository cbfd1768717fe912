"""What comes before query and key are rotated and scored: projections, norms, and what makes the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.fitting import as_gate
from attncli.attend.stages import norm, project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.layer import Projection
    from attncli.attend.operands import Prepared, ScoreOperands

# The stages that are run here, in their order.
STAGES = (project.STAGE, norm.STAGE)


def is_needed(o: ScoreOperands) -> bool:
    """Tell whether anything comes before query and key are rotated and scored."""
    return bool(o.layer.projections or norm.before_rope(o)) or o.layer.gate is not None


def core(o: Prepared) -> Prepared:
    """Return the operands with query, key and value projected and normalised, and the gate made."""
    made: dict[str, NDArray[Any]] = {}
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        for stage in STAGES:
            made |= stage.forward(o, made)
        gate = o.gate if o.layer.gate is None else _gate(o, o.layer.gate)
    states: dict[str, Any] = {}
    for name, array in o.states.items():
        states[name] = made.get(f"normed_{name}", made.get(f"projected_{name}", array))
    return _done(o, states, made, gate)


def _gate(o: ScoreOperands, by: Projection) -> NDArray[Any]:
    """Return the gate of each head and query, (batch, heads, L, Ev or 1)."""
    batch, _, length, _ = o.query.shape
    packed = o.query.swapaxes(1, 2).reshape(batch, length, -1)
    return as_gate(project.affine(packed, by, o.dtype), o.sizes)


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
