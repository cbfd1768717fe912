"""The steps that start from query and key, up to the one that is asked for; the output alone is streamed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.attend import steps
from attncli.attend.computations import AttentionSteps
from attncli.attend.operands import Operands, ScoreOperands
from attncli.attend.parts import Selection
from attncli.attend.shapes import show
from attncli.attend.steps import STEPS
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.formats import FORMATS, Format
from attncli.problem import estimate
from attncli.problem.computation import Computation, Resources
from attncli.problem.notices import of_empty, of_inputs, of_logits, of_overflow, of_unused
from attncli.said import Said

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Up to this number of scores the steps are as fast as the stream, and match a pipe of filters to the last digit. Of
# more, the output alone is written unless a step is asked for: the other results would be of this size each.
FEW_SCORES = 1 << 20


@dataclass(frozen=True, eq=False)
class ScoreComputation(Computation):
    """The steps that start from query and key.

    Attributes:
        operands: the prepared problem.
        last: the last step to run.
    """

    operands: ScoreOperands
    last: str

    @property
    def calculation(self) -> AttentionSteps:
        """The stages, ready to run."""
        return AttentionSteps(self.operands, self.last)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.notices.add(of_unused(self.problem.arrays, self.operands))

    @property
    def called(self) -> dict[str, str]:
        """The user's names for key and value, if they differ."""
        return {name: "hidden" for name in ("key", "value") if name not in self.problem.arrays}

    @property
    def is_of_all_heads(self) -> bool:
        """Whether the output is asked for, and a matrix makes it of all heads together."""
        return "output" in self.names and self.operands.sizes.out_features > 0

    def check_head(self, kind: Format, part: Selection) -> None:
        """Refuse an output of one head where a matrix makes it of all of them.

        Raises:
            InputError: a format of one matrix would hold it.
        """
        if self.is_of_all_heads and kind.is_single and part.head is not None:
            hint = "--step sum gives the weighted sum of one head"
            raise InputError("the output is made of all heads together, and --head asks for one", hint=hint)

    def select(self, part: Selection) -> ScoreOperands:
        """Return the operands of a part."""
        return self.operands.select(batch=part.batch, head=part.head, rows=part.rows)

    def sketch(self, part: Selection) -> ScoreOperands:
        """Return operands of the sizes of a part, in which nothing that is still to be made takes memory or time."""
        return self.operands.outline.select(batch=part.batch, head=part.head, rows=part.rows)

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about a part and its results."""
        operands = self.select(part)
        yield from of_inputs(operands, self.called)
        yield from of_overflow(made, operands)
        if "logits" in made:
            yield from of_logits(made["logits"], part.rows)

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        return estimate.steps(estimate.first(self.sketch(part), rows), self.last)

    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many numbers each requested result of a part has."""
        o = self.sketch(part)
        return {name: math.prod(steps.shape(o, name)) for name in self.names}

    def require(self, needed: int, part: Selection, hint: str = "") -> None:
        """Refuse scores, or an output, that would not fit into memory.

        Raises:
            InputError: with their size, and what to do instead.
        """
        o = self.sketch(part)
        file = "FILE" + next(each.suffix for each in FORMATS.values() if each.in_place)
        shape = o.sizes.output_shape if self.streams else (o.sizes.batch, o.sizes.heads, o.sizes.queries, o.sizes.keys)
        bulk = memory.size(math.prod(shape) * o.dtype.itemsize) + f" ({show(shape[4 - o.sizes.rank :])} {o.dtype.name})"
        if self.streams:
            memory.require(needed, f"the output would take {bulk}", f"-o {file} alone writes it without holding it")
            return
        hint = hint or f"--step sum or -o {file} streams the output alone; tables show a part of every step"
        memory.require(needed, f"each matrix of scores or weights would take {bulk}", hint)


@dataclass(frozen=True, eq=False)
class AttentionComputation(ScoreComputation):
    """All steps, including the weighted sum.

    Attributes:
        operands: the prepared problem, with a value.
    """

    operands: Operands

    @property
    def streams(self) -> bool:
        """Whether only the output is requested, and there are too many scores to hold in memory cheaply."""
        return list(self.names) == ["output"] and self.scores > FEW_SCORES

    @property
    def scores(self) -> int:
        """The number of scores of the whole problem."""
        sizes = self.operands.sizes
        return sizes.batch * sizes.heads * sizes.queries * sizes.keys

    def without_steps(self, kind: Format) -> AttentionComputation:
        """Return the computation of the output alone, if the format holds nothing else or the problem is large."""
        if not kind.is_single:
            if self.scores <= FEW_SCORES:
                return self
            every = " ".join(f"--step {step}" for step in STEPS if steps.names(self.operands, [step]))
            only = Said(
                "there are {scores} scores: only the output is written; {every} writes all steps",
                scores=self.scores,
                every=every,
            )
            self.notices.add([only])
        return replace(self, names=["output"])

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        if not self.streams:
            return super().needs(part, rows=rows)
        return estimate.stream(self.sketch(part), threads=threads, in_place=in_place)

    def select(self, part: Selection) -> Operands:
        """Return the operands of a part."""
        return self.operands.select(batch=part.batch, head=part.head, rows=part.rows)

    def sketch(self, part: Selection) -> Operands:
        """Return operands of the sizes of a part."""
        return self.operands.outline.select(batch=part.batch, head=part.head, rows=part.rows)

    def output_shape(self, part: Selection) -> tuple[int, ...]:
        """Return the shape of the output of a part, with the axes of the user's arrays."""
        return self.calculation.form("output", part).shape(self.sketch(part).sizes.output_shape)

    def target(self, part: Selection) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return the shape and the type of the output of a part."""
        return self.output_shape(part), self.operands.output_dtype

    def result(self, part: Selection, resources: Resources) -> Named:
        """Compute a part, streaming it if that is better."""
        if not self.streams:
            return super().result(part, resources)
        return self.as_result({"output": self.stream(part, resources)}, part)

    def stream(self, part: Selection, resources: Resources) -> NDArray[Any]:
        """Compute the output of a part without a score matrix; return it with the axes of the user's arrays."""
        # Import here: most computations are small, and need not pay the start-up time of these modules.
        from attncli.attend.fast import stream

        operands = self.select(part)
        out = np.empty(self.output_shape(part), operands.output_dtype) if resources.out is None else resources.out
        within = self.calculation.form("output", part).taken(out)
        made = stream.run(operands, within, threads=resources.threads, progress=resources.progress)
        self.notices.add(of_inputs(operands, self.called))
        self.notices.add(of_overflow({"output": made.output}, operands))
        self.notices.add(of_empty(np.array(made.empty, dtype=np.int64)))
        return out
