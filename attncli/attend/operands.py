"""The input of the stages: arrays in one form, and every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.cache.rounding import Held
from attncli.attend.layer import Layer
from attncli.attend.norms import Norm
from attncli.attend.options import Options
from attncli.attend.shapes import Sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.pages import Pages

# The symbols of the axes of what has a field of its own; those of the other arrays stand in their records.
AXES_OF = {
    **{name: ARRAYS[name].axes for name in ("query", "key", "value", "mask", "bias", "key_lengths", "sinks")},
    "positions": ("B", "L"),
    "places": ("T", "B", "L"),
    "key_places": ("T", "B", "S"),
    "cos": ("B", "N", "D"),
    "sin": ("B", "N", "D"),
    "row_indices": ("L",),
    "head_indices": ("H",),
    "gate": ("B", "H", "L", "Ev"),
}
# Of the scales of a cache.
OF_HELD = ("B", "K", "S", "E")


Prepared = TypeVar("Prepared", bound="ScoreOperands")


class Early(Protocol):
    """The stages before query and key are rotated and scored; `attncli.attend.early` has them, above this module."""

    def core(self, o: Prepared) -> Prepared:
        """Return the operands with query, key and value made."""

    def outline(self, o: Prepared) -> Prepared:
        """Return the operands with arrays of the right sizes in the place of query, key and value."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoreOperands:
    """The input of the stages up to softmax; every array is (batch, heads, length, features), still as read.

    Nothing is copied or converted here (except to put past keys before new ones), so a memory-mapped query stays on
    disk until its rows are needed.

    Attributes:
        query: (batch or 1, heads, L, E).
        key: (batch or 1, key heads, S, E), past ones first.
        mask: boolean or numbers, each axis 1 or as in (batch, heads, L, S), the last at most S; None if not given.
        bias: numbers, each axis 1 or as in (batch, heads, L, S); None if not given.
        key_lengths: (batch or 1,) the number of keys of each batch item; None if not given.
        sinks: (heads,) the logit of one extra key per head, whose value is zero; None if not given.
        parameters: those of the score function, by name.
        positions: (batch or 1, L) position of each query, by which rules close keys.
        places: (3 or 1, batch or 1, L) where the queries stand for rotation and ALiBi; None: at their positions.
        key_places: (3 or 1, batch or 1, S) the same of the keys; None: at 0, 1, …
        cos: (1, positions, D/2) cosines in place of frequencies, or (batch or 1, L, D/2) with a row for each query,
            which is that of the new key at the same place; None if not given.
        sin: likewise.
        row_indices: (L) which of all queries these are, where that is the row of the tables; otherwise None.
        rope_length: the largest place + 1.
        head_indices: the indices of these heads in the whole problem.
        head_count: the number of heads of the whole problem; ALiBi slopes depend on both.
        factor: the scale, as a number.
        dtype: precision of the computation.
        output_dtype: type of the output.
        inputs: whatever else is given, by name; each has the axes of its record, and one of length 1 serves all.
        layer: what is around the attention.
        split: into how many heads each state is cut when it is projected.
        past: past keys and values, where new ones have to be projected first: (batch or 1, key heads, P, …).
        gate: (batch or 1, heads, L, Ev or 1) what multiplies the weighted sums, before σ; None if there is none.
        early: makes query, key and value of what was given; None where they were given, or are made already.
        made: what it made, by name.
        held: how a cache of fewer bits holds keys and values, with the scales that all parts share; it is known where
            query, key and value are made.
        given: what a layer was given, by the user's names; empty where query, key and value are as they were given.
        pages: the pools and the table that key and value are gathered from; None: they are not in pages.
        notices: what was decided about arrays that could have been meant otherwise.
    """

    query: NDArray[Any]
    key: NDArray[Any]
    mask: NDArray[Any] | None
    bias: NDArray[Any] | None
    key_lengths: NDArray[np.int64] | None
    sinks: NDArray[Any] | None
    positions: NDArray[np.int64]
    places: NDArray[np.int64] | None
    key_places: NDArray[np.int64] | None
    cos: NDArray[Any] | None
    sin: NDArray[Any] | None
    row_indices: NDArray[np.int64] | None
    rope_length: int
    head_indices: NDArray[np.int64]
    head_count: int
    sizes: Sizes
    options: Options
    factor: float
    dtype: np.dtype[Any]
    output_dtype: np.dtype[Any]
    parameters: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    layer: Layer = field(default_factory=Layer)
    split: Mapping[str, int] = field(default_factory=dict)
    past: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    gate: NDArray[Any] | None = None
    early: Early | None = None
    made: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    held: Mapping[str, Held] = field(default_factory=dict)
    given: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    pages: Pages | None = None
    notices: tuple[str, ...] = ()

    NAMES: ClassVar[tuple[str, ...]] = ("query", "key")

    @property
    def states(self) -> dict[str, NDArray[Any]]:
        """Query and key, and the value if there is one, by name."""
        return {name: getattr(self, name) for name in self.NAMES}

    @property
    def taking_part(self) -> frozenset[str]:
        """The names of the arrays of a layer that take part."""
        return self.layer.names

    @property
    def has_after(self) -> bool:
        """Whether anything comes after the weighted sum."""
        return self.gate is not None or self.layer.gate is not None or self.layer.out is not None

    @property
    def norms_late(self) -> bool:
        """Whether query and key are normalised after they are rotated."""
        return self.options.qk_norm is not None and Norm.of(self.options.qk_norm).after_rope

    @cached_property
    def core(self) -> Self:
        """The same with query, key and value projected and normalised, which is done once for all parts."""
        return self if self.early is None else self.early.core(self)

    @property
    def outline(self) -> Self:
        """The same with arrays of the right sizes in the place of what is not made yet; they take no memory."""
        return self if self.early is None else self.early.outline(self)

    @property
    def standing(self) -> NDArray[np.int64]:
        """Where the queries stand for rotation and ALiBi, (3 or 1, batch or 1, L)."""
        return self.positions[None] if self.places is None else self.places

    @property
    def keys_standing(self) -> NDArray[np.int64]:
        """Where the keys stand, past ones included, (3 or 1, batch or 1, S)."""
        return np.arange(self.sizes.keys)[None, None] if self.key_places is None else self.key_places

    def select(
        self,
        *,
        batch: int | None = None,
        head: int | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> Self:
        """Return the part of the problem that this batch item, this query head and these queries need."""
        if self.core is not self:
            return self.core.select(batch=batch, head=head, rows=rows)
        sizes: dict[str, Any] = {}
        sizes |= {} if batch is None else {"batch": 1}
        sizes |= {} if head is None else {"heads": 1, "key_heads": 1}
        sizes |= {} if rows is None else {"queries": len(rows)}

        def part(array: NDArray[Any] | None, axes: tuple[str, ...]) -> Any:
            return None if array is None else _part(array, axes, batch, head, rows, self.sizes.heads)

        fields: dict[str, Any] = {
            name: part(getattr(self, name), axes) for name, axes in AXES_OF.items() if hasattr(self, name)
        }
        inputs = {name: part(array, ARRAYS[name].axes) for name, array in self.inputs.items()}
        made = {name: part(array, ARRAYS[name].axes) for name, array in self.made.items()}
        held = {name: replace(each, peaks=part(each.peaks, OF_HELD)) for name, each in self.held.items()}
        sizes_of_part = replace(self.sizes, **sizes)
        return replace(self, sizes=sizes_of_part, inputs=inputs, made=made, held=held, **fields)


def _part(
    array: NDArray[Any],
    axes: tuple[str, ...],
    batch: int | None,
    head: int | None,
    rows: NDArray[np.int64] | None,
    heads: int,
) -> NDArray[Any]:
    """Return what one batch item, one head and some rows have of an array; an axis of length 1 serves all."""
    for axis, (symbol, length) in enumerate(zip(axes, array.shape, strict=True)):
        chosen: slice | NDArray[np.int64] | None = None
        if symbol == "B" and batch is not None:
            chosen = slice(batch, batch + 1)
        elif symbol in ("H", "K") and head is not None:
            # Fewer heads than the query has: a key head serves a block of consecutive query heads.
            chosen = slice(head * length // heads, head * length // heads + 1)
        elif symbol == "L":
            chosen = rows
        if chosen is not None and length > 1:
            array = array[(slice(None),) * axis + (chosen,)]
    return array


@dataclass(frozen=True, eq=False, kw_only=True)
class Operands(ScoreOperands):
    """The input of all stages: the operands of the scores, and a value.

    Attributes:
        value: (batch or 1, key heads, S, Ev), past ones first.
    """

    value: NDArray[Any]

    NAMES: ClassVar[tuple[str, ...]] = ("query", "key", "value")
