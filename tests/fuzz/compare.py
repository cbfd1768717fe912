"""How far off a result may be: what the plain computation in the same precision errs on the same numbers.

The error is measured, never chosen: the reference computes the problem in the precision of the result, with its numbers
as they are and with each moved by a rounding error, and is compared with itself in long double.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.fuzz import forms
from tests.fuzz.guard import BrokenError
from tests.fuzz.problems import Array, Problem
from tests.fuzz.reference import Plain, types

# Sums in another order err differently: a right result may err by this many times what was measured, as in
# `attncli.check.rounding`.
MARGIN = 12
# How often it is measured; and how often before a result is called wrong: where the largest of two logits decides over
# everything, and rounding over that, few measurements may all happen to be right.
TIMES, MORE_TIMES = 5, 60


@dataclass(frozen=True, eq=False)
class Truth:
    """What a problem should give, and the same in the precision of the computation, a few times."""

    p: Problem
    times: int = TIMES

    @cached_property
    def right(self) -> dict[str, Array]:
        """The results in long double."""
        return Plain.of(self.p, np.longdouble).run()

    @cached_property
    def plain(self) -> list[dict[str, Array]]:
        """The results in the precision of the computation."""
        kind, rng = types(self.p)[0].type, np.random.default_rng(self.times)

        def nudge(array: Array) -> Array:
            return array * (1 + np.finfo(array.dtype).eps * rng.uniform(-1, 1, array.shape)).astype(array.dtype)

        return [Plain.of(self.p, kind).run(), *(Plain.of(self.p, kind, nudge).run() for _ in range(self.times - 1))]

    def hold(self, made: Mapping[str, Array], what: str) -> None:
        """Assert that results, as the user gets them, have the right type and shape and are right up to rounding."""
        try:
            for name, array in made.items():
                kind = types(self.p)[name == "output"]
                if array.dtype != kind:
                    raise BrokenError(f"{what}: {name} has another type", f"{array.dtype}, not {kind}")
                right, *plain = (forms.seen(self.p, name, each[name]) for each in (self.right, *self.plain))
                near(array, right, plain, f"{what}: {name}")
        except BrokenError:
            if self.times == MORE_TIMES:
                raise
            Truth(self.p, MORE_TIMES).hold(made, what)


def near(made: Array, right: Array, plain: list[Array], what: str) -> None:
    """Assert that a result is as right as the plain ones are.

    Args:
        made: the result.
        right: the same without rounding, or with much less.
        plain: the same by plain computations in the same precision.
        what: it is, for the message.
    """
    if made.shape != right.shape:
        raise BrokenError(f"{what} has another shape", f"{made.shape}, not {right.shape}")
    with np.errstate(all="ignore"):
        found = made.astype(right.dtype)
        # Where a plain computation overflows or underflows into something else, no other need do better.
        same = np.logical_and.reduce([_alike(each.astype(right.dtype), right) for each in plain])
        if not (_alike(found, right) | ~same).all():
            at = tuple(np.argwhere(same & ~_alike(found, right))[0].tolist())
            raise BrokenError(
                f"{what} is not right where numbers are not finite", f"{made[at]}, not {right[at]}, at {list(at)}"
            )
        asked = same & np.isfinite(right)
        errors = np.max([np.where(asked, np.abs(each.astype(right.dtype) - right), 0) for each in plain], axis=0)
        size = np.where(asked, np.abs(right), 0).max(axis=-1, keepdims=True)
        allowed = MARGIN * np.maximum(errors.max(axis=-1, keepdims=True), np.finfo(made.dtype).eps * size)
        off = np.where(asked, np.abs(found - right), 0)
    if (off > allowed).any():
        at = np.unravel_index(np.argmax(np.where(allowed > 0, off / np.where(allowed > 0, allowed, 1), off)), off.shape)
        place, error = list(map(int, at)), float(off[at])
        limit = float(np.broadcast_to(allowed, off.shape)[at])
        seen = f"{made[at]}, not {right[at]}, at {place}: off by {error:.2g}, where {limit:.2g} is rounding"
        raise BrokenError(f"{what} is not right", seen)


def _alike(one: Array, other: Array) -> Array:
    """Tell where both are finite, or the same that is not."""
    same: Array = (np.isfinite(one) & np.isfinite(other)) | (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def same_bits(made: Array, other: Array, what: str) -> None:
    """Assert that two results are the same, to the last bit."""
    if made.dtype != other.dtype or made.shape != other.shape:
        raise BrokenError(
            f"{what}: not of one type and shape", f"{made.dtype} {made.shape} and {other.dtype} {other.shape}"
        )
    if not np.array_equal(made, other, equal_nan=True):
        at = tuple(np.argwhere(~((made == other) | ((made != made) & (other != other))))[0].tolist())
        raise BrokenError(f"{what}: not the same bits", f"{made[at]} and {other[at]} at {list(at)}")
