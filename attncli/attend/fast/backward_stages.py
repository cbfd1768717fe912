"""Gradients from rows that only the stages can compute: those that hold NaN, ∞ or scores beyond the range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps
from attncli.attend.fast.backward_results import Found, Gradients
from attncli.attend.fast.logits import Scorer
from attncli.attend.fast.results import FALLBACK
from attncli.attend.fast.tiles import Piece
from attncli.attend.stages import cap, mask, softmax
from attncli.attend.stages import sum as sum_stage
from attncli.attend.views import one_of, product, ready, times

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The stages between the weighted sums and the scores, on the way back.
STAGES = (sum_stage.STAGE, softmax.STAGE, mask.STAGE, cap.STAGE)


class ByStages(Scorer[Gradients]):
    """Computes the gradients from some rows of a piece as the stages do."""

    def by_stages(self, piece: Piece, found: Found, bad: NDArray[np.bool_] | None) -> Found:
        """Add the gradients from rows that only the reference can compute: (G, rows · g), or all."""
        count = piece.rows.stop - piece.rows.start
        step = max(1, FALLBACK // self.operands.sizes.keys)
        for head in range(len(found.query)):
            for member in range(self.group):
                chosen = np.arange(count) if bad is None else np.flatnonzero(bad[head, member :: self.group])
                for start in range(0, len(chosen), step):
                    if not self.shared.stopped:
                        self.some_by_stages(piece, found, head, member, chosen[start : start + step])
        return found

    def some_by_stages(self, piece: Piece, found: Found, head: int, member: int, rows: NDArray[np.int64]) -> None:
        """Add the gradients from some rows of one query head, as the stages make them."""
        shared, group, function, parameters = self.shared, self.group, self.states.function, self.states.parameters
        query_head = (piece.heads.start + head) * group + member
        at = piece.rows.start + rows
        part = self.operands.select(batch=piece.batch, head=query_head, rows=at)
        made = steps.results(part)
        given = one_of(shared.given, piece.batch)[query_head, at]
        back: dict[str, Any] = {"output": given[None, None].astype(self.dtype)}
        for stage in STAGES:
            back |= stage.backward(part, made, back)
        slopes = back["scores"][0, 0]
        query, key = (each[0, 0] for each in function.prepare(made["met_query"], made["met_key"], parameters))
        if "query_scale" in part.inputs:
            own = ready(part.inputs["query_scale"], self.dtype)[0, 0, :, None]
            if found.query_scale is None:  # the gradient is that of the product
                query = query * own
            else:
                # All keys count for a query, whichever part of them the piece has: in the first one, once.
                if piece.part == 0:
                    met = times(function.meet(query, key, parameters), self.operands.factor)
                    self.put(found.query_scale, head, member, rows, product(slopes, met).sum(axis=-1))
                slopes = product(slopes, own)
        of_query, of_key, of_parameters = function.meet_backward(query, key, parameters, slopes)
        keys = piece.keys
        if piece.part == 0:
            found.query[head, rows * group + member] += times(of_query, self.operands.factor)
            for name, each in of_parameters.items():
                found.parameters[name] += times(each, self.operands.factor)
            if found.sinks is not None:
                found.sinks[head * group + member] += back["sinks"][0]
        found.key[head] += times(of_key, self.operands.factor)[keys]
        found.value[head] += back["value"][0, 0, keys]
        for name, target in found.added.items():
            each, of_one_key = back[name][0, 0], shared.is_of_one_key(name)
            if piece.part == 0 or not of_one_key:
                self.put(target, head, member, rows, each if of_one_key else each[:, keys])

    def put(self, target: NDArray[Any], head: int, member: int, rows: NDArray[np.int64], some: NDArray[Any]) -> None:
        """Add to a gradient (G or 1, rows or 1, g or 1, …) what some rows of a head have, (rows or 1, …)."""
        of_head = target[head if len(target) > 1 else 0, :, member if target.shape[2] > 1 else 0]
        if len(of_head) > 1:
            of_head[rows] += some
        else:
            of_head += some.sum(axis=0, keepdims=True)
