"""The gradients of the backward stream: those of one piece, and where those of all pieces are added up."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.results import Totals
from attncli.attend.fast.shared import Shared
from attncli.attend.fast.tiles import Piece
from attncli.attend.views import by_group

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What is added to the scores, and has a gradient.
ADDED = ("mask", "bias")
# A worker that waits for its turn looks so often, in seconds, whether the others were stopped.
LOOK = 0.05


@dataclass
class Found:
    """The gradients that one piece contributes to.

    Attributes:
        query: (G, rows · g, A) of the prepared query.
        key: (G, keys of the piece, A) of the prepared key.
        value: (G, keys of the piece, Ev)
        added: of mask and bias, (G or 1, rows or 1, g or 1, keys of the piece or 1).
        sinks: (G · g,)
        query_scale: (G or 1, rows or 1, g or 1), if queries are not multiplied by it beforehand.
        parameters: of the score function, by name, where they count when query and key meet.
    """

    query: NDArray[Any]
    key: NDArray[Any]
    value: NDArray[Any]
    added: dict[str, NDArray[Any]]
    sinks: NDArray[Any] | None
    query_scale: NDArray[Any] | None
    parameters: dict[str, NDArray[Any]]

    @property
    def is_finite(self) -> bool:
        """Whether neither NaN nor ∞ is in the gradients of the states, nor in their sums."""
        return all(bool(np.isfinite(each.sum())) for each in (self.query, self.key, self.value))


@dataclass
class Gradients(Shared):
    """The state that the workers share, and the gradients.

    Pieces have keys and more in common. They are added in the order of the pieces, whoever is done first, so that the
    sums do not depend on timing. What waits for its turn takes memory, so no worker may run too far ahead.

    Attributes:
        given: (batch, heads, L, Ev) the gradient of the weighted sums.
        context: (batch, heads, L, Ev) the weighted sums.
        totals: the sums of the rows' exponentials.
        into: the gradients by name, all 0 at first; each has the axes of what it is the gradient of.
        ahead: how many pieces may be under way or wait for their turn.
        waiting: what is done but not yet added, by its place in the order.
        taken: how many pieces were taken.
        added: how many were added.
    """

    given: NDArray[Any]
    context: NDArray[Any]
    totals: Totals
    into: Mapping[str, NDArray[Any]]
    ahead: int
    waiting: dict[int, tuple[Piece, Found]] = field(default_factory=dict)
    taken: int = 0
    added: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.turn = threading.Condition(self.lock)
        self.order = {self.place(piece): at for at, piece in enumerate(reversed(self.todo))}

    @staticmethod
    def place(piece: Piece) -> tuple[int, int, int, int]:
        """Return what tells a piece from all others."""
        return piece.batch, piece.heads.start, piece.rows.start, piece.part

    def take(self) -> Piece | None:
        """Return the next piece, as soon as those long before it are added; None when there are none left."""
        with self.turn:
            while self.todo and self.taken - self.added >= self.ahead and not self.stopped:
                self.turn.wait(LOOK)
            if not self.todo or self.stopped:
                return None
            self.taken += 1
            return self.todo.pop()

    def keep(self, piece: Piece, found: Found) -> None:
        """Add the gradients of a piece, and of those that waited for it, when it is their turn."""
        with self.turn:
            self.waiting[self.order[self.place(piece)]] = piece, found
            while self.added in self.waiting:
                self.add(*self.waiting.pop(self.added))
                self.added += 1
            self.turn.notify_all()

    def add(self, piece: Piece, found: Found) -> None:
        """Add the gradients of a piece."""
        heads, group = len(found.query), self.operands.sizes.group
        of_query = found.query.reshape(heads, -1, group, found.query.shape[2]).swapaxes(1, 2)
        target = self.queries_of(self.into["query"], piece)
        target += of_query
        self.item(self.into["key"], piece)[piece.heads, piece.keys] += found.key
        value = self.item(self.into["value"], piece)
        alike = self.operands.sizes.key_heads // len(value)  # key heads that share a value head
        for at, each in enumerate(found.value):
            value[(piece.heads.start + at) // alike, piece.keys] += each
        for name, part in found.added.items():
            if not self.is_own(name):
                target = self.part_of(name, piece)
                target += part
        if found.sinks is not None:
            self.into["sinks"][self.query_heads(piece)] += found.sinks
        if found.query_scale is not None:
            target = self.rows_of("query_scale", piece)
            target += found.query_scale
        for name, each in found.parameters.items():
            target = self.into[name]
            target += each

    @staticmethod
    def item(array: NDArray[Any], piece: Piece) -> NDArray[Any]:
        """Return what the batch item of a piece has of an array (batch or 1, …)."""
        part: NDArray[Any] = array[piece.batch if len(array) > 1 else 0]
        return part

    def rows_of(self, name: str, piece: Piece) -> NDArray[Any]:
        """Return the part for a piece of the gradient of an array (batch or 1, heads or 1, L or 1, …).

        Returns:
            (G or 1, rows or 1, g or 1, …), a view.
        """
        some = self.item(self.into[name], piece)[None]
        heads = 1 if some.shape[1] == 1 else self.operands.sizes.key_heads
        some = by_group(some, heads)[0]  # (key heads or 1, g or 1, L or 1, …)
        some = some[piece.heads] if heads > 1 else some
        some = some[:, :, piece.rows] if some.shape[2] > 1 else some
        return some.swapaxes(1, 2)

    def part_of(self, name: str, piece: Piece) -> NDArray[Any]:
        """Return the part for a piece of the gradient of a mask or bias, (G or 1, rows or 1, g or 1, keys or 1)."""
        some = self.rows_of(name, piece)
        return some if self.is_of_one_key(name) else some[..., piece.keys]

    def is_of_one_key(self, name: str) -> bool:
        """Whether an array has one number for all keys; a mask of one key closes all others instead."""
        return name == "bias" and self.into[name].shape[3] == 1

    def is_own(self, name: str) -> bool:
        """Whether no two pieces add to the same numbers of the gradient of a mask or bias."""
        sizes, (batch, heads, rows, _) = self.operands.sizes, self.into[name].shape
        by_head = heads == sizes.heads or self.plan.heads == sizes.key_heads
        by_key = not self.is_of_one_key(name) or self.plan.parts == 1
        return batch == sizes.batch and by_head and rows == sizes.queries and by_key
