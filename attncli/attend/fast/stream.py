"""The fast twin of the steps: the output alone, tile by tile, without ever holding a score matrix.

It means what `attncli.attend.steps` means, which is the reference that a property test holds it to. Sources: the
running maximum and sum of Milakov and Gimelshein, *Online Normalizer Calculation for Softmax*, 2018; tiles as in Dao et
al., *FlashAttention*, 2022.

What makes it fast with nothing but NumPy:

- a tile of scores is made and used in blocks so small that BLAS need not pack them, in a buffer allocated once;
- exponentials are powers of 2, with log2(e) folded into the query: NumPy's exp2 is the faster one;
- where the lengths of the vectors show that no power can overflow, no maximum is looked for at all;
- a column of ones beside the values makes the product that sums the values sum the weights too;
- tiles that are wholly closed are never computed, and rules are applied only to tiles that they cut through;
- small heads are computed many at a time: a call for each would take longer than the head.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps
from attncli.attend.fast.blas import one_thread
from attncli.attend.fast.buffers import finite, pick, usable
from attncli.attend.fast.tiles import PART, Piece, Plan, bounds, pieces, plan
from attncli.attend.fast.worker import States, Worker

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

# Scores that a piece may have which is computed by the reference, because there is NaN or ∞ in its output.
FALLBACK = 1 << 22
# Bytes of values that may be copied, for their column of ones, once for all queries.
MOST_COPIED = 1 << 27
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Streamed:
    """What was made.

    Attributes:
        output: (batch, heads, L, Ev), in the type that it is given back in.
        empty: the queries that may attend to nothing, in any head; unknown (and left out) where there are sinks.
    """

    output: NDArray[Any]
    empty: list[int]


def run(
    o: Operands,
    out: NDArray[Any] | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Streamed:
    """Compute the output.

    Args:
        o: prepared operands, with a value.
        out: where to put the output, such as a memory-mapped file; None allocates it.
        threads: how many workers; None takes OMP_NUM_THREADS or the CPUs that this process may use. The result is the
            same, to the last bit, for any number.
        progress: called with the share that is done, from the calling thread.
    """
    sizes = o.sizes
    if out is None:
        out = np.empty((sizes.batch, sizes.heads, sizes.queries, sizes.value_features), dtype=o.output_dtype)
    cut = plan(o)
    with one_thread(sizes.queries * sizes.keys * max(sizes.features, sizes.value_features)):
        shared = Shared(o, cut, out, pieces(o, cut))
        count = min(threads or thread_count(), len(shared.todo)) - 1
        helpers: list[Future[None]] = []
        try:
            for _ in range(count):
                helpers.append(_pool(os.getpid(), count).submit(shared.help))
            shared.help(progress)
        finally:
            # Ctrl-C reaches the calling thread; the others stop at their next tile.
            shared.stopped = shared.stopped or bool(shared.todo)
            for helper in helpers:
                helper.exception()
    for helper in helpers:
        helper.result()
    shared.finish()
    return Streamed(out, sorted(shared.empty))


def products(o: Operands, threads: int) -> Callable[[], None]:
    """Return a call that makes the two matrix products of every tile and nothing else: the limit of `run`."""
    shared = Shared(o, plan(o), np.empty(0), [])

    def run_products(some: list[Piece]) -> None:
        worker = Worker(shared)
        for piece in some:
            worker.products(piece)

    def run_all() -> None:
        shares = [pieces(o, shared.cut)[start::threads] for start in range(threads)]
        helpers = [_pool(os.getpid(), threads - 1).submit(run_products, share) for share in shares[1:]]
        run_products(shares[0])
        for helper in helpers:
            helper.result()

    return run_all


@cache
def _pool(process: int, count: int) -> ThreadPoolExecutor:
    """Return helpers that wait for work: starting them anew would take longer than a small problem.

    Args:
        process: whose they are; threads do not survive a fork.
        count: how many.
    """
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(count, thread_name_prefix="attn")


def thread_count() -> int:
    """Return how many workers there are unless somebody says otherwise."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isascii() and given.isdigit() and len(given) < 10 and int(given) > 0:
        return int(given)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass
class Shared:
    """What the workers share."""

    operands: Operands
    cut: Plan
    out: NDArray[Any]
    todo: list[Piece]
    stopped: bool = False
    parts: dict[tuple[int, int, int], dict[int, tuple[Any, Any]]] = field(default_factory=dict)
    longest: dict[tuple[int, int], float] = field(default_factory=dict)
    values: dict[tuple[int, int], NDArray[Any]] = field(default_factory=dict)
    blocks: dict[tuple[int, int, int], NDArray[np.bool_]] = field(default_factory=dict)
    empty: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.states = States.of(self.operands)
        self.total = sum(self.area(piece) for piece in self.todo)
        self.done = 0
        self.lock = threading.Lock()
        self.todo.reverse()  # pieces are taken from the end

    def area(self, piece: Piece) -> int:
        """Return how much work a piece is, in scores; one without keys is a little too."""
        heads, rows, keys = (each.stop - each.start for each in (piece.heads, piece.rows, piece.keys))
        return heads * rows * (keys + 1)

    def help(self, progress: Progress | None = None) -> None:
        """Take pieces until there are none."""
        worker = Worker(self)
        try:
            while not self.stopped:
                with self.lock:
                    piece = self.todo.pop() if self.todo else None
                if piece is None:
                    return
                worker.compute(piece)
                with self.lock:
                    self.done += self.area(piece)
                if progress is not None:
                    progress(self.done / self.total)
        except BaseException:
            self.stopped = True
            raise

    def finish(self) -> None:
        """Put the parts together where keys were cut, in their order, so that the sums are always the same."""
        for (batch, head, row), found in sorted(self.parts.items()):
            peaks = [found[part][0] for part in sorted(found)]
            sums = [found[part][1] for part in sorted(found)]
            shift = finite(np.maximum.reduce(peaks))
            total = sum(each * np.exp2(own - shift)[..., None] for own, each in zip(peaks, sums, strict=True))
            heads = slice(head, head + total.shape[0])
            rows = slice(row, min(row + self.cut.rows, self.operands.sizes.queries))
            self.write(Piece(batch, heads, rows, slice(0, 0), 0), total)

    def write(self, piece: Piece, sums: NDArray[Any]) -> None:
        """Divide the sums by the weights' own, and write the output of a piece."""
        o, group = self.operands, self.operands.sizes.group
        rows = piece.rows.stop - piece.rows.start
        apart = sums.reshape(len(sums), rows, group, -1).swapaxes(1, 2)  # (heads, group, rows, Ev + 1)
        total = apart[..., -1:]
        empty = total == 0
        if empty.any():  # a query that may attend to nothing has no weights to divide by, and its output is 0
            total = np.where(empty, 1, total)
            self.empty.update((piece.rows.start + np.flatnonzero(empty.any(axis=(0, 1, 3)))).tolist())
        heads = slice(piece.heads.start * group, piece.heads.stop * group)
        target = self.out[piece.batch, heads].reshape(-1, group, *self.out.shape[2:])[:, :, piece.rows]
        np.divide(apart[..., :-1], total, out=target, casting="same_kind")
        if np.isfinite(target).all():
            return
        # NaN or ∞: rare, and the reference knows best which of it is meant and what only leaked from closed keys.
        step = max(1, FALLBACK // o.sizes.keys)
        for head in range(heads.start, heads.stop):
            for start in range(piece.rows.start, piece.rows.stop, step):
                some = np.arange(start, min(start + step, piece.rows.stop))
                part = o.select(batch=piece.batch, head=head, rows=some)
                self.out[piece.batch, head, some] = steps.run(part).output[0, 0]

    @property
    def keeps_values(self) -> bool:
        """Whether values are copied, with their ones, once for all queries."""
        sizes = self.operands.sizes
        size = sizes.batch * sizes.key_heads * sizes.keys * (sizes.value_features + 1) * self.operands.dtype.itemsize
        return sizes.queries > self.cut.rows and size <= MOST_COPIED

    def values_of(self, piece: Piece) -> NDArray[Any]:
        """Return the values of these heads with a column of ones: (heads, S, Ev + 1)."""
        place = (piece.batch, piece.heads.start)
        if place not in self.values:
            value = pick(self.states.value, piece.batch)[piece.heads]
            values = np.empty((*value.shape[:2], value.shape[2] + 1), dtype=self.operands.dtype)
            values[..., :-1], values[..., -1] = value, 1
            self.values[place] = values
        return self.values[place]

    def closed(self, distance: int, rows: int, keys: int) -> NDArray[np.bool_]:
        """Return what causal and window rules close in a block whose first query is so far behind its first key."""
        place = (distance, rows, keys)
        block = self.blocks.get(place)  # one look: another worker may clear them at any time
        if block is None:
            queries, at = distance + np.arange(rows)[:, None], np.arange(keys)
            block = np.zeros((rows, keys), dtype=bool)
            for reach, ahead in bounds(self.operands):
                block |= at > queries + reach if ahead else at < queries - reach
            if len(self.blocks) > 64:  # most problems have a few
                self.blocks.clear()
            self.blocks[place] = block
        return block

    def longest_key(self, piece: Piece) -> float:
        """Return the length of the longest key of these heads; NaN where one holds NaN."""
        place = (piece.batch, piece.heads.start)
        if place not in self.longest:
            keys = pick(self.states.key, piece.batch)[piece.heads]
            squares = [
                np.einsum("gse,gse->gs", some, some).max()
                for some in (
                    usable(keys[:, at : at + PART], self.operands.dtype) for at in range(0, keys.shape[1], PART)
                )
            ]
            self.longest[place] = float(np.sqrt(np.max(squares)))
        return self.longest[place]
