"""The work of one thread of the stream on a piece: tiles of scores, their powers of 2, and weighted sums.

The letters of the shapes are those of `attncli.attend.fast.logits`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.buffers import finite, take, usable
from attncli.attend.fast.logits import Scorer
from attncli.attend.fast.results import Sums
from attncli.attend.fast.states import FEW
from attncli.attend.fast.tiles import Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Exponents of 2 up to this size, positive or negative, keep full precision, and weighted sums of values stay in range;
# by the bytes of a number.
SAFE_POWER = {4: 50.0, 8: 500.0}


class Worker(Scorer[Sums]):
    """Computes the sums of pieces in one thread."""

    def compute(self, piece: Piece) -> None:
        """Compute one piece and write it, or store it if it is one of several parts."""
        if not self.states.is_ordinary:
            if piece.part == 0:
                self.shared.compute_by_steps(piece)
            return
        with np.errstate(all="ignore"):  # each thread has its own
            self.named = self.named_keys(piece)
            query = self.load(piece)
            peak, sums = self.start(piece, query)
            for start in range(piece.keys.start, piece.keys.stop, self.shared.plan.keys):
                if self.shared.stopped:
                    return
                keys = slice(start, min(start + self.shared.plan.keys, piece.keys.stop))
                self.tile(piece, keys, query, peak, sums)
            if self.shared.plan.parts == 1:
                self.shared.write(piece, sums, peak)
                return
        place = (piece.batch, piece.heads.start, piece.rows.start)
        # The sums live in a buffer that the next piece overwrites, so store a copy. Without a running maximum
        # nothing was subtracted from the scores, as if the maximum were 0.
        kept = (piece, np.zeros(sums.shape[:-1], sums.dtype) if peak is None else peak, sums.copy())
        with self.shared.lock:
            self.shared.parts.setdefault(place, []).append(kept)

    def products(self, piece: Piece) -> None:
        """Compute only the two products of each tile of a piece, with whatever numbers are in the buffers."""
        query = self.load(piece)
        for start in range(piece.keys.start, piece.keys.stop, self.shared.plan.keys):
            keys = slice(start, min(start + self.shared.plan.keys, piece.keys.stop))
            rows = self.rows(piece, keys)
            some = query[:, rows.start * self.group : rows.stop * self.group]
            scores = self.meet(some, self.keys(piece, keys))
            self.multiply(scores, usable(self.values(piece, keys), self.dtype, "values"), "product")

    def start(self, piece: Piece, query: NDArray[Any]) -> tuple[NDArray[Any] | None, NDArray[Any]]:
        """Return the running maximum, (G, rows · g), or None if not needed, and the sums, (G, rows · g, Ev + 1).

        The last column of the sums is the sum of the weights. A sink is one extra key whose value is 0: it counts only
        in that column, and only in the first part of the keys.
        """
        sums = take("sums", (*query.shape[:2], self.features + 1), self.dtype)
        sums[...] = 0
        sinks = self.sinks(piece) if piece.part == 0 else None
        if self.is_safe(piece, query, sinks):
            if sinks is not None:
                sums[..., -1] = np.exp2(sinks)
            return None, sums
        peak = np.full(query.shape[:2], -np.inf, dtype=self.dtype)
        if sinks is not None:
            # The sink is the first maximum, and 2^(sink − sink) is 1; a sink of −∞ is none.
            peak[...], sums[..., -1] = sinks, sinks > -np.inf
        return peak, sums

    def is_safe(self, piece: Piece, query: NDArray[Any], sinks: NDArray[Any] | None) -> bool:
        """Tell whether no power can get so large or so small that a maximum must be subtracted first.

        A dot product never exceeds the product of the lengths of its query and key (Cauchy–Schwarz). What is added to
        the scores can be of any size, and so can the scores of other functions.
        """
        if self.states.has_additions or query.shape[1] < FEW or not self.states.function.is_dot:
            return False
        most = SAFE_POWER[self.dtype.itemsize]
        # Written so that NaN, whose comparisons are false, is not safe.
        if sinks is not None and not np.abs(sinks).max() <= most:
            return False
        longest = np.sqrt(np.einsum("gre,gre->gr", query, query).max()) * self.shared.longest_key(piece)
        # tanh returns at most 1, so scores are then at most `capped_factor`.
        bound = min(longest, 1.0) * self.states.capped_factor if self.operands.options.softcap is not None else longest
        return bool(bound <= most)

    def tile(
        self, piece: Piece, keys: slice, query: NDArray[Any], peak: NDArray[Any] | None, sums: NDArray[Any]
    ) -> None:
        """Add the contribution of these keys to the sums.

        Args:
            piece: the piece.
            keys: the keys, as indices into all keys.
            query: (G, rows · g, E), all queries of the piece.
            peak: (G, rows · g) the running maximum, updated in place; None if not needed.
            sums: (G, rows · g, Ev + 1), updated in place.
        """
        # Leave out rows at both ends that see none of these keys; the rest is one block.
        rows = self.rows(piece, keys)
        if rows.start >= rows.stop:
            return
        block = slice(rows.start * self.group, rows.stop * self.group)
        scores = self.score(piece, keys, rows, query[:, block])  # (G, R·g, K), in the buffer "scores"
        sums = sums[:, block]
        if peak is not None:
            highest = np.maximum(peak[:, block], scores.max(axis=-1))
            shift = finite(highest)
            # Most tiles do not raise any maximum, and comparing is cheaper than rescaling all sums.
            if not np.array_equal(highest, peak[:, block]):
                sums *= np.exp2(peak[:, block] - shift)[..., None]
                peak[:, block] = highest
            scores -= shift[..., None]
        # 2^−∞ is 0: a closed key adds nothing, whatever its value (except 0 · ∞; see Shared.write).
        np.exp2(scores, out=scores)
        value = self.values(piece, keys)
        if self.states.has_ones:
            # (G, R·g, K) · (G, K, Ev + 1): the column of ones adds up the weights in the same product.
            sums += self.multiply(scores, self.with_ones(piece, keys, value), "product")
            return
        sums[..., :-1] += self.multiply(scores, usable(value, self.dtype, "values"), "product")
        sums[..., -1] += scores.sum(axis=-1)

    def with_ones(self, piece: Piece, keys: slice, value: NDArray[Any]) -> NDArray[Any]:
        """Return the values of a tile with a column of ones, (G, K, Ev + 1).

        If other queries use the same values again, the copy with ones is made once for all of them.
        """
        if self.shared.keeps_values:
            return self.shared.values_of(piece)[:, keys]
        values = take("values", (*value.shape[:2], self.features + 1), self.dtype)
        values[..., :-1], values[..., -1] = value, 1
        return values
