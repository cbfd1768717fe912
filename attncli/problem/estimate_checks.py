"""How much memory a check takes, at most."""

from __future__ import annotations

import math

from attncli.attend.operands import Operands
from attncli.problem.estimate import ALWAYS

# One number of an output that is checked: the right one, the expected one, the tolerance, and how far they are apart.
# One number of a query, key or value that is checked, and again where mistakes are looked for, or where a cache rounds
# it; a score of theirs.
CHECKED, CHECKED_STATE, SOUGHT, ROUNDED, SCORED = 56, 32, 24, 24, 64
# Arrays of the size of all scores that are held beside those that are compared: what makes them, and differences.
COMPARED = 9
# One score where gradients are checked: scores, logits, weights and their gradients, in float64.
HELD = 96


def output(o: Operands, scores: int | None) -> int:
    """Return what it takes to compare an output with the right one, and to look for mistakes.

    Args:
        o: the problem.
        scores: how many are computed at a time to look for mistakes; None: none are looked for.
    """
    states, size = sum(each.size for each in o.states.values()), math.prod(o.sizes.output_shape)
    looked = 0
    if scores is not None:
        looked = states * SOUGHT + min(scores, o.sizes.batch * o.sizes.heads * o.sizes.queries * o.sizes.keys) * SCORED
    rounded = states * ROUNDED * (o.options.cache is not None)
    return ALWAYS + size * CHECKED + states * CHECKED_STATE + rounded + looked


def results(o: Operands, count: int) -> int:
    """Return what it takes to compare results on the way with the right ones.

    Args:
        o: the problem.
        count: how many of them are compared.
    """
    kept = o.sizes.scores * 8 * (count + COMPARED)
    return ALWAYS + kept + sum(each.size for each in o.states.values()) * (CHECKED_STATE + 8 * COMPARED)


def gradients(o: Operands, scores: int) -> int:
    """Return what it takes to compare gradients with the right ones.

    Args:
        o: the problem.
        scores: of how many the results are held at a time on the way back; the right gradients are streamed.
    """
    states = sum(each.size for each in o.states.values()) + math.prod(o.sizes.output_shape)
    return ALWAYS + scores * HELD + states * CHECKED_STATE * 3
