"""What must hold between two computations, whatever the numbers are: each is a function that takes a case.

A rule is tried on random problems; with `--fuzz-seed` its number is that of the case, modulo the number of rules.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.campaign import Case
from tests.fuzz.rules import files, gradients, order, twins

RULES: tuple[Callable[[Case], None], ...] = (*order.RULES, *twins.RULES, *gradients.RULES, *files.RULES)


def rule(case: Case) -> None:
    """Hold one random problem to one rule."""
    chosen = RULES[case.seed % len(RULES)]
    case.tried[chosen.__name__] += 1
    chosen(case)
