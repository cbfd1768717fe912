"""The work of one thread: the weights of whole rows, and the numbers that they give.

It makes tiles of logits as the stream does (`attncli.attend.fast.logits`), with all keys of a row in one tile, and
leaves to the reference what the stream leaves to it: rows that overflow, hold NaN, or seem to see nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps
from attncli.attend.fast.buffers import LOG2E, take
from attncli.attend.fast.logits import Scorer
from attncli.attend.fast.results import FALLBACK
from attncli.attend.fast.shared import Shared
from attncli.attend.fast.tiles import Piece
from attncli.attend.views import PIECE, one_of
from attncli.stats.findings import Findings, Part
from attncli.stats.labels import Grid, Repeats
from attncli.stats.tile import Found, Tile, numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Logarithms of weights below this are of no weight in any precision; −∞ times 0 would be NaN.
LOWEST = -1100.0


@dataclass(frozen=True, eq=False)
class About:
    """What is known of the queries and keys of one batch item besides their states.

    Attributes:
        repeats: which labels came earlier.
        grid: where patches of a picture lie.
    """

    repeats: Repeats | None
    grid: Grid | None

    def part(self, rows: slice, keys: slice) -> Grid | None:
        """Return where the patches of a piece lie."""
        return None if self.grid is None else Grid(self.grid.queries[rows], self.grid.keys[keys])


class Watcher(Scorer[Shared]):
    """Looks at pieces in one thread.

    Args:
        shared: what the threads share.
        findings: where what is found is put.
        about: returns what is known of a batch item.
        lengths: those of the values; None: there are none.
    """

    def __init__(
        self, shared: Shared, findings: Findings, about: Callable[[int], About], lengths: Lengths | None
    ) -> None:
        super().__init__(shared)
        self.findings, self.about, self.lengths = findings, about, lengths

    def compute(self, piece: Piece) -> None:
        """Look at one piece."""
        with np.errstate(all="ignore"):  # each thread has its own
            self.findings.put(piece, self.part(piece))

    def meet(self, left: NDArray[Any], right: NDArray[Any], name: str = "scores") -> NDArray[Any]:
        """Return the products of queries (G, R · g, E) and keys (G, K, E); wide tiles are best made at once."""
        out = take(name, (*left.shape[:2], right.shape[1]), self.dtype)
        return np.matmul(left, right.swapaxes(1, 2), out=out)

    def part(self, piece: Piece) -> Part:
        """Return what a piece gives."""
        rows = range(piece.rows.start, piece.rows.stop)
        if piece.keys.start >= piece.keys.stop:
            return Part({}, {}, rows)
        heads = piece.heads.stop - piece.heads.start
        shape = (heads, len(rows), self.group, piece.keys.stop - piece.keys.start)
        logits = self.logits(piece).reshape(shape)
        wanted = self.findings.profile
        kept = logits.copy() if wanted is not None else None
        tile = self.settled(piece, self.tile_of(piece, logits), kept)
        about = self.about(piece.batch)
        lengths = None if self.lengths is None else self.lengths.of(piece)
        found = numbers_of(tile, lengths, about.repeats, about.part(piece.rows, piece.keys))
        sees = found["effective_keys"][1]
        return Part(
            *_summed(found, tile.rows),
            empty=[rows[at] for at in np.flatnonzero(~sees.all(axis=(0, 2))).tolist()],
            map=self.findings.maps.part(tile, piece.rows.start) if self.findings.maps is not None else None,
            profile=wanted.part(tile, piece.rows.start, kept) if wanted is not None and kept is not None else None,
        )

    def logits(self, piece: Piece) -> NDArray[Any]:
        """Return the logits of a piece as exponents of 2, (G, R · g, K)."""
        rows = slice(0, piece.rows.stop - piece.rows.start)
        if not self.states.is_ordinary:  # the reference has to compute all of them
            shape = (piece.heads.stop - piece.heads.start, rows.stop * self.group, piece.keys.stop - piece.keys.start)
            return np.full(shape, np.nan, dtype=self.dtype)
        self.named = self.named_keys(piece)
        return self.score(piece, piece.keys, rows, self.load(piece))

    def tile_of(self, piece: Piece, logits: NDArray[Any]) -> Tile:
        """Return the weights of logits (G, R, g, K), which are changed in place to those of the weights."""
        opened = logits > -np.inf if self.can_close else None
        peak = logits.max(axis=-1)
        sinks = self.sinks(piece)
        if sinks is not None:
            sinks = sinks.reshape(peak.shape)
            peak = np.maximum(peak, sinks)
        logits -= peak[..., None]
        powers = np.exp2(logits, out=take("powers", logits.shape, self.dtype))
        total = powers.sum(axis=-1)
        total = total if sinks is None else total + np.exp2(sinks - peak)
        np.maximum(logits, LOWEST, out=logits)
        positions = one_of(self.operands.positions, piece.batch)[piece.rows]
        return Tile(powers, logits, total, opened, positions, piece.keys.start, self.operands.sizes.keys)

    @property
    def can_close(self) -> bool:
        """Whether anything can close a key."""
        o = self.operands
        given = (o.mask, o.bias, self.named, self.shared.plan.reaches)
        return not self.states.is_ordinary or any(each is not None for each in given)

    def settled(self, piece: Piece, tile: Tile, logits: NDArray[Any] | None) -> Tile:
        """Return the tile with those of its rows computed by the reference that are not finite.

        Args:
            piece: the piece.
            tile: its weights, which are changed in place.
            logits: likewise, where the profile wants them.
        """
        wrong = ~np.isfinite(tile.total)
        if not wrong.any():
            return tile
        opened = np.ones(tile.powers.shape, dtype=bool) if tile.opened is None else tile.opened
        total, step = tile.total.copy(), max(1, FALLBACK // tile.keys)
        for at, each in np.ndindex(wrong.shape[0], wrong.shape[2]):
            head = (piece.heads.start + at) * self.group + each
            every = np.flatnonzero(wrong[at, :, each])
            for start in range(0, len(every), step):
                rows = every[start : start + step]
                part = self.operands.select(batch=piece.batch, head=head, rows=rows + piece.rows.start)
                made = {name: made[0, 0, :, piece.keys] for name, made in self.by_steps(part).items()}
                tile.powers[at, rows, each] = made["weights"]
                tile.logs[at, rows, each] = np.maximum(np.log2(made["weights"]), LOWEST)
                opened[at, rows, each] = made["logits"] != -np.inf
                total[at, rows, each] = 1
                if logits is not None:
                    logits[at, rows, each] = made["logits"] * LOG2E
        return replace(tile, total=total, opened=opened)

    def by_steps(self, part: Any) -> dict[str, NDArray[Any]]:
        """Return logits and weights of a part as the reference computes them."""
        made = steps.results(part, "softmax")
        return {name: made[name] for name in ("logits", "weights")}


class Lengths:
    """The lengths of the values, which all threads share.

    Args:
        values: (batch or 1, key heads, S, Ev)
        dtype: of the computation.
    """

    def __init__(self, values: NDArray[Any], dtype: np.dtype[Any]) -> None:
        self.values, self.dtype = values, dtype
        self._found: dict[tuple[int, int], NDArray[Any]] = {}

    def of(self, piece: Piece) -> NDArray[Any]:
        """Return those of a piece, (G, K)."""
        place = (piece.batch % len(self.values), piece.heads.start)
        if place not in self._found:  # if two threads make them at once, they make the same
            values = self.values[place[0], piece.heads]
            lengths, step = np.empty(values.shape[:2], self.dtype), 1 + PIECE * values.shape[1] // values.size
            for start in range(0, values.shape[1], step):
                some = np.asarray(values[:, start : start + step], dtype=np.float64)
                lengths[:, start : start + step] = np.sqrt(np.einsum("gse,gse->gs", some, some))
            self._found[place] = lengths
        return self._found[place][:, piece.keys]


def _summed(found: Found, shape: tuple[int, ...]) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Return the sum of each number over the rows that have it, and how many these are, by query head."""
    sums, counts = {}, {}
    for name, (numbers, there) in found.items():
        of = np.broadcast_to(there, shape)
        sums[name] = np.where(of, numbers, 0).sum(axis=1, dtype=np.float64).reshape(-1)
        counts[name] = np.count_nonzero(of, axis=1).reshape(-1)
    return sums, counts
