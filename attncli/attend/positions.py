"""Where queries stand, and what positions can be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.checks import MOST_WHOLE
from attncli.attend.options import Options
from attncli.attend.shapes import Sizes
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# An angle of 2^32 radians is off by half a millionth of one in float64; of larger ones less and less is left.
MOST_TURNED = 32


def positions(options: Options, sizes: Sizes, lengths: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the position of each query, (batch or 1, L).

    By default the first query stands after the past keys; with ``key_lengths``, the queries are the last of those keys.
    Positions may be negative, in which case the first queries see nothing under a causal rule.

    Raises:
        InputError: a position, or the angle by which rope turns there, is beyond what numbers hold exactly.
    """
    first = _first(options, sizes, lengths)
    _check(int(first.min()), int(first.max()) + sizes.queries - 1, options, sizes)
    return first[:, None] + np.arange(sizes.queries)


def _first(options: Options, sizes: Sizes, lengths: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if options.offset is not None:
        first = sizes.keys - sizes.queries if options.offset == "end" else options.offset
        return np.array([first], dtype=np.int64)
    if lengths is not None:
        return lengths - sizes.queries
    return np.array([sizes.past], dtype=np.int64)


def _check(first: int, last: int, options: Options, sizes: Sizes) -> None:
    if last > MOST_WHOLE:
        fact = f"the last query would stand at position {last}, and positions go up to 2^53 - 1"
        raise InputError(f"with offset {options.offset} {fact}")
    if options.rope is None:
        return
    far = max(first, last, sizes.keys - 1, key=abs)
    # A radian for each position; more where theta is below 1: theta^(−2i/d) comes close to 1/theta.
    fastest = max(0.0, -math.log2(options.rope_theta))
    if math.log2(max(abs(far), 1)) + fastest > MOST_TURNED:
        turned = f"at position {far} rope with theta {options.rope_theta:g} turns by more than 2^{MOST_TURNED} radians"
        raise InputError(f"{turned}, of which float64 keeps too few digits")
