"""The results of the stream: what its threads write of pieces, and what the reference has to compute instead."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from attncli.attend import steps
from attncli.attend.fast.buffers import LOG2E, finite
from attncli.attend.fast.shared import Shared
from attncli.attend.fast.tiles import Piece
from attncli.attend.stages.mask import openings
from attncli.attend.views import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Most scores that the reference computes at a time, for pieces whose output holds NaN or ∞.
FALLBACK = 1 << 22
# Most bytes of values that are copied once for all queries, to add the column of ones.
MOST_COPIED = 1 << 27


class Totals(NamedTuple):
    """The sum of the exponentials of each row, (batch, heads, L) each.

    The logarithm alone does not tell the sum where it is large: 1e9 + log 2 is 1e9.

    Attributes:
        lse: its natural logarithm; −∞ of an empty row.
        peak: the exponent of 2 that was taken out of all exponentials; NaN if only the reference can compute the row.
        logs: the logarithm to the base of 2 of the sum of what was left.
    """

    lse: NDArray[Any]
    peak: NDArray[Any]
    logs: NDArray[Any]

    @classmethod
    def empty(cls, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Self:
        """Return room for those of so many rows."""
        return cls(*(np.empty(shape, dtype) for _ in cls._fields))

    def replace(self, place: Any, lse: NDArray[Any]) -> None:
        """Put what the reference found into some rows; where the tiles found nothing, nobody else can compute them."""
        self.lse[place] = lse
        self.peak[place] = np.where((self.logs[place] == -np.inf) & (lse > -np.inf), np.nan, self.peak[place])


@dataclass
class Sums(Shared):
    """The state that the workers share, and their results.

    Attributes:
        out: (batch, heads, L, Ev) where to write the output, such as a memory-mapped file.
        totals: where to write the sums of the rows; None: they are not wanted.
        parts: if keys are cut into parts, each with its running maximum and its sums, by batch item, first key head
            and first row of the piece.
        values: values with their column of ones, by batch item and first key head.
        empty: queries that may not attend to any key.
    """

    out: NDArray[Any]
    totals: Totals | None = None
    parts: dict[tuple[int, int, int], list[tuple[Piece, Any, Any]]] = field(default_factory=dict)
    values: dict[tuple[int, int], NDArray[Any]] = field(default_factory=dict)
    empty: set[int] = field(default_factory=set)

    def finish(self) -> None:
        """Merge the parts of the keys, always in their order, so that the sums do not depend on timing."""
        for _, found in sorted(self.parts.items()):
            found.sort(key=lambda each: each[0].part)
            shift = finite(np.maximum.reduce([peak for _, peak, _ in found]))
            total = sum(sums * np.exp2(peak - shift)[..., None] for _, peak, sums in found)
            self.write(replace(found[0][0], keys=slice(0, 0)), total, shift)

    def write(self, piece: Piece, sums: NDArray[Any], peak: NDArray[Any] | None) -> None:
        """Divide the weighted sums by the sums of the weights, and write the output of a piece.

        Args:
            piece: the piece that they belong to.
            sums: (heads, rows · group, Ev + 1); the last column is the sum of the weights.
            peak: (heads, rows · group) the exponents of 2 that were subtracted from the scores; None: nothing was.
        """
        group = self.operands.sizes.group
        rows = piece.rows.stop - piece.rows.start
        by_head = sums.reshape(len(sums), rows, group, -1).swapaxes(1, 2)  # (heads, group, rows, Ev + 1)
        total = by_head[..., -1:]  # (heads, group, rows, 1)
        empty = total == 0
        if empty.any():  # a query that may not attend to any key has output 0, not 0 / 0
            total = np.where(empty, 1, total)
        target = self.queries_of(self.out, piece)  # (heads, group, rows, Ev)
        np.divide(by_head[..., :-1], total, out=target, casting="same_kind")
        if self.totals is not None:
            logs = np.log2(by_head[..., -1])
            shift = 0 if peak is None else finite(peak).reshape(len(sums), rows, group).swapaxes(1, 2)
            of_rows = (logs + shift) / LOG2E, shift, logs
            for array, some in zip(self.totals, of_rows, strict=True):
                self.queries_of(array, piece)[...] = some
        if not np.isfinite(target).all():
            # NaN or ∞ is rare. It may be right, or may have leaked from a closed key (0 · ∞): the reference decides.
            self.compute_by_steps(piece)
        elif empty.any():
            self.settle(piece, empty.reshape(-1, rows))

    def settle(self, piece: Piece, empty: NDArray[np.bool_]) -> None:
        """Count the queries that may not attend to any key, and compute anew those that only seem to be such.

        As exponents of 2 scores are half as large again as they are, and the lowest ones leave the range.

        Args:
            piece: the piece.
            empty: (query heads of the piece, rows) where the sum of the weights is 0.
        """
        some = np.flatnonzero(empty.any(axis=0))
        rows = piece.rows.start + some
        closed = np.array([[True]]) if self.stays_in_range(piece) else self.closed(piece, rows)
        self.empty.update(rows[(empty[:, some] & closed).any(axis=0)].tolist())
        self.compute_by_steps(piece, rows[(empty[:, some] & ~closed).any(axis=0)])

    def stays_in_range(self, piece: Piece) -> bool:
        """Tell whether no score of a piece can be below the range, as an exponent of 2."""
        if piece.keys.start >= piece.keys.stop and self.plan.parts == 1:
            return True  # there are no scores
        if self.states.has_additions or not self.states.function.is_dot:
            return False
        rows = piece.rows.stop - piece.rows.start
        some = self.states.query[:1, piece.heads]
        query = np.empty((some.shape[1], some.shape[2], rows, some.shape[4]), dtype=self.operands.dtype)
        self.states.load(piece.batch, piece.heads, piece.rows, query)
        longest = np.sqrt(np.einsum("ghre,ghre->ghr", query, query).max())
        # No product exceeds that of the lengths (Cauchy–Schwarz); NaN is less than nothing.
        return bool(longest * self.longest_key(piece) < np.finfo(query.dtype).max / 2)

    def closed(self, piece: Piece, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return where rules close all keys to these queries, (query heads of the piece or 1, rows)."""
        heads = self.query_heads(piece)
        if all(rule is None or rule.shape[1] == 1 for rule in (self.operands.mask, self.operands.bias)):
            heads = slice(heads.start, heads.start + 1)
        found = np.empty((heads.stop - heads.start, len(rows)), dtype=bool)
        step = max(1, FALLBACK // self.operands.sizes.keys)
        rules = replace(self.operands, early=None)  # they go by no query and no key, which need not be made
        for head, of_head in enumerate(found):
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                part = rules.select(batch=piece.batch, head=heads.start + head, rows=some)
                opened = np.ones((1, 1, len(some), part.sizes.keys), dtype=bool)
                for rule in openings(part).values():
                    opened &= rule
                of_head[start : start + step] = ~opened[0, 0].any(axis=-1)
        return found

    def compute_by_steps(self, piece: Piece, rows: NDArray[np.int64] | None = None) -> None:
        """Compute all queries of a piece, or these, as the reference does."""
        rows = np.arange(piece.rows.start, piece.rows.stop) if rows is None else rows
        heads, step = self.query_heads(piece), max(1, FALLBACK // self.operands.sizes.keys)
        for head in range(heads.start, heads.stop):
            for start in range(0, len(rows), step):
                if self.stopped:
                    return
                chosen = rows[start : start + step]
                made = steps.run(self.operands.select(batch=piece.batch, head=head, rows=chosen))
                self.out[piece.batch, head, chosen] = made.output[0, 0]
                if self.totals is not None:
                    self.totals.replace((piece.batch, head, chosen), made.lse[0, 0])
                self.empty.update(chosen[(made.logits[0, 0] == -np.inf).all(axis=-1)].tolist())

    @property
    def keeps_values(self) -> bool:
        """Whether values are copied, with their column of ones, once for all queries."""
        sizes = self.operands.sizes
        size = sizes.batch * sizes.key_heads * sizes.keys * (sizes.value_features + 1) * self.operands.dtype.itemsize
        return sizes.queries > self.plan.rows and size <= MOST_COPIED

    def values_of(self, piece: Piece) -> NDArray[Any]:
        """Return the values of these heads with a column of ones: (heads, S, Ev + 1)."""
        place = (piece.batch, piece.heads.start)
        if place not in self.values:
            value = one_of(self.states.value, piece.batch)[piece.heads]
            values = np.empty((*value.shape[:2], value.shape[2] + 1), dtype=self.operands.dtype)
            values[..., :-1], values[..., -1] = value, 1
            self.values[place] = values
        return self.values[place]
