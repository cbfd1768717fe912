"""What a layer has around its attention: matrices before and after it, norms, a gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncli.attend.options import Options
from attncli.attend.shapes import show
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LETTERS = {"query": "q", "key": "k", "value": "v"}


@dataclass(frozen=True, eq=False)
class Projection:
    """x·W + b.

    Attributes:
        weight: (in, out), or None for the identity.
        bias: (out,), or None for zeros.
        given: the names of the arrays that they are from.
    """

    weight: NDArray[Any] | None
    bias: NDArray[Any] | None
    given: tuple[str, ...]

    def features(self, called: str, features: int) -> int:
        """Return how many features come out of so many.

        Args:
            called: the user's name for what is projected.
            features: how many it has.

        Raises:
            InputError: the matrix has another number of rows, or the bias another number of features.
        """
        if self.weight is not None:
            rows, columns = self.weight.shape
            if rows != features:
                fact = f"{called} with {features} features and {self.given[0]} for {rows} do not fit"
                raise InputError(fact, arrays=[called, self.given[0]])
            features = columns
        if self.bias is not None and len(self.bias) != features:
            message = f"{self.given[-1]} has {len(self.bias)} numbers for {features} features"
            raise InputError(message, arrays=[self.given[-1]])
        return features


@dataclass(frozen=True, eq=False)
class Layer:
    """What stands around the attention; each is absent where it does nothing.

    Attributes:
        projections: what makes query, key and value, by state.
        norms: the weights of the norms that are in force, by state; None for ones.
        gate: what makes the gate of what the query is made of.
        out: what makes the output of all heads' sums.
        arrays: those that take part, by name, as given.
    """

    projections: Mapping[str, Projection] = field(default_factory=dict)
    norms: Mapping[str, NDArray[Any] | None] = field(default_factory=dict)
    gate: Projection | None = None
    out: Projection | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The names of the arrays that take part."""
        return frozenset(self.arrays)


def layer_of(found: Mapping[str, NDArray[Any]], options: Options) -> Layer:
    """Return what is given of a layer, with every matrix as (in, out).

    Raises:
        InputError: arrays contradict each other, or one has other axes than its record says.
    """
    projections = fused(found, options) if {"w_qkv", "b_qkv"} & found.keys() else {}
    for state, letter in LETTERS.items():
        own = projection(found, f"w_{letter}", f"b_{letter}", options)
        if own is not None and state in projections:
            raise InputError(f"{own.given[0]} and w_qkv contradict each other", hint="give one of them")
        projections |= {} if own is None else {state: own}
    norms: dict[str, NDArray[Any] | None] = {}
    if options.qk_norm is not None:
        vectors = {state: _norm_weights(found, f"{letter}_norm") for state, letter in LETTERS.items()}
        norms = {state: array for state, array in vectors.items() if state != "value" or array is not None}
    gate, out = projection(found, "w_g", "b_g", options), projection(found, "w_o", "b_o", options)
    if gate is not None and "gate" in found:
        raise InputError("gate and w_g contradict each other", hint="give one of them", arrays=["gate"])
    if gate is not None and gate.weight is None:
        raise InputError("b_g is given without w_g", hint="give the matrix that makes the gate too", arrays=["b_g"])
    names = {name for each in (*projections.values(), gate, out) if each is not None for name in each.given}
    names |= {f"{LETTERS[state]}_norm" for state, array in norms.items() if array is not None}
    names |= {"gate"} & found.keys()
    return Layer(projections, norms, gate, out, {name: found[name] for name in sorted(names)})


def projection(found: Mapping[str, NDArray[Any]], matrix: str, bias: str, options: Options) -> Projection | None:
    """Return x·W + b of the arrays of these names; None if neither is given."""
    given = tuple(name for name in (matrix, bias) if name in found)
    if not given:
        return None
    weight = None
    if matrix in found:
        weight = _flat(matrix, found[matrix]) if options.weights == "in-out" else found[matrix]
        if weight.ndim != 2 or 0 in weight.shape:
            raise InputError(f"{matrix} {show(weight.shape)} must be a matrix, {options.weights}", arrays=[matrix])
        weight = weight.T if options.weights == "out-in" else weight
    return Projection(weight, vector(found, bias), given)


def _flat(name: str, weight: NDArray[Any]) -> NDArray[Any]:
    """Return a matrix whose heads have an axis of their own, (in, heads, E) or (heads, Ev, out), as (in, out)."""
    if weight.ndim != 3:
        return weight
    return weight.reshape(-1, weight.shape[-1]) if name == "w_o" else weight.reshape(len(weight), -1)


def vector(found: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any] | None:
    """Return a bias, or the weights of a norm; None if it is not given."""
    if name not in found:
        return None
    array = found[name]
    if array.size == 0 or not 1 <= array.ndim <= 2:
        raise InputError(f"{name} {show(array.shape)} must be one row of numbers", arrays=[name])
    return array.ravel()


def _norm_weights(found: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any] | None:
    """Return the weights of a norm: one row, or (heads, E) with a row for each head; None if they are not given."""
    row = vector(found, name)
    return row if row is None or min(found[name].shape) == 1 or found[name].ndim == 1 else found[name]


def fused(found: Mapping[str, NDArray[Any]], options: Options) -> dict[str, Projection]:
    """Return the three parts of ``w_qkv`` and ``b_qkv``.

    Raises:
        InputError: it cannot be cut into the heads.
    """
    whole = projection(found, "w_qkv", "b_qkv", options)
    assert whole is not None
    heads = options.heads or 1
    key_heads = options.kv_heads or heads
    array = whole.weight if whole.weight is not None else whole.bias
    assert array is not None
    columns = array.shape[-1]
    if heads % key_heads:
        raise InputError(f"{heads} query heads cannot share {key_heads} key heads evenly", arrays=["w_qkv"])
    if columns % (heads + 2 * key_heads):
        fact = f"{whole.given[0]} makes {columns} features, which are not {heads} + 2·{key_heads} heads of equal size"
        hint = "--heads and --kv-heads say how many there are"
        if array.ndim == 2 and array.shape[0] % (heads + 2 * key_heads) == 0 and _takes(found, columns, options):
            hint = f"with --weights {'in-out' if options.weights == 'out-in' else 'out-in'} they are"
        raise InputError(fact, hint=hint, arrays=["w_qkv"])
    if whole.bias is not None and len(whole.bias) != columns:
        raise InputError(f"b_qkv has {len(whole.bias)} numbers for {columns} features", arrays=["b_qkv"])
    weights = [None] * 3 if whole.weight is None else cut(whole.weight, heads, key_heads, options.qkv)
    biases = [None] * 3 if whole.bias is None else cut(whole.bias, heads, key_heads, options.qkv)
    return {
        state: Projection(weight, bias, whole.given)
        for state, weight, bias in zip(LETTERS, weights, biases, strict=True)
    }


def _takes(found: Mapping[str, NDArray[Any]], features: int, options: Options) -> bool:
    """Tell whether a matrix for so many features fits what is to be projected, as far as that is known."""
    states = [found[name] for name in ("query", "hidden", "key") if name in found and found[name].ndim > 1]
    return not states or any(each.shape[axis_of_features(options)] == features for each in states)


def axis_of_features(options: Options) -> int:
    """Return the axis on which states that are projected, which have two axes at least, have their features."""
    return -2 if options.states == "columns" else -1


def cut(array: NDArray[Any], heads: int, key_heads: int, how: str) -> list[Any]:
    """Cut the last axis of a fused matrix or bias into the parts of query, key and value.

    Example:
        >>> import numpy as np
        >>> [part.tolist() for part in cut(np.arange(8), 2, 1, "blocks")]
        [[0, 1, 2, 3], [4, 5], [6, 7]]
        >>> [part.tolist() for part in cut(np.arange(12), 2, 2, "heads")]
        [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]
    """
    features = array.shape[-1] // (heads + 2 * key_heads)
    if how == "blocks":
        ends = [heads * features, (heads + key_heads) * features]
        return [array[..., : ends[0]], array[..., ends[0] : ends[1]], array[..., ends[1] :]]
    apart = array.reshape(*array.shape[:-1], key_heads, heads // key_heads + 2, features)
    parts = apart[..., :-2, :], apart[..., -2, :], apart[..., -1, :]
    return [part.reshape(*array.shape[:-1], -1) for part in parts]
