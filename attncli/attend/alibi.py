"""ALiBi: a penalty that grows with the distance between query and key, with a different slope for each head.

Source: Press et al., *Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation*, 2022,
section 3, and the authors' published code for head counts that are not a power of two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def slopes(heads: int) -> NDArray[np.float64]:
    """Return one slope per head.

    If n is a power of two, they are 2^(−8/n), 2^(−16/n), …, 2^(−8). Otherwise they are the slopes for the next lower
    power of two, followed by every other slope for twice that many heads.

    >>> slopes(2).tolist(), slopes(3).tolist()
    ([0.0625, 0.00390625], [0.0625, 0.00390625, 0.25])
    """
    lower = 1 << (heads.bit_length() - 1)
    more = _geometric(2 * lower)[0::2]
    return np.concatenate([_geometric(lower), more[: heads - lower]])


def _geometric(heads: int) -> NDArray[np.float64]:
    return 2.0 ** (-8.0 * np.arange(1, heads + 1) / heads)


def penalties(
    positions: NDArray[np.int64], keys: NDArray[np.int64], heads: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """Return −slope · |p − j| for each head, query and key.

    The paper has keys behind the query only, and for them −slope · (p − j). Where a query may see keys ahead, these
    lose by their distance too: with the sign left in it they would gain, the farther the more.

    Args:
        positions: (batch or 1, L) the position p of each query.
        keys: (batch or 1, S) the position j of each key.
        heads: indices of the heads to compute.
        count: the total number of heads, which determines the slopes.

    Returns:
        (batch or 1, len(heads), L, S)
    """
    distance = np.abs(positions[:, None, :, None] - keys[:, None, None, :])
    return -slopes(count)[heads][:, None, None] * distance
