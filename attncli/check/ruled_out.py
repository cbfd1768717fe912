"""What a search ruled out: each family of mistakes, with the nearest that it tried of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.check.families import TOPICS
from attncli.check.journal import Journal, Maker
from attncli.sentences import Field, Sentence, sentence, word

if TYPE_CHECKING:
    from attncli.check.mistakes.variant import Variant
    from attncli.check.search import Search


@dataclass(frozen=True)
class Ruled:
    """What came of one family of mistakes.

    Attributes:
        family: its name.
        tried: how many were tried.
        nearest: the nearest that was not cut off; None: there is none.
        error: what it leaves, as a share of a row; without it, all leave more than this.
        why_not: why none, or not all, were tried: "does not apply", "nothing read", "no time" or "explained before".
    """

    family: str
    tried: int
    nearest: Variant | None
    error: float
    why_not: str = ""


@dataclass(frozen=True)
class RuledOut:
    """What a search ruled out.

    Attributes:
        families: what came of each.
        right: what the right steps leave in the same rows, as a share of a row.
        tolerance: what rounding may leave, likewise.
    """

    families: Sequence[Ruled]
    right: float
    tolerance: float

    @classmethod
    def of(cls, search: Search, far: float) -> RuledOut:
        """Return what a search ruled out; what leaves more than so large a share of a row was cut off."""
        late = "no time" if search.case.deadline.passed else "explained before"
        families = [_ruled(name, makers, search.journal, far, late) for name, makers in TOPICS.items()]
        return cls(families, search.apart, search.case.limit)

    def words(self) -> Iterator[Sentence]:
        """Say it, a sentence for each family."""
        yield sentence("ruled_out", right=f"{self.right:.2g}", tolerance=f"{self.tolerance:.1g}")
        for each in self.families:
            yield sentence("ruled_family", family=word("family", each.family), what=_said(each))


def _ruled(name: str, makers: Sequence[Maker], journal: Journal, far: float, late: str) -> Ruled:
    tried = sum(journal.tried.get(each, 0) for each in makers)
    near = [journal.nearest[each] for each in makers if each in journal.nearest]
    error, nearest = min(near, key=lambda each: each[0], default=(far, None))
    why_not = late if not journal.done.issuperset(makers) else ""
    if not tried and not why_not:
        why_not = "nothing read" if journal.apply.intersection(makers) else "does not apply"
    return Ruled(name, tried, nearest, error, why_not)


def _said(ruled: Ruled) -> Field:
    if not ruled.tried:
        return word("untried_because", ruled.why_not)
    numbers: dict[str, Field] = {"tried": ruled.tried, "error": f"{ruled.error:.2g}"}
    if ruled.nearest is None:
        said = sentence("ruled_far", **numbers)
    else:
        said = sentence("ruled_nearest", **numbers, what=ruled.nearest.description)
    return sentence("ruled_partly", what=said, why=word("untried_because", ruled.why_not)) if ruled.why_not else said
