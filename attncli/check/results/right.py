"""The right results of every stage, in float64, and how far rounding may take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early, steps
from attncli.attend.arrays import ARRAYS
from attncli.attend.fast import stream
from attncli.attend.fast.blas import one_thread
from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import Rotation
from attncli.attend.stages.rotate import rotation_of
from attncli.check.precision import LEAST, MOST, Reference
from attncli.check.recipe import OUTPUT, REACHED
from attncli.check.rounding import FLOAT32, Precision, Rounding
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# A problem with more scores than this is large: what float32 costs is measured once, without changed inputs.
FEW = 1 << 22
# How often inputs are changed by as much as float32 rounds them.
TIMES = 2
# The longest table of a rotation that is made to see what it costs to have it in float32.
MOST_PLACES = 1 << 17
# What a result is where its stage does nothing, the nearest first.
BEFORE = {
    "capped": ("scores",),
    "context": ("output",),
    **{f"projected_{state}": (state,) for state in ("query", "key", "value")},
    **{f"normed_{state}": (f"projected_{state}", state) for state in ("query", "key", "value")},
    **{f"rotated_{state}": (f"normed_{state}", f"projected_{state}", state) for state in ("query", "key")},
    "cached_key": ("rotated_key", "normed_key", "projected_key", "key"),
    "cached_value": ("normed_value", "projected_value", "value"),
}


@dataclass(frozen=True, eq=False)
class Results:
    """The right results of a problem, and what it costs to compute them less precisely.

    Attributes:
        operands: the problem.
        wanted: the names of the results that are compared.
    """

    operands: Operands
    wanted: tuple[str, ...]

    @property
    def is_large(self) -> bool:
        """Whether there are too many scores for all of them to be made many times."""
        return self.operands.sizes.scores > FEW

    def at(self, dtype: Any) -> Operands:
        """Return the problem, to be computed in a precision."""
        return replace(self.operands, dtype=np.dtype(dtype), output_dtype=np.dtype(dtype))

    @cached_property
    def core(self) -> Operands:
        """The problem with query, key and value made, in float64."""
        return self.at(np.float64).core

    @cached_property
    def right(self) -> dict[str, Array]:
        """The results by name, (batch, heads, length, …), with those that masks speak of; `lse` as a column."""
        return self._run(self.core, (*self.wanted, "scores", "logits"))

    def stands_for(self, name: str) -> str:
        """Return the name of what stands for a result whose stage does nothing; its own where there is something."""
        return next((each for each in (name, *BEFORE.get(name, ())) if each in self.made_names), name)

    @cached_property
    def made_names(self) -> frozenset[str]:
        """The names of the states, and of the results that are made of them."""
        return frozenset({*self.operands.states, *steps.names(self.operands, steps.STEPS)})

    def _run(self, o: Operands, names: tuple[str, ...], round_: Precision | None = None) -> dict[str, Array]:
        """Return some results of prepared operands, each rounded as soon as it is made, if anything is."""
        made: dict[str, Array] = dict(o.made)
        keep = {self.stands_for(name) for name in names}
        last = max((steps.STAGES.index(each) for each in steps.STAGES if {*each.makes} & keep), default=0)
        products = o.sizes.queries * o.sizes.keys * max(o.sizes.features, o.sizes.value_features)
        with one_thread(products), np.errstate(all="ignore"):
            for stage in steps.STAGES[: last + 1]:
                found = {} if stage in early.STAGES else stage.forward(o, made)
                made |= {name: array if round_ is None else round_.round(array) for name, array in found.items()}
        states = {name: array for name, array in o.states.items() if name not in made}
        return {name: _column(self.stands_for(name), (states | made)[self.stands_for(name)]) for name in names}

    def _less(self) -> Iterator[Operands]:
        """Return the problem as it is computed in float32, with inputs that float32 rounds, and with its angles."""
        yield self.at(np.float32).core
        with_held = {name: each.loosened() for name, each in self.core.held.items()}
        if with_held:
            yield replace(self.core, held=with_held)
        table = _in_float32(self.core)
        if table is not None:
            yield replace(self.core, cos=table[0], sin=table[1])
        for seed in range(0 if self.is_large else TIMES):
            random = np.random.default_rng(seed)
            yield changed(self.core, lambda x, random=random: x * (1 + random.uniform(-1, 1, x.shape) * FLOAT32.eps))

    @cached_property
    def single(self) -> dict[str, Array]:
        """(batch, heads, length) the error of float32 in each row, and no less than most rows have, by name."""
        return self._error(self._run(each, self.wanted) for each in self._less())

    def half(self, precision: Precision) -> dict[str, Array]:
        """Return the error of each row with inputs and results rounded to half precision, by name."""
        if precision not in self._halves:
            rounded = changed(self.core, precision.round)
            rounded = replace(rounded, made={name: precision.round(each) for name, each in self.core.made.items()})
            self._halves[precision] = self._error([self._run(rounded, self.wanted, precision)])
        return self._halves[precision]

    @cached_property
    def _halves(self) -> dict[Precision, dict[str, Array]]:
        return {}

    def _error(self, runs: Any) -> dict[str, Array]:
        """Return the largest difference in each row, and no less than most rows have for their size, by name."""
        found = {name: np.zeros(self.right[name].shape[:3]) for name in self.wanted}
        for made in runs:
            for name, rows in found.items():
                apart = np.abs(made[name] - self.right[name])
                np.maximum(rows, np.where(np.isfinite(apart), apart, 0).max(axis=-1), out=rows)
        for name, rows in found.items():
            typical = float(np.quantile(rows / self.size(name), MOST)) if rows.size else 0.0
            np.maximum(rows, max(typical, FLOAT32.eps / 2) * self.size(name), out=rows)
        return found

    def size(self, name: str) -> Array:
        """Return how large the numbers of each row are, (batch, heads, length), and no less than a share of most.

        Logits, and the logarithm of their sum, are as large as the scores that they are made of, closed ones included.
        """
        same = [self.right[name], *[self.right["scores"]] * (name in ("logits", "lse"))]
        largest = np.max([np.where(np.isfinite(each), np.abs(each), 0).max(axis=-1) for each in same], axis=0)
        usual = np.sqrt((largest**2).mean(axis=-1, keepdims=True))
        return np.maximum(np.maximum(largest, LEAST * usual), np.finfo(float).tiny)


@dataclass(frozen=True)
class OfResult(Reference):
    """One right result, as outputs are compared.

    Attributes:
        results: all of them.
        name: its name.
        taken: the array that is compared; None: the result itself.
        times: how much larger its numbers are.
    """

    results: Results | None = None
    name: str = ""
    taken: Array | None = None
    times: float = 1.0

    @classmethod
    def named(cls, results: Results, name: str, taken: Array | None = None) -> OfResult:
        """Return the result of a name, or an array that stands for it, of as many rows in each of as many heads."""
        right, less = stream.alone(results.core), stream.alone(results.at(np.float32).core)
        return cls(right, less, results=results, name=name, taken=taken)

    @property
    def _all(self) -> Results:
        assert self.results is not None  # `named` gives them
        return self.results

    @property
    def until(self) -> str:
        """Where its recipe ends; that of a result which none reaches is not asked for."""
        return self.name if self.name in REACHED else OUTPUT

    @cached_property
    def output(self) -> Array:
        """(batch, heads, length, …) in float64."""
        return np.asarray(self._all.right[self.name] if self.taken is None else self.taken, dtype=np.float64)

    @cached_property
    def size(self) -> Array:
        """(batch, heads, length) how large the numbers of each row are."""
        return self.times * _like(self._all.size(self.name), self.output)

    def tolerance(self, precision: Precision) -> Array:
        """Return how far rounding may take each row, (batch, heads, length)."""
        single = self.times * _like(self._all.single[self.name], self.output)
        if precision.is_half:
            half = self.times * _like(self._all.half(precision)[self.name], self.output)
            return np.maximum(precision.margin * half, FLOAT32.margin * single)
        return precision.margin * precision.eps / FLOAT32.eps * single

    def rounding_of(self, expected: Array, recipe: Any = None) -> Rounding | None:
        """Return what, rounded to half precision, brings a recipe much nearer to it, if a recipe reaches it."""
        if self.until != self.name or self.taken is not None:
            return None
        return super().rounding_of(expected, recipe)


def _like(rows: Array, array: Array) -> Array:
    """Return numbers for each row as an array has its rows: those of a key head for each of its query heads, or new."""
    if rows.shape[1] != array.shape[1]:
        rows = np.repeat(rows, array.shape[1] // rows.shape[1], axis=1)
    return rows[:, :, rows.shape[2] - array.shape[2] :]


def _column(name: str, array: Array) -> Array:
    return array[..., None] if name in ARRAYS and ARRAYS[name].is_one_per_query else array


def changed(o: Operands, change: Any) -> Operands:
    """Return operands with changed query, key and value, made or given, and with what is added to their scores."""
    fields = {name: change(np.asarray(array, dtype=np.float64)) for name, array in o.states.items()}
    added = {name: getattr(o, name) for name in ("mask", "bias", "sinks")}
    some = {name: array for name, array in added.items() if array is not None and array.dtype != bool}
    return replace(o, **fields, **{name: change(np.asarray(each, dtype=np.float64)) for name, each in some.items()})


def _in_float32(o: Operands) -> tuple[Array, Array] | None:
    """Return cosines and sines as programs make them whose positions and frequencies are float32; None: not here."""
    if o.options.rope is None or o.cos is not None or o.options.rope_sections is not None:
        return None
    places = (o.standing, o.keys_standing)
    if min(int(each.min()) for each in places) < 0 or o.rope_length > MOST_PLACES:
        return None
    if o.query.shape[-1] != o.key.shape[-1]:  # one table cannot serve both
        return None
    try:
        rotation: Rotation = rotation_of(o, o.query.shape[-1])
    except InputError:
        return None
    positions = np.arange(max(int(each.max()) for each in places) + 1, dtype=np.float32)
    angles = positions[:, None] * rotation.frequencies.astype(np.float32)
    turned: Mapping[str, Array] = {"cos": np.cos(angles), "sin": np.sin(angles)}
    return (
        turned["cos"][None].astype(np.float64) * rotation.attention,
        turned["sin"][None].astype(np.float64) * rotation.attention,
    )
