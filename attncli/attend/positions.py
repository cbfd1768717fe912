"""Where queries stand, and what positions can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.checks import MOST_WHOLE
from attncli.attend.options import Options
from attncli.attend.shapes import Sizes
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def positions(options: Options, sizes: Sizes, lengths: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the position of each query, (batch or 1, L).

    By default the first query stands after the past keys; with ``key_lengths``, the queries are the last of those keys.
    Positions may be negative, in which case the first queries see nothing under a causal rule.

    Raises:
        InputError: a position is beyond what numbers hold exactly.
    """
    first = _first(options, sizes, lengths)
    last = int(first.max()) + sizes.queries - 1
    if last > MOST_WHOLE:
        fact = f"the last query would stand at position {last}, and positions go up to 2^53 - 1"
        raise InputError(f"with offset {options.offset} {fact}")
    return first[:, None] + np.arange(sizes.queries)


def _first(options: Options, sizes: Sizes, lengths: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if options.offset is not None:
        first = sizes.keys - sizes.queries if options.offset == "end" else options.offset
        return np.array([first], dtype=np.int64)
    if lengths is not None:
        return lengths - sizes.queries
    return np.array([sizes.past], dtype=np.int64)
