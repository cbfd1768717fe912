"""One row in tiles of keys: the running maximum, the running sum, and the running output.

    m′ = max(m, max sⱼ),  α = exp(m − m′),  l′ = α·l + Σ exp(sⱼ − m′),  o′ = α·o + Σ exp(sⱼ − m′)·vⱼ

over the keys j of a tile; after the last one the output is o / l, and lse is m + log l. Sources: Milakov and
Gimelshein, *Online normalizer calculation for softmax*, 2018; Rabe and Staats, *Self-attention Does Not Need O(n²)
Memory*, 2021; Dao et al., *FlashAttention*, 2022; that o is divided only once, at the end, is of Dao,
*FlashAttention-2*, 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attncli.attend.views import product, ready, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The step of a lesson that works the same row out in tiles.
TILES = "tiles"
# Short rows are cut into at most so many tiles, of at least so many keys; tiles of long rows have as many as kernels'.
FEW, LEAST, MOST = 4, 2, 128


class State(NamedTuple):
    """What is kept of the keys so far, of one output column."""

    m: Any
    l: Any  # noqa: E741  # as the papers call it
    o: Any


@dataclass(frozen=True, slots=True)
class Tile:
    """What one tile does.

    Attributes:
        first: its first key.
        stop: the key after its last one.
        peak: the largest of its logits; −∞ if it is wholly closed.
        factor: what was summed so far is multiplied by it.
        before: what was kept before it.
        after: what is kept after it.
    """

    first: int
    stop: int
    peak: Any
    factor: Any
    before: State
    after: State

    @property
    def is_closed(self) -> bool:
        """Whether the query may attend to none of its keys."""
        return bool(self.peak == -np.inf)

    @property
    def rises(self) -> bool:
        """Whether it has a larger logit than all that was summed before."""
        return bool(self.after.m > self.before.m > -np.inf)


@dataclass(frozen=True, eq=False)
class Run:
    """One row, worked out in tiles.

    Attributes:
        start: what is kept before the first tile.
        tiles: in their order.
        m: the largest logit, that of a sink included; −∞ if nothing is open.
        l: the sum of the exponentials; 0 if nothing is open.
        o: (Ev) the output before it is divided.
        sizes: (Ev) what o would be if no value were negative: how large the products were before they cancelled out.
    """

    start: State
    tiles: list[Tile]
    m: Any
    l: Any  # noqa: E741
    o: NDArray[Any]
    sizes: NDArray[Any]

    @property
    def output(self) -> NDArray[Any]:
        """The output, (Ev); 0 if nothing is open."""
        return self.o / self.l if self.l != 0 else np.zeros_like(self.o)

    @property
    def lse(self) -> Any:
        """The logarithm of the sum of exponentials; −∞ if nothing is open."""
        return self.m + np.log(self.l) if self.l != 0 else self.m


def usual_width(keys: int) -> int:
    """Return how many keys a tile has by default: so many that a short row makes two to four tiles.

    >>> [usual_width(keys) for keys in (1, 2, 5, 13, 500, 100_000)]
    [1, 1, 2, 4, 128, 128]
    """
    if keys <= LEAST:
        return 1
    width = LEAST
    while width * FEW < keys and width < MOST:
        width *= 2
    return width


def in_tiles(
    logits: NDArray[Any],
    values: NDArray[Any],
    width: int,
    column: int,
    *,
    sink: Any = None,
    rescaled: bool = True,
) -> Run:
    """Work out one row, in the precision of its logits.

    Args:
        logits: (S) without NaN or +∞; −∞ where a key is closed.
        values: (S, Ev); those of closed keys may be anything.
        width: how many keys a tile has, at least 1; the last may have fewer.
        column: which column of the output the tiles keep.
        sink: the logit of one more key, whose value is 0.
        rescaled: whether what was summed is rescaled where the maximum rises, as it must be.
    """
    dtype = logits.dtype.type
    m, total = dtype(-np.inf), dtype(0)
    if sink is not None and sink > -np.inf:
        m, total = dtype(sink), dtype(1)
    o = sizes = np.zeros(values.shape[1], logits.dtype)
    start = state = State(m, total, o[column])
    tiles = []
    for first in range(0, len(logits), width):
        part = logits[first : first + width]
        peak, factor = part.max(), dtype(1)
        if peak > -np.inf:  # a tile that is wholly closed changes nothing
            m = np.maximum(state.m, peak)
            factor = np.exp(state.m - m) if rescaled else factor
            powers, own = np.exp(part - m), ready(values[first : first + width], logits.dtype)
            total = factor * state.l + powers.sum()
            # What does not count any more may have been anything, NaN and ∞ included.
            o, sizes = (
                product(np.full_like(kept, factor), kept) + weigh(powers[None], new)[0]
                for kept, new in ((o, own), (sizes, np.abs(own)))
            )
        after = State(m, total, o[column])
        tiles.append(Tile(first, first + len(part), peak, factor, state, after))
        state = after
    return Run(start, tiles, m, total, o, sizes)
