"""Keys and values as a cache gives them back: rounded to codes, times their scales.

    scale = max |x| / largest code, over the numbers that share it;  x → code(x / scale) · scale

Scales are symmetric (there is no zero point) and are themselves kept exactly. Each batch item has its own, for each
sequence has a cache of its own, so that ``tensor`` is one scale for all heads of an item. What is not finite, and what
stands behind ``key_lengths``, has no part in a scale; ∞ becomes the largest code, NaN stays NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.cache.option import Kept
from attncli.attend.cache.types import to_codes
from attncli.attend.threads import each
from attncli.attend.views import blocks, one_of, ready, some_heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Which axes of (heads, length, features) share one scale of a batch item; scales of others follow from a token alone.
SHARED: Mapping[str, tuple[int, ...]] = {"tensor": (0, 1, 2), "head": (1, 2), "channel": (1,)}
# By how much of a code float32 may be off before it is rounded: one operation for the scale, and one for the quotient.
IN_FLOAT32 = 2.0**-22


@dataclass(frozen=True, eq=False)
class Held:
    """How keys, or values, are held.

    Attributes:
        kept: the type of their codes, and what has a scale of its own.
        peaks: (batch or 1, heads or 1, 1, features or 1) the largest |x| of all numbers that share a scale, where that
            follows from more than one token; None: it follows from the token.
        slack: how near to the middle between two codes a number, as a share of itself, goes to the further one.
    """

    kept: Kept
    peaks: NDArray[Any] | None = None
    slack: float = 0.0

    @classmethod
    def of(
        cls, kept: Kept, states: NDArray[Any], dtype: np.dtype[Any], lengths: NDArray[np.int64] | None = None
    ) -> Held:
        """Return how these states are held, with the scales that follow from all of them.

        Args:
            kept: see `Held`.
            states: (batch or 1, heads, S, features), all that the cache holds.
            dtype: the precision of the computation, to which states are brought first.
            lengths: (batch or 1,) how many of them there are in each batch item; None: all.
        """
        if kept.scales not in SHARED:
            return cls(kept)
        batch = len(states) if lengths is None else max(len(states), len(lengths))
        items = []
        for item in range(batch):
            end = None if lengths is None else int(lengths[item if len(lengths) > 1 else 0])
            heads = [_peaks(ready(head[:end], dtype), kept.scales) for head in one_of(states, item)]
            peaks = np.stack(heads)  # (heads, 1, features or 1)
            items.append(peaks.max(axis=0, keepdims=True) if kept.scales == "tensor" else peaks)
        return cls(kept, np.stack(items))

    def loosened(self) -> Held:
        """Return the same, with each number that float32 might round to another code rounded to that."""
        return replace(self, slack=IN_FLOAT32)

    def rounded(self, states: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return states (batch or 1, heads, S, features) as the cache gives them back, in the precision asked for."""
        batch = len(states) if self.peaks is None else max(len(states), len(self.peaks))
        made = np.empty((batch, *states.shape[1:]), dtype)

        def run(block: tuple[int, slice]) -> None:
            item, rows = block
            peaks = None if self.peaks is None else one_of(self.peaks, item)
            for part in some_heads(states.shape[1], rows.stop - rows.start):
                of_part = peaks if peaks is None or len(peaks) == 1 else peaks[part]
                some = ready(one_of(states, item)[part, rows], dtype).astype(np.float64)
                with np.errstate(all="ignore"):  # each thread has its own
                    made[item, part, rows] = self._back(some, of_part)

        each(run, blocks(batch, states.shape[2]), made.size)
        return made

    def _back(self, states: NDArray[Any], peaks: NDArray[Any] | None) -> NDArray[Any]:
        """Return states (heads, rows, features) rounded, in float64."""
        if self.kept.scales == "unscaled":
            return self.codes(states)
        largest = self.kept.type.largest
        peaks = self.tokens(states) if peaks is None else peaks
        # By a power of two, which is exact, the peak comes to between 1/2 and 1: nothing leaves the range of the type.
        parts, exponents = np.frexp(np.where(peaks > 0, peaks, 1.0))
        codes = self.codes(np.ldexp(states, -exponents) * largest / parts)
        # Two roundings must not bring the largest number beyond itself.
        return np.ldexp(np.clip(codes * parts / largest, -parts, parts), exponents)

    def codes(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return numbers in units of their scale rounded to codes."""
        codes = to_codes(numbers, self.kept.type)
        if not self.slack:
            return codes
        away = np.copysign(np.abs(numbers) * self.slack, numbers - codes)
        return to_codes(np.where(np.isfinite(numbers), numbers + away, numbers), self.kept.type)

    def tokens(self, states: NDArray[Any]) -> NDArray[Any]:
        """Return the peak of each token, or of each of its groups, for every feature: (heads, rows, features or 1)."""
        sizes = _finite_sizes(states)
        features = states.shape[-1]
        if self.kept.group is None or self.kept.group >= features:
            return sizes.max(axis=-1, keepdims=True)
        starts = np.arange(0, features, self.kept.group)  # the last group may be smaller
        peaks = np.maximum.reduceat(sizes, starts, axis=-1)
        return np.repeat(peaks, np.diff([*starts, features]), axis=-1)


def _peaks(states: NDArray[Any], scales: str) -> NDArray[Any]:
    """Return the peaks of one head (S, features) as (1, features or 1); 0 where there is nothing."""
    peaks = _finite_sizes(states).max(axis=0, keepdims=True, initial=0.0)
    return peaks if scales == "channel" else peaks.max(axis=-1, keepdims=True)


def _finite_sizes(states: NDArray[Any]) -> NDArray[Any]:
    """Return how large the finite numbers are, in float64."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(states), np.abs(states), 0).astype(np.float64)
