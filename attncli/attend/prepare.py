"""From arrays by name to the input of the stages: what is missing, what fits, and every default filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early
from attncli.attend.arrays import ARRAYS, missing_hint
from attncli.attend.documents import documents
from attncli.attend.fitting import fit_axes, fit_gate, fit_lengths, fit_over_scores, fit_sinks
from attncli.attend.fitting_layer import (
    as_packed,
    check_norms,
    check_value,
    out_features,
    projected_shapes,
    value_heads,
)
from attncli.attend.fitting_states import fit
from attncli.attend.given import numbers
from attncli.attend.layer import Layer, layer_of
from attncli.attend.layouts import Form
from attncli.attend.operands import AXES_OF, Operands, ScoreOperands
from attncli.attend.options import Options
from attncli.attend.pages import Pages
from attncli.attend.positions import positions
from attncli.attend.rotary.places import of_rotation, standing
from attncli.attend.scores import FUNCTIONS
from attncli.attend.shapes import FITTED, Shape, Sizes, as_four_axes, heads_of
from attncli.attend.truth import as_rule
from attncli.attend.types import own
from attncli.attend.views import after_past
from attncli.attend.words.array import OF_STATES, Role
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]


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
    pages = Pages.of(found, options) if "block_table" in found else None
    if pages is not None:
        found |= {name: pages.gathered(name) for name in pages.pools}
    states = _States.of(found, options, pages)
    sizes = states.sizes
    mask, notice = as_rule(found["mask"]) if "mask" in found else (None, "")
    inputs = {name: fit_axes(name, found[name], sizes) for name in FITTED_BY_AXES if name in found}
    inputs |= {} if pages is None else {"block_table": pages.table}
    lengths = fit_lengths(found["key_lengths"], sizes, found) if "key_lengths" in found else None
    where = positions(options, sizes, lengths)
    dtype, output_dtype = precision(states.of_roles(), options)
    operands: dict[str, Any] = {
        **states.operands(),
        **standing(found, options, sizes, where, states.turned()),
        "mask": None if mask is None else fit_over_scores("mask", mask, sizes),
        "bias": fit_over_scores("bias", found["bias"], sizes) if "bias" in found else None,
        "key_lengths": lengths,
        "sinks": fit_sinks(found["sinks"], sizes.heads) if "sinks" in found else None,
        "inputs": documents(inputs, found, where, sizes),
        "gate": fit_gate(found["gate"], sizes, states.laid) if "gate" in found else None,
        "positions": where,
        "head_indices": np.arange(sizes.heads),
        "head_count": sizes.heads,
        "options": options,
        "factor": scale_factor(options, sizes),
        "dtype": dtype,
        "output_dtype": output_dtype,
        "pages": pages,
        "notices": tuple(each for each in (notice, *of_rotation(options)) if each),
    }
    made = ScoreOperands(**operands) if "value" not in operands else Operands(**operands)
    return replace(made, early=early) if early.is_needed(made) else made


@dataclass(frozen=True, eq=False)
class _States:
    """Query, key and value, and what makes them.

    Attributes:
        given: the arrays that play a role among `FITTED`, by role, as given.
        called: the user's name for a role, if it differs.
        parameters: those of the score function.
        layer: what is around the attention.
        laid: the options, with heads where states are projected.
        shapes: those of the states after their projection.
        value_heads: how many heads a packed value has, if not as many as the key.
        sizes: those of the problem.
        pooled: the states that lie in pages, gathered from them: (batch, heads, length, features).
    """

    given: Arrays
    called: Mapping[str, str]
    parameters: Arrays
    layer: Layer
    options: Options
    laid: Options
    shapes: Mapping[str, Shape]
    value_heads: int | None
    sizes: Sizes
    pooled: Arrays

    @classmethod
    def of(cls, found: Arrays, options: Options, pages: Pages | None) -> _States:
        """Find the states among arrays, and check that they fit.

        Raises:
            InputError: one is missing, or they do not fit.
        """
        layer = layer_of(found, options)
        given, called = _roles(found)
        pooled = {} if pages is None else {name: found[name] for name in pages.pools}
        parameters = {name: found[name] for name in FUNCTIONS[options.score].parameters if name in found}
        laid = as_packed(options) if layer.projections else options
        shapes = projected_shapes({name: array.shape for name, array in given.items()}, layer, options, called)
        of_value = value_heads(layer, shapes["value"], laid) if "value" in shapes else None
        if "value" in shapes and of_value is None:
            check_value(layer, shapes["value"], laid)
        every = shapes | {name: array.shape for name, array in parameters.items()}
        # What does not fit is not what was given, but what its matrix makes of it.
        fitted = called | {name: f"projected_{name}" for name in layer.projections if name in given}
        of_pools = {} if pages is None else {name: pool.shape for name, pool in pages.pools.items()}
        sizes = fit(every, laid, fitted, of_value, of_pools)
        made = cls(given, called, parameters, layer, options, laid, shapes, of_value, sizes, pooled)
        return replace(made, sizes=made.with_output())

    def with_output(self) -> Sizes:
        """Return the sizes with the features of the output, where a matrix makes it.

        Raises:
            InputError: what comes after the states does not fit them.
        """
        sizes, layer = self.sizes, self.layer
        if not (layer.projections or layer.norms or layer.out is not None or layer.gate is not None):
            return sizes
        query = self.state("query")
        of_query = (self.called.get("query", "query"), query.shape[1] * query.shape[3])
        check_norms(
            layer,
            {
                "query": (sizes.heads, sizes.features),
                "key": (sizes.key_heads, self.turned()[1][1]),  # which may have other features than a query
                "value": (self.value_heads or sizes.key_heads, sizes.value_features),
            },
            self.options,
        )
        return replace(sizes, out_features=out_features(layer, sizes, self.options, of_query))

    def state(self, name: str) -> NDArray[Any]:
        """Return one as (batch, heads, length, features); of what is still to be projected there is one head."""
        if name in self.pooled:
            return self.pooled[name]
        is_early = name in self.layer.projections
        laid = replace(self.laid, heads=1, kv_heads=None) if is_early else self.laid
        array = self.given[name]
        heads = heads_of(name, array.shape, laid, None if is_early else self.value_heads)
        return as_states(self.called.get(name, name), array, self.options, heads)

    def of_roles(self) -> list[NDArray[Any]]:
        """Return query, key and value as given: they decide the precision."""
        return [self.given[name] for name in ("query", "key", "value") if name in self.given]

    def turned(self) -> list[tuple[str, int]]:
        """Return the user's names for query and key, and the features of each that a rotation would turn."""
        found = []
        for name, heads in (("query", self.sizes.heads), ("key", self.sizes.key_heads)):
            role, features = self.called.get(name, name), self.state(name).shape[-1]
            if name in self.layer.projections:
                features = as_four_axes(role, self.shapes[name], self.laid, heads)[3]
            # With parameters of the score function a key may have other features than a query.
            found.append((role, features))
        return found

    def operands(self) -> dict[str, Any]:
        """Return what operands need of the states; past ones go before the new ones, unless these must be projected."""
        past = {name: self.state(f"past_{name}") for name in ("key", "value") if f"past_{name}" in self.given}
        states = {name: self.state(name) for name in ("query", "key", "value") if name in self.given}
        for name in ("key", "value"):
            if name in states and name not in self.layer.projections:
                states[name] = after_past(past.get(name), states[name])
        sizes = self.sizes
        return states | {
            "parameters": self.parameters,
            "layer": self.layer,
            "split": {"query": sizes.heads, "key": sizes.key_heads, "value": self.value_heads or sizes.key_heads},
            "given": {**{self.called.get(name, name): each for name, each in self.given.items()}, **self.layer.arrays},
            "past": past,
            "sizes": sizes,
        }


def _roles(found: Arrays) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays that play each role, and the user's name for them where it is another one.

    Raises:
        InputError: there is no query or no key.
    """
    given = {name: found[name] for name in FITTED if name in found}
    called: dict[str, str] = {}
    for name in ("query", "key", "value"):
        if name not in given and "hidden" in found:
            given[name], called[name] = found["hidden"], "hidden"
    for name in ("query", "key"):
        if name not in given:
            raise InputError(f"{name} is missing", hint=missing_hint(name), arrays=list(found))
    return given, called


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
