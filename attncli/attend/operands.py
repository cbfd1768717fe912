"""The input of the stages: arrays in one form, and every default filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from attncli.attend.arrays import ARRAYS, missing_hint
from attncli.attend.documents import documents
from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.fitting import as_gate, fit_axes, fit_gate, fit_lengths, fit_over_scores, fit_sinks
from attncli.attend.layer import (
    Layer,
    Projection,
    as_packed,
    check_norms,
    check_value,
    layer_of,
    out_features,
    projected_shapes,
    value_heads,
)
from attncli.attend.layouts import Form
from attncli.attend.norms import Norm
from attncli.attend.options import Options
from attncli.attend.pages import Pages
from attncli.attend.positions import positions
from attncli.attend.rotary.places import of_rotation, standing
from attncli.attend.scores import FUNCTIONS
from attncli.attend.shapes import FITTED, Sizes, as_four_axes, fit, heads_of
from attncli.attend.stages import norm, project
from attncli.attend.truth import as_rule
from attncli.attend.types import is_real, own
from attncli.attend.views import after_past
from attncli.attend.words.array import OF_STATES, Role
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        made: results of the stages before this form, by name.
        given: what a layer was given, by the user's names; empty where query, key and value are as they were given.
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
    made: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    given: Mapping[str, NDArray[Any]] = field(default_factory=dict)
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
    def is_core(self) -> bool:
        """Whether query, key and value are what is rotated and scored: nothing comes before that, or it is done."""
        early = [each for each in self.layer.norms if each in self.NAMES and not (each != "value" and self.norms_late)]
        return not (self.layer.projections or early) or bool(self.made)

    @property
    def norms_late(self) -> bool:
        """Whether query and key are normalised after they are rotated."""
        return self.options.qk_norm is not None and Norm.of(self.options.qk_norm).after_rope

    @cached_property
    def core(self) -> Self:
        """The same with query, key and value projected and normalised, which is done once for all parts."""
        if self.is_core and self.layer.gate is None:
            return self
        made: dict[str, NDArray[Any]] = {}
        with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
            for stage in (project.STAGE, norm.STAGE):
                made |= stage.forward(self, made)
            gate = self.gate if self.layer.gate is None else self._made_gate(self.layer.gate)
        changed: dict[str, Any] = {}
        for name, array in self.states.items():
            changed[name] = made.get(f"normed_{name}", made.get(f"projected_{name}", array))
        layer = replace(self.layer, projections={}, gate=None)
        return replace(self, made=made, layer=layer, gate=gate, past={}, **changed)

    def _made_gate(self, by: Projection) -> NDArray[Any]:
        """Return the gate of each head and query, (batch, heads, L, Ev or 1)."""
        batch, _, length, _ = self.query.shape
        packed = self.query.swapaxes(1, 2).reshape(batch, length, -1)
        return as_gate(project.affine(packed, by, self.dtype), self.sizes)

    @property
    def outline(self) -> Self:
        """The same with arrays of the right sizes in the place of what is not made yet; they take no memory."""
        if self.is_core and self.layer.gate is None:
            return self
        sizes = self.sizes
        lengths = {"query": (sizes.heads, sizes.queries, sizes.features)}
        lengths |= {"key": (sizes.key_heads, sizes.keys, sizes.features)}
        lengths |= {"value": (self.split.get("value", sizes.key_heads), sizes.keys, sizes.value_features)}
        blank = np.zeros((), dtype=self.dtype)
        states: dict[str, Any] = {name: np.broadcast_to(blank, (sizes.batch, *lengths[name])) for name in self.NAMES}
        names = [*project.STAGE.results(self), *(f"normed_{name}" for name in norm.before_rope(self))]
        made = {name: states[name.partition("_")[2]] for name in names}
        gate = np.broadcast_to(blank, sizes.context_shape) if self.layer.gate is not None else self.gate
        layer = replace(self.layer, projections={}, gate=None)
        return replace(self, made=made, layer=layer, gate=gate, past={}, **states)

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
        return replace(self, sizes=replace(self.sizes, **sizes), inputs=inputs, made=made, **fields)


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
        elif symbol in ("H", "K", "V") and head is not None:
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


# The arrays that need nothing but the axes of their records; fields of their own and stages see to the others.
FITTED_BY_AXES = tuple(
    name
    for name, each in ARRAYS.items()
    if each.role is Role.INPUT and name not in (*AXES_OF, "key_positions") and set(each.axes) <= {*OF_STATES, "k"}
)


def prepare(arrays: Mapping[str, Any], options: Options) -> Operands:
    """Bring arrays to the form that the stages expect.

    Args:
        arrays: by name; ``hidden`` replaces a missing key or value.
        options: see `Options`.

    Raises:
        InputError: an array is missing, or shapes or options contradict each other.
    """
    found = prepare_scores(arrays, options)
    if not isinstance(found, Operands):
        given = [name for name, array in arrays.items() if array is not None]
        raise InputError("value is missing", hint=missing_hint("value"), arrays=given)
    return found


def prepare_scores(arrays: Mapping[str, Any], options: Options) -> ScoreOperands:
    """Bring arrays to the form that the stages up to softmax expect, which need no value.

    If there is a value, it is used anyway, since its type affects the precision of all stages; the result is then
    `Operands`.

    Raises:
        InputError: as `prepare`.
    """
    found = numbers(arrays)
    pooled: dict[str, NDArray[Any]] = {}
    if "block_table" in found:
        pages = Pages.of(found, options)
        pooled = {name: pages.gathered(name) for name in pages.pools}
        found |= pooled
    layer = layer_of(found, options)
    named = {name: found[name] for name in FITTED if name in found}
    called: dict[str, str] = {}
    for name in ("query", "key", "value"):
        if name not in named and "hidden" in found:
            named[name], called[name] = found["hidden"], "hidden"
    for name in ("query", "key"):
        if name not in named:
            raise InputError(f"{name} is missing", hint=missing_hint(name), arrays=list(found))
    parameters = {name: found[name] for name in FUNCTIONS[options.score].parameters if name in found}
    laid = as_packed(options) if layer.projections else options
    shapes = projected_shapes({name: array.shape for name, array in named.items()}, layer, options, called)
    of_value = value_heads(layer, shapes["value"], laid) if "value" in shapes else None
    if "value" in shapes and of_value is None:
        check_value(layer, shapes["value"], laid)
    every = shapes | {name: array.shape for name, array in parameters.items()}
    sizes = fit(every, laid, called, of_value, pooled)
    split = {"query": sizes.heads, "key": sizes.key_heads, "value": of_value or sizes.key_heads}
    states = dict(pooled)
    for name, array in named.items():
        if name in pooled:
            continue
        one = replace(laid, heads=1, kv_heads=None) if name in layer.projections else laid
        count = heads_of(name, array.shape, one, None if name in layer.projections else of_value)
        states[name] = as_states(called.get(name, name), array, options, count)
    if layer.projections or layer.norms or layer.out is not None or layer.gate is not None:
        of_query = (called.get("query", "query"), states["query"].shape[1] * states["query"].shape[3])
        sizes = replace(sizes, out_features=out_features(layer, sizes, options, of_query))
        counts = {"query": (sizes.heads, sizes.features), "key": (sizes.key_heads, sizes.features)}
        counts |= {"value": (of_value or sizes.key_heads, sizes.value_features)}
        check_norms(layer, counts, options)
    dtype, output_dtype = precision([named[name] for name in ("query", "key", "value") if name in named], options)
    mask, notice = as_rule(found["mask"]) if "mask" in found else (None, "")
    inputs = {name: fit_axes(name, found[name], sizes) for name in FITTED_BY_AXES if name in found}
    inputs |= {"block_table": pages.table} if pooled else {}
    lengths = fit_lengths(found["key_lengths"], sizes, found) if "key_lengths" in found else None
    where = positions(options, sizes, lengths)
    # With parameters of the score function a key may have other features than a query.
    turned = []
    for name in ("query", "key"):
        features, role = states[name].shape[-1], called.get(name, name)
        if name in layer.projections:
            features = as_four_axes(role, shapes[name], laid, split[name])[3]
        turned.append((role, features))
    stood = standing(found, options, sizes, where, turned)
    operands: dict[str, Any] = {
        "query": states["query"],
        "key": states["key"] if "key" in layer.projections else after_past(states.get("past_key"), states["key"]),
        "mask": None if mask is None else fit_over_scores("mask", mask, sizes),
        "bias": fit_over_scores("bias", found["bias"], sizes) if "bias" in found else None,
        "key_lengths": lengths,
        "sinks": fit_sinks(found["sinks"], sizes.heads) if "sinks" in found else None,
        "parameters": parameters,
        "inputs": documents(inputs, found, where, sizes),
        "layer": layer,
        "split": split,
        "given": {called.get(name, name): array for name, array in named.items()}
        | {name: found[name] for name in layer.names},
        "past": {name: states[f"past_{name}"] for name in ("key", "value") if f"past_{name}" in states},
        "gate": fit_gate(found["gate"], sizes, laid) if "gate" in found else None,
        "positions": where,
        **stood,
        "head_indices": np.arange(sizes.heads),
        "head_count": sizes.heads,
        "sizes": sizes,
        "options": options,
        "factor": scale_factor(options, sizes),
        "dtype": dtype,
        "output_dtype": output_dtype,
        "notices": tuple(each for each in (notice, *of_rotation(options)) if each),
    }
    if "value" not in states:
        return ScoreOperands(**operands)
    value = states["value"]
    return Operands(
        **operands, value=value if "value" in layer.projections else after_past(states.get("past_value"), value)
    )


def numbers(arrays: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays that are given, as NumPy arrays.

    Raises:
        InputError: one of them holds something other than numbers, or its rows are ragged.
    """
    return {name: _numbers(name, array) for name, array in arrays.items() if array is not None}


def _numbers(name: str, array: Any) -> NDArray[Any]:
    """Return an array of numbers.

    Raises:
        InputError: it holds something other than numbers, or its rows are ragged.
    """
    try:
        found = np.asarray(_of_tensor(array) if hasattr(array, "detach") else array)
    except ValueError as error:
        raise InputError(f"{name} is not an array of numbers: its rows are ragged", arrays=[name]) from error
    except (TypeError, RuntimeError) as error:
        fact = f"{name} is of a type that NumPy cannot read, {type(array).__name__}: {str(error).splitlines()[0]}"
        raise InputError(fact, arrays=[name]) from error
    if not is_real(found.dtype):
        raise InputError(f"{name} must hold real numbers, not {found.dtype.name}", arrays=[name])
    return found


def _of_tensor(tensor: Any) -> Any:
    """Return a tensor of PyTorch as an array: its numbers alone, without gradients, from wherever they are.

    Types that NumPy does not have, such as bfloat16, become float32, which changes no number.
    """
    try:
        return tensor.numpy(force=True)
    except TypeError:
        return tensor.float().numpy(force=True) if tensor.is_floating_point() else tensor


def as_states(called: str, array: NDArray[Any], options: Options, heads: int | None) -> NDArray[Any]:
    """Return a view as (batch, heads, length, features), each state a row.

    Args:
        called: the user's name for the array.
        array: as read from its file.
        options: they say whether states are columns, and in which order their axes lie.
        heads: how many heads the last axis packs; None: it is not packed.
    """
    as_four_axes(called, array.shape, options, heads)  # refuses what cannot be read so
    turned = np.swapaxes(array, -1, -2) if options.states == "columns" and array.ndim >= 2 else array
    return Form.of_state(array.ndim, options.layout, heads).taken(turned)


def precision(arrays: Iterable[NDArray[Any]], options: Options) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the types of the computation and of the output.

    Integers and booleans count as float64. Half precision is computed in float32 and returned as half precision;
    narrower types, and bfloat16, which NumPy does not have, are returned as float32.
    """
    wide = np.result_type(*(own(array.dtype) for array in arrays))
    if options.dtype is not None:
        return np.dtype(options.dtype), np.dtype(options.dtype)
    return np.result_type(wide, np.float32), wide


def scale_factor(options: Options, sizes: Sizes) -> float:
    """Return the scale as a number."""
    if options.scale == "none":
        return 1.0
    return sizes.features**-0.5 if options.scale == "sqrt" else float(options.scale)
