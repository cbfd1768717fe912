"""How queries, keys and values are normalised: the value of ``--qk-norm``, and the three norms.

Sources: Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019 (``rms``); Ba et al., *Layer Normalization*,
2016 (``layer``); normalised queries and keys as in Henry et al., *Query-Key Normalization for Transformers*, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.threads import each
from attncli.attend.views import blocks, product, some_heads
from attncli.errors import InputError
from attncli.text import did_you_mean, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

# By kind: what is multiplied by the weights.
QUOTIENTS = {"rms": "x / √(mean x² + ε)", "l2": "x / √(Σ x² + ε)", "layer": "(x − mean) / √(var + ε)"}
KINDS = tuple(QUOTIENTS)
MARKS = ("after-rope", "plus-one")


@dataclass(frozen=True)
class Norm:
    """What ``--qk-norm`` says.

    Attributes:
        kind: one of `QUOTIENTS`.
        after_rope: whether query and key are rotated first.
        plus_one: whether the factor is 1 + the weights.
    """

    kind: str
    after_rope: bool = False
    plus_one: bool = False

    @classmethod
    def of(cls, text: str) -> Norm:
        """Return the norm of a text that `norm` has checked.

        >>> Norm.of("rms,plus-one")
        Norm(kind='rms', after_rope=False, plus_one=True)
        """
        kind, *marks = text.split(",")
        return cls(kind, "after-rope" in marks, "plus-one" in marks)


def norm(name: str, value: object) -> str | None:
    """Read a norm: its kind and marks, with commas between them or as a list; none means that there is none.

    >>> norm("qk_norm", ["rms", "plus-one", "after-rope"])
    'rms,after-rope,plus-one'
    """
    words = value.split(",") if isinstance(value, str) else value
    wanted = f"{' or '.join(KINDS)}, with {' or '.join(MARKS)} behind commas"
    fault = f"{name} must be {wanted}, not {quoted(value)}"
    if not isinstance(words, list | tuple) or not words or not all(isinstance(each, str) for each in words):
        raise InputError(fault)
    kind, *marks = (each.strip() for each in words)
    if (kind, *marks) == ("none",):
        return None
    odd = next((each for each in marks if each not in MARKS), kind if kind not in KINDS else None)
    if odd is not None or len(set(marks)) < len(marks):
        raise InputError(fault, hint="" if odd is None else did_you_mean(odd, (*KINDS, *MARKS)))
    return ",".join([kind, *(mark for mark in MARKS if mark in marks)])


def normed_backward(
    states: NDArray[Any], weights: NDArray[Any] | None, how: Norm, eps: float, given: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the gradients of the states and of the weights, of a gradient of what `normed` returns.

    With x̂ the state before the weights, d̂ the gradient times the weights, r the factor that the norm found:

        d_x = r · (d̂ − x̂ · mean(x̂ · d̂)), for ``l2`` the sum instead of the mean, for ``layer`` less its own mean

    Args:
        states: (batch or 1, heads, L, E), as for `normed`.
        weights: as there.
        how: which norm.
        eps: ε.
        given: (batch, heads, L, E) the gradient; a state for which it is all 0 gets 0, whatever it holds.
    """
    _, heads, _, features = states.shape
    whole = weights is not None and is_whole(weights, features)
    axes = (1, 3) if whole else (3,)
    over = np.add.reduce if how.kind == "l2" else np.mean
    with np.errstate(all="ignore"):
        factors = np.ones(features, states.dtype)
        if weights is not None:
            factors = weights.astype(states.dtype) + states.dtype.type(1 if how.plus_one else 0)
        of_heads = factors.size > features
        inner = product(given, factors.reshape(heads, 1, features) if of_heads else factors)
        centred = states - states.mean(axis=axes, keepdims=True) if how.kind == "layer" else states
        size = 1 / np.sqrt(over(np.square(centred), axis=axes, keepdims=True) + states.dtype.type(eps))
        unit = centred * size
        found = size * (inner - unit * over(product(inner, unit), axis=axes, keepdims=True))
        if how.kind == "layer":
            found = found - found.mean(axis=axes, keepdims=True)
        found = np.where((inner == 0).all(axis=axes, keepdims=True), 0, found)
        if weights is None:
            return found, None
        of_weights = product(given, unit)
        return found, of_weights.sum(axis=(0, 2) if of_heads else (0, 1, 2)).reshape(weights.shape)


def normed(states: NDArray[Any], weights: NDArray[Any] | None, how: Norm, eps: float) -> NDArray[Any]:
    """Return states normalised over their last axis, or over heads and features together.

    Args:
        states: (batch, heads, L, E)
        weights: (E,); (heads, E), for each head its own; or (heads·E,) for all heads together; None: ones.
        how: which norm.
        eps: ε, which keeps a state of zeros from being divided by 0.

    Example:
        >>> normed(np.array([[[[3.0, 4.0]]]]), None, Norm.of("l2"), 1e-12).round(6).tolist()
        [[[[0.6, 0.8]]]]
    """
    batch, heads, length, features = states.shape
    whole = is_whole(weights, features)
    factors = factors_of(weights, how, states.dtype)
    if factors is not None:
        factors = factors.reshape(-1, 1, features)  # (heads or 1, 1, E)
    made = np.empty(states.shape, dtype=states.dtype)

    def run(block: tuple[int, slice]) -> None:
        item, rows = block
        some, into = states[item, :, rows], made[item, :, rows]
        for part in [slice(None)] if whole else some_heads(heads, rows.stop - rows.start):
            of_part = factors if factors is None or len(factors) == 1 else factors[part]
            norm_into(some[part], into[part], of_part, how.kind, eps, together=whole)

    each(run, blocks(batch, length), states.size)
    return made


def is_whole(weights: NDArray[Any] | None, features: int) -> bool:
    """Tell whether weights are those of all heads side by side, which are normalised together.

    >>> is_whole(np.ones(8), 4), is_whole(np.ones((2, 4)), 4), is_whole(np.ones(4), 4)
    (True, False, False)
    """
    return weights is not None and weights.ndim == 1 and len(weights) > features


def factors_of(weights: NDArray[Any] | None, how: Norm, dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return what normalised states are multiplied by; None: nothing."""
    return None if weights is None else weights.astype(dtype) + dtype.type(1 if how.plus_one else 0)


def norm_into(
    states: NDArray[Any],
    into: NDArray[Any],
    factors: NDArray[Any] | None,
    kind: str,
    eps: float,
    *,
    together: bool = False,
) -> None:
    """Write states normalised, in few passes over a block that stays in the processor's cache.

    Args:
        states: (…, L, E)
        into: likewise; it may be the states themselves.
        factors: what they are multiplied by then, of any shape that broadcasts to theirs.
        kind: see `Norm`.
        eps: ε.
        together: whether the features of all heads, (heads, L, E), are normalised together.
    """
    count = states.shape[-1] * (len(states) if together else 1)
    with np.errstate(all="ignore"):  # each thread has its own
        if kind == "layer":
            sums = states.sum(axis=(0, 2) if together else -1, keepdims=True)
            states = np.subtract(states, sums / states.dtype.type(count), out=into)
        squares = np.einsum("...e,...e->...", states, states)
        if together:
            squares = squares.sum(axis=0, keepdims=True)
        if kind != "l2":
            squares /= states.dtype.type(count)
        np.divide(states, np.sqrt(squares + states.dtype.type(eps))[..., None], out=into)
        if factors is not None:
            into *= factors
