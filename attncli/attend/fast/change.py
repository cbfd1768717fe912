"""What becomes of queries and keys before they meet: normalised and rotated, a block at a time.

A block stays in the processor's cache. Arrays of all queries that are normalised, and of all that are rotated, would
cost more than the arithmetic does: their memory has to be mapped, written and read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.norms import Norm, factors_of, is_whole, norm_into
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages.rotate import key_places, query_places, rotation_of
from attncli.attend.threads import each
from attncli.attend.views import ROWS, blocks, one_of, some_heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

Tables = tuple["NDArray[Any]", ...]


@dataclass(frozen=True, eq=False)
class Change:
    """What becomes of queries, or of keys.

    Attributes:
        norm: how they are normalised; None: they are not.
        weights: what they are multiplied by then, (E,); None: nothing.
        eps: ε of the norm.
        rotation: how they are turned; None: they are not.
        tables: what turns them, each (batch or 1, L, …).
    """

    norm: Norm | None
    weights: NDArray[Any] | None
    eps: float
    rotation: Rotation | None
    tables: Tables

    def apply(self, states: NDArray[Any], item: int, rows: slice) -> None:
        """Change states in place.

        Args:
            states: (…, rows, E), in the precision of the computation.
            item: their batch item.
            rows: which of all rows these are.
        """
        if self.norm is not None and not self.norm.after_rope:
            norm_into(states, states, self.weights, self.norm.kind, self.eps)
        if self.rotation is not None:
            self.rotation.turn_into(states, [one_of(table, item)[rows] for table in self.tables], states)
        if self.norm is not None and self.norm.after_rope:
            norm_into(states, states, self.weights, self.norm.kind, self.eps)

    def queries(self, source: NDArray[Any], into: NDArray[Any], item: int, start: int, factor: Any) -> None:
        """Write queries of a batch item, changed and times a factor.

        Args:
            source: (heads, group, rows, E), as they were read.
            into: likewise, in the precision of the computation.
            item: the batch item.
            start: which of all queries is the first of these.
            factor: the factor, in that precision.
        """
        heads, group, length, _ = source.shape
        step = max(1, ROWS // group)
        for at in range(0, length, step):
            rows = slice(at, min(at + step, length))
            for some in some_heads(heads, group * (rows.stop - rows.start)):
                block = into[some, :, rows]
                np.copyto(block, source[some, :, rows], casting="unsafe")
                self.apply(block, item, slice(start + rows.start, start + rows.stop))
                block *= factor

    def keys(self, source: NDArray[Any], dtype: np.dtype[Any], past: int) -> NDArray[Any]:
        """Return all keys (batch or 1, heads, S, E), changed; the past ones come from a cache, and are already."""
        batch = max(len(source), *(len(table) for table in self.tables), 1)
        made = np.empty((batch, *source.shape[1:]), dtype=dtype)
        np.copyto(made[:, :, :past], source[:, :, :past], casting="unsafe")

        def run(block: tuple[int, slice]) -> None:
            item, rows = block
            new, into = one_of(source, item)[:, past:][:, rows], made[item, :, past:][:, rows]
            for some in some_heads(*new.shape[:2]):
                with np.errstate(all="ignore"):  # each thread has its own
                    np.copyto(into[some], new[some], casting="unsafe")
                self.apply(into[some], item, rows)

        each(run, blocks(batch, source.shape[2] - past), made.size)
        return made


def norms_in_blocks(o: Operands) -> bool:
    """Tell whether all that comes before the rotation is a norm of each query and key by itself, and may come here."""
    norms, layer = o.layer.norms, o.layer
    if o.options.cache is not None:  # of which the scales are to be known first
        return False
    if layer.projections or layer.gate is not None or "value" in norms or not in_blocks(o):
        return False
    return not any(is_whole(weights, o.states[state].shape[3]) for state, weights in norms.items())


def in_blocks(o: Operands) -> bool:
    """Tell whether queries can be made a block at a time, of any heads, for nothing else needs all of them."""
    by_head = any(weights is not None and weights.ndim > 1 for weights in o.layer.norms.values())
    return not FUNCTIONS[o.options.score].needs_preparation and "query_scale" not in o.inputs and not by_head


def changes(o: Operands) -> tuple[Change, Change] | None:
    """Return what becomes of queries and of keys; None: nothing, or it cannot be done a block at a time."""
    is_normed, is_turned = o.early is not None or o.norms_late, o.options.rope is not None
    if not in_blocks(o) or not (is_normed or is_turned):
        return None
    turns = _turns(o) if is_turned else [(None, ()), (None, ())]
    norm = Norm.of(o.options.qk_norm) if is_normed and o.options.qk_norm is not None else None
    weights = [None if norm is None else factors_of(o.layer.norms[name], norm, o.dtype) for name in ("query", "key")]
    query, key = (Change(norm, of, o.options.norm_eps, *turn) for of, turn in zip(weights, turns, strict=True))
    return query, key


def _turns(o: Operands) -> list[tuple[Rotation, Tables]]:
    """Return how queries and keys are turned, and the tables for it."""
    found: list[tuple[Rotation, Tables]] = []
    sides = [(o.query.shape[-1], query_places(o)), (o.key.shape[-1], key_places(o))]
    # Most queries stand where the keys do, and have as many features: the same cosines serve both.
    alike = sides[0][0] == sides[1][0] and np.array_equal(sides[0][1], sides[1][1])
    for features, places in sides[: 1 if alike else 2]:
        turning = rotation_of(o, features)
        found.append((turning, turning.factors(*turning.tables(places, o.dtype))))
    return 2 * found if alike else found
