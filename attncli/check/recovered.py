"""Weights that are recovered from an output: output = w · V is solved where a row has no more keys than features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.views import one_of
from attncli.check.mistakes.variant import Observed
from attncli.check.solving import LONGEST, solved

if TYPE_CHECKING:
    from numpy.typing import NDArray

# In how many heads, and in how many rows of each, weights are recovered.
HEADS, ROWS = 12, 24
# So many times the rounding of a row may stand in a weight before nothing can be said of it.
NOISE = 8.0
# Weights of which rounding leaves nothing.
USELESS = 0.05


@dataclass(frozen=True)
class Recovered:
    """The weights of one row.

    Attributes:
        batch: the batch item.
        head: the query head.
        row: the query.
        position: of the query.
        keys: (n,) the keys that may count: all, where there are few enough, or else those that are open.
        weights: (n,) what they were given.
        right: (n,) what they should be given.
        logits: (n,) their right logits; −∞ where a key is closed.
        noise: how far rounding may move a weight.
    """

    batch: int
    head: int
    row: int
    position: int
    keys: NDArray[np.int64]
    weights: NDArray[np.float64]
    right: NDArray[np.float64]
    logits: NDArray[np.float64]
    noise: float


@dataclass(frozen=True)
class Recovery:
    """What came of recovering.

    Attributes:
        rows: those whose weights are known.
        outside: (batch, head, row) of those that no weights of the keys that may count would make.
    """

    rows: list[Recovered]
    outside: list[tuple[int, int, int]]


def recover(observed: Observed) -> Recovery:
    """Recover the weights of some rows that differ; none behind a gate or a matrix, which mix what they made."""
    if observed.right.operands.has_after:
        return Recovery([], [])
    found, outside = list[Recovered](), list[tuple[int, int, int]]()
    for place in _places(observed):
        made = _solved(observed, place)
        if isinstance(made, Recovered):
            found.append(made)
        elif made is not None:
            outside.append(place)
    return Recovery(found, outside)


def _places(observed: Observed) -> Iterator[tuple[int, int, int]]:
    """Return rows that differ, of some heads; where keys are closed behind the query, those that see few enough."""
    wrong = observed.wrong
    pairs = np.argwhere(wrong.any(axis=2))
    for batch, head in pairs[np.unique(np.linspace(0, len(pairs) - 1, HEADS).round().astype(np.int64))].tolist():
        rows = np.flatnonzero(wrong[batch, head])
        early = rows[rows < observed.expected.shape[-1]]
        rows = early if len(early) > 2 else rows
        for row in rows[np.unique(np.linspace(0, len(rows) - 1, ROWS).round().astype(np.int64))].tolist():
            yield batch, head, row


def _solved(observed: Observed, place: tuple[int, int, int]) -> Recovered | bool | None:
    """Return the weights of a row; None where they cannot be told, False where no weights make the row."""
    batch, head, row = place
    right, seen = observed.right, observed.expected[place].astype(np.float64)
    logits, value = right.logits_and_values(batch, head, np.array([row]))
    features, opened = value.shape[1], np.flatnonzero(logits > -np.inf)
    keys = np.arange(len(logits)) if len(logits) <= features else opened
    if not 0 < len(keys) <= min(features, LONGEST) or not np.isfinite(seen).all():
        return None
    found = solved(value[keys].T, seen[None])
    if found is None:
        return None
    weights, least = found[0][0], found[1]
    size = max(float(np.abs(seen).max()), float(np.abs(value[keys]).max()))
    allowed = NOISE * observed.share * size
    if float(np.abs(weights @ value[keys] - seen).max()) > allowed:
        return False if len(keys) < features else None
    noise = allowed / least
    if noise > USELESS:
        return None
    powers = np.exp(logits[keys] - logits[keys].max()) if len(opened) else np.zeros(len(keys))
    sinks = right.operands.sinks
    total = powers.sum() + (0 if sinks is None or not len(opened) else np.exp(sinks[head] - logits[keys].max()))
    position = int(one_of(right.operands.positions, batch)[row])
    proper: NDArray[Any] = powers / total if total else powers
    return Recovered(batch, head, row, position, keys, weights, proper, logits[keys], noise)
