"""How queries, keys and values are normalised: the value of ``--qk-norm``, and the three norms.

Sources: Zhang and Sennrich, *Root Mean Square Layer Normalization*, 2019 (``rms``); Ba et al., *Layer Normalization*,
2016 (``layer``); normalised queries and keys as in Henry et al., *Query-Key Normalization for Transformers*, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.errors import InputError
from attncli.text import did_you_mean, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = ("rms", "l2", "layer")
MARKS = ("after-rope", "plus-one")


@dataclass(frozen=True)
class Norm:
    """What ``--qk-norm`` says.

    Attributes:
        kind: x/√(mean x² + ε), x/√(Σx² + ε) or (x − mean)/√(var + ε).
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
    _, heads, _, features = states.shape
    whole = weights is not None and is_whole(weights, features)
    axes = (1, 3) if whole else (3,)
    with np.errstate(all="ignore"):
        if how.kind == "layer":
            states = states - states.mean(axis=axes, keepdims=True)
        squares = np.square(states)
        over = squares.sum(axis=axes, keepdims=True) if how.kind == "l2" else squares.mean(axis=axes, keepdims=True)
        states = states / np.sqrt(over + states.dtype.type(eps))
        if weights is None:
            return states
        factors = weights.astype(states.dtype) + states.dtype.type(1 if how.plus_one else 0)
        return states * (factors.reshape(heads, 1, features) if factors.size > features else factors)


def is_whole(weights: NDArray[Any], features: int) -> bool:
    """Tell whether weights are those of all heads side by side, which are normalised together.

    >>> is_whole(np.ones(8), 4), is_whole(np.ones((2, 4)), 4), is_whole(np.ones(4), 4)
    (True, False, False)
    """
    return weights.ndim == 1 and len(weights) > features
