"""What can be said of a difference that no known mistake explains, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.compare import Comparison

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows that differ from a multiple of each other by no more than this share are multiples.
PARALLEL = 1e-5
# How many numbers are at most sorted to see whether they are the same ones.
SORTED = 1 << 22


def observed(comparison: Comparison, expected: NDArray[Any], computed: NDArray[Any]) -> Iterator[str]:
    """Say which rows and heads are right, and how the wrong ones are related to the right ones."""
    wrong = comparison.wrong
    if not expected.any():
        yield "the expected output is 0 throughout"
    elif np.isnan(expected).all():
        yield "the expected output is NaN throughout"
    if wrong.all():
        yield "every row differs"
    else:
        yield from _where(comparison)
    yield from _multiples(wrong, expected, computed)
    yield from _permuted(expected, computed)


def _where(comparison: Comparison) -> Iterator[str]:
    wrong = comparison.wrong
    for axis, name in enumerate(("batch items", "heads", "query rows")):
        some = comparison.differing(axis)
        if len(some) > 1 and not some.all():
            right = f"the other {(~some).sum()} of {len(some)} are exact"
            yield f"{name} that differ: {ranges(np.flatnonzero(some))}; {right}"
    yield f"{(~wrong).sum()} of {wrong.size} rows are exact"


def ranges(indices: NDArray[np.int64], most: int = 8) -> str:
    """Write indices as ranges.

    >>> ranges(np.array([0, 1, 2, 5, 7, 8]))
    '0–2, 5, 7–8'
    """
    runs = np.split(indices, np.flatnonzero(np.diff(indices) != 1) + 1) if len(indices) else []
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    return ", ".join(texts[:most]) + (", …" if len(texts) > most else "")


def _multiples(wrong: NDArray[np.bool_], expected: NDArray[Any], computed: NDArray[Any]) -> Iterator[str]:
    one, other = expected[wrong].astype(np.float64), computed[wrong]
    if one.shape[-1] < 2 or not len(one):
        return
    with np.errstate(all="ignore"):
        ratio = (one * other).sum(-1) / (other * other).sum(-1)
        difference = np.abs(one - ratio[:, None] * other).max(-1) / np.abs(one).max(-1)
    if (difference < PARALLEL).all():
        low, high = float(ratio.min()), float(ratio.max())
        span = f"{low:.6g}" if np.isclose(low, high, rtol=1e-4) else f"{low:.4g} to {high:.4g}"
        yield f"every row that differs is a multiple of the right row, by {span}"


def _permuted(expected: NDArray[Any], computed: NDArray[Any]) -> Iterator[str]:
    if expected.size > SORTED or not np.isfinite(expected).all():
        return
    size = float(np.abs(computed).max()) * 1e-5
    heads = computed.shape[1]
    if heads > 1:
        order = [
            next((h for h in range(heads) if np.abs(expected[:, head] - computed[:, h]).max() <= size), None)
            for head in range(heads)
        ]
        if None not in order and order != list(range(heads)):
            yield f"the heads are right, but in another order: {', '.join(map(str, order))}"
            return
    if np.abs(np.sort(expected.ravel()) - np.sort(computed.ravel())).max() <= size:
        yield "the numbers are right, but in other places: a permutation"


def blind(operands: Operands) -> dict[str, str]:
    """Return what the data cannot tell, by what hides it."""
    sizes, found = operands.sizes, {}
    if sizes.queries == sizes.keys and not sizes.past:
        found["as many queries as keys"] = "where the corner of a causal rule lies"
    if sizes.heads == 1:
        found["one head"] = "how heads are split, merged and shared"
    elif sizes.group == 1:
        found["as many key heads as query heads"] = "in which order key heads are repeated"
    if sizes.batch == 1:
        found["one batch item"] = "how the batch is laid out"
    if int(operands.positions[0, 0]) == 0:
        found["the first query at position 0"] = "whether positions behind a cache are right"
    if operands.options.cache is not None and operands.options.rope is not None:
        found["keys rounded after they were rotated"] = "whether the rotation is right"
    return found
