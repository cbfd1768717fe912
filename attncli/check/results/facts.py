"""What can be said of a wrong result on the way: keys that are open or closed, and rows that do not sum to 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.observations import span
from attncli.check.results.seen import Seen
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a closed key has, by the result that shows it.
CLOSED = {"logits": -np.inf, "weights": 0.0}
# Weights sum to 1 as closely as this in any precision.
SUMS = 0.02


def facts_of(seen: Seen) -> Iterator[Sentence]:
    """Return the facts."""
    if seen.name not in CLOSED:
        return
    here, there = (array > CLOSED[seen.name] for array in (seen.right.output, seen.expected))
    # A weight may be too small for its type, so that only one that counts was closed.
    counts = here if seen.name == "logits" else seen.right.output > 10 * seen.comparison.tolerance
    yield from _differing("fact_cells_closed", counts & ~there & ~np.isnan(seen.expected))
    yield from _differing("fact_cells_open", ~here & there)
    if seen.name == "weights":
        sums = seen.expected.astype(np.float64).sum(axis=-1)[seen.comparison.wrong & here.any(axis=-1)]
        if sums.size and (np.abs(sums - 1) > SUMS).any():
            yield sentence("fact_sums_of_weights", sums=span(sums))


def _differing(key: str, cells: NDArray[Any]) -> Iterator[Sentence]:
    if cells.any():
        _, _, query, place = (int(each) for each in np.argwhere(cells)[0])
        yield sentence(key, count=int(cells.sum()), query=query, place=place)
