"""One problem under several values of an option: what is computed under each, and what is measured of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.in_force import in_force
from attncli.attend.parts import Selection
from attncli.attend.shapes import show
from attncli.attend.steps import STEPS, names
from attncli.errors import InputError
from attncli.languages import DEFAULT
from attncli.problem.attention import AttentionComputation, ScoreComputation
from attncli.problem.computation import Resources
from attncli.problem.factory import attention_of, scores_of
from attncli.problem.notices import Notices
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice
from attncli.said import Said
from attncli.show.progress import Progress, part_of
from attncli.stats.survey import Wanted, look
from attncli.vary.values import Vary
from attncli.vary.words import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Numbers of two outputs that are compared at a time.
PIECE = 1 << 18


@dataclass(frozen=True)
class Change:
    """How far an output is from that of the first value.

    Attributes:
        size: the largest difference of two numbers.
        before: the number there in the first output.
        after: that in the other one.
        place: where that is, by the letters of its axes: B batch, H heads, L queries, E features.
    """

    size: float
    before: float
    after: float
    place: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Measured:
    """What is measured under one value.

    Attributes:
        value: as it is typed.
        output: with the axes of the user's arrays; None: the problem has no value to sum.
        effective_keys: the exponential of the entropy of the weights, mean over the queries that see something.
        largest_weight: likewise.
        change: of the output; None: there is none, or it has another shape than the first.
    """

    value: str
    output: NDArray[Any] | None
    effective_keys: float | None
    largest_weight: float | None
    change: Change | None


@dataclass(frozen=True, eq=False)
class Compared:
    """One problem under several values.

    Attributes:
        vary: which option, and its values.
        computations: one for each value, of all steps.
        lang: the language in which it is told.
        notices: what is to be said beside those of the computations.
    """

    vary: Vary
    computations: Sequence[ScoreComputation]
    lang: str = DEFAULT
    notices: Notices = field(default_factory=Notices)

    @classmethod
    def of(
        cls,
        vary: Vary,
        make: Callable[[Mapping[str, object]], Problem],
        options: Mapping[str, object],
        lang: str = DEFAULT,
    ) -> Compared:
        """Prepare a problem under all values; what varies counts, whatever else says a value of it.

        Args:
            vary: which option, and its values.
            make: returns the problem with options.
            options: that are given besides.
            lang: the language in which it is told.

        Raises:
            InputError: as `attncli.problem.assemble.assemble`, with the value.
        """
        given = {name: value for name, value in options.items() if value is not None and name != vary.name}
        computations = []
        for value in vary.values:
            with vary.naming(value):
                computations.append(_computation(make(given | vary.setting(value))))
        return cls(vary, computations, lang)

    @property
    def first(self) -> ScoreComputation:
        """The computation with which the others are compared."""
        return self.computations[0]

    @property
    def titles(self) -> list[str]:
        """What each value is called where it stands beside the others."""
        return [self.vary.called(value) for value in self.vary.values]

    def pairs(self) -> Iterator[tuple[str, ScoreComputation]]:
        """Return each value with its computation."""
        return zip(self.vary.values, self.computations, strict=True)

    def only(self, steps: Sequence[str]) -> list[ScoreComputation]:
        """Return the computations of some steps; one in which these do nothing has no names.

        Raises:
            InputError: they do nothing under any value.
        """
        last = max(steps, key=STEPS.index)
        found = [replace(each, names=names(each.operands, steps), last=last) for each in self.computations]
        if not any(each.names for each in found):
            few = ", ".join(f"--step {step}" for step in STEPS if names(self.first.operands, [step]))
            raise InputError(f"--step {steps[0]} does nothing in this problem", hint=f"there are {few}")
        return found

    def in_common(self) -> list[str]:
        """Return what is in force under all values alike."""
        every = [in_force(each.operands) for each in self.computations]
        return [
            words
            for name, words in every[0].items()
            if name != self.vary.name and all(each.get(name) == words for each in every)
        ]

    def require(self, choice: Choice, threads: int | None) -> None:
        """Refuse outputs for which there is no memory, before anything is computed.

        Raises:
            InputError: there is no such head or batch item, or not enough memory.
        """
        choice.part(self.first.shape)  # of a head that is nowhere no value is to blame
        for value, computation in self.pairs():
            with self.vary.naming(value):
                part = choice.part(computation.shape)
                if isinstance(computation, AttentionComputation):
                    alone, part = _alone(computation, part)
                    # The first output is kept, while another one is made.
                    held = math.prod(alone.sketch(part).sizes.output_shape) * alone.operands.output_dtype.itemsize
                    alone.require(alone.needs(part, threads=threads) + held, part)

    def measure(
        self, choice: Choice, threads: int | None = None, progress: Progress | None = None
    ) -> Iterator[Measured]:
        """Measure under one value after another; no score matrix is held, and no output but the first and the last.

        Args:
            choice: the heads and batch items; by default all.
            threads: how many; None: as many as a stream takes by itself.
            progress: called with the share that is done.

        Raises:
            InputError: as `require`.
        """
        self.require(choice, threads)
        first: NDArray[Any] | None = None
        for done, (value, computation) in enumerate(self.pairs()):
            part, count = choice.part(computation.shape), 2 * len(self.computations)
            with self.vary.naming(value):
                wanted = Wanted(part, threads=threads)
                found = look(computation, wanted, part_of(progress, 2 * done, count)).findings
                resources = Resources(threads, part_of(progress, 2 * done + 1, count))
                output = _output(computation, part, resources)
            first = output if first is None else first
            yield Measured(
                value,
                output,
                found.overall("effective_keys"),
                found.overall("largest_weight"),
                self._change(value, (first, output), computation, part),
            )
            del output  # before the next one is made

    def _change(
        self,
        value: str,
        outputs: tuple[NDArray[Any] | None, NDArray[Any] | None],
        computation: ScoreComputation,
        part: Selection,
    ) -> Change | None:
        first, output = outputs
        if first is None or output is None:
            return None
        if first.shape != output.shape:
            called = {"first": self.titles[0], "other": self.vary.called(value)}
            shapes = {"before": show(first.shape), "shape": show(output.shape)}
            self.notices.add([words(self.lang, "other_shape", **called, **shapes)])
            return None
        return change(first, output, computation.calculation.form("output", part).letters)

    def said(self) -> Notices:
        """Return all notices; of those that not all values have, with the value."""
        every = {value: list(computation.notices) for value, computation in self.pairs()}
        notices = Notices()
        for value, some in every.items():
            for each in some:
                alike = all(each in others for others in every.values())
                called = self.vary.called(value)
                notices.add([each if alike else Said("{value}: {notice}", value=called, notice=each)])
        notices.add(self.notices)
        return notices


def change(first: NDArray[Any], output: NDArray[Any], letters: str = "") -> Change:
    """Return how far an output is from another one; numbers that are not finite in both alike are no change.

    Args:
        first: any numbers.
        output: as many.
        letters: those of their axes.

    Example:
        >>> change(np.array([[1.0, 2.0]]), np.array([[1.0, 2.5]]), "LE")
        Change(size=0.5, before=2.0, after=2.5, place={'L': 0, 'E': 1})
    """
    before, after = first.reshape(-1), output.reshape(-1)
    most, at = 0.0, 0
    for start in range(0, before.size, PIECE):
        one, other = (each[start : start + PIECE].astype(np.float64) for each in (before, after))
        same = (one == other) | (np.isnan(one) & np.isnan(other))
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.where(same, 0.0, abs(other - one))
        apart[np.isnan(apart)] = math.inf  # a number beside none
        place = int(apart.argmax())
        if apart[place] > most:
            most, at = float(apart[place]), start + place
    index = np.unravel_index(at, first.shape) if first.size else ()
    place_of = dict(zip(letters, map(int, index), strict=False))
    numbers = [float(each[at]) if each.size else 0.0 for each in (before, after)]
    return Change(most, numbers[0], numbers[1], place_of)


def _computation(problem: Problem) -> ScoreComputation:
    has_value = {"value", "hidden", "past_value"} & problem.arrays.keys()
    return attention_of(problem) if has_value else scores_of(problem, STEPS[: STEPS.index("sum")])


def _output(computation: ScoreComputation, part: Selection, resources: Resources) -> NDArray[Any] | None:
    """Compute the output of a part; of one head the output that all make together is that of all."""
    if not isinstance(computation, AttentionComputation):
        return None
    alone, part = _alone(computation, part)
    return alone.result(part, resources).arrays["output"]


def _alone(computation: AttentionComputation, part: Selection) -> tuple[AttentionComputation, Selection]:
    """Return the computation of the output alone, and of which part that is: all heads, where a matrix joins them."""
    alone = replace(computation, names=["output"])
    return alone, replace(part, head=None) if alone.is_of_all_heads else part
