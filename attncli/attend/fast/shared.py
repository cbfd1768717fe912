"""What the threads of a stream share: the pieces still to do, and what is made once for all of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.buffers import usable
from attncli.attend.fast.states import States
from attncli.attend.fast.tiles import Piece, Plan
from attncli.attend.reach import Reach
from attncli.attend.rules import Rules
from attncli.attend.views import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


@dataclass
class Shared:
    """The state that the workers share, in either direction.

    Attributes:
        operands: the problem.
        plan: how it is cut into pieces.
        todo: the pieces that no worker has taken yet; they are taken from the end.
        stopped: set when a worker failed or the caller was interrupted; the others stop at their next tile.
        longest: the length of the longest key, by batch item and first key head.
        blocks: where rules close a block, by what that depends on.
    """

    operands: Operands
    plan: Plan
    todo: list[Piece]
    stopped: bool = field(default=False, kw_only=True)
    longest: dict[tuple[int, int], float] = field(default_factory=dict, kw_only=True)
    blocks: dict[Any, NDArray[np.bool_]] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        self.states = States.of(self.operands)
        self.total = sum(self.area(piece) for piece in self.todo)
        self.done = 0
        self.lock = threading.Lock()
        self.todo.reverse()

    def rules(self, batch: int) -> Rules:
        """Return the rules by position and by ids of one batch item."""
        return self.every_rule.one(batch)

    @cached_property
    def every_rule(self) -> Rules:
        """The rules by position and by ids."""
        return Rules.of(self.operands)

    def area(self, piece: Piece) -> int:
        """Return the amount of work in a piece, in scores; even without keys each row counts."""
        heads, rows, keys = (each.stop - each.start for each in (piece.heads, piece.rows, piece.keys))
        return heads * rows * (keys + 1)

    def take(self) -> Piece | None:
        """Return the next piece; None when there are none left, or the computation is stopped."""
        with self.lock:
            return self.todo.pop() if self.todo and not self.stopped else None

    def stop(self) -> None:
        """Let the other workers stop at their next tile if there is anything left to do."""
        self.stopped = self.stopped or bool(self.todo)

    def finished(self, piece: Piece) -> float:
        """Count a piece as done; return the fraction of all work that is done."""
        with self.lock:
            self.done += self.area(piece)
            return self.done / self.total

    def query_heads(self, piece: Piece) -> slice:
        """Return the query heads that the key heads of a piece serve."""
        group = self.operands.sizes.group
        return slice(piece.heads.start * group, piece.heads.stop * group)

    def queries_of(self, array: NDArray[Any], piece: Piece) -> NDArray[Any]:
        """Return the part of an array (batch or 1, heads, L, …) for the queries of a piece, (G, group, rows, …)."""
        some = one_of(array, piece.batch)[self.query_heads(piece)]
        return some.reshape(-1, self.operands.sizes.group, *some.shape[1:])[:, :, piece.rows]

    def closed_block(self, reach: Reach, rows: slice, keys: slice) -> NDArray[np.bool_]:
        """Return where rules close keys to queries that see some of them, (rows, keys)."""
        place, make = reach.closed(rows, keys)
        block = self.blocks.get(place)  # a single lookup: another worker may clear the dict at any time
        if block is None:
            block = make()
            if len(self.blocks) > 64:  # most problems have a few
                self.blocks.clear()
            self.blocks[place] = block
        return block

    def longest_key(self, piece: Piece) -> float:
        """Return the length of the longest key of these heads; NaN if any key holds NaN."""
        place = (piece.batch, piece.heads.start)
        if place not in self.longest:
            keys, step = one_of(self.states.key, piece.batch)[piece.heads], 4 * self.plan.keys
            squares = []
            for at in range(0, keys.shape[1], step):
                some = usable(keys[:, at : at + step], self.operands.dtype, "keys")
                squares.append(np.einsum("gse,gse->gs", some, some).max())
            self.longest[place] = float(np.sqrt(np.max(squares)))
        return self.longest[place]
