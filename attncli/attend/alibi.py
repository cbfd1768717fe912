"""ALiBi: a penalty that grows with the distance between query and key, steeper in some heads than in others.

Source: Press et al., *Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation*, 2022,
section 3, and the authors' published code for head counts that are no power of two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def slopes(heads: int) -> NDArray[np.float64]:
    """Return one slope a head.

    For n heads, n a power of two, they are 2^(−8/n), 2^(−16/n), …, 2^(−8). For other counts: those of the next lower
    power of two, then every other one of twice that many heads.

    >>> slopes(2).tolist(), slopes(3).tolist()
    ([0.0625, 0.00390625], [0.0625, 0.00390625, 0.25])
    """
    lower = 1 << (heads.bit_length() - 1)
    more = _geometric(2 * lower)[0::2]
    return np.concatenate([_geometric(lower), more[: heads - lower]])


def _geometric(heads: int) -> NDArray[np.float64]:
    return 2.0 ** (-8.0 * np.arange(1, heads + 1) / heads)


def penalties(positions: NDArray[np.int64], keys: int, heads: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return −slope · (p − j) for each head, query and key.

    Args:
        positions: (batch or 1, L) p of each query.
        keys: how many keys there are; key j stands at position j.
        heads: which of the heads are wanted.
        count: how many heads there are in all, on which the slopes depend.

    Returns:
        (batch or 1, len(heads), L, keys)
    """
    distance = positions[:, None, :, None] - np.arange(keys)
    return -slopes(count)[heads][:, None, None] * distance
