"""Tiles of logits, as exponents of 2: what both directions compute of a piece in one thread.

The letters of the shapes: G key heads of the piece, R rows (queries) of the tile, g query heads per key head (the
group), K keys of the tile, E and Ev features of a key and of a value.

Queries that share a key head are adjacent: row r of query head i of the group is row r·g + i of a tile, (G, R·g, K).
One product then serves the whole group, and cutting off rows at either end leaves one contiguous block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from attncli.attend.alibi import slopes
from attncli.attend.fast.buffers import LOG2E, exponents, multiply, take, usable
from attncli.attend.fast.shared import Shared
from attncli.attend.fast.states import FEW
from attncli.attend.fast.tiles import Piece
from attncli.attend.rules import named, opened
from attncli.attend.stages.mask import to_the_last_key
from attncli.attend.views import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


Common = TypeVar("Common", bound=Shared)


class Scorer(Generic[Common]):
    """Computes the logits of tiles in one thread."""

    def __init__(self, shared: Common) -> None:
        self.shared, self.operands, self.states = shared, shared.operands, shared.states
        self.dtype = self.operands.dtype
        self.group, self.features = self.operands.sizes.group, self.operands.sizes.value_features
        self.named: NDArray[np.bool_] | None = None

    def load(self, piece: Piece, more: int = 0) -> NDArray[Any]:
        """Return the queries of a piece times their factor, (G, rows · g, E).

        Args:
            piece: the piece.
            more: how many columns follow them, whose numbers are for the caller to set; see `meet`.
        """
        heads, rows = (each.stop - each.start for each in (piece.heads, piece.rows))
        features = self.states.query.shape[-1]
        query = take("query", (heads, rows, self.group, features + more), self.dtype)
        # (G, rows, g, E), for writing (G, g, rows, E): the group lies next to the rows, as in a tile.
        self.states.load(piece.batch, piece.heads, piece.rows, query[..., :features].swapaxes(1, 2))
        return query.reshape(heads, -1, query.shape[-1])

    def rows(self, piece: Piece, keys: slice) -> slice:
        """Return the queries of a piece, from the first to the last one that may see any of these keys."""
        reach = self.shared.plan.reach(piece.batch)
        return slice(0, piece.rows.stop - piece.rows.start) if reach is None else reach.rows(piece.rows, keys)

    def keys(self, piece: Piece, keys: slice) -> NDArray[Any]:
        """Return the keys of a tile, (G, K, E)."""
        return usable(one_of(self.states.key, piece.batch)[piece.heads, keys], self.dtype, "keys")

    def values(self, piece: Piece, keys: slice) -> NDArray[Any]:
        """Return the values of a tile as they were read, (G, K, Ev)."""
        return one_of(self.states.value, piece.batch)[piece.heads, keys]

    def sinks(self, piece: Piece) -> NDArray[Any] | None:
        """Return the sink of each row of a tile, (G, rows · g), as an exponent of 2."""
        if self.operands.sinks is None:
            return None
        sinks = self.operands.sinks
        sinks = np.where(sinks == -np.inf, -np.inf, exponents(sinks, self.dtype)).astype(self.dtype)
        heads = sinks.reshape(-1, 1, self.group)[piece.heads]  # (G, 1, g)
        rows = piece.rows.stop - piece.rows.start
        return np.broadcast_to(heads, (len(heads), rows, self.group)).reshape(len(heads), -1)

    def score(self, piece: Piece, keys: slice, rows: slice, query: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of a tile as exponents of 2, −∞ where closed: (G, R · g, K)."""
        key, function = self.keys(piece, keys), self.states.function
        if function.is_dot:
            scores = self.meet(query, key)
        else:
            # Not linear in the query, so the factor must go on the scores.
            scores = function.meet(query, key, self.states.parameters) * self.dtype.type(self.states.score_factor)
        scores = self.capped(scores)
        by_head = scores.reshape(len(scores), rows.stop - rows.start, self.group, -1)  # (G, R, g, K), the same memory
        self.add(piece, keys, rows, by_head)
        self.close(piece, keys, rows, by_head)
        return scores

    def capped(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Return scores after softcap, as exponents of 2; they are changed in place."""
        if self.operands.options.softcap is not None:
            np.tanh(scores, out=scores)
        if self.states.capped_factor != 1:
            scores *= self.dtype.type(self.states.capped_factor)
        return scores

    def multiply(self, left: NDArray[Any], right: NDArray[Any], name: str) -> NDArray[Any]:
        """Return the products of two stacks of matrices, in this thread's buffer called ``name``."""
        out = take(name, (*left.shape[:2], right.shape[2]), self.dtype)
        return multiply(left, right, out, self.shared.plan.block)

    def meet(self, left: NDArray[Any], right: NDArray[Any], name: str = "scores") -> NDArray[Any]:
        """Return the products of queries (G, R · g, E) and keys (G, K, E): (G, R · g, K).

        Args:
            left: the queries; columns beyond E are added to the product, as if the keys had ones there.
            right: the keys.
            name: this thread's buffer for the products.
        """
        heads, keys, features = right.shape
        more = left.shape[2] - features
        if left.shape[1] < FEW:  # few queries: BLAS is twice as fast with the long side first
            scores = take(name, (*left.shape[:2], keys), self.dtype)
            upright = take("upright", (heads, keys, left.shape[1]), self.dtype)  # (G, K, R·g)
            scores[...] = np.matmul(right, left[..., :features].swapaxes(1, 2), out=upright).swapaxes(1, 2)
            return scores if not more else np.add(scores, left[..., features:].sum(axis=2, keepdims=True), out=scores)
        # BLAS multiplies small matrices much faster if it need not transpose one of them.
        transposed = take("transposed", (heads, features + more, keys), self.dtype)  # (G, E, K)
        transposed[:, :features], transposed[:, features:] = right.swapaxes(1, 2), 1
        return self.multiply(left, transposed, name)

    def add(self, piece: Piece, keys: Any, rows: slice, scores: NDArray[Any]) -> None:
        """Add mask, bias and ALiBi to the scores (G, R, g, K) in place, and close what mask and bias close."""
        o = self.operands
        for name, array in (("mask", o.mask), ("bias", o.bias)):
            if array is None:
                continue
            some = self.over(array, piece, keys, rows, padded=name == "mask")
            if some.dtype == bool:
                np.copyto(scores, -np.inf, where=~some)
                continue
            scores += exponents(some, self.dtype)
            # −∞ must win over a score of NaN or ∞, so select it instead of adding it.
            if (some == -np.inf).any():
                np.copyto(scores, -np.inf, where=some == -np.inf)
        if o.options.alibi:
            heads = o.head_indices.reshape(-1, 1, self.group, 1)[piece.heads]  # (G, 1, g, 1)
            steep = (slopes(o.head_count)[heads] * LOG2E).astype(self.dtype)
            queries = one_of(o.standing[0], piece.batch)[piece.rows][rows]
            distance = np.abs(queries[:, None, None] - self.places(piece, keys))  # (R, 1, K)
            # (G, 1, g, 1) · (R, 1, K)
            scores -= steep * distance.astype(self.dtype)

    def over(self, array: NDArray[Any], piece: Piece, keys: Any, rows: slice, *, padded: bool) -> NDArray[Any]:
        """Return the part of a mask or bias for a tile, which broadcasts to (G, R, g, K).

        Args:
            array: (batch or 1, heads or 1, L or 1, S or 1), still as read.
            piece: the piece.
            keys: the keys of the tile.
            rows: the rows of the tile, as indices into those of the piece.
            padded: whether the last axis, if shorter than the keys, closes those beyond its end. A mask of one key
                closes all others; a bias of one key is the same for all.
        """
        some = self.of_rows(array, piece, rows)
        if padded or some.shape[3] > 1:
            # Cut first, pad afterwards, so that only the part of a mapped mask under the tile is read.
            return to_the_last_key(some[..., keys], keys.stop - keys.start)
        return some

    def of_rows(self, array: NDArray[Any], piece: Piece, rows: slice) -> NDArray[Any]:
        """Return the part of an array (batch or 1, heads or 1, L or 1, …) for the rows of a tile.

        Returns:
            (G or 1, R or 1, g or 1, …)
        """
        some = one_of(array, piece.batch)  # (heads or 1, L or 1, …)
        count = some.shape[0]
        # Query heads as (key heads, group), or (1, 1) if one serves all.
        some = some.reshape(1, 1, *some.shape[1:]) if count == 1 else some.reshape(-1, self.group, *some.shape[1:])
        some = some if count == 1 else some[piece.heads]  # (G or 1, g or 1, L or 1, …)
        if some.shape[2] > 1:
            some = some[:, :, piece.rows.start + rows.start : piece.rows.start + rows.stop]
        return some.swapaxes(1, 2)  # as the scores are

    def places(self, piece: Piece, keys: Any) -> NDArray[np.int64]:
        """Return where the keys of a tile stand, which broadcasts to (G, R, g, K)."""
        if self.operands.key_places is not None:
            return one_of(self.operands.key_places[0], piece.batch)[keys]
        return np.arange(keys.start, keys.stop) if isinstance(keys, slice) else np.asarray(keys)

    def named_keys(self, piece: Piece) -> NDArray[np.bool_] | None:
        """Return which keys are named for the rows of a piece, (G or 1, R or 1, g or 1, S); None without indices."""
        if "indices" not in self.operands.inputs:
            return None
        rows = slice(0, piece.rows.stop - piece.rows.start)
        return named(self.of_rows(self.operands.inputs["indices"], piece, rows), self.operands.sizes.keys)

    def positions(self, piece: Piece, rows: slice) -> NDArray[np.int64]:
        """Return the positions of these rows of a piece, (R,)."""
        return one_of(self.operands.positions, piece.batch)[piece.rows][rows]

    def close(self, piece: Piece, keys: Any, rows: slice, scores: NDArray[Any]) -> None:
        """Close what rules by positions and ids close, in the rows of the scores (G, R, g, K) that they cut through."""
        if self.named is not None:
            of_keys = self.named[..., keys]
            np.copyto(scores, -np.inf, where=~(of_keys[:, rows] if of_keys.shape[1] > 1 else of_keys))
        reach = self.shared.plan.reach(piece.batch)
        if reach is None:
            return
        at = slice(piece.rows.start + rows.start, piece.rows.start + rows.stop)
        for some in reach.cut(at, keys):
            closed = self.shared.closed_block(reach, slice(at.start + some.start, at.start + some.stop), keys)
            np.copyto(scores[:, some], -np.inf, where=closed[:, None])  # (R, 1, K) over (G, R, g, K)
        if reach.rules is not None:  # between the first and the last key of a query others may be closed
            query, key = reach.rules.query[at][:, None], reach.rules.key[None, keys]
            for rule in opened(self.operands.options, query, key, reach.rules.lengths).values():
                np.copyto(scores, -np.inf, where=~rule[:, None])
