"""What one thread of the stream does with its pieces: tiles of scores, their powers of 2, and the sums they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps
from attncli.attend.alibi import slopes
from attncli.attend.fast.buffers import finite, multiply, pick, take, usable
from attncli.attend.fast.tiles import Piece, cut_rows, row_range
from attncli.attend.stages.score import additive, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.fast.stream import Shared
    from attncli.attend.operands import Operands

LOG2E = math.log2(math.e)
# Powers of 2 up to this, and as far below 1, keep their full precision, and sums of them with values stay in range.
SAFE_POWER = {4: 50.0, 8: 500.0}
# With fewer queries than this, looking at every key beforehand costs more than a running maximum.
FEW = 64


@dataclass(frozen=True)
class States:
    """Query, key and value as the tiles take them: (batch or 1, key heads, …), turned, projected or normalised.

    Attributes:
        query: (batch or 1, key heads, group, L, E)
        key: (batch or 1, key heads, S, E)
        value: (batch or 1, key heads, S, Ev)
        parameters: of the score function, where a tile needs them.
        before: factor on the queries.
        between: factor on the scores, where it cannot be put on the queries.
        after: factor behind softcap.
        ones: whether values are given a column of ones; for few queries that would cost more than it saves.
        added: whether anything is added to the scores.
    """

    query: NDArray[Any]
    key: NDArray[Any]
    value: NDArray[Any]
    parameters: dict[str, NDArray[Any]]
    before: float
    between: float
    after: float
    ones: bool
    added: bool

    @classmethod
    def of(cls, o: Operands) -> States:
        """Bring operands to the form that the tiles take."""
        assert o.value is not None  # whoever asks for the output has checked that there is a value
        query, key = o.query, o.key
        name = o.options.score
        with np.errstate(invalid="ignore", over="ignore"):
            if o.options.rope is not None:
                query, key = steps.rotated(o)
            if name == "cosine":
                query, key = unit(steps.ready(query, o.dtype)), unit(steps.ready(key, o.dtype))
            if name == "general" and "w_score" in o.parameters:
                query = steps.ready(query, o.dtype) @ steps.ready(o.parameters["w_score"], o.dtype)
        cap = o.options.softcap
        # Softcap is X·tanh(score/X): what goes in is divided by X, what comes out multiplied.
        factor, after = (o.factor * LOG2E, 1.0) if cap is None else (o.factor / cap, cap * LOG2E)
        is_additive = name == "additive"
        numeric = o.mask is not None and o.mask.dtype != bool
        return cls(
            query=steps.by_group(query, o.sizes.key_heads),
            key=key,
            value=o.value,
            parameters={each: steps.ready(array, o.dtype) for each, array in o.parameters.items()},
            before=1.0 if is_additive else factor,
            between=factor if is_additive else 1.0,
            after=after,
            ones=o.sizes.group * o.sizes.queries >= FEW,
            added=numeric or o.bias is not None or o.options.alibi,
        )


class Worker:
    """One thread's buffers, and what it does with them.

    Queries that share a key head stand together: row r of query head i of the group is row r·group + i of a tile, so
    that cutting off rows leaves one block of memory.
    """

    def __init__(self, shared: Shared) -> None:
        self.shared, self.operands, self.states = shared, shared.operands, shared.states
        self.group, self.features = self.operands.sizes.group, self.operands.sizes.value_features

    def compute(self, piece: Piece) -> None:
        """Compute one piece and write it, or keep it where it is one of several parts."""
        with np.errstate(all="ignore"):
            query = self.load(piece)
            peak, sums = self.start(piece, query)
            for start in range(piece.keys.start, piece.keys.stop, self.shared.cut.keys):
                if self.shared.stopped:
                    return
                keys = slice(start, min(start + self.shared.cut.keys, piece.keys.stop))
                self.tile(piece, keys, query, peak, sums)
            if self.shared.cut.parts == 1:
                self.shared.write(piece, sums)
                return
        place = (piece.batch, piece.heads.start, piece.rows.start)
        kept = (np.zeros(sums.shape[:-1], sums.dtype) if peak is None else peak, sums.copy())
        with self.shared.lock:
            self.shared.parts.setdefault(place, {})[piece.part] = kept

    def products(self, piece: Piece) -> None:
        """Make the two products of each tile of a piece, with whatever numbers are in the buffers."""
        query = self.load(piece)
        for start in range(piece.keys.start, piece.keys.stop, self.shared.cut.keys):
            keys = slice(start, min(start + self.shared.cut.keys, piece.keys.stop))
            rows = row_range(self.operands, piece.batch, piece.rows, keys)
            some = query[:, rows.start * self.group : rows.stop * self.group]
            key = pick(self.states.key, piece.batch)[piece.heads, keys]
            value = usable(pick(self.states.value, piece.batch)[piece.heads, keys], self.operands.dtype)
            scores = self.meet(some, usable(key, self.operands.dtype))
            self.multiply(scores, value, "product")

    def load(self, piece: Piece) -> NDArray[Any]:
        """Return the queries of a piece, scaled: (heads, rows · group, E)."""
        source = pick(self.states.query, piece.batch)[piece.heads, :, piece.rows].swapaxes(1, 2)
        query = take("query", source.shape, self.operands.dtype)
        np.multiply(source, self.operands.dtype.type(self.states.before), out=query, casting="same_kind")
        return query.reshape(len(query), -1, query.shape[-1])

    def start(self, piece: Piece, query: NDArray[Any]) -> tuple[NDArray[Any] | None, NDArray[Any]]:
        """Return the running maximum, None where none is needed, and the sums to begin with: a sink, or nothing."""
        sums = take("sums", (*query.shape[:2], self.features + 1), self.operands.dtype)
        sums[...] = 0
        sinks = self.sinks(piece) if piece.part == 0 else None
        if self.is_safe(piece, query, sinks):
            if sinks is not None:
                sums[..., -1] = np.exp2(sinks)
            return None, sums
        peak = np.full(query.shape[:2], -np.inf, dtype=self.operands.dtype)
        if sinks is not None:
            peak[...], sums[..., -1] = sinks, 1
        return peak, sums

    def sinks(self, piece: Piece) -> NDArray[Any] | None:
        """Return the sink of each row of a tile, (heads, rows · group), as a power of 2."""
        if self.operands.sinks is None:
            return None
        heads = np.asarray(self.operands.sinks, self.operands.dtype).reshape(-1, 1, self.group)[piece.heads]
        rows = piece.rows.stop - piece.rows.start
        return np.broadcast_to(heads * LOG2E, (len(heads), rows, self.group)).reshape(len(heads), -1)

    def is_safe(self, piece: Piece, query: NDArray[Any], sinks: NDArray[Any] | None) -> bool:
        """Tell whether no power can get so large or small that a maximum has to be subtracted first.

        No score is larger than the product of the lengths of its query and key (Cauchy and Schwarz).
        """
        if self.states.added or query.shape[1] < FEW or self.operands.options.score == "additive":
            return False
        if sinks is not None and not np.abs(sinks).max() <= SAFE_POWER[self.operands.dtype.itemsize]:
            return False
        longest = np.sqrt(np.einsum("gre,gre->gr", query, query).max()) * self.shared.longest_key(piece)
        bound = min(longest, 1.0) * self.states.after if self.operands.options.softcap is not None else longest
        return bool(bound <= SAFE_POWER[self.operands.dtype.itemsize])

    def tile(
        self, piece: Piece, keys: slice, query: NDArray[Any], peak: NDArray[Any] | None, sums: NDArray[Any]
    ) -> None:
        """Add what these keys contribute to the sums."""
        rows = row_range(self.operands, piece.batch, piece.rows, keys)
        if rows.start >= rows.stop:
            return
        block = slice(rows.start * self.group, rows.stop * self.group)
        scores = self.score(piece, keys, rows, query[:, block])
        sums = sums[:, block]
        if peak is not None:
            highest = np.maximum(peak[:, block], scores.max(axis=-1))
            shift = finite(highest)
            if not np.array_equal(highest, peak[:, block]):
                sums *= np.exp2(peak[:, block] - shift)[..., None]
                peak[:, block] = highest
            scores -= shift[..., None]
        np.exp2(scores, out=scores)
        value = pick(self.states.value, piece.batch)[piece.heads, keys]
        if self.states.ones:
            sums += self.multiply(scores, self.with_ones(piece, keys, value), "product")
            return
        sums[..., :-1] += self.multiply(scores, usable(value, self.operands.dtype), "product")
        sums[..., -1] += scores.sum(axis=-1)

    def with_ones(self, piece: Piece, keys: slice, value: NDArray[Any]) -> NDArray[Any]:
        """Return the values of a tile with a column of ones; from one copy of all where other queries meet them too."""
        if self.shared.keeps_values:
            return self.shared.values_of(piece)[:, keys]
        values = take("values", (*value.shape[:2], self.features + 1), self.operands.dtype)
        values[..., :-1], values[..., -1] = value, 1
        return values

    def score(self, piece: Piece, keys: slice, rows: slice, query: NDArray[Any]) -> NDArray[Any]:
        """Return the logits of a tile as powers of 2, −∞ where closed: (heads, rows · group, keys)."""
        key = usable(pick(self.states.key, piece.batch)[piece.heads, keys], self.operands.dtype)
        if self.operands.options.score == "additive":
            scores = additive(query, key, self.states.parameters) * self.operands.dtype.type(self.states.between)
        else:
            scores = self.meet(query, key)
        if self.operands.options.softcap is not None:
            np.tanh(scores, out=scores)
        if self.states.after != 1:
            scores *= self.operands.dtype.type(self.states.after)
        apart = scores.reshape(len(scores), rows.stop - rows.start, self.group, -1)
        self.add(piece, keys, rows, apart)
        self.close(piece, keys, rows, apart)
        return scores

    def multiply(self, left: NDArray[Any], right: NDArray[Any], name: str) -> NDArray[Any]:
        """Return the products of two stacks of matrices, in this thread's buffer of this name."""
        out = take(name, (*left.shape[:2], right.shape[2]), self.operands.dtype)
        return multiply(left, right, out, self.shared.cut.block)

    def meet(self, query: NDArray[Any], key: NDArray[Any]) -> NDArray[Any]:
        """Return the products of queries and keys, (heads, rows, keys)."""
        if query.shape[1] < FEW:  # few queries: BLAS is twice as fast with the long side in front
            scores = take("scores", (*query.shape[:2], key.shape[1]), self.operands.dtype)
            upright = take("upright", (*key.shape[:2], query.shape[1]), self.operands.dtype)
            scores[...] = np.matmul(key, query.swapaxes(1, 2), out=upright).swapaxes(1, 2)
            return scores
        # BLAS multiplies small matrices much faster when it need not turn one of them.
        turned = take("key", (len(key), key.shape[2], key.shape[1]), self.operands.dtype)
        turned[...] = key.swapaxes(1, 2)
        return self.multiply(query, turned, "scores")

    def add(self, piece: Piece, keys: slice, rows: slice, scores: NDArray[Any]) -> None:
        """Add mask, bias and ALiBi to (heads, rows, group, keys), and close what the mask closes."""
        o = self.operands
        for name, array in (("mask", o.mask), ("bias", o.bias)):
            if array is None:
                continue
            some = self.over(array, piece, keys, rows, padded=name == "mask")
            if some.dtype == bool:
                np.copyto(scores, -np.inf, where=~some)
                continue
            some = np.asarray(some, dtype=o.dtype)
            # The lowest finite number, which many masks hold, must not become −∞: it closes a key only beside others.
            scores += np.maximum(some * o.dtype.type(LOG2E), np.finfo(o.dtype).min)
            if (some == -np.inf).any():
                np.copyto(scores, -np.inf, where=some == -np.inf)
        if o.options.alibi:
            heads = o.head_indices.reshape(-1, 1, self.group, 1)[piece.heads]
            steep = (slopes(o.head_count)[heads] * LOG2E).astype(o.dtype)
            distance = self.positions(piece, rows)[:, None] - np.arange(keys.start, keys.stop)
            scores -= steep * distance[None, :, None].astype(o.dtype)

    def over(self, array: NDArray[Any], piece: Piece, keys: slice, rows: slice, *, padded: bool) -> NDArray[Any]:
        """Return what an array over the scores has for a tile, broadcasting to (heads, rows, group, keys)."""
        some = pick(array, piece.batch)
        count = some.shape[0]
        some = some.reshape(1, 1, *some.shape[1:]) if count == 1 else some.reshape(-1, self.group, *some.shape[1:])
        some = some if count == 1 else some[piece.heads]
        if some.shape[2] > 1:
            some = some[:, :, piece.rows.start + rows.start : piece.rows.start + rows.stop]
        some = some.swapaxes(1, 2)
        if padded or some.shape[3] > 1:
            length = some.shape[3]
            some = some[..., keys]
            if keys.stop > length:  # a short mask closes the keys beyond its end
                fill: Any = False if some.dtype == bool else -np.inf
                shape = (*some.shape[:3], keys.stop - max(keys.start, length))
                some = np.concatenate(
                    [some, np.full(shape, fill, dtype=some.dtype if some.dtype == bool else float)], -1
                )
        return some

    def positions(self, piece: Piece, rows: slice) -> NDArray[np.int64]:
        """Return the positions of these rows of a piece."""
        return pick(self.operands.positions, piece.batch)[piece.rows][rows]

    def close(self, piece: Piece, keys: slice, rows: slice, scores: NDArray[Any]) -> None:
        """Close what causal and window rules close, in the rows that they cut through."""
        for some in cut_rows(self.operands, piece, keys, rows):
            first = int(self.positions(piece, rows)[some.start])
            closed = self.shared.closed(first - keys.start, some.stop - some.start, keys.stop - keys.start)
            np.copyto(scores[:, some], -np.inf, where=closed[:, None])
