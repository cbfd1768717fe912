"""The gradients of a problem, on the way back from its output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from attncli import memory
from attncli.attend import gradients, steps
from attncli.attend.arrays import GRADIENTS
from attncli.attend.backpropagation import GIVEN, ONES, Backpropagation, with_gradient
from attncli.attend.computations import AttentionSteps
from attncli.attend.cutting import cut, has_heads, parts_of
from attncli.attend.parts import Selection
from attncli.attend.returning import type_of
from attncli.attend.shapes import show
from attncli.attend.words.gradients import ON_THE_WAY
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.formats import Format
from attncli.problem import estimate
from attncli.problem.attention import FEW_SCORES
from attncli.problem.computation import Computation, Resources
from attncli.problem.notices import not_finite, of_inputs, of_logits, of_numbers, of_unused
from attncli.problem.problem import Problem
from attncli.said import Said
from attncli.text import listed, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


@dataclass(frozen=True, eq=False)
class GradientComputation(Computation):
    """The gradients of the arrays of a problem, and those that are met on the way to them.

    Attributes:
        backpropagation: the prepared problem.
        found: the gradients of the arrays of the whole problem by name, as soon as they are computed.
    """

    backpropagation: Backpropagation
    found: dict[str, NDArray[Any]] = field(default_factory=dict, kw_only=True)

    ON_THE_WAY: ClassVar[tuple[str, ...]] = tuple(f"d_{name}" for name in ON_THE_WAY)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.notices.add(of_unused(self.problem.arrays, self.operands))
        self.notices.add([] if self.backpropagation.is_given else [ONES])
        self.notices.add(self.backpropagation.notices)

    @property
    def operands(self) -> Operands:
        """The prepared arrays of the computation whose gradients these are."""
        return self.backpropagation.operands

    @property
    def calculation(self) -> AttentionSteps:
        """The stages, which say how results lie."""
        return AttentionSteps(self.operands, "out")

    def begin(self, resources: Resources) -> None:
        """Compute the gradients of the arrays of the whole problem, which all tables are parts of."""
        if set(self.names) - {GIVEN, *self.ON_THE_WAY}:
            self.found.update(self._streamed(resources))

    def _streamed(self, resources: Resources, into: Mapping[str, NDArray[Any]] | None = None) -> dict[str, Any]:
        """Return the gradients of all arrays by name; some may be put into arrays that are given."""
        run = self.backpropagation.of_arrays
        return run(threads=resources.threads, progress=resources.progress, into=into or {})

    @property
    def streams(self) -> bool:
        """Whether the gradient of one array is asked for, and matrices of scores would be large."""
        (name, *others) = self.names
        return not others and name not in (GIVEN, *self.ON_THE_WAY) and self.operands.sizes.scores > FEW_SCORES

    def target(self, part: Selection) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return the shape and the type of the gradient of a part."""
        (name,) = self.names
        array = self.backpropagation.arrays[name.removeprefix("d_")]
        gradient = np.broadcast_to(np.zeros((), type_of(array, self.operands.options)), array.shape)
        return self._cut(name, gradient, part).shape, gradient.dtype

    def parts_of(self, name: str) -> tuple[int, int]:
        """Return how many batch items and heads have a gradient of this name each; 1 where all have one."""
        sizes = self.operands.sizes
        if name == GIVEN:
            return sizes.output_shape[:2]
        if name in self.ON_THE_WAY:
            return sizes.batch, sizes.heads
        return parts_of(self.operands, self.backpropagation.arrays, name.removeprefix("d_"))

    def has_heads(self, name: str) -> bool:
        """Tell whether one would expect a gradient of each head: not of a matrix."""
        return name == GIVEN or name in self.ON_THE_WAY or has_heads(name.removeprefix("d_"))

    def arrays_of(self, part: Selection) -> dict[str, NDArray[Any]]:
        """Compute what is asked for of a part, and add to the notices; return it by name, in the user's axes.

        Of a part with some rows, only these are computed of matrices of scores; all else has all its rows.
        """
        found = self._on_the_way(part) if set(self.names) & set(self.ON_THE_WAY) else {}
        for name in self.names:
            if name == GIVEN:
                found[name] = self._output(part)
            elif name not in self.ON_THE_WAY:
                found[name] = self._cut(name, self.found[name], part)
        found = {name: found[name] for name in self.names}
        self.notices.add(self.notices_of(found, part))
        return found

    def _on_the_way(self, part: Selection) -> dict[str, NDArray[Any]]:
        """Return the gradients of the matrices of scores of a part."""
        chosen = self.backpropagation.select(part)
        made = steps.results(chosen.operands)
        self.notices.add(of_logits(made["logits"], part.rows))
        found = gradients.to_scores(chosen.operands, made, chosen.output)
        # Where a matrix makes the output of all heads, all have been computed.
        alone = part.head is not None and chosen.operands.sizes.heads > 1
        heads = slice(part.head, (part.head or 0) + 1) if alone else slice(None)
        restored = self.calculation.restored
        return {f"d_{name}": restored(name, found[name][:, heads], part) for name in ON_THE_WAY}

    def _cut(self, name: str, gradient: NDArray[Any], part: Selection) -> NDArray[Any]:
        return cut(self.operands, self.backpropagation.arrays, name.removeprefix("d_"), gradient, part)

    def _output(self, part: Selection) -> NDArray[Any]:
        """Return the gradient of the output that all others are made of."""
        given = self.backpropagation.output
        given = given if part.batch is None else given[part.batch : part.batch + 1]
        if part.head is not None and given.shape[1] > 1:
            given = given[:, part.head : part.head + 1]
        restored = self.calculation.restored("output", given.astype(self.operands.output_dtype), part)
        return np.ascontiguousarray(restored)

    def result(self, part: Selection, resources: Resources) -> Named:
        """Compute a part; return it with the axes of the user's arrays."""
        if resources.out is None:
            self.begin(resources)
            return self.as_result(self.arrays_of(part), part)
        (name,) = self.names
        is_whole = resources.out.shape == self.backpropagation.arrays[name.removeprefix("d_")].shape
        self.found.update(self._streamed(resources, {name: resources.out} if is_whole else {}))
        made = self.arrays_of(part)
        if not is_whole:
            resources.out[...] = made[name]
        return self.as_result(made, part)

    def notices_of(self, made: Mapping[str, NDArray[Any]], part: Selection) -> Iterator[str]:
        """Return the notices about the input and about gradients that are beyond the range of their type."""
        arrays, o = self.problem.arrays, self.operands
        called = {name: "hidden" for name in ("key", "value") if name not in arrays}
        given = {GIVEN: arrays[GIVEN]} if GIVEN in arrays else {}
        faults = [*of_inputs(o, called), *of_numbers(given)]
        yield from faults
        for name, array in made.items():
            if not any(" hold" in fault for fault in faults) and not_finite(array):
                yield Said("{name} leaves the range of {type}", name=name, type=array.dtype.name)

    def alone(self) -> GradientComputation:
        """Return the computation itself, of the one gradient that a format of one matrix holds.

        Raises:
            InputError: several are asked for.
        """
        if len(self.names) > 1:
            state = next(name for name in self.names if name not in (GIVEN, *self.ON_THE_WAY))
            hint = f"--step {state} chooses one of {', '.join(self.names)}"
            fact = f"a format of one matrix holds one gradient, and there are {len(self.names)}"
            raise InputError(fact, place=self.problem.place, hint=hint)
        return self

    def without_steps(self, kind: Format) -> GradientComputation:
        """Return the computation without the matrices of scores, if they are large."""
        sizes = self.operands.sizes
        if kind.is_single or sizes.scores <= FEW_SCORES:
            return self
        names = [name for name in self.names if name not in self.ON_THE_WAY]
        left = listed(self.ON_THE_WAY)
        less = Said(
            "there are {scores} scores: {left} are left out; --step asks for each by its name",
            scores=sizes.scores,
            left=left,
        )
        self.notices.add([less])
        return replace(self, names=names)

    def check_head(self, kind: Format, part: Selection) -> None:
        """Refuse a head of what all heads have together.

        Raises:
            InputError: a format of one matrix would hold it.
        """
        name = self.names[-1]
        if kind.is_single and part.head is not None and self.operands.sizes.heads > self.parts_of(name)[1] == 1:
            raise InputError(f"{name} is of all heads together, and --head asks for one", hint="leave --head out")

    def needs(
        self, part: Selection, *, rows: int | None = None, threads: int | None = None, in_place: bool = False
    ) -> int:
        """Return about how many bytes it takes to compute a part."""
        o, needed = self.operands.outline, 0
        if set(self.names) & set(self.ON_THE_WAY):
            alone = None if o.sizes.out_features else part.head
            needed = estimate.back_to_scores(estimate.first(o.select(batch=part.batch, head=alone), rows))
        if set(self.names) - {GIVEN, *self.ON_THE_WAY}:
            needed = max(needed, estimate.backward(self.operands, self._converted, threads=threads))
        return needed

    @property
    def _converted(self) -> int:
        """How many bytes the gradients take that have another type than the computation."""
        o, arrays = self.operands, self.backpropagation.arrays
        kinds = {name: type_of(arrays[name], o.options) for name in with_gradient(o, arrays)}
        return sum(arrays[name].size * kind.itemsize for name, kind in kinds.items() if kind != o.dtype)

    def counts(self, part: Selection) -> dict[str, int]:
        """Return how many numbers each gradient of a part has."""
        sizes = self.operands.sizes
        batch, heads = (1 if part.batch is not None else sizes.batch), (1 if part.head is not None else sizes.heads)
        found = {}
        for name in self.names:
            if name == GIVEN:
                shape = sizes.output_shape
                found[name] = batch * min(heads, shape[1]) * math.prod(shape[2:])
            elif name in self.ON_THE_WAY:
                found[name] = batch * heads * sizes.queries * sizes.keys
            else:
                array = self.backpropagation.arrays[name.removeprefix("d_")]
                found[name] = self._cut(name, np.broadcast_to(np.zeros(()), array.shape), part).size
        return found

    def require(self, needed: int, part: Selection, hint: str = "") -> None:
        """Refuse matrices of scores, or gradients, that would not fit into memory.

        Raises:
            InputError: with their size.
        """
        o, sizes = self.operands, self.operands.sizes
        if set(self.names) & set(self.ON_THE_WAY):
            shape = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
            bulk = memory.size(sizes.scores * o.dtype.itemsize) + f" ({show(shape[4 - sizes.rank :])} {o.dtype.name})"
            memory.require(needed, f"each matrix of scores or weights would take {bulk}", hint)
            return
        super().require(needed, part, hint or "--step chooses one; tables show a part")


def gradients_of(problem: Problem, asked: Sequence[str] = ()) -> GradientComputation:
    """Return the computation of the gradients of a problem.

    Args:
        problem: with ``d_output``, or without it for ones.
        asked: names of gradients; none: all.

    Raises:
        InputError: an array is missing or does not fit, or there is no such gradient.
    """
    with problem.naming_files():
        problem.require_room()
        made = Backpropagation.of(problem.variables, problem.options)
        names = made.names
    sizes = made.operands.sizes
    problem.check_labels(sizes.batch, sizes.queries, sizes.keys)
    for name in asked:
        _check(name, names, problem.place)
    return GradientComputation(problem, [name for name in names if name in (asked or names)], False, made)


def _check(name: str, names: Iterable[str], place: str) -> None:
    """Refuse the name of a gradient that there is not.

    Raises:
        InputError: with the nearest one, or with those that there are.
    """
    if name in names:
        return
    if name in GRADIENTS:
        lacking = f"--step {name}: no {name.removeprefix('d_')} takes part in this problem"
        raise InputError(lacking, hint=f"there are {', '.join(names)}", place=place)
    raise InputError(f"--step {name}: there is no such gradient", hint=nearest(name, names))
