"""How much error each stage of a kernel adds, alone and with all before it, and what an observed output has of it.

Errors are differences from the exact output, relative to the size of their row: Σ weights · |value|, the size of the
numbers that the row is the sum of, as in `attncli.check.precision`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast import stream
from attncli.attend.stages.out import finished
from attncli.check.diagnosis import normal
from attncli.check.precision import HEADS, ROWS, SCORES, Reference
from attncli.check.simulate.kernel import rows as rows_of
from attncli.check.simulate.stages import Kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands

    Array = NDArray[Any]

Progress = Callable[[float], None]
# Of so many tiles of one row after the other there is time to take those of all stages in.
TILES = 1 << 15
Place = tuple[int, int]


@dataclass(frozen=True)
class Error:
    """How far numbers are from others, relative to the sizes of their rows: sums, so that parts can be put together.

    Attributes:
        largest: |difference| / size; ∞ where a number is not finite and the other is not the same.
        squares: Σ (difference / size)² over all numbers.
        count: how many there are.
    """

    largest: float = 0.0
    squares: float = 0.0
    count: int = 0

    @classmethod
    def of(cls, made: Array, exact: Array, size: Array) -> Error:
        """Compare (rows, features) with sizes (rows,)."""
        with np.errstate(all="ignore"):
            apart = np.abs(made - exact) / size[:, None]
            same = (made == exact) | (np.isnan(made) & np.isnan(exact))
            apart = np.where(same, 0, np.where(np.isnan(apart), np.inf, apart))
        return cls(float(apart.max(initial=0.0)), float(np.square(apart).sum()), apart.size)

    def __add__(self, other: Error) -> Error:
        return Error(max(self.largest, other.largest), self.squares + other.squares, self.count + other.count)

    @property
    def typical(self) -> float:
        """The root of the mean square."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0


@dataclass(frozen=True)
class Added:
    """What one stage adds.

    Attributes:
        stage: its name.
        type: that of the stage.
        alone: the error where all other stages are exact.
        so_far: the error where all stages up to this one are as they are, and those after it exact.
        changed: how far this is from the output where the stage is exact too: nothing, where its numbers have been
            rounded to its type before.
    """

    stage: str
    type: str
    alone: Error
    so_far: Error
    changed: Error

    def __add__(self, other: Added) -> Added:
        both = [one + two for one, two in zip(self._errors, other._errors, strict=True)]
        return Added(self.stage, self.type, *both)

    @property
    def _errors(self) -> tuple[Error, Error, Error]:
        return self.alone, self.so_far, self.changed


@dataclass(frozen=True)
class Observed:
    """What an observed output has to do with that of the kernel.

    Attributes:
        error: that of the observed output.
        apart: how far it is from that of the kernel.
    """

    error: Error
    apart: Error

    @property
    def explained(self) -> float | None:
        """Which share of its squared error is number for number that of the kernel; None: it is not finite, or 0."""
        if not math.isfinite(self.error.squares) or not self.error.squares or not math.isfinite(self.apart.squares):
            return None
        return max(0.0, 1 - self.apart.squares / self.error.squares)


@dataclass(frozen=True)
class Measured:
    """What a kernel of less precision gives of a problem.

    Attributes:
        stages: what each of its stages adds, in their order.
        heads: batch item, head, and the error of the whole kernel there.
        rows: how many queries of each head were looked at, and how many there are.
        observed: what an observed output has to do with it; None: none was given.
    """

    stages: Sequence[Added]
    heads: Sequence[tuple[int, int, Error]]
    rows: tuple[int, int]
    observed: Observed | None = None

    @property
    def together(self) -> Error:
        """The error of the whole kernel."""
        return sum((each for _, _, each in self.heads), Error())

    def share(self, added: Added) -> float | None:
        """Return the share of one stage in the sum of the squares of what each changes; None: there is none."""
        total = sum(each.changed.squares for each in self.stages)
        return added.changed.squares / total if total and math.isfinite(total) else None


@dataclass(frozen=True)
class Seen:
    """Some rows of one place of the output: a head, or all heads of a batch item where a matrix follows them.

    Attributes:
        batch: the batch item.
        place: of the output, along its axis of heads.
        exact: (rows, features).
        size: (rows,)
        heads: the operands of each head that it is made of.
        part: the operands of the rows, of all heads where a matrix follows them, else of this head.
    """

    batch: int
    place: int
    exact: Array
    size: Array
    heads: Sequence[Operands]
    part: Operands

    def made(self, kernel: Kernel) -> Array:
        """Return what a kernel gives in place of what is exact."""
        written = kernel.type_of("output").round
        context = written(np.stack([rows_of(kernel, each) for each in self.heads])[None])
        return np.asarray(written(finished(self.part, context))[0, 0] if self.part.has_after else context[0, 0])

    def error(self, made: Array) -> Error:
        """Return that of what a kernel gives."""
        return Error.of(made, self.exact, self.size)

    def added(self, kernel: Kernel) -> tuple[list[Added], Array]:
        """Return what each stage of a kernel adds here, and what all of them give."""
        found, before, names = [], self.exact, list(kernel.types)
        for at, (name, kind) in enumerate(kernel.types.items()):
            made = self.made(kernel.only(*names[: at + 1]))
            alone = made if at == 0 else self.made(kernel.only(name))
            changed = Error.of(made, before, self.size)
            found.append(Added(name, kind.name, self.error(alone), self.error(made), changed))
            before = made
        return found, before


@dataclass(frozen=True)
class Sample:
    """Which part of a problem is looked at.

    Attributes:
        places: batch item and head of each place of the output.
        rows: the queries.
    """

    places: Sequence[Place]
    rows: NDArray[np.int64]

    @classmethod
    def of(
        cls, o: Operands, batches: Sequence[int], heads: Sequence[int], *, tile: int | None = None, every: bool = False
    ) -> Sample:
        """Spread a sample over some heads, as many as there is time for.

        Args:
            o: the problem.
            batches: its batch items of which it is taken.
            heads: likewise; where a matrix follows the heads, it is of all of them.
            tile: keys in a tile of the kernel, if it has tiles.
            every: whether it is of all of these heads.
        """
        outputs = [0] if o.layer.out is not None else heads
        places = [(batch, head) for batch in batches for head in outputs]
        most = min(HEADS, len(places), max(1, TILES * (tile or TILES) // o.sizes.keys))
        some = np.linspace(0, len(places) - 1, len(places) if every else most).round().astype(np.int64)
        count = max(1, min(ROWS, o.sizes.queries, SCORES // o.sizes.keys))
        rows = np.unique(np.linspace(0, o.sizes.queries - 1, count).round().astype(np.int64))
        return cls([places[at] for at in some.tolist()], rows)

    def with_row(self, batch: int, place: int, row: int) -> Sample:
        """Return it with one more row, and its head where that is not among the others."""
        places = self.places if (batch, place) in self.places else [*self.places, (batch, place)]
        return Sample(sorted(places), np.union1d(self.rows, np.array([row])))


def measure(
    o: Operands, kernel: Kernel, sample: Sample, expected: Array | None = None, progress: Progress | None = None
) -> Measured:
    """Compute some rows as a kernel does, and compare them with exact ones and those of another program.

    Args:
        o: prepared operands.
        kernel: the types of its stages.
        sample: which part of it is computed.
        expected: (batch, heads, L, Ev) what another program made; None: nothing is compared.
        progress: called with the share that is done.
    """
    stages: list[Added] = []
    heads, observed, apart = [], Error(), Error()
    for count, seen in enumerate(_seen(o, sample), start=1):
        added, made = seen.added(kernel)
        stages = [one + other for one, other in zip(stages, added, strict=True)] if stages else added
        heads.append((seen.batch, seen.place, seen.error(made)))
        if expected is not None:
            theirs = expected[seen.batch, seen.place, sample.rows].astype(np.float64)
            observed += seen.error(theirs)
            apart += Error.of(theirs, made, seen.size)
        if progress is not None:
            progress(count / len(sample.places))
    compared = None if expected is None else Observed(observed, apart)
    return Measured(stages, heads, (len(sample.rows), o.sizes.queries), compared)


def _seen(o: Operands, sample: Sample) -> Iterator[Seen]:
    """Return the places of a sample one by one, the exact rows of each batch item computed once."""
    reference = Reference.of(normal(o))
    for batch in sorted({batch for batch, _ in sample.places}):
        right, single = (each.select(batch=batch, rows=sample.rows) for each in (reference.operands, reference.single))
        here = Reference(right, single)
        for place in (each for item, each in sample.places if item == batch):
            is_whole = right.layer.out is not None
            part = right if is_whole else right.select(head=place)
            bare = stream.alone(right)
            heads = [bare.select(head=each) for each in (range(right.sizes.heads) if is_whole else [place])]
            yield Seen(batch, place, here.output[0, place], here.size[0, place], heads, part)
