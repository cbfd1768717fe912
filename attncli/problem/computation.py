"""What a command is to compute: all of it, or just the part that is shown; with the notices that go with it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.computations import AttentionSteps, Calculation, Selection, Softmax, WeightedSum, states_of
from attncli.attend.operands import Operands, ScoreOperands, precision
from attncli.attend.options import Options
from attncli.attend.shapes import Sizes, show
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.formats import FORMATS
from attncli.problem.memory import available_memory
from attncli.problem.notices import Notices, of_empty, of_inputs, of_logits, of_numbers, of_overflow, of_unused
from attncli.problem.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Up to so many scores the steps are as fast as the stream, and give to the last digit what a pipe of filters gives.
FEW_SCORES = 1 << 20


@dataclass(frozen=True)
class Computed:
    """What came of a computation, each array (batch, heads, L, …).

    Attributes:
        arrays: the results that were asked for, by name.
        everything: all that the stages made on the way, the rotated query and key included.
    """

    arrays: Mapping[str, NDArray[Any]]
    everything: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Resources:
    """What a computation may use, and whom it reports to.

    Attributes:
        threads: how many threads a stream takes; None: as many as OMP_NUM_THREADS says, or as there are CPUs.
        progress: called with the share that is done.
        out: an array of the final shape to put the output in, such as a memory-mapped file.
    """

    threads: int | None = None
    progress: Callable[[float], None] | None = None
    out: NDArray[Any] | None = None


@dataclass(frozen=True)
class Computation(ABC):
    """One computation on a problem, done when it is asked for, a part at a time.

    Attributes:
        problem: what it works on.
        names: the results that are asked for, in the order of the stages.
        carries: whether results carry the whole problem along, for the next filter.
        notices: what people should know; of the problem to begin with, and then of each part that is computed.
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
        """The arrays, ready to be computed with."""

    @abstractmethod
    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return what people should know of a part and its results."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Batch items, heads and queries of the results."""
        return self.calculation.shape

    @property
    def streams(self) -> bool:
        """Whether only the output is asked for, and there are so many scores that they are better not held."""
        return False

    def check_memory(self, part: Selection, *, text: bool) -> None:  # noqa: B027  # most have nothing to check
        """Refuse a result that would not fit into memory, before any of it is computed.

        Raises:
            InputError: with its size, and what to do instead.
        """
        # Softmax or the sum alone take no more than the matrix that was read to begin with.

    def compute(self, part: Selection) -> Computed:
        """Compute a part; what people should know of it is added to the notices."""
        made = self.calculation.select(part).results()
        self.notices.add(self.notices_of(made, part))
        return Computed({name: made[name] for name in self.names if name in made}, made)

    def result(self, part: Selection, resources: Resources) -> Named:
        """Compute a part, with the axes that the user's arrays have."""
        made = self.compute(part)
        restored = {name: self.calculation.restored(name, array, part) for name, array in made.arrays.items()}
        return self.as_result(restored, part)

    def as_result(self, arrays: dict[str, NDArray[Any]], part: Selection) -> Named:
        """Return arrays with everything that a later command needs to go on."""
        carried = {name: a for name, a in self.problem.arrays.items() if name not in arrays} if self.carries else {}
        return Named(
            arrays=carried | arrays,
            labels=self.problem.labels if part.batch is None else self.problem.labels_of(part.batch),
            texts=self.problem.texts,
            options=self.problem.options.changed(),
            dtype=own_dtype(self.problem),
        )


@dataclass(frozen=True)
class ScoreComputation(Computation):
    """The steps from query and key on.

    Attributes:
        operands: the prepared problem.
        last: the last step that is wanted.
    """

    operands: ScoreOperands
    last: str

    @property
    def calculation(self) -> AttentionSteps:
        """The stages, ready to be run."""
        return AttentionSteps(self.operands, self.last)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.notices.add(of_unused(self.problem.arrays, self.operands))

    @property
    def called(self) -> dict[str, str]:
        """What the user calls key and value, where that is something else."""
        return {name: "hidden" for name in ("key", "value") if name not in self.problem.arrays}

    def select(self, part: Selection) -> ScoreOperands:
        """Return the operands of a part."""
        return self.operands.select(batch=part.batch, head=part.head, rows=part.rows)

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return what people should know of a part and its results."""
        operands = self.select(part)
        yield from of_inputs(operands, self.called)
        yield from of_overflow(made, operands)
        yield from of_logits(made["logits"], part.rows)

    def check_memory(self, part: Selection, *, text: bool) -> None:
        """Refuse scores that would not fit into memory.

        Raises:
            InputError: with their size, and what to do instead.
        """
        if self.streams:
            return
        o = self.select(part)
        shape = (o.sizes.batch, o.sizes.heads, o.sizes.queries, o.sizes.keys)
        size = math.prod(shape) * o.dtype.itemsize
        # While softmax runs there are scores, logits, exponentials and weights; as text each number takes 20 bytes.
        needed = 4 * size + (40 * math.prod(shape) if text else 2 * size)
        if needed > available_memory():
            axes = f"{show(shape[4 - o.sizes.rank :])} {o.dtype.name}"
            file = "FILE" + next(each.suffix for each in FORMATS.values() if each.in_place)
            raise InputError(
                f"each matrix of scores or weights would take {size / 1e9:.1f} GB ({axes}), too much for this machine",
                hint=f"the output alone is streamed (--step sum, or -o {file}); tables show a part of every step",
            )


@dataclass(frozen=True)
class AttentionComputation(ScoreComputation):
    """All steps, the weighted sum included.

    Attributes:
        operands: the prepared problem, with a value.
    """

    operands: Operands

    @property
    def streams(self) -> bool:
        """Whether only the output is asked for, and there are so many scores that they are better not held."""
        sizes = self.operands.sizes
        scores = sizes.batch * sizes.heads * sizes.queries * sizes.keys
        return list(self.names) == ["output"] and scores > FEW_SCORES

    def select(self, part: Selection) -> Operands:
        """Return the operands of a part."""
        return self.operands.select(batch=part.batch, head=part.head, rows=part.rows)

    def output_shape(self, part: Selection) -> tuple[int, ...]:
        """Return the shape of the output of a part, with the axes that the user's arrays have."""
        # The shape that a view of one number has: nothing is allocated.
        empty = np.broadcast_to(np.float32(0), self.select(part).sizes.output_shape)
        return self.calculation.restored("output", empty, part).shape

    def result(self, part: Selection, resources: Resources) -> Named:
        """Compute a part, streamed where that is better."""
        if not self.streams:
            return super().result(part, resources)
        return self.as_result({"output": self.stream(part, resources)}, part)

    def stream(self, part: Selection, resources: Resources) -> NDArray[Any]:
        """Compute the output of a part without a score matrix; return it as the user's arrays are."""
        # Most computations are small, and the stream's modules cost start-up time that they need not pay.
        from attncli.attend.fast import stream

        operands = self.select(part)
        out = None if resources.out is None else _as_heads(resources.out, operands.sizes, part)
        made = stream.run(operands, out, threads=resources.threads, progress=resources.progress)
        restored = self.calculation.restored("output", made.output, part) if resources.out is None else resources.out
        self.notices.add(of_inputs(operands, self.called))
        self.notices.add(of_overflow({"output": made.output}, operands))
        self.notices.add(of_empty(np.array(made.empty, dtype=np.int64)))
        return restored


@dataclass(frozen=True)
class SoftmaxComputation(Computation):
    """Softmax alone, on logits."""

    softmax: Softmax

    @property
    def calculation(self) -> Softmax:
        """The arrays, ready to be computed with."""
        return self.softmax

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return what people should know of some logits."""
        logits = self.calculation.select(part).logits
        yield from of_numbers(**{self.calculation.given: logits[logits != -np.inf]})
        yield from of_logits(logits, part.rows)


@dataclass(frozen=True)
class SumComputation(Computation):
    """The weighted sum alone, on weights and value."""

    weighted_sum: WeightedSum

    @property
    def calculation(self) -> WeightedSum:
        """The arrays, ready to be computed with."""
        return self.weighted_sum

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return what people should know of some weights and their values."""
        chosen = self.calculation.select(part)
        yield from of_numbers(weights=chosen.weights, **{chosen.given: chosen.value})


def _as_heads(out: NDArray[Any], sizes: Sizes, part: Selection) -> NDArray[Any]:
    """Return a view of an output with the user's axes as (batch, heads, L, Ev)."""
    batch, heads, queries, features = sizes.output_shape
    if sizes.packed and part.head is None:
        return out.reshape(batch, queries, heads, features).swapaxes(1, 2)
    return out.reshape(sizes.output_shape)


def own_dtype(problem: Problem) -> str | None:
    """Return the type of the problem's arrays, when that is not float64."""
    own = precision(states_of(problem.arrays) or list(problem.arrays.values()), Options())[1].name
    return None if own == "float64" else own
