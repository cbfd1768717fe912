"""In which order a search looks: what is cheap and common first, up to the first phase that explains the output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from attncli.attend.fast.blas import one_thread
from attncli.check import dropout, random_loss
from attncli.check.allowance import beyond_rounding
from attncli.check.candidate import Candidate
from attncli.check.compare import Comparison
from attncli.check.explanation import CONFIRMED, Explanation, dropped, explained
from attncli.check.families import LAST
from attncli.check.mistakes import extremes, pieces
from attncli.check.mistakes.variant import Variant
from attncli.check.part import LEAST, parts
from attncli.check.recipe import OUTPUT
from attncli.check.rounding import BFLOAT16, FLOAT32
from attncli.check.search import Search
from attncli.check.subset import again, is_large, narrowed
from attncli.check.unwritten import unwritten

# Candidates that are looked at again with rounding to half precision.
MOST_ROUNDED = 8
# The rules that may close every key of a row.
CLOSING = {pieces.CAUSAL, pieces.WINDOW, pieces.LENGTH, pieces.MASK}


@dataclass(frozen=True)
class Course:
    """One search on its way: what the later phases know from the earlier ones.

    Attributes:
        search: in the whole problem.
        comparison: of the output that is to be explained with the right one.
    """

    search: Search
    comparison: Comparison

    @cached_property
    def singles(self) -> list[Candidate]:
        """The mistakes that alone come near what was observed."""
        return self.search.singles()

    @cached_property
    def out_of_range(self) -> list[Candidate]:
        """The mistakes by which exponentials leave the range of their type."""
        return self.search.explaining(self.search.generated((extremes.extremes,)))

    @cached_property
    def pairs(self) -> list[Candidate]:
        """The pairs that come near it; of a large problem those that do so in a part of it."""
        search = self.search
        if not is_large(search.case.reference.operands):
            return search.pairs()
        part = narrowed(search)
        # The widest limit: what is held against the whole later must not be lost here.
        widest = search.at(BFLOAT16).case.limit
        near = [each for each in part.pairs() if each.distance <= max(part.allowed(each.recipe), widest)]
        found = [again(search, each) for each in sorted(near, key=lambda each: each.distance)[:CONFIRMED]]
        return [each for each in found if each is not None]

    @property
    def is_half(self) -> bool:
        """Whether the output is of half precision, so that nothing else is seen beside its rounding."""
        return self.search.case.precision.eps > FLOAT32.eps


def one_number(course: Course) -> list[Explanation]:
    """Look whether what differs is one number throughout, before anything is made to fit it.

    Where all is, a rule that closes every key explains it, and is no likelier. Where the other rows are right, a rule
    that closes just these rows says more.
    """
    case = course.search.case
    # A result before the output is not written or it is, whatever comes before it.
    if course.search.right.until == OUTPUT and not course.search.seeks(pieces.PLACES):
        return []
    found = unwritten(course.comparison, case.expected, case.reference.output)
    if found is None:
        return []
    # Exponentials that leave the range of their type say more too.
    if beyond := explained(course.search, course.out_of_range):
        return beyond
    exact = [each for each in course.search.explaining(course.singles) if not each.fitted]
    if found.part is None:
        closing = [each for each in exact if {variant.piece for variant in each.variants} <= CLOSING]
        return [*explained(course.search, closing), found]
    return explained(course.search, exact) or [found]


def dropped_output(course: Course) -> list[Explanation]:
    """Look for dropout on the output itself, which a glance at its zeros tells."""
    search = course.search
    if search.right.until != OUTPUT or not search.seeks(pieces.DROPOUT):
        return []
    expected, reference = search.case.expected, search.case.reference
    lost = random_loss.of_output(expected, reference.output, reference.tolerance(search.case.precision))
    return [] if lost is None else [dropped(lost, expected)]


def single(course: Course) -> list[Explanation]:
    """Look for one mistake; of dropout on the output a glance at its zeros tells."""
    return dropped_output(course) or explained(course.search, course.search.explaining(course.singles))


def generated(course: Course) -> list[Explanation]:
    """Look for one that a generator fits to what was observed."""
    return explained(course.search, course.search.explaining(course.search.generated()))


def cache_of_fewer_bits(course: Course) -> list[Explanation]:
    """Look for keys and values that were rounded."""
    return explained(course.search, course.search.explaining(course.search.roundings()))


def other_values(course: Course) -> list[Explanation]:
    """Look for other values: what has a name of its own comes before."""
    return explained(course.search, course.search.explaining(course.search.generated(LAST)))


def in_a_part(course: Course) -> list[Explanation]:
    """Look for one mistake that was made in some heads, batch items or rows alone."""
    for part in parts(beyond_rounding(course.comparison, course.search.case.precision)):
        if part.where.sum() * course.search.case.expected.shape[-1] < LEAST:
            continue
        within = course.search.within(part, course.comparison)
        for look in (within.singles, within.generated):
            found = explained(within, within.explaining(look()))
            if found:
                return found
    return []


def random_loss_alone(course: Course) -> list[Explanation]:
    """Look for dropout beside no other mistake, of keys and scores and in half precision too."""
    search = course.search
    if not search.seeks(pieces.DROPOUT):
        return []
    lost = random_loss.find(search.baked, search.sample, search.case.expected, search.allowed(search.baked))
    return [] if lost is None else [dropped(lost, search.case.expected)]


def pair(course: Course) -> list[Explanation]:
    """Look for two mistakes at once; before that, which takes long, for dropout alone."""
    return random_loss_alone(course) or explained(course.search, course.search.explaining(course.pairs))


def without_dropout(course: Course) -> list[Explanation]:
    """Look for dropout, alone or beside one other mistake that leaves numbers where they are."""
    search = course.search
    behind_layer = search.right.until == OUTPUT and search.right.operands.has_after
    if course.is_half or behind_layer or not search.seeks(pieces.DROPOUT):
        return []
    others = [each for each in search.known if isinstance(each, Variant) and each.piece.keeps_places]
    for other in (None, *others):
        if search.is_over("dropout"):
            break
        recipe = search.made([] if other is None else [other])
        lost = None if recipe is None else dropout.find(recipe, search.sample, search.case.expected)
        if lost is not None:
            alone = dropped(lost, search.case.expected)
            return [alone if other is None else _beside(other, alone)]
    return []


def _beside(other: Variant, alone: Explanation) -> Explanation:
    return replace(
        alone,
        mistakes=(other.mistakes[0].id, *alone.mistakes),
        keys=(other.key, *alone.keys),
        descriptions=(other.description, *alone.descriptions),
        fixes=(other.fix, *alone.fixes),
        detail={other.mistakes[0].id: dict(other.detail), **alone.detail},
    )


def beside_rounding(course: Course) -> list[Explanation]:
    """Look for one mistake or two in what was rounded to half precision besides."""
    if course.is_half:
        return []
    search, coarse = course.search, course.search.at(BFLOAT16)
    for found in (course.singles, course.pairs):
        near = sorted(coarse.explaining(found), key=lambda each: each.distance)[:MOST_ROUNDED]
        rounded = [each for each in near if search.case.rounding_of(each.recipe) is not None]
        confirmed = explained(coarse, rounded)
        if confirmed:
            return confirmed
    return []


@dataclass(frozen=True)
class Phase:
    """One phase of a search.

    Attributes:
        name: what it looks for.
        look: looks for it.
    """

    name: str
    look: Callable[[Course], list[Explanation]]


PHASES = (
    Phase("rows that were not written", one_number),
    Phase("single mistakes", single),
    Phase("generated mistakes", generated),
    Phase("caches of fewer bits", cache_of_fewer_bits),
    Phase("other values", other_values),
    Phase("mistakes in a part alone", in_a_part),
    Phase("pairs of mistakes", pair),
    Phase("dropout", without_dropout),
    Phase("mistakes beside rounding", beside_rounding),
)


def diagnosed(search: Search, comparison: Comparison) -> list[Explanation]:
    """Return what explains an output: that of the first phase that finds anything, before the time is over."""
    course, deadline = Course(search, comparison), search.case.deadline
    with one_thread(1 << 30):
        for phase in PHASES:
            if deadline.passed:
                deadline.left_out.append(phase.name)
            elif found := phase.look(course):
                return found
    return []
