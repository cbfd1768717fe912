"""Look for the mistakes that make what was observed: one at a time, then two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.allowance import allowed
from attncli.check.candidate import LESS, Candidate, explaining
from attncli.check.case import Case
from attncli.check.compare import Comparison
from attncli.check.families import FAMILIES, GENERATORS, Family, Reading
from attncli.check.journal import Journal
from attncli.check.mistakes import cache, layout, pieces
from attncli.check.mistakes.pieces import Piece
from attncli.check.mistakes.variant import Generator, Observed, Unknown, Variant, in_order
from attncli.check.part import Part
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.refining import nearest
from attncli.check.rounding import Precision
from attncli.check.sample import Sample, choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Differences of more than this share of a row are not rounding of any kind.
FAR = 0.5
# Keys of four bits may move all weight to another key, and a row by more than its size.
ROUNDED_FAR = 2.0


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        case: the output that is to be explained.
        right: the right recipe, of the whole problem or of a part of it.
        sample: the rows that are tried.
        all_heads: whether all heads are there; some mistakes cannot be seen without them.
        wrong: (batch, heads, L) which rows differ from the right ones.
        part: that in which the mistakes are looked for; None: everywhere.
        among: the pieces in which they are looked for, see `attncli.check.results.start`; None: all.
        journal: what was tried, in the whole problem.
    """

    case: Case
    right: Recipe
    sample: Sample
    wrong: NDArray[np.bool_]
    all_heads: bool = True
    part: Part | None = None
    among: frozenset[Piece] | None = None
    journal: Journal = field(default_factory=Journal)

    @classmethod
    def of(cls, case: Case, comparison: Comparison, among: frozenset[Piece] | None = None) -> Search:
        """Prepare the search in the whole problem."""
        return cls(case, case.right, choose(case, comparison.excess), comparison.wrong, among=among)

    def within(self, part: Part, comparison: Comparison) -> Search:
        """Return the search for what was done wrongly in a part alone."""
        return replace(self, part=part, sample=choose(self.case, comparison.excess, part))

    def at(self, precision: Precision) -> Search:
        """Return the same search for an output of another precision."""
        return replace(self, case=replace(self.case, precision=precision))

    @cached_property
    def known(self) -> list[Variant | Unknown]:
        """Every mistake that can be made to this problem."""
        return [each for _, each in self._of_families]

    @cached_property
    def _of_families(self) -> list[tuple[Family, Variant | Unknown]]:
        every = ((family, each) for family in FAMILIES for each in family(self.right.operands))
        return [(family, each) for family, each in every if self._is_sought(each)]

    def _in_turn(self) -> Iterator[Variant | Unknown]:
        for family, each in self._of_families:
            self.journal.begin(family)
            yield each
        self.journal.done.update(FAMILIES)

    def read_off(self, generators: Sequence[Reading]) -> Iterator[Variant | Unknown]:
        """Return the mistakes of generators, each as it is asked for, and once if two of them find it."""
        seen = set()
        for family in generators:
            # What reads an output and finds nothing in it takes time too.
            if self.is_over("some generated mistakes"):
                return
            for each in family(self.right.operands):
                self.journal.begin(family)
                if isinstance(each, Generator):
                    made = each.make(self.observed) if self._is_read_off(each) else ()
                else:
                    made = (each,) if self._is_sought(each) else ()
                for one in made:
                    if isinstance(one, Unknown):
                        yield one
                    elif one.key not in seen:
                        seen.add(one.key)
                        yield one
            self.journal.done.add(family)

    def seeks(self, piece: Piece) -> bool:
        """Tell whether mistakes are looked for in this piece."""
        return self.among is None or piece in self.among

    def _is_read_off(self, each: Generator) -> bool:
        # What is read off an output cannot be read off a result before it, nor mostly off what a layer makes of it.
        in_reach = self.right.until == OUTPUT and (each.in_layers or not self.right.operands.has_after)
        return in_reach and self.seeks(each.piece)

    def _is_sought(self, each: Variant | Unknown) -> bool:
        if not self.seeks(each.piece) or (each.piece.needs_all_heads and not self.all_heads):
            return False
        # What rearranges the output says nothing of what was made before it.
        if self.right.until == OUTPUT or each.piece is not pieces.LAYOUT or not isinstance(each, Variant):
            return True
        made = self.made([each])
        return made is not None and not made.back

    def singles(self) -> list[Candidate]:
        """Return the mistakes that alone come anywhere near what was observed."""
        return self.each_alone(self._in_turn(), "some single mistakes")

    def generated(self, generators: Sequence[Reading] = GENERATORS) -> list[Candidate]:
        """Return those of generators that come near it."""
        return self.each_alone(self.read_off(generators), "some generated mistakes")

    def each_alone(self, every: Iterable[Variant | Unknown], what: str) -> list[Candidate]:
        """Try each by itself, as long as there is time."""
        found: list[Candidate] = []
        for each in every:
            if self.is_over(what):
                break
            found += self.tried([], each)
            if self.part is None:
                self.journal.count()
        return found

    def is_over(self, what: str) -> bool:
        """Tell whether there is no time left, and note what there was none for."""
        deadline = self.case.deadline
        if deadline.passed and what not in deadline.left_out:
            deadline.left_out.append(what)
        return deadline.passed

    def roundings(self) -> list[Candidate]:
        """Return the caches of fewer bits that come near it; there are none where it is too far off for rounding."""
        found: list[Candidate] = []
        apart = self.apart
        for each in cache.rounded(self.right.operands) if apart <= ROUNDED_FAR and self.seeks(pieces.CACHE) else ():
            if self.is_over("some caches of fewer bits"):
                return found
            self.journal.begin(cache.rounded)
            self.journal.count()
            recipe = self.made([each])
            # Most do not explain even the first rows, and to round all keys takes long.
            if recipe is not None:
                found += self.near((each,), recipe, far=apart / 2)
        self.journal.done.add(cache.rounded)
        return found

    def pairs(self) -> list[Candidate]:
        """Return the pairs of mistakes that come near it together."""
        every = [each for each in self.known if not (each.alone or (isinstance(each, Variant) and each.raw))]
        both = [pair for pair in combinations(every, 2) if pair[0].piece != pair[1].piece]
        found: list[Candidate] = []
        far = self.far
        recipes: dict[tuple[int, bool], Recipe | None] = {}
        progress, deadline = self.case.reference.progress, self.case.deadline
        for at, pair in enumerate(both):
            if self.is_over("some pairs of mistakes"):
                break
            if progress is not None and at % 64 == 0:
                progress(max(at / len(both), deadline.share))
            first, second = in_order(pair)
            if isinstance(first, Variant) and isinstance(second, Variant):
                base = self.base(pair)
                place = (id(first), base is self.right)
                if place not in recipes:
                    recipes[place] = first.apply(base)
                recipe = recipes[place]
                made = None if recipe is None else second.apply(recipe)
                if made is not None:
                    found += self.near((first, second), made, far=far)
            elif isinstance(first, Variant):
                found += self.tried([first], second, far)
            elif isinstance(second, Variant):
                found += self.tried([second], first, far)
        return found

    @cached_property
    def apart(self) -> float:
        """The share of a row that the right recipe leaves in the sample."""
        return self.sample.distance(self.right)

    @cached_property
    def far(self) -> float:
        """The share of a row beyond which nothing explains it: it must leave much less than the right recipe does."""
        return min(FAR, self.apart / LESS)

    def tried(self, others: Sequence[Variant], each: Variant | Unknown, far: float = FAR) -> list[Candidate]:
        """Make a mistake beside others; one with a number in it is made with the number that comes nearest."""
        if isinstance(each, Variant):
            return self.tried_as_it_is(others, each, far)
        base = self.made(others, self.base([*others, each]))
        if base is None:
            return []
        found: list[Candidate] = []
        numbers = self.fitted(base, others, each)
        if not (numbers or others):
            self._note_guesses(base, each)
        for number in numbers:
            variants = in_order([*others, replace(each.of(number), number=number)])
            recipe = self.made(variants)
            if recipe is not None:
                found += self.near(tuple(variants), recipe, 1, far)
        # The first that is as near as any: rounder numbers come first.
        nearest = min((each.distance for each in found), default=0.0)
        return [candidate for candidate in found if candidate.distance <= 2 * nearest + self.case.limit / 10][:1]

    def _note_guesses(self, base: Recipe, each: Unknown) -> None:
        """Note how near a mistake comes with the guesses for its number, none of which is near enough to be refined."""
        for guess in each.guesses(base, self.sample):
            recipe = self.made([each.of(guess)], base)
            if recipe is not None:
                self.near((each.of(guess),), recipe)

    def tried_as_it_is(self, others: Sequence[Variant], each: Variant, far: float) -> list[Candidate]:
        """Make a mistake with nothing open about it, in the sample first, where that is quicker."""
        if each.quick is not None and not others:
            recipe = each.quick(self.base([each]))
            if recipe is None or not self.near((each,), recipe, far=far):
                return []
        recipe = self.made([*others, each])
        return [] if recipe is None else self.near((*others, each), recipe, far=far)

    @cached_property
    def observed(self) -> Observed:
        """What generators fit their mistakes to."""
        case, given = self.case, self.case.reference.given
        return Observed(
            self.baked, self.sample, case.expected, case.reference.output, self.wrong, case.limit, given, case.deadline
        )

    @cached_property
    def baked(self) -> Recipe:
        """The right recipe with query and key rotated once and for all."""
        return layout.baked(self.right)

    def base(self, variants: Iterable[Variant | Unknown]) -> Recipe:
        """Return the right recipe as these mistakes take it: rotated, unless one of them has to do with that."""
        raw = any(each.piece.turns or (isinstance(each, Variant) and each.raw) for each in variants)
        return self.right if raw else self.baked

    def made(self, variants: Sequence[Variant], start: Recipe | None = None) -> Recipe | None:
        """Return the right recipe with these mistakes in it; None where they cannot be made together."""
        recipe: Recipe | None = self.base(variants) if start is None else start
        for variant in in_order(variants):
            recipe = None if recipe is None else variant.apply(recipe)
        return recipe

    def near(self, variants: tuple[Variant, ...], recipe: Recipe, fitted: int = 0, far: float = FAR) -> list[Candidate]:
        """Return the candidate, if it is near enough to be one at all."""
        distance = self.sample.distance(recipe, far)
        if len(variants) == 1 and self.part is None and distance <= far:
            self.journal.note(variants[0], distance)
        return [Candidate(variants, recipe, distance, fitted)] if distance <= far else []

    def fitted(self, base: Recipe, others: Sequence[Variant], unknown: Unknown) -> list[float]:
        """Return the numbers with which a mistake comes nearest to what was observed."""
        start = self.base([*others, unknown])
        before = self.made([each for each in others if each.piece.order <= unknown.piece.order], start)
        after = [each for each in others if each.piece.order > unknown.piece.order]

        def apart(number: float, sample: Sample = self.sample) -> NDArray[Any] | None:
            recipe = before
            for variant in (unknown.of(number), *after):
                recipe = None if recipe is None else variant.apply(recipe)
            if recipe is None:
                return None
            made, observed = sample.together(recipe, 1)
            return np.nan_to_num(made - observed, nan=1e3, posinf=1e3, neginf=-1e3)

        guesses = unknown.guesses(base, self.sample)
        if not unknown.smooth or len(guesses) < 2:
            return guesses
        if others:
            few = self.sample.few
            observed = few.together(base)[1]
            most = float(observed @ observed)
            guesses = [each for each in guesses if (left := apart(each, few)) is not None and left @ left <= most]
            if not guesses:
                return []
        return nearest(apart, guesses, self.sample.together(base, 1)[1])

    def explaining(self, found: list[Candidate]) -> list[Candidate]:
        """Return the candidates that explain what was observed to within rounding, see `attncli.check.candidate`."""
        return explaining(found, self.case, self.sample, self.apart)

    def allowed(self, recipe: Recipe) -> float:
        """Return how large a share of a row rounding may be, for a recipe that may round worse than the right one."""
        return allowed(recipe, self.case, self.sample)
