"""Some rows of one head, computed as a kernel of some types computes them.

Each stage takes what the one before it returned and rounds what it returns to its type; so does each operation within
softmax, which starts by rounding the logits to its type (so the ONNX operator ``Attention`` casts them to its
``softmax_precision``). Sums are those of hardware: within a tile they are as good as float32, and what runs from tile
to tile is rounded after each of them, so that ``tile=1`` rounds after every addition. That goes for the sum of
exponentials (the type of ``softmax``) and that of the second product (the type of ``accumulate``).

Where the kernel is tiled, softmax is online: with the running maximum m, for each tile

    p = exp(logits − m′),  α = exp(m − m′),  l ← α·l + Σ p,  acc ← α·acc + round(p)·value;  at last acc / l

as in Dao, *FlashAttention-2*, 2023, algorithm 1: the weights that are rounded are not divided yet, and l is the sum of
those that are not rounded. Else weights are divided first, and rounded then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages import cap, mask, score
from attncli.attend.stages.rotate import to_meet
from attncli.attend.views import ready, within
from attncli.check.simulate.stages import TILE, Kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

    Array = NDArray[Any]


def rows(kernel: Kernel, o: Operands) -> Array:
    """Return the weighted sums (L, Ev) that a kernel makes, in float64, before they are written.

    Args:
        kernel: the types of its stages.
        o: one batch item and one head, to be computed in float64, with no cache of fewer bits.
    """
    given = kernel.type_of("inputs").round
    states: dict[str, Any] = {name: given(np.asarray(array, dtype=np.float64)) for name, array in o.states.items()}
    o = replace(o, **states)
    with np.errstate(all="ignore"):
        logits = _logits(kernel, o)
        value = ready(o.value, o.dtype)[0, 0]
        sink = -np.inf if o.sinks is None else float(within(o.sinks, logits.dtype)[0])
        return _whole(kernel, logits, value, sink) if kernel.tile is None else _online(kernel, logits, value, sink)


def _logits(kernel: Kernel, o: Operands) -> Array:
    """Return the logits of a head, (L, S)."""
    query, key = map(kernel.type_of("rotated").round, to_meet(o))
    scaled = kernel.type_of("scaled").round(score.scaled(o, _scores(kernel, o, query, key)))
    rounded = kernel.type_of("logits").round
    logits = rounded(cap.capped(o, scaled))
    for added in mask.additions(o).values():
        logits = rounded(logits + rounded(added))
    closed = mask.close(logits, mask.openings(o).values())
    return np.asarray(np.broadcast_to(closed, (1, 1, o.sizes.queries, o.sizes.keys))[0, 0])


def _scores(kernel: Kernel, o: Operands, query: Array, key: Array) -> Array:
    """Return the scores before the scale, (1, 1, L, S)."""
    kind, function = kernel.type_of("scores"), FUNCTIONS[o.options.score]
    if not function.is_dot:
        return kind.round(score.products(o, query, key))
    query, key = function.prepare(query, key, {name: ready(each, o.dtype) for name, each in o.parameters.items()})
    return kind.round(kind.product(query[0, 0], key[0, 0].T))[None, None]


def _whole(kernel: Kernel, logits: Array, value: Array, sink: float) -> Array:
    """Return the sums of a kernel that has all logits of a row at once."""
    rounded = kernel.type_of("softmax").round
    logits, last = rounded(logits), rounded(np.array(sink))
    peak = _finite(np.maximum(logits.max(axis=-1, keepdims=True), last))
    powers = rounded(np.exp(rounded(logits - peak)))
    total = rounded(np.exp(rounded(last - peak)))
    for start in range(0, powers.shape[1], TILE):
        total = rounded(total + powers[:, start : start + TILE].sum(axis=-1, keepdims=True))
    weights = kernel.type_of("weights").round(rounded(powers / np.where(total == 0, 1, total)))
    return kernel.type_of("accumulate").weigh(weights, value)


@dataclass
class _Running:
    """What runs from tile to tile: maximum and sum of exponentials (L, 1), and the sum of values (L, Ev)."""

    peak: Array
    total: Array
    summed: Array


def _online(kernel: Kernel, logits: Array, value: Array, sink: float) -> Array:
    """Return the sums of a kernel that has one tile of logits at a time."""
    assert kernel.tile is not None
    rounded, summing = kernel.type_of("softmax").round, kernel.type_of("accumulate").round
    first = np.full((len(logits), 1), rounded(np.array(sink)))
    run = _Running(first, np.where(first == -np.inf, 0.0, 1.0), np.zeros((len(logits), value.shape[1])))
    for start in range(0, logits.shape[1], kernel.tile):
        some = slice(start, start + kernel.tile)
        _take(kernel, run, rounded(logits[:, some]), value[some])
    return summing(run.summed / np.where(run.total == 0, 1, run.total))


def _take(kernel: Kernel, run: _Running, logits: Array, value: Array) -> None:
    """Take one tile in: its logits (L, tile) and values (tile, Ev)."""
    rounded, second = kernel.type_of("softmax").round, kernel.type_of("accumulate")
    peak = np.maximum(run.peak, logits.max(axis=-1, keepdims=True))
    safe = _finite(peak)
    powers = rounded(np.exp(rounded(logits - safe)))
    shrunk = rounded(np.exp(rounded(run.peak - safe)))
    run.total = rounded(rounded(run.total * shrunk) + powers.sum(axis=-1, keepdims=True))
    before = second.round(run.summed * shrunk)
    run.summed = second.round(before + second.weigh(kernel.type_of("weights").round(powers), value))
    run.peak = peak


def _finite(peak: Array) -> Array:
    """Return what is subtracted from logits: of a row in which all are −∞ nothing, for −∞ − −∞ would be NaN."""
    return np.where(peak == -np.inf, 0, peak)
