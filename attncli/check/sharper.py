"""What half precision hides: an error within the tolerance that one mistake explains much better than rounding does.

The tolerance of half precision is several times what rounding costs. Rounding is not random, though: where the right
computation, with all that programs round rounded, leaves much more than one mistake does, that mistake was made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.blas import one_thread
from attncli.check.candidate import Candidate
from attncli.check.case import Case
from attncli.check.compare import Comparison, compare
from attncli.check.deadline import Deadline
from attncli.check.explanation import CONFIRMED, Explanation, explained
from attncli.check.precision import Reference
from attncli.check.recipe import Recipe
from attncli.check.rounding import HALVES, OUTPUT, TOGETHER, Precision, Rounding
from attncli.check.search import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

# By how many times less a mistake must leave, as a root mean square, than the right computation rounded in any way.
BETTER = 4.0
# How long may be looked: the output agrees, and most that agree are right.
SECONDS = 4.0


@dataclass(frozen=True)
class Look:
    """One look at an output that agrees by the tolerance of half precision.

    Attributes:
        reference: what is right.
        expected: (batch, heads, L, Ev) the output.
        comparison: of both.
        precision: that of the tolerance.
        seconds: how long it may take.
    """

    reference: Reference
    expected: NDArray[Any]
    comparison: Comparison
    precision: Precision
    seconds: float

    def left(self, recipe: Recipe, output: NDArray[Any] | None = None) -> float:
        """Return the root mean square of what a recipe leaves, as a share of a row's size, in rows of all heads.

        Args:
            recipe: what is computed.
            output: (batch, heads, L, Ev) what it is held against; None: what was observed.
        """
        squares: list[NDArray[Any]] = []
        for batch, head, rows in self.reference.samples():
            size = self.reference.size[batch, head, rows][:, None]
            observed = (self.expected if output is None else output)[batch, head, rows].astype(np.float64)
            squares.append((((recipe.compute(batch, head, rows) - observed) / size) ** 2).ravel())
        every = np.concatenate(squares)
        every = every[np.isfinite(every)]
        return float(np.sqrt(every.mean())) if every.size else 0.0

    @cached_property
    def search(self) -> Search:
        """The search for the mistake: what rounding costs is wrong here."""
        tight = compare(
            self.expected,
            self.reference.output,
            self.reference.tolerance(self.precision) / self.precision.margin,
            self.comparison.level,
        )
        case = Case(self.reference, self.expected, self.precision, Deadline(min(self.seconds, SECONDS)))
        return Search.of(case, tight)

    @cached_property
    def of_rounding(self) -> float:
        """What the right recipe leaves at least, with nothing rounded or whatever programs round together."""
        right = self.search.right
        rounded = (Rounding(kind, places).applied(right) for kind, places in product(HALVES, TOGETHER))
        return min(map(self.left, (right, *rounded)))

    @property
    def is_suspicious(self) -> bool:
        """Whether a mistake could leave so much less: no less than rounding the output leaves."""
        right = self.search.right
        least = self.left(Rounding(self.precision, (OUTPUT,)).applied(right), self.reference.output)
        return self.left(right) >= BETTER * least and self.of_rounding >= BETTER * least

    def better(self) -> list[Candidate]:
        """Return the single mistakes that leave so much less, the nearest first."""
        search = self.search
        most = search.apart / 2
        found = [*search.singles(), *search.generated(), *search.roundings()]
        near = sorted((each for each in found if each.distance <= most), key=lambda each: each.distance)
        return [each for each in near[:CONFIRMED] if BETTER * self.left(each.recipe) <= self.of_rounding]


def sharper(
    reference: Reference, expected: NDArray[Any], comparison: Comparison, seconds: float
) -> tuple[Comparison, list[Explanation]] | None:
    """Return what explains an output that agrees much better than rounding does, and a comparison by what that leaves.

    Args:
        reference: what is right.
        expected: (batch, heads, L, Ev) the output.
        comparison: of both; they agree.
        seconds: how long it may take.
    """
    level = comparison.level
    if level.precision is None or not level.is_plain or not level.precision.is_half:
        return None
    look = Look(reference, expected, comparison, level.precision, seconds)
    if not look.is_suspicious:
        return None
    with one_thread(1 << 30):
        better = look.better()
        found = explained(look.search, better) if better else []
    if not found:
        return None
    times = look.of_rounding / min(look.left(each.recipe) for each in better)
    allowed = 2 * min(each.distance for each in better) * reference.size
    sharp = compare(expected, reference.output, allowed, replace(level, times_better=times))
    return None if sharp.agrees else (sharp, found)
