"""Numbers that went through codes: which scale they were divided by, and by which they were multiplied again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.cache.option import Kept
from attncli.attend.cache.rounding import Held
from attncli.attend.cache.types import TYPES, to_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"
Codes: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True)
class Kind:
    """One kind of codes.

    Attributes:
        name: what reports call it.
        to: numbers in units of their scale → codes.
        largest: the code of the largest number.
        has_low: whether codes are counted from the smallest number on, up to the largest.
    """

    name: str
    to: Codes
    largest: float
    has_low: bool = False


def whole(largest: float) -> Codes:
    """Return what rounds to whole numbers of this size at most."""
    return lambda numbers: np.clip(np.rint(numbers), -largest, largest)


def wrapped(bits: int) -> Codes:
    """Return what rounds to whole numbers and keeps their last bits: what is beyond the largest becomes negative."""
    half = 2.0 ** (bits - 1)
    return lambda numbers: np.mod(np.rint(numbers) + half, 2 * half) - half


def unsigned(bits: int) -> Codes:
    """Return what rounds to whole numbers and reads their bits without a sign: what is negative becomes large."""
    return lambda numbers: np.mod(np.rint(numbers), 2.0**bits)


def counted(bits: int) -> Codes:
    """Return what rounds to whole numbers from 0 on."""
    return lambda numbers: np.clip(np.rint(numbers), 0, 2.0**bits - 1)


def floating(name: str) -> Codes:
    """Return what rounds to a type of the cache."""
    return lambda numbers: to_codes(numbers, TYPES[name])


SYMMETRIC = tuple(Kind(f"int{bits}", whole(2.0 ** (bits - 1) - 1), 2.0 ** (bits - 1) - 1) for bits in (8, 4))
COUNTED = tuple(Kind(f"uint{bits}", counted(bits), 2.0**bits - 1, has_low=True) for bits in (8, 4, 2))
FLOATING = tuple(Kind(name, floating(name), TYPES[name].largest) for name in ("e4m3", "e5m2"))
# Whose largest number has a code that there is none of: it saturates, or it becomes the smallest.
BEYOND = tuple(Kind(f"int{bits}", whole(2.0 ** (bits - 1) - 1), 2.0 ** (bits - 1)) for bits in (8, 4))
WRAPPED = tuple(Kind(f"int{bits}", wrapped(bits), 2.0 ** (bits - 1)) for bits in (8, 4))
UNSIGNED = tuple(Kind(f"int{bits}", unsigned(bits), 2.0 ** (bits - 1) - 1) for bits in (8, 4))
# Steps to which numbers may be rounded with no scale at all; halves of 1, and decimals.
HALVED = (1.0, 0.5, 0.25, 0.125, 0.0625)
STEPS = (*HALVED, 0.1, 0.01)
_ANY = Kept(TYPES["int8"], "tensor")


@dataclass(frozen=True, eq=False)
class Coded(Held):
    """How keys, or values, went through codes: code((x − low) / scale) · back + shift.

    `peaks` holds all four, one after the other along its last axis: (batch or 1, heads or 1, S or 1, 4·n), n numbers
    for as many equal groups of features.

    Attributes:
        code: numbers in units of their scale → codes.
        order: the order in which features are given back; None: their own.
        first, end: the tokens that went through codes; None: to the last.
    """

    code: Codes = np.rint
    order: NDArray[np.int64] | None = None
    first: int = 0
    end: int | None = None

    @classmethod
    def with_scales(cls, scales: Sequence[Array | float], **fields: Any) -> Coded:
        """Return it with scale, low, back and shift, whose shapes are broadcast."""
        return cls(_ANY, np.concatenate(np.broadcast_arrays(np.zeros((1, 1, 1, 1)), *scales)[1:], axis=-1), **fields)

    def rounded(self, states: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return states (batch or 1, heads, S, features) as they are given back."""
        assert self.peaks is not None
        inside = np.asarray(states[:, :, self.first : self.end], np.float64)
        parts = np.split(self.peaks, 4, axis=-1)
        times = states.shape[-1] // parts[0].shape[-1]
        scale, low, back, shift = (np.repeat(each, times, -1) if each.shape[-1] > 1 else each for each in parts)
        with np.errstate(all="ignore"):
            made = self._codes((inside - low) / np.where(scale == 0, 1, scale)) * back + shift
        if self.order is not None:
            made = made[..., self.order]
        if made.shape[2] == states.shape[2]:
            return made.astype(dtype)
        whole = np.array(np.broadcast_to(states, (len(made), *states.shape[1:])), dtype)
        whole[:, :, self.first : self.end] = made
        return whole

    def _codes(self, numbers: Array) -> Array:
        codes = self.code(numbers)
        if not self.slack:
            return codes
        away = np.copysign(np.abs(numbers) * self.slack, numbers - codes)
        return self.code(np.where(np.isfinite(numbers), numbers + away, numbers))


def extremes(states: Array, axes: tuple[int, ...], group: int | None = None) -> tuple[Array, Array]:
    """Return the smallest and the largest of the numbers that share a scale, in their axes or groups of features."""
    if group is not None:
        states = states.reshape(*states.shape[:-1], -1, group)
        axes = (4,)
    low, high = states.min(axis=axes, keepdims=True), states.max(axis=axes, keepdims=True)
    return (low[..., 0], high[..., 0]) if group is not None else (low, high)
