"""The memory that a check takes, refused before anything is computed where it is not there."""

from __future__ import annotations

from attncli import memory
from attncli.attend.operands import Operands
from attncli.check.backward.finding import scores_held
from attncli.check.diagnosis import Wanted
from attncli.check.explanation import CHUNK
from attncli.problem import estimate_checks


def require_room(operands: Operands, wanted: Wanted, *, gradients: bool, results: int = 0) -> None:
    """Refuse outputs and gradients that would not fit into memory.

    Raises:
        InputError: with their size.
    """
    hint = "--no-diagnose takes less" * wanted.diagnose
    needed = estimate_checks.output(operands, CHUNK if wanted.diagnose else None)
    memory.require(needed, "the outputs are too large to be compared", hint)
    if results:
        needed = estimate_checks.results(operands, results)
        memory.require(needed, "the results on the way are too large to be compared", "give fewer of them, or one head")
    if gradients:
        held = scores_held(operands, searching=wanted.diagnose)
        memory.require(estimate_checks.gradients(operands, held), "the gradients are too large to be compared", hint)
