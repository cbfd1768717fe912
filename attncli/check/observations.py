"""What can be said of a difference that no known mistake explains, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.compare import Comparison
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows that differ from a multiple of each other by no more than this share are multiples.
PARALLEL = 1e-5
# How many numbers are at most sorted to see whether they are the same ones.
SORTED = 1 << 22


def observed(comparison: Comparison, expected: NDArray[Any], computed: NDArray[Any]) -> Iterator[Sentence]:
    """Say which rows and heads are right, and how the wrong ones are related to the right ones."""
    wrong = comparison.wrong
    if not expected.any():
        yield sentence("expected_throughout", number="0")
    elif np.isnan(expected).all():
        yield sentence("expected_throughout", number="NaN")
    if wrong.all():
        yield sentence("every_row_differs")
    else:
        yield from _where(comparison)
    yield from _multiples(wrong, expected, computed)
    yield from _permuted(expected, computed)


def _where(comparison: Comparison) -> Iterator[Sentence]:
    yield from some_differ(comparison, ("batch items", "heads", "query rows"))
    wrong = comparison.wrong
    yield sentence("rows_exact", count=int((~wrong).sum()), all=wrong.size)


def some_differ(comparison: Comparison, axes: Sequence[str]) -> Iterator[Sentence]:
    """Say of each axis along which not all differs which part of it does.

    Args:
        comparison: what came of comparing.
        axes: what is counted along the axes of batch, heads and rows.
    """
    for axis, name in enumerate(axes):
        some = comparison.differing(axis)
        if len(some) > 1 and not some.all():
            rest = int((~some).sum())
            places = ranges(np.flatnonzero(some))
            yield sentence("some_differ", axis=word("axis", name), places=places, rest=rest, all=len(some))


def ranges(indices: NDArray[np.int64], most: int = 8) -> str:
    """Write indices as ranges.

    >>> ranges(np.array([0, 1, 2, 5, 7, 8]))
    '0–2, 5, 7–8'
    """
    runs = np.split(indices, np.flatnonzero(np.diff(indices) != 1) + 1) if len(indices) else []
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    return ", ".join(texts[:most]) + (", …" if len(texts) > most else "")


def span(ratios: NDArray[Any]) -> Sentence:
    """Write numbers as one, where they are alike, or else from the lowest to the highest."""
    low, high = float(ratios.min()), float(ratios.max())
    if np.isclose(low, high, rtol=1e-4):
        return sentence("number", number=f"{low:.6g}")
    return sentence("span", low=f"{low:.4g}", high=f"{high:.4g}")


def _multiples(wrong: NDArray[np.bool_], expected: NDArray[Any], computed: NDArray[Any]) -> Iterator[Sentence]:
    one, other = expected[wrong].astype(np.float64), computed[wrong]
    if one.shape[-1] < 2 or not len(one):
        return
    with np.errstate(all="ignore"):
        ratio = (one * other).sum(-1) / (other * other).sum(-1)
        difference = np.abs(one - ratio[:, None] * other).max(-1) / np.abs(one).max(-1)
    if (difference < PARALLEL).all():
        yield sentence("every_row_is_multiple", span=span(ratio))


def _permuted(expected: NDArray[Any], computed: NDArray[Any]) -> Iterator[Sentence]:
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
            yield sentence("heads_permuted", order=", ".join(map(str, order)))
            return
    if np.abs(np.sort(expected.ravel()) - np.sort(computed.ravel())).max() <= size:
        yield sentence("permuted")


def blind(operands: Operands) -> Iterator[str]:
    """Return what hides something of the data, by name."""
    sizes = operands.sizes
    if sizes.queries == sizes.keys and not sizes.past:
        yield "square"
    if sizes.heads == 1:
        yield "one head"
    elif sizes.group == 1:
        yield "no groups"
    if sizes.batch == 1:
        yield "one item"
    if int(operands.positions[0, 0]) == 0:
        yield "from 0"
    if operands.options.cache is not None and operands.options.rope is not None:
        yield "cache"
