"""Systems of linear equations, the one place that calls LAPACK.

LAPACK must never see a number that is not finite: with NaN or ∞ it prints lines of its own on the terminal, fails, or
never returns, and then no signal ends the program but SIGKILL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The longest axis of a matrix that is solved. A call cannot be interrupted: at this size it takes half a second.
LONGEST = 512


def solutions(matrix: NDArray[Any], sides: NDArray[Any]) -> NDArray[Any] | None:
    """Solve ``matrix · x = side`` in the sense of least squares, for each of some right-hand sides.

    Args:
        matrix: (equations, unknowns), at least as many equations as unknowns.
        sides: (sides, equations), of any numbers.

    Returns:
        (sides, unknowns); None where the matrix holds NaN or ∞, is larger than `LONGEST`, or does not tell its unknowns
        apart.

    Example:
        >>> solutions(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([[2.0, 2.0]])).tolist()
        [[1.0, 0.5]]
        >>> solutions(np.array([[np.inf]]), np.array([[1.0]])) is None
        True
    """
    found = solved(matrix, sides)
    return None if found is None else found[0]


def solved(matrix: NDArray[Any], sides: NDArray[Any]) -> tuple[NDArray[Any], float] | None:
    """Solve as `solutions` does; return the smallest singular value beside what solves it."""
    equations, unknowns = matrix.shape
    size = float(np.abs(matrix).max(initial=0.0))
    if not 0 < size < np.inf or max(matrix.shape) > LONGEST or unknowns > equations:
        return None
    try:
        # In units of the largest number, so that no product of the numbers leaves their range.
        left, values, right = np.linalg.svd(matrix / size, full_matrices=False)
    except np.linalg.LinAlgError:
        return None
    if not values[-1] > values[0] * max(matrix.shape) * np.finfo(float).eps:
        return None
    return np.asarray((sides / size @ left / values) @ right), float(values[-1] * size)
