"""The work of a thread where indices name few of the keys: these are gathered, and no others are computed.

The letters of the shapes are those of `attncli.attend.fast.logits`, and k is the number of keys that are named. Rows,
or heads of a group, that have the same keys meet them in one product: N sets of keys, each with M rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.buffers import finite, take
from attncli.attend.fast.logits import Common, Scorer
from attncli.attend.fast.results import Sums
from attncli.attend.fast.tiles import TILE, Piece
from attncli.attend.fast.worker import Worker
from attncli.attend.rules import opened
from attncli.attend.stages.mask import to_the_last_key
from attncli.attend.views import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]


class Gathering(Scorer[Common]):
    """Computes the logits of rows from the keys that are named for them."""

    def step(self, heads: int) -> int:
        """Return how many rows are computed at a time, so that what is gathered for them is no larger than a tile."""
        indices, sizes = self.operands.inputs["indices"], self.operands.sizes
        sets = heads * (self.group if indices.shape[1] > 1 else 1)
        wide = max(sizes.features, sizes.value_features)
        per_row = heads * self.group if indices.shape[2] == 1 else sets * wide
        return max(1, TILE // self.dtype.itemsize // (indices.shape[3] * per_row))

    def logits(self, piece: Piece, rows: slice, query: NDArray[Any]) -> tuple[Whole, NDArray[Any], NDArray[Any]]:
        """Return which keys are named for some rows, (G|1, R|1, g|1, k), these keys, and the logits, (G, R, g, k).

        Each key is there once; −1 is none.

        Args:
            piece: the piece.
            rows: the rows, as indices into those of the piece.
            query: (G, R, g, E)

        Returns:
            The keys are (N, k, E), sets of them for rows that share one; for what names none there is any. Logits are
            exponents of 2, −∞ where closed.
        """
        keys = np.sort(self.of_rows(self.operands.inputs["indices"], piece, rows), axis=-1)
        again = keys[..., 1:] == keys[..., :-1]
        keys[..., 1:][again] = -1  # a key that is named twice counts once
        key = self.gathered(self.states.key, piece, keys, "keys")
        scores = self.apart(self.scores(key, self.joined(query, keys)), query.shape[:3], keys)
        self.add(piece, keys, rows, scores)
        np.copyto(scores, -np.inf, where=keys < 0)
        self.close(piece, keys, rows, scores)
        return keys, key, scores

    def scores(self, key: NDArray[Any], query: NDArray[Any]) -> NDArray[Any]:
        """Return the scores as exponents of 2, capped, (N, M, k), of keys (N, k, E) and queries (N, M, E)."""
        function = self.states.function
        if function.is_dot:
            scores = np.matmul(query, key.swapaxes(1, 2))
        else:
            scores = function.meet(query, key, self.states.parameters)
            scores *= self.dtype.type(self.states.score_factor)
        return self.capped(scores)

    def gathered(self, array: NDArray[Any], piece: Piece, keys: Whole, name: str) -> NDArray[Any]:
        """Return the keys or values that are named, (N, k, E or Ev), in this thread's buffer of a name."""
        some = one_of(array, piece.batch)[piece.heads]  # (G, S, E)
        found = take(name, (len(some), *keys.shape[1:], some.shape[2]), some.dtype)
        for head, states in enumerate(some):
            wanted = np.maximum(keys[head % len(keys)], 0)
            # Taking is twice as fast, but would first copy all of an array that lies otherwise.
            if states.flags.c_contiguous:
                np.take(states, wanted, axis=0, out=found[head], mode="clip")
            else:
                found[head] = states[wanted]
        return np.asarray(found.reshape(-1, *found.shape[3:]), dtype=self.dtype)

    def joined(self, array: NDArray[Any], keys: Whole) -> NDArray[Any]:
        """Return what rows and heads have, (G, R, g, X), by the set of keys that they meet: (N, M, X)."""
        heads, rows, group, width = array.shape
        sets, alike = keys.shape[1:3], (rows // keys.shape[1], group // keys.shape[2])
        some = array.reshape(heads, sets[0], alike[0], sets[1], alike[1], width).swapaxes(2, 3)
        return np.ascontiguousarray(some).reshape(-1, alike[0] * alike[1], width)

    def apart(self, array: NDArray[Any], shape: tuple[int, ...], keys: Whole) -> NDArray[Any]:
        """Undo `joined`: (N, M, X) → (G, R, g, X)."""
        heads, rows, group = shape
        sets, alike = keys.shape[1:3], (rows // keys.shape[1], group // keys.shape[2])
        some = array.reshape(heads, *sets, *alike, -1).swapaxes(2, 3)
        return np.ascontiguousarray(some).reshape(heads, rows, group, -1)

    def over(self, array: NDArray[Any], piece: Piece, keys: Any, rows: slice, *, padded: bool) -> NDArray[Any]:
        """Return the part of a mask or bias for the keys that are named, which broadcasts to (G, R, g, k)."""
        some = self.of_rows(array, piece, rows)
        if not padded and some.shape[3] == 1:
            return some
        some = to_the_last_key(some, self.operands.sizes.keys) if padded else some
        outer = np.broadcast_shapes(some.shape[:3], keys.shape[:3])
        whole = np.broadcast_to(some, (*outer, some.shape[3]))
        return np.take_along_axis(whole, np.broadcast_to(keys, (*outer, keys.shape[3])), axis=3)

    def close(self, piece: Piece, keys: Any, rows: slice, scores: NDArray[Any]) -> None:
        """Close what rules by position and by ids close, in scores (G, R, g, k)."""
        rules = self.shared.rules(piece.batch)
        at = slice(piece.rows.start + rows.start, piece.rows.start + rows.stop)
        query, key = rules.query[at][:, None, None], rules.key[keys]
        for rule in opened(self.operands.options, query, key, rules.lengths).values():
            np.copyto(scores, -np.inf, where=~rule)


class Gatherer(Gathering[Sums], Worker):
    """Computes pieces in one thread, from the keys that are named for their rows."""

    def compute(self, piece: Piece) -> None:
        """Compute one piece and write it."""
        if not self.states.is_ordinary:
            self.shared.compute_by_steps(piece)
            return
        with np.errstate(all="ignore"):  # each thread has its own
            query = self.load(piece)  # (G, rows · g, E)
            query = query.reshape(len(query), -1, self.group, query.shape[2])
            sums = take("sums", (*query.shape[:3], self.features + 1), self.dtype)
            peak = np.empty(query.shape[:3], dtype=self.dtype)
            step = self.step(len(query))
            for start in range(0, query.shape[1], step):
                if self.shared.stopped:
                    return
                rows = slice(start, min(start + step, query.shape[1]))
                peak[:, rows] = self.some_rows(piece, rows, query[:, rows], sums[:, rows])
            self.shared.write(piece, sums.reshape(len(sums), -1, self.features + 1), peak.reshape(len(peak), -1))

    def some_rows(self, piece: Piece, rows: slice, query: NDArray[Any], sums: NDArray[Any]) -> NDArray[Any]:
        """Compute some rows of a piece; return what was subtracted from their scores, (G, R, g).

        Args:
            piece: the piece.
            rows: the rows, as indices into those of the piece.
            query: (G, R, g, E)
            sums: (G, R, g, Ev + 1), written in place; the last column is the sum of the weights.
        """
        keys, _, scores = self.logits(piece, rows, query)
        weights, total, peak = self.powers(piece, rows, scores)
        value = self.gathered(self.states.value, piece, keys, "values")  # (N, k, Ev)
        found = np.matmul(self.joined(weights, keys), value)  # (N, M, Ev)
        sums[..., :-1], sums[..., -1] = self.apart(found, query.shape[:3], keys), total
        return peak

    def powers(self, piece: Piece, rows: slice, scores: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the powers of scores (G, R, g, k), and for each row, (G, R, g), their sum and what is subtracted."""
        peak = scores.max(axis=-1)
        sinks = self.sinks(piece)
        if sinks is not None:
            sinks = sinks.reshape(len(sinks), -1, self.group)[:, rows]
            peak = np.maximum(peak, sinks)
        peak = finite(peak)
        scores -= peak[..., None]
        np.exp2(scores, out=scores)
        total = scores.sum(axis=-1)
        return scores, total if sinks is None else total + np.exp2(sinks - peak), peak
