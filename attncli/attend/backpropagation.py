"""All gradients of a problem, from arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from attncli.attend import gradients, steps
from attncli.attend.arrays import ARRAYS
from attncli.attend.computations import AttentionSteps
from attncli.attend.options import as_flag, records
from attncli.attend.parts import Selection
from attncli.attend.prepare import prepare
from attncli.attend.returning import form_of, returned, whole_notices
from attncli.attend.shapes import show
from attncli.attend.words.gradients import ON_THE_WAY
from attncli.errors import InputError
from attncli.said import Said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands, ScoreOperands
    from attncli.attend.options import Options

GIVEN = "d_output"
# Up to so many scores the stages in reverse take less time than the stream.
FEW_SCORES = 1 << 14
STATES_BACK = ("value", "past_value", "key", "past_key", "query", "hidden")
ONES = Said("without d_output it is all ones: the loss is the sum of the output")


@dataclass(frozen=True, eq=False)
class Backpropagation:
    """The gradients of a problem.

    Attributes:
        operands: the problem.
        arrays: what was given, by name.
        output: the gradient of the output, as the output lies before the user's axes are restored.
        is_given: whether it was given; otherwise it is all ones.
        notices: what was decided about the arrays.
    """

    operands: Operands
    arrays: Mapping[str, NDArray[Any]]
    output: NDArray[Any]
    is_given: bool
    notices: tuple[str, ...]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], options: Options) -> Self:
        """Prepare a problem for its gradients; without ``d_output`` that is all ones.

        Raises:
            InputError: an array is missing or does not fit, ``d_output`` among them; or an option has no gradient.
        """
        require_differentiable(options)
        given = {name: array for name, array in arrays.items() if name != GIVEN and array is not None}
        operands = prepare(given, options)
        output = of_output(operands, arrays.get(GIVEN))
        whole = whole_notices(given, with_gradient(operands, given))
        return cls(operands, given, output, arrays.get(GIVEN) is not None, (*operands.notices, *whole))

    @property
    def names(self) -> list[str]:
        """The gradients that there are, in the order in which they are found."""
        given = with_gradient(self.operands, self.arrays)
        ordered = sorted(given, key=_place)
        return [GIVEN, *(f"d_{name}" for name in (*ON_THE_WAY, *ordered))]

    def select(self, part: Selection) -> Self:
        """Return the part of the problem that leads back to the scores of one batch item, one head or some queries.

        Where a matrix makes the output of all heads, their scores are all there.
        """
        together = self.operands.sizes.out_features > 0
        head = None if together else part.head
        output = self.output if part.batch is None else self.output[part.batch : part.batch + 1]
        output = output if head is None else output[:, head : head + 1]
        output = output if part.rows is None else output[:, :, part.rows]
        return replace(self, operands=self.operands.select(batch=part.batch, head=head, rows=part.rows), output=output)

    def of_arrays(
        self,
        *,
        threads: int | None = None,
        progress: Callable[[float], None] | None = None,
        into: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    ) -> dict[str, NDArray[Any]]:
        """Return the gradients of the arrays that were given, by name; no large matrix of scores is held.

        Args:
            threads: of the stream; None: OMP_NUM_THREADS, or the number of CPUs. The gradients do not depend on it.
            progress: called with the fraction that is done.
            into: where to put some of them, by name: arrays of their shape and type, such as memory-mapped files.
        """
        places: dict[str, NDArray[Any]] = {}
        if self.operands.sizes.scores <= FEW_SCORES:
            found = gradients.run(self.operands, steps.results(self.operands), self.output)
        else:
            # Import here: most problems whose matrices are looked at are small, and do without these modules.
            from attncli.attend.fast import backward

            places = dict(self._places(into))
            found = backward.run(self.operands, self.output, places, threads=threads, progress=progress)
        # What stands where it is wanted is not copied to be brought to its shape.
        others = {name: each for name, each in found.items() if name not in places}
        every = {f"d_{name}": each for name, each in returned(self.operands, self.arrays, others).items()}
        for name, place in into.items():
            if name in every:
                place[...] = every[name]
        every |= into
        return {name: every[name] for name in self.names[1 + len(ON_THE_WAY) :]}

    def _places(self, into: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Return those of some arrays to which gradients can be written as they are found, as the operands have them.

        Args:
            into: by the names of the gradients.
        """
        o = self.operands
        if o.options.states == "columns" or "block_table" in self.arrays:
            return
        for name, place in into.items():
            state = name.removeprefix("d_")
            if state in o.states and state in self.arrays and place.dtype == o.dtype:
                view = form_of(o, state, place.shape).taken(place)
                if view.shape == o.states[state].shape and len(view) == o.sizes.batch:
                    yield state, view

    def results(self) -> dict[str, NDArray[Any]]:
        """Return all gradients by name, in the form of what they are of; matrices of scores are held."""
        made = steps.results(self.operands)
        found = gradients.run(self.operands, made, self.output)
        restored = AttentionSteps(self.operands, "out").restored
        every = {GIVEN: restored("output", np.asarray(self.output, self.operands.output_dtype))}
        every |= {f"d_{name}": restored(name, found[name]) for name in ON_THE_WAY}
        every |= {f"d_{name}": each for name, each in returned(self.operands, self.arrays, found).items()}
        return {name: every[name] for name in self.names}


def require_differentiable(options: Options) -> None:
    """Refuse options with which nothing has a gradient.

    Raises:
        InputError: with the reason.
    """
    for name in options.changed():
        if reason := records()[name].no_gradient:
            flag = f"--{as_flag(name)}"
            raise InputError(f"there are no gradients with {flag}: {reason}", hint=f"leave out {flag}")


def of_output(o: ScoreOperands, array: NDArray[Any] | None) -> NDArray[Any]:
    """Return the gradient of the output as the stages have the output; where none is given, all ones.

    Args:
        o: the prepared problem.
        array: the gradient, of the shape of the user's output.

    Raises:
        InputError: it has another shape.
    """
    if array is None:
        return np.broadcast_to(np.ones((), o.dtype), o.sizes.output_shape)
    form = AttentionSteps(o, "out").form("output")
    shape = form.shape(o.sizes.output_shape)
    # A table always has two axes, even that of a vector.
    if array.shape != (1,) * (array.ndim - len(shape)) + shape:
        fact = f"{GIVEN} {show(array.shape)} does not fit the output, which is {show(shape)}"
        raise InputError(fact, arrays=[GIVEN])
    return form.taken(array.reshape(shape))


def with_gradient(o: Operands, arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return the names of the arrays that take part and have a gradient, in the order of their declaration."""
    taking_part = {*o.given, *o.inputs, *o.parameters}
    taking_part |= {"cos", "sin"} if o.options.rope is not None else set()
    taking_part |= {name for name in ("bias", "sinks") if getattr(o, name) is not None}
    taking_part |= {"mask"} if o.mask is not None and o.mask.dtype != bool else set()
    return [name for name, each in ARRAYS.items() if each.has_gradient and name in taking_part & arrays.keys()]


def _place(name: str) -> tuple[int, int]:
    """Return the place of an array on the way back: the states first, the value before all, then stage by stage."""
    if name in STATES_BACK:
        return 0, STATES_BACK.index(name)
    return 1, -[stage.name for stage in steps.STAGES].index(ARRAYS[name].stage)
