"""The fast twin of the steps: computes only the output, tile by tile, without ever holding a score matrix.

It computes what the reference, `attncli.attend.steps`, computes; a property test compares the two. Sources: the
running maximum and sum of Milakov and Gimelshein, *Online Normalizer Calculation for Softmax*, 2018; tiles as in Dao et
al., *FlashAttention*, 2022.

What makes it fast with NumPy alone:

- a tile of scores is computed and used in blocks so small that BLAS need not pack them, in a buffer allocated once;
- exponentials are powers of 2, with log2(e) folded into the query: NumPy's exp2 is faster than exp;
- if the lengths of the vectors show that no power can overflow, no maximum is computed at all;
- with a column of ones next to the values, the product that sums the values sums the weights too;
- entirely closed tiles are never computed, and rules are applied only to tiles that they cut through;
- small heads are computed many at a time: a call per head would take longer than the head itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.fast.change import norms_in_blocks
from attncli.attend.fast.gather import Gatherer
from attncli.attend.fast.results import Sums, Totals
from attncli.attend.fast.shared import Shared
from attncli.attend.fast.tiles import Piece, pieces, plan
from attncli.attend.fast.worker import Worker
from attncli.attend.stages.out import finished
from attncli.attend.threads import pool, thread_count, together, using
from attncli.attend.views import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

Progress = Callable[[float], None]


class Computing(Protocol):
    """A worker, in either direction."""

    def compute(self, piece: Piece) -> None:
        """Compute one piece."""


class Multiplying(Protocol):
    """A worker, of which only the matrix products are wanted."""

    def products(self, piece: Piece) -> None:
        """Compute the products of one piece."""


# Most numbers of weighted sums that are gated and projected at a time.
MOST_FINISHED = 1 << 22


@dataclass(frozen=True)
class Streamed:
    """The result of a stream.

    Attributes:
        output: (batch, heads, L, Ev), or (batch, 1, L, out) where a matrix makes it; in its final type.
        empty: the queries that may not attend to any key, in any head; unknown, and left empty, if there are sinks.
        totals: the sums of exponentials of each row, if they were asked for.
    """

    output: NDArray[Any]
    empty: list[int]
    totals: Totals | None = None

    @property
    def lse(self) -> NDArray[Any] | None:
        """The natural logarithms of these sums, (batch, heads, L)."""
        return None if self.totals is None else self.totals.lse


def run(
    o: Operands,
    out: NDArray[Any] | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    with_lse: bool = False,
) -> Streamed:
    """Compute the output.

    Args:
        o: prepared operands, with a value.
        out: where to write the output, such as a memory-mapped file; None: a new array.
        threads: number of workers; None: OMP_NUM_THREADS, or the number of CPUs that this process may use. The
            result is the same, bit for bit, for any number.
        progress: called from the calling thread with the fraction that is done.
        with_lse: whether the logarithms of the rows' sums are wanted too.
    """
    threads = threads or thread_count()
    if not norms_in_blocks(o):
        with using(threads):
            o = o.core
    if out is None:
        out = np.empty(o.sizes.output_shape, dtype=o.output_dtype)
    totals = Totals.empty(o.sizes.context_shape[:3], o.dtype) if with_lse else None
    if not o.has_after:
        return _sums(o, out, totals, threads, progress)
    context = np.empty(o.sizes.context_shape, dtype=o.dtype)
    made = _sums(alone(o), context, totals, threads, progress)
    step = max(1, MOST_FINISHED // (o.sizes.heads * o.sizes.value_features))
    with one_thread(NEVER_THREADED):
        for batch in range(o.sizes.batch):
            for start in range(0, o.sizes.queries, step):
                rows = slice(start, start + step)
                # Of these rows nothing but the gate is needed any more.
                part = o if o.gate is None else replace(o, gate=one_of(o.gate, batch)[None, :, rows])
                out[batch, :, rows] = finished(part, context[batch : batch + 1, :, rows])[0]
    return Streamed(out, made.empty, totals)


def alone(o: Operands) -> Operands:
    """Return the operands of the weighted sums alone, with nothing after them."""
    layer = replace(o.layer, gate=None, out=None)
    return replace(o, gate=None, layer=layer, output_dtype=o.dtype, sizes=replace(o.sizes, out_features=0))


def _sums(o: Operands, out: NDArray[Any], totals: Totals | None, threads: int, progress: Progress | None) -> Streamed:
    """Compute the weighted sums into ``out``, and the sums of each row's exponentials into ``totals``."""
    sizes = o.sizes
    layout = plan(o)
    products = sizes.queries * sizes.keys * max(sizes.features, sizes.value_features)
    # NaN, ∞ and numbers beyond the range are allowed; whether they belong in the output is decided in Shared.write.
    with one_thread(products), np.errstate(all="ignore"):
        with using(threads):
            shared = Sums(o, layout, pieces(o, layout), out, totals)
        worker = Gatherer if layout.gathers else Worker
        share_out(shared, lambda: worker(shared), threads, progress)
        shared.finish()
    return Streamed(out, sorted(shared.empty), totals)


def share_out(shared: Shared, worker: Callable[[], Computing], threads: int, progress: Progress | None) -> None:
    """Let a worker in each of some threads compute pieces, until none are left."""
    count = min(threads, len(shared.todo)) - 1
    together(lambda: work(shared, worker, progress), lambda: work(shared, worker), shared.stop, count)
    if progress is not None:  # the last pieces may have been those of other threads, which tell nothing
        progress(1.0)


def work(shared: Shared, worker: Callable[[], Computing], progress: Progress | None = None) -> None:
    """Compute pieces until none are left; each thread runs this."""
    own = worker()
    try:
        while (piece := shared.take()) is not None:
            own.compute(piece)
            done = shared.finished(piece)
            if progress is not None:
                progress(done)
    except BaseException:
        shared.stopped = True
        raise


def products(o: Operands, threads: int) -> Callable[[], None]:
    """Return a function that computes only the two matrix products of every tile: the lower limit for `run`."""
    shared = Sums(o, plan(o), [], np.empty(0))
    return in_shares(lambda: Worker(shared), pieces(o, shared.plan), threads)


def in_shares(worker: Callable[[], Multiplying], todo: list[Piece], threads: int) -> Callable[[], None]:
    """Return a function that computes only the products of pieces, which each thread has its share of."""

    def run_products(some: list[Piece]) -> None:
        own = worker()
        with np.errstate(all="ignore"):  # each thread has its own, and buffers hold whatever is in them
            for piece in some:
                own.products(piece)

    def run_all() -> None:
        count = min(threads, len(todo))
        shares = [todo[start::count] for start in range(count)]
        helpers = [pool(os.getpid(), count - 1).submit(run_products, share) for share in shares[1:]]
        run_products(shares[0])
        for helper in helpers:
            helper.result()

    return run_all
