"""An explanation of a problem: what it is about, computed, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attncli.attend.steps import STEPS
from attncli.errors import InputError
from attncli.explain.blocks import Block
from attncli.explain.document import teach
from attncli.explain.gradients import BACKWARD
from attncli.explain.lesson import Lesson, Subject
from attncli.explain.running import TILES
from attncli.explain.subject import choose
from attncli.languages import catalogue
from attncli.problem.attention import ScoreComputation
from attncli.problem.factory import computation_of, needs_value
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.show.view import View

# The steps of a lesson: those of the computation, the sum once more in tiles, and the way back.
KNOWN = (*STEPS, TILES, BACKWARD)


@dataclass(frozen=True, eq=False)
class Explanation:
    """What is said of some steps of a problem.

    Attributes:
        computation: of the steps.
        subject: the head and the element that it is about.
        blocks: what is said.
    """

    computation: ScoreComputation
    subject: Subject
    blocks: Sequence[Block]


def explain(
    problem: Problem,
    steps: Sequence[str],
    choice: Choice,
    view: View,
    *,
    row: str | None,
    column: str | None,
    tile: int | None = None,
    lang: str,
) -> Explanation:
    """Explain some steps of a problem.

    Args:
        problem: it is about this.
        steps: those to teach.
        choice: the head and batch item.
        view: how much tables show.
        row: the query to work out, by index or label; None: see `choose`.
        column: the key to work out, likewise.
        tile: the keys of a tile; None: see `choose`.
        lang: one of the languages.

    Raises:
        InputError: an array is missing or does not fit, or there is no such head, query or key.
    """
    # The key to work out depends on the weights, so softmax is computed even if only the score is taught.
    whole = needs_value(computed(steps))
    computation = computation_of(problem, STEPS if whole else STEPS[: STEPS.index("sum")])
    subject = choose(computation, choice, view, row=row, column=column, steps=steps, tile=tile)
    return Explanation(computation, subject, teach(Lesson(subject, catalogue(lang), view.digits), steps))


def check_tile(tile: int | None, steps: Sequence[str]) -> None:
    """Refuse a size of tiles where none are taught.

    Raises:
        InputError: with the flag.
    """
    if tile is not None and TILES not in steps:
        raise InputError(f"--tile has no effect without --step {TILES}", hint="give both, or leave it out")


def computed(steps: Sequence[str]) -> list[str]:
    """Return the steps of the computation that a lesson needs: the way back begins at the end, tiles make a sum."""
    needed = [*steps, "sum"] if TILES in steps else steps
    return [each for each in STEPS if each in needed or BACKWARD in steps]
