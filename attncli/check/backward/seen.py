"""What was observed: gradients of another program beside the right ones, each (batch, heads, length, features)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.compare import Comparison, distance
from attncli.check.layouts import Layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A gradient that differs from a multiple of the right one by no more than this share is a multiple.
PARALLEL = 1e-3
# Rounding of a larger result may be so much larger than that of the right one in a row where much is cancelled.
ROOM = 4.0


@dataclass(frozen=True)
class Observed:
    """One gradient.

    Attributes:
        name: of the array that it is of.
        layout: how the expected gradient was read.
        right: (batch, heads, length, features) in float64.
        tolerance: (batch, heads, length) how far rounding may take it, at the level of `comparison`.
        comparison: of both.
        taken: brings the gradient as the user has it to four axes.
        like: the array that has the shape of the expected one, if this one has not; empty otherwise.
        more: what one query head each adds to the gradient, where the expected one has a head for each of them.
    """

    name: str
    layout: Layout
    right: NDArray[Any]
    tolerance: NDArray[Any]
    comparison: Comparison
    taken: Callable[[NDArray[Any]], NDArray[Any]]
    like: str = ""
    is_apart: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the gradient is right."""
        return self.comparison.agrees and not self.like and not self.is_apart

    @property
    def expected(self) -> NDArray[Any]:
        """What another program made of it, (batch, heads, length, features)."""
        return self.layout.array

    @cached_property
    def ratio(self) -> float | None:
        """By what the right gradient is multiplied, where it is; None: it is not."""
        one, other = self.expected.astype(np.float64), self.right
        finite = np.isfinite(one) & np.isfinite(other)
        one, other = one[finite], other[finite]
        with np.errstate(all="ignore"):
            found = float((one * other).sum() / (other * other).sum())
            apart = float(np.abs(one - found * other).max(initial=0.0) / np.abs(one).max(initial=0.0))
        return found if np.isfinite(found) and found and apart < PARALLEL else None

    def excess(self, made: NDArray[Any]) -> float:
        """Return how far a gradient is from the expected one, in units of what rounding explains."""
        apart = distance(made, self.expected.astype(np.float64)).max(axis=-1)
        with np.errstate(all="ignore"):
            largest = np.abs(np.where(np.isfinite(made), made, 0)).max(axis=-1)
            allowed = np.maximum(self.tolerance, ROOM * self.share * largest)
            return float(np.where(apart == 0, 0, apart / allowed).max())

    @cached_property
    def share(self) -> float:
        """The tolerance as a share of the largest number of a row, in most rows."""
        largest = np.abs(np.where(np.isfinite(self.right), self.right, 0)).max(axis=-1)
        some = largest > 0
        return float(np.median(self.tolerance[some] / largest[some])) if some.any() else 0.0

    def some(self, batch: int, heads: Any, rows: Any) -> Observed:
        """Return the part of one batch item, and of some heads and rows."""
        item = min(batch, len(self.right) - 1)
        cut = (slice(item, item + 1), heads, rows)
        array = self.expected[cut[0]][:, heads][:, :, rows]
        return replace(
            self,
            layout=replace(self.layout, array=array),
            right=self.right[cut[0]][:, heads][:, :, rows],
            tolerance=self.tolerance[cut[0]][:, heads][:, :, rows],
        )


@dataclass(frozen=True)
class Seen:
    """All gradients that were observed, by name, in the order in which they are found."""

    arrays: Mapping[str, Observed]

    @property
    def wrong(self) -> list[str]:
        """The names of those that are wrong."""
        return [name for name, each in self.arrays.items() if not each.agrees]

    def ratios(self) -> list[float]:
        """Return by what wrong gradients are multiplied, where they are multiples of the right ones."""
        found: list[float] = []
        for each in self:
            ratio = each.ratio if not each.agrees and not each.like and not each.is_apart else None
            if ratio is not None and not any(np.isclose(ratio, other, rtol=1e-5) for other in found):
                found.append(ratio)
        return found

    def __iter__(self) -> Iterator[Observed]:
        return iter(self.arrays.values())

    def excess(self, made: Mapping[str, NDArray[Any]], limit: float = np.inf) -> float:
        """Return how far gradients, each with four axes, are from the expected ones; ∞ beyond a limit."""
        worst = 0.0
        for name, each in self.arrays.items():
            if name not in made or made[name].shape != each.expected.shape:
                return np.inf
            worst = max(worst, each.excess(made[name]))
            if not worst <= limit:
                return np.inf
        return worst
