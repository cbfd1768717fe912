"""Scores of some of the features alone: the last ones, a tile of them, or one are left out of q·k."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.cache import to_meet
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import FEATURES
from attncli.check.mistakes.near import FAR, Row, rows
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Rows that are looked at, numbers that may be made for one of them, and how many mistakes are returned.
ROWS, NUMBERS, MOST = 3, 1 << 24, 4


def cut(o: Operands) -> Iterator[Generator]:
    """Some features are left out of the scores, or counted twice."""
    sizes = o.sizes
    plain = o.options.score == "dot" and not o.has_after and not o.held and sizes.features == o.key.shape[-1]
    if plain and sizes.features > 1 and sizes.features**2 * sizes.keys <= NUMBERS:
        yield Generator(pieces.FUNCTION, _found)


def _runs(features: int) -> list[tuple[int, int]]:
    """Return the runs of features that may be left out, as first and end: all ends and starts, tiles, single ones."""
    found = [(first, features) for first in range(1, features)] + [(0, end) for end in range(1, features)]
    for size in (1, 2, 4, 8, 16, 32, 64):
        if size < features:
            found += [(first, min(first + size, features)) for first in range(0, features, size)]
    return list(dict.fromkeys(found))


def _found(observed: Observed) -> Iterator[Variant]:
    features = observed.right.operands.sizes.features
    runs = _runs(features)
    worst = np.zeros((2, len(runs)))
    some = rows(observed, 1)[:ROWS]
    for row in some:
        for at, factor in enumerate((-1.0, 1.0)):
            worst[at] = np.maximum(worst[at], _apart(row, runs, factor))
    if not some or not worst.min() <= FAR:
        return
    for place in np.argsort(worst, axis=None, kind="stable")[:MOST]:
        at, which = divmod(int(place), len(runs))
        if worst[at, which] <= FAR:
            yield _variant(*runs[which], features, twice=at == 1)


def _apart(row: Row, runs: list[tuple[int, int]], factor: float) -> Array:
    """Return how far the row is from each of those in which a run of features counts 1 + factor times."""
    query, key = to_meet(row.o)
    parts = (query[0, 0, 0] * key[0, 0]).astype(np.float64)  # (S, E)
    sums = np.concatenate([np.zeros((len(parts), 1)), np.cumsum(parts, axis=1)], axis=1)
    first, end = np.array(runs).T
    scores = sums[:, -1:] + factor * (sums[:, end] - sums[:, first])  # (S, runs)
    scale = row.right.scale(scores.T[None, None], row.o)[0, 0]
    capped = row.right.cap(scale[None, None], row.o)[0, 0]
    # What is added and closed is what the right logits have beside the right scores.
    right = row.right.cap(row.right.scale(sums[None, None, None, :, -1], row.o), row.o)[0, 0, 0]
    logits = np.where(np.isfinite(row.logits), row.logits - right + capped, -np.inf)
    with np.errstate(all="ignore"):
        weights = np.asarray(row.right.softmax(logits[None, None], row.o))[0, 0]
        apart = np.abs(weights @ row.value - row.seen).max(axis=1) / row.size
    return np.where(np.isfinite(apart), apart, np.inf)


def _variant(first: int, end: int, features: int, *, twice: bool) -> Variant:
    key = (
        "twice" if twice else "one" if end == first + 1 else "from" if end == features else "to" if not first else "run"
    )
    said = sentence(f"features_cut_{key}", first=first, last=end - 1, count=features, left=features - end + first)
    return Variant(
        (FEATURES,),
        pieces.FUNCTION,
        f"features {first} to {end - 1} {'twice' if twice else 'left out'}",
        partial(_without, first=first, end=end, factor=2.0 if twice else 0.0),
        said,
        sentence("fix_features_summed", count=features),
        {"first": first, "last": end - 1, "times": 2 if twice else 0},
    )


def _without(recipe: Recipe, *, first: int, end: int, factor: float) -> Recipe | None:
    if recipe.operands.query.shape[-1] < end:
        return None
    right = recipe.products

    def made(o: Operands) -> Array:
        inside = (np.arange(o.query.shape[-1]) >= first) & (np.arange(o.query.shape[-1]) < end)
        return right(replace(o, query=np.where(inside, factor, 1.0) * o.query))

    return replace(recipe, products=made)
