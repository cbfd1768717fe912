"""The work of one thread of the backward stream on a piece: tiles of weights again, and what they make of gradients.

    P = 2^(logits − their row's sum), dP = d_context · Vᵀ, dS = P ∘ (dP − δ) with δ = rowsum(d_context ∘ context)
    d_V = Pᵀ · d_context, d_K = dSᵀ · Q, d_Q = dS · K

The letters of the shapes are those of `attncli.attend.fast.logits`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.backward_results import ADDED, Found
from attncli.attend.fast.backward_stages import ByStages
from attncli.attend.fast.buffers import LOG2E, take, usable
from attncli.attend.fast.tiles import Piece
from attncli.attend.views import product, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Exponents of 2 up to this size may be subtracted within the product of query and key.
SMALL = 128.0


@dataclass(frozen=True)
class Rows:
    """The queries of a piece and what belongs to them.

    Attributes:
        query: (G, rows · g, A), or A + 1 where the last column is what is to be subtracted from the scores.
        given: (G, rows · g, Ev + 1) the gradient of their weighted sums, and −δ.
        shifts: (G, rows · g) each, what is to be subtracted from the scores one after the other.
        sinks: (G · g,) the gradient of the sinks, from these queries.
        bad: (G, rows · g) those that only the reference can compute; None if there are none.
    """

    query: NDArray[Any]
    given: NDArray[Any]
    shifts: tuple[NDArray[Any], ...]
    sinks: NDArray[Any] | None
    bad: NDArray[np.bool_] | None


class BackwardWorker(ByStages):
    """Computes the gradients of pieces in one thread."""

    is_careful = False
    """Whether a weight of 0 makes 0 even of NaN and ∞; that takes longer, and is seldom needed."""
    folds = True
    """Whether what is subtracted from the scores may be a column of the queries."""

    def compute(self, piece: Piece) -> None:
        """Compute the gradients of one piece, and add them."""
        with np.errstate(all="ignore"):  # each thread has its own
            found = self.by_tiles(piece) if self.states.is_ordinary else self.by_stages(piece, self.blank(piece), None)
        if not self.shared.stopped:
            self.shared.keep(piece, found)

    def by_tiles(self, piece: Piece) -> Found:
        """Return the gradients of a piece; of rows that hold NaN, ∞ or scores beyond the range by the reference."""
        self.named = self.named_keys(piece)
        rows = self.load_rows(piece)
        self.is_careful = False
        found = self.all_tiles(piece, rows)
        if not found.is_finite:
            # NaN or ∞ may be right, or may have leaked from a closed key (0 · ∞).
            self.is_careful = True
            found = self.all_tiles(piece, rows)
        return found if rows.bad is None else self.by_stages(piece, found, rows.bad)

    def blank(self, piece: Piece) -> Found:
        """Return gradients of 0 for a piece."""
        heads, rows, keys = (each.stop - each.start for each in (piece.heads, piece.rows, piece.keys))
        size, into, shared = self.states.key.shape[-1], self.shared.into, self.shared
        query = np.zeros((heads, rows * self.group, self.states.query.shape[-1]), self.dtype)
        key, value = (np.zeros((heads, keys, each), self.dtype) for each in (size, self.features))
        added = {}
        for name in ADDED:
            if name in into:
                part = shared.part_of(name, piece)
                added[name] = part if shared.is_own(name) else np.zeros(part.shape, self.dtype)
                added[name][...] = 0
        sinks = np.zeros(heads * self.group, self.dtype) if "sinks" in into else None
        own = None
        if "query_scale" in into and not self.states.function.is_dot:
            own = np.zeros(shared.rows_of("query_scale", piece).shape, self.dtype)
        parameters = {name: np.zeros_like(into[name]) for name in self.met_parameters if name in into}
        return Found(query, key, value, added, sinks, own, parameters)

    @property
    def met_parameters(self) -> tuple[str, ...]:
        """The parameters that count when query and key meet, not before."""
        axes = self.states.function.parameters
        return tuple(name for name in self.states.parameters if len(axes[name]) == 1)

    def load_rows(self, piece: Piece) -> Rows:
        """Return the queries of a piece and what belongs to them."""
        shared = self.shared
        peak, logs = (self.as_rows(each, piece) for each in (shared.totals.peak, shared.totals.logs))
        logs = np.where(logs == -np.inf, 0, logs)  # nothing is open, and −∞ − 0 is −∞
        is_small = bool((np.abs(peak) <= SMALL).all())
        folds = self.folds and is_small and self.states.function.is_dot and self.operands.options.softcap is None
        query = self.load(piece, int(folds))
        given = take("given", (*query.shape[:2], self.features + 1), self.dtype)
        apart = given.reshape(len(given), -1, self.group, self.features + 1)[..., :-1]  # (G, rows, g, Ev)
        np.copyto(apart, shared.queries_of(shared.given, piece).swapaxes(1, 2), casting="unsafe")
        context = shared.queries_of(shared.context, piece).swapaxes(1, 2)
        delta = np.einsum("grhe,grhe->grh", apart, context).reshape(query.shape[:2])
        bad = ~(np.isfinite(peak) & np.isfinite(logs))
        if not np.isfinite(delta).all():
            bad |= ~np.isfinite(context).all(axis=-1).reshape(bad.shape)
            delta[(context == 0).all(axis=-1).reshape(bad.shape)] = 0  # nothing is open
        sinks = self.of_sinks(piece, delta, peak, logs, bad)
        given[..., -1] = -delta
        if bad.any():
            query[bad], given[bad], logs[bad], peak[bad] = 0, 0, np.inf, 0
        if folds:
            query[..., -1] = -(peak + logs)
        shifts = () if folds else (peak + logs,) if is_small else (peak, logs)
        return Rows(query, given, shifts, sinks, bad if bad.any() else None)

    def as_rows(self, array: NDArray[Any], piece: Piece) -> NDArray[Any]:
        """Return what the queries of a piece have of an array (batch, heads, L): (G, rows · g), a copy."""
        some = self.shared.queries_of(array, piece).swapaxes(1, 2)
        return some.reshape(len(some), -1).astype(self.dtype)

    def of_sinks(self, piece: Piece, delta: Any, peak: Any, logs: Any, bad: Any) -> NDArray[Any] | None:
        """Return the gradients of the sinks, −Σ of their weight times δ, (G · g,)."""
        sinks = self.sinks(piece) if piece.part == 0 and "sinks" in self.shared.into else None
        if sinks is None:
            return None
        share = np.where(bad, 0, np.exp2(sinks - peak - logs))
        return -product(share, delta).reshape(len(share), -1, self.group).sum(axis=1).reshape(-1)

    def all_tiles(self, piece: Piece, rows: Rows) -> Found:
        """Return the gradients from all tiles of a piece."""
        found = self.blank(piece)
        self.sweep(piece, rows, found)
        # What is folded into the query, or applied after softcap, comes back as a factor.
        factor = self.states.capped_factor / LOG2E
        found.query *= self.dtype.type(factor * self.states.query_factor * self.states.score_factor)
        found.key *= self.dtype.type(factor * self.states.score_factor)
        for each in found.parameters.values():
            each *= self.dtype.type(factor * self.states.score_factor)
        if found.sinks is not None and rows.sinks is not None:
            found.sinks += rows.sinks
        return found

    def sweep(self, piece: Piece, rows: Rows, found: Found) -> None:
        """Add what all tiles contribute to the gradients."""
        for start in range(piece.keys.start, piece.keys.stop, self.shared.plan.keys):
            if self.shared.stopped:
                return
            self.tile(piece, slice(start, min(start + self.shared.plan.keys, piece.keys.stop)), rows, found)

    def tile(self, piece: Piece, keys: slice, all_rows: Rows, found: Found) -> None:
        """Add what one tile contributes to the gradients.

        Args:
            piece: the piece.
            keys: the keys, as indices into all keys.
            all_rows: all queries of the piece.
            found: the gradients, updated in place.
        """
        rows = self.rows(piece, keys)
        if rows.start >= rows.stop:
            return
        block = slice(rows.start * self.group, rows.stop * self.group)
        here = slice(keys.start - piece.keys.start, keys.stop - piece.keys.start)
        query, given = all_rows.query[:, block], all_rows.given[:, block]
        weights = self.score(piece, keys, rows, query)  # (G, R·g, K), in the buffer "scores"
        for shift in all_rows.shifts:
            weights -= shift[:, block, None]
        np.exp2(weights, out=weights)
        slopes = self.meet(given, usable(self.values(piece, keys), self.dtype, "values"), "slopes")
        slopes *= weights
        if self.is_careful and all_rows.bad is not None:
            np.copyto(weights, 0, where=all_rows.bad[:, block, None])
        self.mend(slopes, weights)
        self.add_up(found, keys, here, rows, slopes)
        self.uncap(slopes, weights)
        self.sum_up(weights, given[..., :-1], found.value[:, here])
        key = self.keys(piece, keys)
        if not self.states.function.is_dot:
            of_query, of_key, of_parameters = self.states.function.meet_backward(
                query, key, self.states.parameters, slopes
            )
            found.query[:, block] += of_query
            found.key[:, here] = of_key
            for name, each in of_parameters.items():
                found.parameters[name] += each
            return
        self.sum_up(slopes, query[..., : key.shape[2]], found.key[:, here])
        found.query[:, block] += weigh(slopes, key) if self.is_careful else self.multiply(slopes, key, "product")

    def products(self, piece: Piece) -> None:
        """Compute only the five products of each tile of a piece, of numbers that no processor takes longer for."""
        query = self.load(piece)
        given = take("given", (*query.shape[:2], self.features), self.dtype)
        given[...] = 1
        for start in range(piece.keys.start, piece.keys.stop, self.shared.plan.keys):
            keys = slice(start, min(start + self.shared.plan.keys, piece.keys.stop))
            rows = self.rows(piece, keys)
            block = slice(rows.start * self.group, rows.stop * self.group)
            key, value = self.keys(piece, keys), usable(self.values(piece, keys), self.dtype, "values")
            weights = self.meet(query[:, block], key)
            slopes = self.meet(given[:, block], value, "slopes")
            for some, by in ((weights, given), (slopes, query)):
                self.sum_up(some, by[:, block], take("summed", (len(key), key.shape[1], by.shape[2]), self.dtype))
            self.multiply(slopes, key, "product")

    def sum_up(self, weights: NDArray[Any], rows: NDArray[Any], out: NDArray[Any]) -> None:
        """Write the sums over the queries of weights (G, R·g, K) times what these have (G, R·g, X): (G, K, X)."""
        turned = weights.swapaxes(1, 2)
        if self.is_careful:
            out[...] = weigh(turned, rows)
        else:
            np.matmul(turned, rows, out=out)

    def mend(self, slopes: NDArray[Any], weights: NDArray[Any]) -> None:
        """Set to 0 what has a weight of 0: 0 · ∞ would be NaN."""
        if self.is_careful:
            np.copyto(slopes, 0, where=weights == 0)

    def capped(self, scores: NDArray[Any]) -> NDArray[Any]:
        """Return scores after softcap; what they are before is kept for its derivative."""
        if self.operands.options.softcap is not None:
            np.abs(scores, out=take("uncapped", scores.shape, self.dtype))
        return super().capped(scores)

    def uncap(self, slopes: NDArray[Any], weights: NDArray[Any]) -> None:
        """Multiply by the derivative of tanh, as 4y / (1 + y)² with y = e^(−2|x|); see `attncli.attend.stages.cap`."""
        if self.operands.options.softcap is None:
            return
        small = take("uncapped", slopes.shape, self.dtype)
        small *= self.dtype.type(-2 * LOG2E)
        np.exp2(small, out=small)
        slopes *= small
        small += 1
        slopes /= small
        slopes /= small
        slopes *= 4
        self.mend(slopes, weights)

    def add_up(self, found: Found, keys: slice, here: slice, rows: slice, slopes: NDArray[Any]) -> None:
        """Add the gradients of the logits to those of the mask and the bias.

        Args:
            found: the gradients of the piece.
            keys: the keys of the tile, as indices into all keys.
            here: the same as indices into those of the piece.
            rows: the rows of the tile, as indices into those of the piece.
            slopes: (G, R·g, K)
        """
        by_head = slopes.reshape(len(slopes), rows.stop - rows.start, self.group, -1)
        for name, part in found.added.items():
            target = part[:, rows] if part.shape[1] > 1 else part
            some = by_head
            if not self.shared.is_of_one_key(name):
                target = target[..., here]
                some = by_head[..., : target.shape[3]]  # a mask may be shorter than the keys
            axes = tuple(axis for axis in range(4) if target.shape[axis] == 1 < some.shape[axis])
            target += some.sum(axis=axes, keepdims=True) if axes else some
