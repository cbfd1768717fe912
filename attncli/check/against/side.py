"""One problem of one dump: its arrays by name, each as (batch, heads, length, features)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import steps
from attncli.attend.arrays import ARRAYS, RESULTS, STATES
from attncli.attend.layouts import ORDERS as LAYOUTS
from attncli.attend.operands import Operands
from attncli.attend.options import Options, as_flag, records
from attncli.attend.returning import form_of
from attncli.attend.words.array import Role
from attncli.attend.words.option import LAYOUT, PRECISION
from attncli.check.layouts import own_orders, readings_as
from attncli.check.results.seen import axes_of
from attncli.errors import InputError
from attncli.mask.opening import Opening
from attncli.problem.problem import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# What closes keys besides arrays.
RULES = ("causal", "window", "chunk")
FAR = -1e3


@dataclass(frozen=True, eq=False)
class Side:
    """One problem of one dump.

    Attributes:
        problem: as it was read.
        read_as: the layout in which its states turned out to lie, though it does not say so; empty: as it says.
    """

    problem: Problem
    read_as: str = ""

    @cached_property
    def operands(self) -> Operands | None:
        """What it computes with; None: its arrays alone do not say that."""
        try:
            return self.problem.operands()
        except InputError:
            return None

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """The arrays by name: what another program made of a result is that result, unless it is there itself."""
        given = self.problem.arrays
        found = {name: array for name, array in given.items() if ARRAYS[name].role in (Role.STATE, Role.INPUT)}
        for name in RESULTS:
            expected = given.get("expected" if name == "output" else f"expected_{name}")
            array = given.get(name, expected)
            found |= {} if array is None else {name: array}
        return found

    @cached_property
    def opening(self) -> Opening | None:
        """What its masks open; None: it has none, or it is not known with what it computes."""
        has_arrays = any(ARRAYS[name].stage == "mask" and name != "bias" for name in self.arrays)
        if self.operands is None or not (has_arrays or any(map(self.problem.options.in_force, RULES))):
            return None
        return Opening(self.operands)

    @cached_property
    def open(self) -> NDArray[np.bool_] | None:
        """Where keys are open, (batch or 1, heads or 1, L, S); None: it has no mask."""
        if self.opening is None or self.operands is None:
            return _kept(self.padded("mask")) if "mask" in self.arrays else None
        whole, mask = self.opening.whole(), self.operands.mask
        # A mask may be shorter than the keys: what is behind it is closed, which is among the rules.
        return whole if mask is None or mask.shape[-1] != whole.shape[-1] else whole & _kept(mask)

    def fitted(self, other: Side) -> Side:
        """Return it as it lies where its states fit those of another problem but for their lengths.

        Where they fit in no layout, nothing is known of what it computes with.
        """
        o = other.operands
        if o is None or (self.operands is not None and _alike(self.operands, o)):
            return self
        packed: dict[str, Any] = {"heads": o.sizes.heads, "kv_heads": o.sizes.key_heads}
        apart: list[dict[str, Any]] = [{"layout": layout} for layout in LAYOUTS]
        for changes in (*apart, packed, {**packed, "layout": "sbhd"}):
            plain: dict[str, Any] = {"layout": "bhsd", "states": "rows", "heads": None, "kv_heads": None}
            options = replace(self.problem.options, **(plain | changes))
            side = Side(replace(self.problem, options=options), _words(changes))
            if side.operands is not None and _alike(side.operands, o):
                return side
        side = Side(self.problem)
        side.__dict__["operands"] = None
        return side

    def lying(self, options: Options) -> Options:
        """Return options with those of its own that only say how arrays lie."""
        own: dict[str, Any] = {
            name: getattr(self.problem.options, name) for name, each in records().items() if each.stage == LAYOUT
        }
        return replace(options, **own)

    @property
    def said(self) -> dict[str, object]:
        """The options that it says, but for those that only say how arrays lie."""
        changed = self.problem.options.changed()
        return {name: value for name, value in changed.items() if records()[name].stage not in (LAYOUT, PRECISION)}

    def lengths(self) -> tuple[int, int] | None:
        """Return how many queries and keys there are; None: it is not known."""
        return None if self.operands is None else (self.operands.sizes.queries, self.operands.sizes.keys)

    def own(self, name: str) -> Array | None:
        """Return an array as (batch, heads, length, …), read as its problem says; None: that says nothing of it."""
        array, o = self.arrays[name], self.operands
        if o is None:
            return None
        if name in STATES and "block_table" not in self.arrays:
            turned = self.problem.options.states == "columns" and array.ndim >= 2
            array = np.swapaxes(array, -1, -2) if turned else array
            return form_of(o, "key" if name == "hidden" else name, array.shape).taken(array)
        if name in RESULTS:
            shape = steps.shape(o, name)
            orders = own_orders(o.options.layout, packed=o.sizes.packed) if name == "output" else [(0, 1, 2, 3)]
            read = readings_as(array, (*shape, 1)[:4], orders, axes_of(name))
            return read[0].array if read else None
        return None

    def padded(self, name: str) -> Array:
        """Return an array with four axes as it is."""
        array = self.arrays[name]
        return array.reshape((1,) * (4 - array.ndim) + array.shape) if array.ndim <= 4 else array.reshape(1, 1, 1, -1)


def _alike(one: Operands, other: Operands) -> bool:
    """Tell whether two problems are the same in all but the numbers of their queries and keys."""
    return all(
        getattr(one.sizes, name) == getattr(other.sizes, name)
        for name in ("batch", "heads", "features", "value_features")
    )


def _words(changes: Mapping[str, Any]) -> str:
    """Write a layout as the flags that say it."""
    return " ".join(f"--{as_flag(name)} {value}" for name, value in changes.items())


def _kept(mask: Array) -> NDArray[np.bool_]:
    """Return where a mask opens keys: where it is true, or a number that is not far below 0."""
    return mask if mask.dtype == bool else np.asarray(mask) > FAR
