"""What people should know about a computation that went well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


def of_inputs(o: Operands) -> Iterator[str]:
    """Tell of NaN and ∞ in what is computed with, and of masks that look like slips."""
    for name in ("query", "key", "value"):
        array = getattr(o, name)
        if array is not None:
            yield from not_finite(name, array)
    if o.mask is not None and o.mask.dtype != bool:
        mask = np.asarray(o.mask)
        yield from not_finite("mask", mask[mask != -np.inf])
        if set(np.unique(mask).tolist()) == {0, 1}:
            yield "mask holds the numbers 0 and 1, which are added to the scores; to close keys give true and false"


def not_finite(name: str, array: NDArray[Any]) -> Iterator[str]:
    """Tell how many NaN and ∞ an array holds, if any."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    counts = {"NaN": np.isnan(array).sum(), "∞": np.isinf(array).sum()}
    yield f"{name} holds {' and '.join(f'{count} {what}' for what, count in counts.items() if count)}"


def of_logits(logits: NDArray[Any], rows: NDArray[Any] | None = None) -> Iterator[str]:
    """Tell of queries that may attend to nothing.

    Args:
        logits: (batch, heads, L, S).
        rows: which queries these are, where they are not all.
    """
    empty = np.flatnonzero((logits == -np.inf).all(axis=-1).any(axis=(0, 1)))
    if len(empty):
        queries = empty if rows is None else rows[empty]
        some = ", ".join(map(str, queries[:5])) + (", …" if len(queries) > 5 else "")
        yield f"{'query' if len(queries) == 1 else 'queries'} {some} may attend to nothing: weights and output are 0"
