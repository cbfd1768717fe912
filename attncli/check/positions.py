"""What positions cost in float32: tables of angles, and ALiBi as models make them.

A model makes the angles of its rotary table in float32, position · frequency, and an angle of 2000 radians is off by
6e-5 in it. ALiBi is often slope · j instead of −slope · (p − j), which is the same for softmax, but rounds far keys by
what slope · j rounds to. Neither is a mistake.

Source: ``LlamaRotaryEmbedding.forward`` and ``build_alibi_tensor`` of Bloom, in transformers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.alibi import slopes
from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.stages.rotate import key_places, query_places, rotation_of
from attncli.attend.views import ready

if TYPE_CHECKING:
    from numpy.typing import NDArray

# With more numbers in query and key, or in a bias, what positions cost is not measured: they would fill the memory.
MOST = 1 << 25
SINGLE = np.dtype(np.float32)
# Columns that a cache may have had before those that are there: with the margin of a tolerance, some thousands.
BEFORE = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class Single(Rotation):
    """A rotation whose angles are products of float32."""

    def angles(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the angle of each pair in radians, (batch or 1, L, D/2), rounded to float32."""
        product = self._spread(positions).astype(SINGLE) * self.frequencies.astype(SINGLE)
        return product.astype(np.float64)


def in_float32(o: Operands) -> Operands:
    """Return a problem, which is computed in float32, with what its positions make made in float32 too.

    Its output is the same but for rounding. It is left as it is where it is too large, or has no positions.
    """
    return _with_penalties(_turned(o))


def _turned(o: Operands) -> Operands:
    """Return it with query and key turned by angles of float32."""
    if o.options.rope is None or o.cos is not None or o.query.size + o.key.size > MOST:
        return o
    past = o.sizes.past
    query = _turn(o, o.query, query_places(o))
    new = _turn(o, o.key[:, :, past:], key_places(o))
    kept = np.broadcast_to(ready(o.key[:, :, :past], SINGLE), (len(new), o.key.shape[1], past, o.key.shape[3]))
    return replace(o, query=query, key=np.concatenate([kept, new], axis=2), options=replace(o.options, rope=None))


def _turn(o: Operands, states: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    right = rotation_of(o, states.shape[-1])
    turning = Single(
        pairing=right.pairing,
        first=right.first,
        frequencies=right.frequencies,
        attention=right.attention,
        axes=right.axes,
    )
    return turning.turn(ready(states, SINGLE), *turning.tables(places, SINGLE))


def _with_penalties(o: Operands) -> Operands:
    """Return it with slope · p added for each query, so that ALiBi leaves slope · j, as large as that rounds.

    Columns may be counted from further back than the first key, of a cache whose beginning is gone.
    """
    if not o.options.alibi or o.sinks is not None:  # a sink would stay behind
        return o
    steep = slopes(o.head_count)[o.head_indices][:, None, None]
    each = (steep * (BEFORE + o.standing[0][:, None, :, None])).astype(SINGLE)  # (batch or 1, heads, L, 1)
    if o.bias is None:
        return replace(o, bias=each)
    shape = np.broadcast_shapes(each.shape, o.bias.shape)
    return o if np.prod(shape) > MOST else replace(o, bias=o.bias + each)
