"""Find the answers under which an output is what was observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from attncli.attend.fast.blas import one_thread
from attncli.check.deadline import Deadline
from attncli.check.precision import grids
from attncli.check.recipe import Recipe
from attncli.check.rounding import OUTPUT, Rounding
from attncli.probe.outputs import MOST as MOST_APART
from attncli.probe.outputs import Made
from attncli.probe.question import Answer
from attncli.probe.registry import QUESTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Answers = tuple[Answer, ...]
# Half precision says which of two answers it is if the other is so much further away.
CLEARLY = 2.0
# How many numbers the scores of all pairs of answers may come to.
MOST = 1 << 19


@dataclass(frozen=True, eq=False)
class Match:
    """Answers that make what was observed.

    Attributes:
        answers: sets of them, of which none is nearer than another; what is in none of them is as asked.
        made: the output under the first.
        apart: how far what was observed is from it, as a share of the largest value.
        rounding: what half precision made the difference; None: the difference is that of float32.
    """

    answers: Sequence[Answers]
    made: Made
    apart: float
    rounding: Rounding | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """One problem, and what was observed.

    Attributes:
        recipe: the recipe as the problem has it.
        observed: (batch, heads, L, Ev).
        own: the questions that the problem asks.
        inherited: what other problems told.
        deep: whether two answers at once are tried.
        deadline: when the search ends; whether all is as asked is always looked at.
    """

    recipe: Recipe
    observed: NDArray[Any]
    own: Sequence[str]
    inherited: Mapping[str, Answer]
    deep: bool = True
    deadline: Deadline = field(default_factory=Deadline)

    @cached_property
    def known(self) -> Answers:
        """What is known of questions that this problem does not ask, as far as it shows here.

        An answer is made for one problem, whose mask may be in it: here it is the one of the same name.
        """
        here = {each.key: each for answers in self.others.values() for each in answers}
        others = [each for question, each in self.inherited.items() if question not in self.own]
        return tuple(here.get(each.key, each) for each in others if each.key in here or each.fits_all)

    @cached_property
    def others(self) -> dict[str, list[Answer]]:
        """All other answers that the problem can have, by question; those of its own questions first."""
        o = self.recipe.operands
        order = sorted(QUESTIONS, key=lambda each: each not in self.own)
        return {each: list(QUESTIONS[each].others(o)) for each in order}

    def find(self) -> Match | None:
        """Return the answers, the fewest that are not as asked; None: no known answers make what was observed."""
        with one_thread(1 << 30):
            for at, several in enumerate((self._one(), self._fitted(), self._two() if self.deep else ())):
                if at and self.deadline.passed:
                    return None
                tried = [
                    (answers, made) for answers in self._in_time(several) if (made := self.made(answers)) is not None
                ]
                if (match := self._nearest(tried)) is not None:
                    return match
        return None

    def _in_time(self, several: Iterable[Answers]) -> Iterator[Answers]:
        """Return the first of these, and others as long as there is time."""
        for at, answers in enumerate(several):
            if at and self.deadline.passed:
                return
            yield answers

    def made(self, answers: Iterable[Answer]) -> Made | None:
        """Return what the problem comes to under some answers; None where they do not go together."""
        recipe: Recipe | None = self.recipe
        for each in sorted(answers, key=lambda each: each.order):
            recipe = None if recipe is None else each.apply(recipe)
        return None if recipe is None else Made(recipe, self.observed.shape)

    def _one(self) -> Iterator[Answers]:
        yield self.known
        for each in self.known:
            yield tuple(other for other in self.known if other is not each)
        for question, answers in self.others.items():
            yield from ((*self._but(question), answer) for answer in answers)

    def _fitted(self) -> Iterator[Answers]:
        """Return answers whose number is read off, alone and with one other answer."""
        base = self.made(self.known)
        for question in self.own:
            fitted = QUESTIONS[question].fitted if question in QUESTIONS else None
            found = None if base is None or fitted is None else fitted(base.recipe, self.observed)
            if found is None:
                continue
            yield (*self._but(question), found)
            for other, answers in self.others.items():
                if other != question:
                    yield from ((*self._but(question, other), found, each) for each in answers)

    def _but(self, *questions: str) -> Answers:
        """Return what is known of other questions."""
        return tuple(each for each in self.known if each.question not in questions)

    def _two(self) -> Iterator[Answers]:
        count, sizes = 0, self.recipe.operands.sizes
        scores = sizes.batch * sizes.heads * sizes.queries * sizes.keys
        questions = list(self.others)
        pairs = [(one, two) for at, one in enumerate(questions) for two in questions[at + 1 :]]
        for one, two in sorted(pairs, key=lambda pair: sum(each not in self.own for each in pair)):
            for pair in product(self.others[one], self.others[two]):
                count += scores
                if count > MOST:
                    return
                yield (*self._but(one, two), *pair)

    def _nearest(self, tried: Sequence[tuple[Answers, Made]]) -> Match | None:
        """Return the nearest of several outputs, and what is as near; None: none is near enough."""
        far, enough = {}, 1.0
        timely = ((at, made) for at, (_, made) in enumerate(tried) if not at or not self.deadline.passed)
        for rough, at in sorted((made.roughly(self.observed), at) for at, made in timely):
            # All heads are no nearer than some: what is left is not among the nearest.
            if not rough < enough:
                break
            far[at] = tried[at][1].apart(self.observed)
            first = min(far, key=far.__getitem__)
            enough = min(enough, self._enough(far[first], tried[first][1]))
        if not far or not far[first] < 1:
            return None
        apart, made = far[first], tried[first][1]
        if apart <= made.tolerance:
            near = [at for at in far if far[at] <= max(made.tolerance, CLEARLY * apart)]
            return Match([tried[at][0] for at in sorted(near)], made, apart)
        return self._coarse(tried, far)

    def _enough(self, apart: float, made: Made) -> float:
        """Return how far what may still matter is away at most, where something is so near."""
        return max(CLEARLY * apart, made.tolerance if apart <= made.tolerance else MOST_APART)

    def _coarse(self, tried: Sequence[tuple[Answers, Made]], far: Mapping[int, float]) -> Match | None:
        """Return what was rounded to half precision: as asked, or an answer of its own questions, where that may be."""
        first = min(far, key=far.__getitem__)
        rounding = tried[first][1].rounding(self.observed)
        if rounding is None:
            on = grids(self.observed)
            rounding = Rounding(on[-1], (OUTPUT,)) if on else None
        if rounding is None:
            return None
        fits = [at for at in far if far[at] <= tried[at][1].coarse_tolerance(rounding.kind) / CLEARLY]
        first = min(fits, key=lambda at: (self._foreign(tried[at][0]), far[at]), default=first)
        answers, made = tried[first]
        if far[first] > made.coarse_tolerance(rounding.kind):
            return None
        near = [at for at in far if far[at] <= CLEARLY * far[first]]
        alike = [tried[at][0] for at in sorted(near) if self._foreign(tried[at][0]) == self._foreign(answers)]
        return Match(alike, made, far[first], rounding)

    def _foreign(self, answers: Answers) -> int:
        """Tell how far answers are from what is known: 0 it is just that, 1 own questions differ, 2 others too."""
        new = {each.question for each in answers if each not in self.known}
        return 2 if len(answers) < len(self.known) or new - set(self.own) else bool(new)
