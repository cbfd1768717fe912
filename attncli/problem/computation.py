"""What a command computes, all at once or only the part that is shown, with the notices about it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from attncli import memory
from attncli.attend.alone import states_of
from attncli.attend.computations import Calculation
from attncli.attend.options import Options
from attncli.attend.parts import Selection
from attncli.attend.prepare import precision
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.formats import DATA, Format
from attncli.problem import estimate
from attncli.problem.notices import Notices
from attncli.problem.problem import Problem
from attncli.text import listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The first words of the results that are states: query, key and value.
STATES_MADE = ("projected", "normed", "rotated", "cached")
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
        """Whether one result alone is requested that needs no matrix of scores, and such a matrix would be large."""
        return False

    def alone(self) -> Computation:
        """Return the computation of the one result that a format of one matrix holds.

        Raises:
            InputError: what is asked for are several states, of which none stands for the others.
        """
        name = [each for each in self.names if each != "lse"][-1]
        if name.partition("_")[0] in STATES_MADE:
            several = ", ".join(self.names)
            hint = "use " + listed((each.name for each in DATA if each.is_archive), "or")
            raise InputError(f"a format of one matrix cannot hold {several}", place=self.problem.place, hint=hint)
        return replace(self, names=[name])

    def without_steps(self, kind: Format) -> Computation:
        """Return the computation of what a format for programs holds where no step is asked for by name."""
        return self

    def check_head(self, kind: Format, part: Selection) -> None:  # noqa: B027  # most have something of each head
        """Refuse a head of what all heads have together, where a format holds nothing else.

        Raises:
            InputError: with what to do instead.
        """

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

    def begin(self, resources: Resources) -> None:  # noqa: B027  # most have nothing in common
        """Compute what all parts have in common, before the first of them is shown."""

    def target(self, part: Selection) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return the shape and the type of the one result that is streamed of a part, in the user's axes."""
        raise NotImplementedError

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
            show=self.problem.show.as_given(),
            dtype=own_dtype(self.problem),
        )


def own_dtype(problem: Problem) -> str | None:
    """Return the type of the problem's arrays, or None for float64."""
    own = precision(states_of(problem.arrays) or list(problem.arrays.values()), Options())[1].name
    return None if own == "float64" else own
