"""What is asked for, and the problems that ask it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.attend.layouts import LETTERS, ORDERS
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.probe.marker import ENTRY, written
from attncli.probe.registry import PRECISION, QUESTIONS
from attncli.probe.trials import TRIALS, Sizes, Trial, check_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH, HEADS, FEATURES = 2, 6, 16
# What every program has: these options say nothing of the others.
EVERYWHERE = ("scale", "layout")


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        options: what the program applies, by the names of options; they are in force in every problem.
        batch: batch items; None: as each trial has it, and likewise below.
        heads: query heads.
        key_heads: key heads.
        queries: their number.
        keys: their number.
        features: of a query, a key and a value.
        precision: the type that the program computes in; empty: nothing is asked of it.
        only: the questions to ask; empty: all.
    """

    options: Mapping[str, object] = field(default_factory=dict)
    batch: int | None = None
    heads: int | None = None
    key_heads: int | None = None
    queries: int | None = None
    keys: int | None = None
    features: int | None = None
    precision: str = ""
    only: Sequence[str] = ()

    def problems(self) -> dict[str, Named]:
        """Return the problems, by name.

        Raises:
            InputError: sizes or options do not go together, they would not fit into memory, or nothing can be asked.
        """
        self._check_sizes()
        found = {trial.id: each for trial in self._trials() if (each := self._problem(trial)) is not None}
        lost = [each for each in self.only if not any(each in _questions(one) for one in found.values())]
        if lost:
            hint = "it needs an option, such as --causal, or other sizes"
            raise InputError(f"{', '.join(lost)} cannot be asked with these options and sizes", hint=hint)
        if not found:
            raise InputError("nothing can be asked with these options and sizes", hint="give more heads or keys")
        return found

    def _trials(self) -> Iterator[Trial]:
        """Return the trials: all, or of those that are about an option only those whose option is applied."""
        for each in TRIALS.values():
            if self.only and not set(each.questions) & set(self.only):
                continue
            if each.unless and self.options.get(each.unless):
                continue
            if each.option and self._says and not self.options.get(each.option):
                continue
            yield each

    def _check_sizes(self) -> None:
        heads, key_heads = self.heads or HEADS, self.key_heads or 1
        if heads % key_heads:
            hint = "each key head serves as many query heads"
            raise InputError(f"{heads} query heads are no multiple of {key_heads} key heads", hint=hint)
        if self.options.get("layout") == "thd" and (self.batch or 1) > 1:
            raise InputError(f"--layout thd has no axis for {self.batch} batch items", hint="leave out --batch")
        largest = max(self.queries or 0, max(each.queries for each in TRIALS.values()))
        longest = max(self.keys or 0, max(each.keys for each in TRIALS.values()))
        numbers = (self.batch or BATCH) * heads * (2 * longest + largest) * (self.features or FEATURES)
        masks = (self.batch or BATCH) * largest * longest
        # In float64 first, and for every trial that has no size of its own.
        memory.require((numbers * 12 + masks * 9) * len(TRIALS), "the arrays are too large", "give smaller sizes")

    def _sizes(self, trial: Trial) -> Sizes:
        heads = self.heads or HEADS
        return Sizes(
            batch=self.batch or (1 if trial.one or self.options.get("layout") == "thd" else BATCH),
            heads=heads,
            key_heads=self.key_heads or (_shared(heads) if trial.grouped else heads),
            queries=self.queries or trial.queries,
            keys=self.keys or trial.keys,
            features=self.features or FEATURES,
        )

    def _problem(self, trial: Trial) -> Named | None:
        """Return one problem; None where it can ask nothing."""
        given = {"scale": "sqrt"} | ({} if self._says else dict(trial.options)) | dict(self.options)
        sizes = self._sizes(trial)
        check_scores(sizes.batch, sizes.heads, sizes.queries, sizes.keys)
        options = Options.parse({name: value for name, value in given.items() if value is not None})
        arrays = {name: _laid(array, name, options) for name, array in trial.arrays(sizes).items()}
        asked = dict(self._asked(trial, arrays, options))
        if not asked:
            return None
        texts = {"title": ", ".join(asked), ENTRY: written(asked)}
        return Named(arrays, texts=texts, options=options.changed(), dtype="float32")

    @property
    def _says(self) -> bool:
        """Whether it is said which options the program applies."""
        return any(name not in EVERYWHERE for name in self.options)

    def _asked(self, trial: Trial, arrays: Mapping[str, NDArray[Any]], options: Options) -> Iterator[tuple[str, str]]:
        """Return the questions of a trial that it can ask, each with what is asked for where no option says it."""
        operands = prepare(arrays, options)
        for each in trial.questions:
            if self.only and each not in self.only:
                continue
            if each == PRECISION:
                yield each, self.precision
            elif any(True for _ in QUESTIONS[each].others(operands)):
                yield each, ""


def _questions(problem: Named) -> Iterable[str]:
    return (each.partition("=")[0] for each in problem.texts[ENTRY].split(", "))


def _shared(heads: int) -> int:
    """Return how many key heads serve so many query heads: some, of which each serves several."""
    return max((count for count in range(1, heads) if heads % count == 0 and count * count <= heads), default=heads)


def _laid(array: NDArray[Any], name: str, options: Options) -> NDArray[Any]:
    """Return a state as it lies in the layout that is asked for; of packed documents there is one batch item."""
    if name == "mask":
        return array
    order = [LETTERS.index(each) for each in ORDERS[options.layout]]
    laid = np.ascontiguousarray(array.transpose(order))
    return laid[0] if options.layout == "thd" else laid
