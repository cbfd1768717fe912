"""Runs of keys that are often got wrong, tried one by one where rounding leaves too little to read a run off a row."""

from __future__ import annotations

from collections.abc import Iterator

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.changes import CHANGES, Change
from attncli.check.mistakes.cuts import PARTS, SIZES
from attncli.check.mistakes.ranges import variant_of
from attncli.check.mistakes.spans import Run, distinct, rows_of
from attncli.check.mistakes.variant import Generator, Observed, Variant

# Below this share of a row rounding leaves enough.
FINE = 1e-4
# Of tiles of one size so many are tried, from both ends.
TILES = 32
WHOLE = ("lost", "doubled")


def runs(o: Operands) -> Iterator[Generator]:
    """A tile, a part, the newest key, the first or the last one was left out, doubled, or is stale."""
    if o.sizes.keys > 1:
        yield Generator(pieces.KEYS, _likely)


def _likely(observed: Observed) -> Iterator[Variant]:
    keys, past = observed.right.operands.sizes.keys, observed.right.operands.sizes.past
    if observed.share < FINE:
        return
    halves = [Run(0, past - 1, follows=False), Run(past, keys - 1, follows=False)] if 0 < past < keys else []
    runs = [*dict.fromkeys([*_single(keys), *halves]), Run(0, keys - 1, follows=False)]
    rows = rows_of(observed)
    tried = {change.name: distinct(_tried(runs, change), change, rows, keys) for change in CHANGES}
    for run in runs:
        yield from (variant_of(run, change, keys) for change in CHANGES if run in tried[change.name])
    for run in dict.fromkeys(_tiles(keys)):
        if run not in runs:
            yield from (variant_of(run, change, keys) for change in CHANGES if change.name in WHOLE)


def _tried(runs: list[Run], change: Change) -> list[Run]:
    """Return the runs to which a change may be made: not all keys are lost or counted twice."""
    return runs[:-1] if change.name in WHOLE or change.opens else runs


def _single(keys: int) -> Iterator[Run]:
    """Return the newest keys and those at both ends."""
    for behind in (0, 1, -1):
        yield Run(behind, behind, follows=True)
    for key in (keys - 1, 0, keys - 2, 1):
        yield Run(key, key, follows=False)


def _tiles(keys: int) -> Iterator[Run]:
    """Return the tiles of usual sizes, and the parts of the keys, the last ones first."""
    for count in PARTS:
        if keys >= 2 * count:
            yield from _cut(keys, -(-keys // count))
            yield from _cut(keys, keys // count)
    for size in SIZES:
        if size < keys:
            yield from _cut(keys, size)


def _cut(keys: int, size: int) -> Iterator[Run]:
    starts = list(range(0, keys, size))
    chosen = starts if len(starts) <= TILES else [*starts[: TILES // 2], *starts[-TILES // 2 :]]
    yield from (Run(start, min(start + size, keys) - 1, follows=False) for start in reversed(chosen))
