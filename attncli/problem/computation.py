"""What a command computes, all at once or only the part that is shown, with the notices about it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.computations import AttentionSteps, Calculation, Selection, Softmax, WeightedSum, states_of
from attncli.attend.operands import Operands, ScoreOperands, precision
from attncli.attend.options import Options
from attncli.attend.shapes import Sizes, show
from attncli.attend.steps import STEPS
from attncli.files.contents import Named
from attncli.files.formats import FORMATS, Format
from attncli.problem import estimate, memory
from attncli.problem.notices import Notices, of_empty, of_inputs, of_logits, of_numbers, of_overflow, of_unused
from attncli.problem.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Up to this number of scores the steps are as fast as the stream, and match a pipe of filters to the last digit. Of
# more, the output alone is written unless a step is asked for: the other results would be of this size each.
FEW_SCORES = 1 << 20
# Text of more bytes than this is announced before it is written.
LONG_TEXT = 100_000_000


@dataclass(frozen=True, eq=False)
class Computed:
    """The results of a computation, each array (batch, heads, L, …).

    Attributes:
        arrays: the requested results, by name.
        everything: all results of the stages, including the rotated query and key.
    """

    arrays: Mapping[str, NDArray[Any]]
    everything: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Resources:
    """What a computation may use, and where it reports progress.

    Attributes:
        threads: number of threads of a stream; None: OMP_NUM_THREADS, or the number of CPUs.
        progress: called with the fraction that is done.
        out: an array of the final shape to write the output to, such as a memory-mapped file.
    """

    threads: int | None = None
    progress: Callable[[float], None] | None = None
    out: NDArray[Any] | None = None


@dataclass(frozen=True, eq=False)
class Computation(ABC):
    """One computation on a problem, run on demand, one part at a time.

    Attributes:
        problem: the problem.
        names: the requested results, in the order of the stages.
        carries: whether results carry the whole problem along, for the next command in a pipe.
        notices: first those about the problem, then those about each part that is computed.
    """

    problem: Problem
    names: Sequence[str]
    carries: bool
    notices: Notices = field(default_factory=Notices, kw_only=True)

    def __post_init__(self) -> None:
        self.notices.add(self.problem.notices)

    @property
    @abstractmethod
    def calculation(self) -> Calculation:
        """The prepared arrays."""

    @abstractmethod
    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about a part and its results."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Batch items, heads and queries of the results."""
        return self.calculation.shape

    @property
    def streams(self) -> bool:
        """Whether only the output is requested, and there are too many scores to hold in memory cheaply."""
        return False

    def without_steps(self, kind: Format) -> Computation:
        """Return the computation of what a format for programs holds where no step is asked for by name."""
        return self

    @abstractmethod
    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part.

        Args:
            part: heads and batch items.
            rows: how many queries of them; None: all.
            threads: those of a stream; None: as many as it takes by itself.
            in_place: whether an output that is streamed goes into a mapped file.
        """

    @abstractmethod
    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many numbers each requested result of a part has."""

    def length(self, part: Selection, kind: Format) -> int:
        """Return about how many bytes a part takes in a format for programs."""
        counts = self.counts(part)
        if kind.is_single:
            counts = dict(list(counts.items())[-1:])
        elif self.carries:
            counts = {name: array.size for name, array in self.problem.arrays.items()} | counts
        return estimate.encoded(kind, counts, self.calculation.dtype.itemsize)

    def require(self, needed: int, part: Selection, hint: str = "") -> None:
        """Refuse what would not fit into memory, before computing any of it.

        Args:
            needed: bytes.
            part: what is computed.
            hint: what to do instead, if the command knows it best.

        Raises:
            InputError: with its size, and what to do instead.
        """
        name, count = max(self.counts(part).items(), key=lambda each: each[1])
        what = f"{name} would take {memory.size(count * self.calculation.dtype.itemsize)}"
        one_head = "--head N takes one head of it" * (self.shape[1] > 1 and part.head is None)
        memory.require(needed, what, hint or one_head)

    def compute(self, part: Selection) -> Computed:
        """Compute a part, and add to the notices."""
        made = self.calculation.select(part).results()
        self.notices.add(self.notices_of(made, part))
        return Computed({name: made[name] for name in self.names if name in made}, made)

    def result(self, part: Selection, resources: Resources) -> Named:
        """Compute a part; return it with the axes of the user's arrays."""
        made = self.compute(part)
        restored = {name: self.calculation.restored(name, array, part) for name, array in made.arrays.items()}
        return self.as_result(restored, part)

    def as_result(self, arrays: dict[str, NDArray[Any]], part: Selection) -> Named:
        """Return arrays with everything that the next command needs."""
        carried = {name: a for name, a in self.problem.arrays.items() if name not in arrays} if self.carries else {}
        return Named(
            arrays=carried | arrays,
            labels=self.problem.labels if part.batch is None else self.problem.labels_of(part.batch),
            texts=self.problem.texts,
            options=self.problem.options.changed(),
            dtype=own_dtype(self.problem),
        )


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

    def select(self, part: Selection) -> ScoreOperands:
        """Return the operands of a part."""
        return self.operands.select(batch=part.batch, head=part.head, rows=part.rows)

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about a part and its results."""
        operands = self.select(part)
        yield from of_inputs(operands, self.called)
        yield from of_overflow(made, operands)
        yield from of_logits(made["logits"], part.rows)

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        return estimate.steps(estimate.first(self.select(part), rows), self.last)

    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many numbers each requested result of a part has."""
        sizes = self.select(part).sizes
        scores, output = sizes.batch * sizes.heads * sizes.queries * sizes.keys, math.prod(sizes.output_shape)
        names = [name for name in self.names if name != "capped" or self.operands.options.softcap is not None]
        return {name: output if name == "output" else scores for name in names}

    def require(self, needed: int, part: Selection, hint: str = "") -> None:
        """Refuse scores, or an output, that would not fit into memory.

        Raises:
            InputError: with their size, and what to do instead.
        """
        o = self.select(part)
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
            every = " ".join(f"--step {step}" for step in STEPS)
            self.notices.add([f"there are {self.scores} scores: only the output is written; {every} writes all steps"])
        return replace(self, names=["output"])

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        if not self.streams:
            return super().needs(part, rows=rows)
        return estimate.stream(self.select(part), threads=threads, in_place=in_place)

    def select(self, part: Selection) -> Operands:
        """Return the operands of a part."""
        return self.operands.select(batch=part.batch, head=part.head, rows=part.rows)

    def output_shape(self, part: Selection) -> tuple[int, ...]:
        """Return the shape of the output of a part, with the axes of the user's arrays."""
        # A view of a single number: nothing is allocated.
        empty = np.broadcast_to(np.float32(0), self.select(part).sizes.output_shape)
        return self.calculation.restored("output", empty, part).shape

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
        out = None if resources.out is None else _as_heads(resources.out, operands.sizes, part)
        made = stream.run(operands, out, threads=resources.threads, progress=resources.progress)
        restored = self.calculation.restored("output", made.output, part) if resources.out is None else resources.out
        self.notices.add(of_inputs(operands, self.called))
        self.notices.add(of_overflow({"output": made.output}, operands))
        self.notices.add(of_empty(np.array(made.empty, dtype=np.int64)))
        return restored


@dataclass(frozen=True, eq=False)
class SoftmaxComputation(Computation):
    """Softmax alone, on logits."""

    softmax: Softmax

    @property
    def calculation(self) -> Softmax:
        """The prepared arrays."""
        return self.softmax

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        return estimate.softmax(estimate.first(self.calculation.select(part), rows))

    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many weights a part has."""
        return {"weights": self.calculation.select(part).logits.size}

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about some logits."""
        logits = self.calculation.select(part).logits
        yield from of_numbers({self.calculation.given: logits}, closed=True)
        yield from of_logits(logits, part.rows)


@dataclass(frozen=True, eq=False)
class SumComputation(Computation):
    """The weighted sum alone, on weights and value."""

    weighted_sum: WeightedSum

    @property
    def calculation(self) -> WeightedSum:
        """The prepared arrays."""
        return self.weighted_sum

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        return estimate.weighted_sum(estimate.first(self.calculation.select(part), rows))

    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many numbers the output of a part has."""
        chosen = self.calculation.select(part)
        return {"output": math.prod(chosen.shape) * chosen.value.shape[-1]}

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about some weights and values."""
        chosen = self.calculation.select(part)
        yield from of_numbers({"weights": chosen.weights, chosen.given: chosen.value})


def _as_heads(out: NDArray[Any], sizes: Sizes, part: Selection) -> NDArray[Any]:
    """View an output with the user's axes as (batch, heads, L, Ev)."""
    batch, heads, queries, features = sizes.output_shape
    if sizes.packed and part.head is None:
        return out.reshape(batch, queries, heads, features).swapaxes(1, 2)
    return out.reshape(sizes.output_shape)


def own_dtype(problem: Problem) -> str | None:
    """Return the type of the problem's arrays, or None for float64."""
    own = precision(states_of(problem.arrays) or list(problem.arrays.values()), Options())[1].name
    return None if own == "float64" else own
