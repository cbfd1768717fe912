"""Where the search starts: after the last result that is right, and no later than the first that is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from attncli.attend.arrays import ARRAYS
from attncli.check.mistakes import pieces
from attncli.check.mistakes.pieces import ORDER, Piece
from attncli.check.results.seen import Seen

EVERY = tuple(each for each in vars(pieces).values() if isinstance(each, Piece))
LAST = ORDER[-1]


def first_wrong(seen: Sequence[Seen]) -> Seen | None:
    """Return the first of the results that is wrong; None: all are right."""
    return next((each for each in seen if not each.agrees), None)


def right_until(seen: Sequence[Seen]) -> str:
    """Return the last stage whose results are right before the first that are wrong; empty: none is known to be.

    A stage that makes both query and key is right if both are; and the sum of a row's exponentials says that its logits
    were right, not what was done with them.
    """
    first = first_wrong(seen)
    right = {each.name for each in seen[: len(seen) if first is None else seen.index(first)]}
    found = ""
    for stage in ORDER:
        of_stage = {name for name in right if ARRAYS[name].stage == stage}
        states = {name.rpartition("_")[2] for name in of_stage if "_" in name}
        if {"query", "key"} <= states or any("_" not in name and name != "lse" for name in of_stage):
            found = stage
        elif "lse" in of_stage:
            found = "mask"
    return found


def among(seen: Sequence[Seen]) -> frozenset[Piece] | None:
    """Return the pieces in which a mistake may be that shows first where the first wrong result does, or behind all."""
    if not seen:
        return None
    first, right = first_wrong(seen), right_until(seen)
    return between(right, LAST if first is None else ARRAYS[first.name].stage)


def between(right: str, wrong: str) -> frozenset[Piece]:
    """Return the pieces in which a mistake may be that shows first after one stage, and no later than in another."""
    return frozenset(each for each in EVERY if each.may_show(right, wrong))


def behind_weights(names: Sequence[str]) -> frozenset[Piece]:
    """Return the pieces of these names, in which there is a mistake already, and all that come after the weights."""
    return between("softmax", LAST) | {each for each in EVERY if each.name in names}
