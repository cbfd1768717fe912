"""What a command is to compute: the whole of it, or just the part that is shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps as stepwise
from attncli.attend.operands import Operands, after_past, as_states, fit_sinks, missing_hint, precision
from attncli.attend.options import Options
from attncli.attend.shapes import fit_sum, four, show
from attncli.errors import InputError
from attncli.files.contents import Named
from attncli.files.formats import FORMATS
from attncli.problem.memory import available_memory
from attncli.problem.notices import not_finite, of_empty, of_inputs, of_logits, of_overflow, of_unused
from attncli.problem.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = ("score", "softmax", "sum")
# Up to so many scores the steps are as fast as the stream, and give to the last digit what a pipe of filters gives.
FEW_SCORES = 1 << 20
STEP_ALIASES = {"weighted-sum": "sum"}
MADE_BY = {"score": ("scores", "capped", "logits"), "softmax": ("weights",), "sum": ("output",)}


@dataclass(frozen=True)
class Part:
    """Which part of a problem is asked for; None is all of it."""

    batch: int | None = None
    head: int | None = None
    rows: NDArray[Any] | None = None


@dataclass(frozen=True)
class Computed:
    """Results as (batch, heads, L, …) by name, and what people should know about them."""

    arrays: Mapping[str, NDArray[Any]]
    notices: Sequence[str] = ()


@dataclass(frozen=True)
class Resources:
    """What a stream may use and whom it tells how far it is; and where its output goes.

    Attributes:
        threads: how many; None finds out.
        progress: told the share that is done.
        out: an array of the final shape to put the output in, such as a memory-mapped file.
    """

    threads: int | None = None
    progress: Callable[[float], None] | None = None
    out: NDArray[Any] | None = None


@dataclass(frozen=True)
class Computation:
    """One computation, done when asked for.

    Attributes:
        problem: what it works on.
        shape: batch, heads and queries of the results.
        rank: how many axes the results have.
        make: computes a part.
        operands: the prepared problem, where there is a whole one.
        names: the results that are asked for.
        carries: whether results carry the whole problem along, for the next filter.
    """

    problem: Problem
    shape: tuple[int, int, int]
    rank: int
    make: Callable[[Part], Computed]
    operands: Operands | None = None
    carries: bool = False
    names: Sequence[str] = ()

    @property
    def streams(self) -> bool:
        """Whether only the output is asked for, and the scores are so many that they are better not held."""
        if self.operands is None or list(self.names) != ["output"]:
            return False
        sizes = self.operands.sizes
        return sizes.batch * sizes.heads * sizes.queries * sizes.keys > FEW_SCORES

    def select(self, part: Part) -> Operands:
        """Return the operands of a part; asked only where there are some."""
        assert self.operands is not None
        return self.operands.select(batch=part.batch, head=part.head)

    def output_shape(self, part: Part) -> tuple[int, ...]:
        """Return the shape of the output of a part, with the axes that the user's arrays have."""
        sizes = self.select(part).sizes
        shape = np.broadcast_to(np.float32(0), (sizes.batch, sizes.heads, sizes.queries, sizes.value_features))
        return self.restored("output", shape, part).shape

    def stream(self, part: Part, machine: Resources) -> tuple[NDArray[Any], Sequence[str]]:
        """Compute the output of a part without a score matrix; return it as the user's arrays are, with notices."""
        from attncli.attend.fast import stream

        o = self.select(part)
        sizes = o.sizes
        out = machine.out
        if out is not None:
            packed = sizes.packed and part.head is None
            shape = (sizes.batch, sizes.heads, sizes.queries, sizes.value_features)
            out = out.reshape(shape[0], shape[2], shape[1], shape[3]).swapaxes(1, 2) if packed else out.reshape(shape)
        made = stream.run(o, out, threads=machine.threads, progress=machine.progress)
        notices = [*self.notices, *of_inputs(o, self.called), *of_overflow({"output": made.output}, o)]
        restored = self.restored("output", made.output, part) if machine.out is None else machine.out
        return restored, [*notices, *of_empty(np.array(made.empty, dtype=np.int64))]

    def check_memory(self, part: Part, *, text: bool) -> None:
        """Refuse a result that would not fit into memory, before anything of it is computed.

        Raises:
            InputError: with its size, and what to do instead.
        """
        if self.operands is None or self.streams:
            return
        o = self.select(part)
        shape = (o.sizes.batch, o.sizes.heads, o.sizes.queries, o.sizes.keys)
        size = math.prod(shape) * o.dtype.itemsize
        # While softmax runs there are scores, logits, exponentials and weights; as text each number takes 20 bytes.
        needed = 4 * size + (40 * math.prod(shape) if text else 2 * size)
        if needed > available_memory():
            axes = f"{show(shape[4 - self.rank :])} {o.dtype.name}"
            file = "FILE" + next(each.suffix for each in FORMATS.values() if each.in_place)
            raise InputError(
                f"each matrix of scores or weights would take {size / 1e9:.1f} GB ({axes}), too much for this machine",
                hint=f"the output alone is streamed (--step sum, or -o {file}); tables show a part of every step",
            )

    @property
    def notices(self) -> list[str]:
        """What is to be said of the problem before anything is computed."""
        unused = [] if self.operands is None else of_unused(self.problem.arrays, self.operands)
        return [*self.problem.notices, *unused]

    @property
    def called(self) -> dict[str, str]:
        """What the user calls key and value, where that is something else."""
        return {name: "hidden" for name in ("key", "value") if name not in self.problem.arrays}

    def restored(self, name: str, array: NDArray[Any], part: Part) -> NDArray[Any]:
        """Return one result with the axes that the user's arrays have."""
        packed = self.problem.options.heads is not None and name == "output"
        chosen = {"one_batch": part.batch is not None, "one_head": part.head is not None}
        return stepwise.restore(array, self.rank, packed=packed, **chosen)

    def result(self, part: Part, machine: Resources) -> tuple[Named, Sequence[str]]:
        """Compute a part, with the axes that the user's arrays have, and the notices that go with it."""
        if self.streams:
            output, notices = self.stream(part, machine)
            return self._result({"output": output}, part), notices
        made = self.make(part)
        return self._result(
            {name: self.restored(name, array, part) for name, array in made.arrays.items()}, part
        ), made.notices

    def _result(self, arrays: dict[str, NDArray[Any]], part: Part) -> Named:
        carried = {name: a for name, a in self.problem.arrays.items() if name not in arrays} if self.carries else {}
        return Named(
            arrays=carried | arrays,
            labels=self.problem.labels if part.batch is None else self.problem.labels_of(part.batch),
            texts=self.problem.texts,
            options=self.problem.options.changed(),
            dtype=own_dtype(self.problem),
        )


def attention_arrays(problem: Problem) -> list[NDArray[Any]]:
    """Return the arrays whose types decide the precision of all steps."""
    return [problem.arrays[name] for name in ("query", "hidden", "key", "value") if name in problem.arrays]


def own_dtype(problem: Problem) -> str | None:
    """Return the type of the problem's arrays, when that is not float64."""
    arrays = attention_arrays(problem) or list(problem.arrays.values())
    own = precision(arrays, Options())[1].name
    return None if own == "float64" else own


def attention_computation(problem: Problem, steps: Sequence[str], *, carries: bool = False) -> Computation:
    """Return the work of these steps from query and key on.

    Raises:
        InputError: an array is missing or does not fit.
    """
    last = max(STEPS.index(step) for step in steps)
    o = problem.operands(value=last == 2)
    problem.check_labels(o.sizes.batch, o.sizes.queries, o.sizes.keys)
    names = [name for step in STEPS if step in steps for name in MADE_BY[step]]

    def make(part: Part) -> Computed:
        some = o.select(batch=part.batch, head=part.head, rows=part.rows)
        found = stepwise.results(some, last)
        notices = [*computation.notices, *of_inputs(some, computation.called), *of_overflow(found, some)]
        notices += of_logits(found["logits"], part.rows)
        return Computed({name: found[name] for name in names if name in found}, notices)

    computation = Computation(
        problem, (o.sizes.batch, o.sizes.heads, o.sizes.queries), o.sizes.rank, make, o, carries, names
    )
    return computation


def softmax_computation(problem: Problem) -> Computation:
    """Return the work of softmax alone, on logits (or on scores, where there are no logits).

    Raises:
        InputError: there are neither.
    """
    name = "logits" if "logits" in problem.arrays else "scores"
    logits = _rows_of(problem, name, "attn score FILE | attn softmax")
    problem.check_labels(len(logits), *logits.shape[2:])
    dtype, _ = precision(attention_arrays(problem) or [logits], problem.options)
    with problem.naming_files():
        sinks = fit_sinks(problem.arrays["sinks"], logits.shape[1]) if "sinks" in problem.arrays else None

    def make(part: Part) -> Computed:
        some = stepwise.ready(_some(logits, part), dtype)
        drains = sinks if sinks is None or part.head is None else sinks[part.head : part.head + 1]
        made = {"weights": stepwise.softmax_step(some, drains)}
        notices = [*problem.notices, *told(**{name: some[some != -np.inf]}), *of_logits(some, part.rows)]
        return Computed(made, notices)

    return Computation(problem, logits.shape[:3], problem.arrays[name].ndim, make, carries=True)


def sum_computation(problem: Problem) -> Computation:
    """Return the work of the weighted sum alone, on weights and value.

    Raises:
        InputError: one is missing, or they do not fit.
    """
    weights = _rows_of(problem, "weights", "attn score FILE | attn softmax | attn sum")
    name = "value" if "value" in problem.arrays else "hidden"
    if name not in problem.arrays:
        raise InputError("value is missing", hint=missing_hint("value"), place=problem.place)
    with problem.naming_files():
        past_shape = problem.arrays["past_value"].shape if "past_value" in problem.arrays else None
        fit_sum(problem.arrays["weights"].shape, problem.arrays[name].shape, problem.options, past_shape)
        value = as_states(name, problem.arrays[name], problem.options, "value")
        past = problem.arrays.get("past_value")
        if past is not None:
            value = after_past(as_states("past_value", past, problem.options, "past_value"), value)
    problem.check_labels(len(weights), *weights.shape[2:])
    arrays = attention_arrays(problem)
    whole = arrays if "query" in problem.arrays else [weights, *arrays]
    dtype, output_dtype = precision(whole, problem.options)

    def make(part: Part) -> Computed:
        rows, states = _some(weights, part), _some(value, Part(part.batch))
        if part.head is not None:
            at = part.head * value.shape[1] // weights.shape[1]
            states = states[:, at : at + 1]
        output = stepwise.sum_step(rows, states, dtype).astype(output_dtype, copy=False)
        return Computed({"output": output}, [*problem.notices, *told(weights=rows, **{name: states})])

    return Computation(problem, weights.shape[:3], problem.arrays["weights"].ndim, make, carries=True)


def _rows_of(problem: Problem, name: str, pipe: str) -> NDArray[Any]:
    if name not in problem.arrays:
        hint = f"give a matrix of them, or a pipe: {pipe}"
        raise InputError(f"{name} are missing", hint=hint, place=problem.place)
    array = problem.arrays[name]
    with problem.naming_files():
        return array.reshape(four(name, array.shape))


def told(**arrays: NDArray[Any]) -> list[str]:
    """Tell of NaN and ∞ in these arrays."""
    return [f"{name} holds {what}" for name, array in arrays.items() if (what := not_finite(array))]


def _some(array: NDArray[Any], part: Part) -> NDArray[Any]:
    if part.batch is not None:
        array = array[part.batch : part.batch + 1] if array.shape[0] > 1 else array
    if part.head is not None:
        array = array[:, part.head : part.head + 1]
    return array if part.rows is None else array[:, :, part.rows]
