"""Small pictures side by side: how many stand in a row."""

from __future__ import annotations

import math

# So many times as wide as high a grid may be, where that leaves no gap.
WIDEST = 2.5


def balanced(count: int, most: int | None = None, together: int = 1) -> tuple[int, int]:
    """Return how many of these stand below each other and how many side by side.

    As few gaps as can be, and then nearly a square; never more rows than columns, unless there is no room.

    Args:
        count: how many there are.
        most: how many there is room for side by side; None: any number.
        together: so many after each other belong into one row, if there is room for them.

    >>> [balanced(count) for count in (2, 4, 7, 9, 12, 32)]
    [(1, 2), (2, 2), (2, 4), (3, 3), (3, 4), (4, 8)]
    >>> balanced(9, 4)
    (3, 3)
    >>> balanced(24, together=2), balanced(24, 3, together=2)
    ((4, 6), (12, 2))
    """
    most = count if most is None else min(count, most)
    unit = together if together <= most else 1
    sets = math.ceil(count / unit)
    grids = [(down, math.ceil(sets / down) * unit) for down in range(1, math.isqrt(count) + 1)]
    fit = [each for each in grids if each[1] <= WIDEST * each[0] and each[1] <= most]
    if not fit:
        down = math.ceil(sets / (most // unit))
        return down, math.ceil(sets / down) * unit
    return min(fit, key=lambda each: (each[0] * each[1] - count, each[1]))
