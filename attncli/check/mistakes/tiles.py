"""Running sums over tiles of keys: what goes wrong at their borders.

Right is: a running maximum m, a sum l and an output o; with each tile, l and o are multiplied by exp(m_old − m_new)
before the tile's own are added (Milakov & Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al.,
"FlashAttention", 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes.arithmetic import finite, over
from attncli.check.mistakes.cuts import Cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Tiles:
    """Rows of logits in tiles.

    Attributes:
        logits: (…, tiles, size) −∞ for closed keys, and where a tile has fewer keys.
        cut: where the tiles begin.
        o: the operands of the rows.
    """

    logits: Array
    cut: Cut
    o: Operands

    @classmethod
    def of(cls, logits: Array, cut: Cut, o: Operands) -> Tiles:
        """Cut logits (…, S) into tiles."""
        padding = [(0, 0)] * (logits.ndim - 1) + [(0, 1)]
        return cls(np.pad(logits, padding, constant_values=-np.inf)[..., cut.index], cut, o)

    @cached_property
    def top(self) -> Array:
        """(…, tiles, 1) the largest logit of each tile; −∞ where it has no open key."""
        return np.asarray(self.logits.max(axis=-1, keepdims=True))

    @cached_property
    def exponentials(self) -> Array:
        """(…, tiles, size) of the logits, less the largest logit of each one's tile; 0 for closed keys."""
        return np.asarray(np.exp(self.logits - finite(self.top)))

    @cached_property
    def sums(self) -> Array:
        """(…, tiles, 1) the sum of each tile."""
        return np.asarray(self.exponentials.sum(axis=-1, keepdims=True))

    @cached_property
    def lse(self) -> Array:
        """(…, tiles, 1) the log-sum-exp of each tile; −∞ where it has no open key."""
        return np.where(np.isfinite(self.top), self.top + np.log(np.where(self.sums == 0, 1, self.sums)), -np.inf)

    @cached_property
    def running(self) -> Array:
        """(…, tiles, 1) the largest logit up to each tile."""
        return np.asarray(np.maximum.accumulate(self.top, axis=-2))

    @property
    def before(self) -> Array:
        """(…, tiles, 1) the largest logit before each tile; −∞ before the first."""
        return np.concatenate([np.full_like(self.top[..., :1, :], -np.inf), self.running[..., :-1, :]], axis=-2)

    @property
    def largest(self) -> Array:
        """(…, 1, 1) the largest logit of all."""
        return np.asarray(self.top.max(axis=-2, keepdims=True))

    @property
    def is_open(self) -> Array:
        """(…, tiles, 1) whether a tile has open keys."""
        return np.asarray(np.isfinite(self.top))

    def scaled(self, to: Array) -> Array:
        """Return what turns exponentials less their own tile's maximum into those less another."""
        return np.where(self.is_open, np.exp(finite(self.top) - finite(to)), 0)

    def back(self, weights: Array) -> Array:
        """Return weights (…, tiles, size) as (…, S)."""
        return weights.reshape(*weights.shape[:-2], -1)[..., self.cut.back]


def total(numbers: Array) -> Array:
    """Return the sum over the tiles."""
    return np.asarray(numbers.sum(axis=-2, keepdims=True))


def _accumulated(t: Tiles, output: Callable[[Array], Array], sums: Callable[[Array], Array]) -> Array:
    """Return the weights of a loop, given what a step makes of its two running numbers where exp(m_old − m_new) is due.

    A tile is added less the largest logit so far, and what was added before is multiplied at each step.
    """
    added = t.scaled(t.running)
    steps = np.where(np.isfinite(t.before), np.exp(finite(t.before) - finite(t.running)), 1)
    return over(t.exponentials * added * _behind(output(steps)), total(t.sums * added * _behind(sums(steps))))


def _behind(steps: Array) -> Array:
    """Return the product of the steps behind each tile."""
    products = np.cumprod(steps[..., ::-1, :], axis=-2)[..., ::-1, :]
    return np.concatenate([products[..., 1:, :], np.ones_like(products[..., :1, :])], axis=-2)


def _right(step: Array) -> Array:
    return step


def _not(step: Array) -> Array:
    return np.ones_like(step)


def _twice(step: Array) -> Array:
    return step * step


def _inverse(step: Array) -> Array:
    return over(np.ones_like(step), step)


def _own_maximum(t: Tiles) -> Array:
    """Each tile is taken less its own maximum, and nothing is multiplied."""
    return over(t.exponentials, total(t.sums))


def _old_maximum(t: Tiles, *, sums_too: bool) -> Array:
    """Each tile but the first is taken less the largest logit before it, and what came before is multiplied."""
    wrong = np.where(np.isfinite(t.before), np.exp(finite(t.running) - finite(t.before)), 1) * t.scaled(t.largest)
    return over(t.exponentials * wrong, total(t.sums * (wrong if sums_too else t.scaled(t.largest))))


def _sum_of(t: Tiles, *, at: str) -> Array:
    """The sum is that of one tile: the last, the last with open keys, the first."""
    sums = t.sums * t.scaled(t.largest)
    there = t.is_open
    which = {
        "last": np.full_like(there[..., :1, :], there.shape[-2] - 1, dtype=np.int64),
        "last open": (there.shape[-2] - 1 - there[..., ::-1, :].argmax(axis=-2))[..., None, :],
        "first": there.argmax(axis=-2)[..., None, :],
    }[at]
    own = np.take_along_axis(sums, which, axis=-2)
    # A kernel that lets a sum of 0 stand for an empty row divides by 1.
    return t.exponentials * t.scaled(t.largest) / np.where(own == 0, 1, own)


def _each_step(t: Tiles) -> Array:
    """The output is divided by the running sum at every tile, and not multiplied by the old one again."""
    added = t.scaled(t.running)
    steps = np.where(np.isfinite(t.before), np.exp(finite(t.before) - finite(t.running)), 1)
    sums = np.zeros_like(t.sums)
    last = np.zeros_like(t.sums[..., 0, :])
    for at in range(t.cut.count):
        last = last * steps[..., at, :] + t.sums[..., at, :] * added[..., at, :]
        sums[..., at, :] = last
    inverse = over(np.ones_like(sums), sums)
    inverse = np.where(t.is_open, inverse, 1)
    return t.exponentials * added * inverse * _behind(steps * inverse)


# By what identifies each, which names the sentence on it too.
ACCUMULATED: dict[str, Callable[[Tiles], Array]] = {
    "output not rescaled": partial(_accumulated, output=_not, sums=_right),
    "sum not rescaled": partial(_accumulated, output=_right, sums=_not),
    "nothing rescaled": partial(_accumulated, output=_not, sums=_not),
    "own maximum": _own_maximum,
    "output rescaled twice": partial(_accumulated, output=_twice, sums=_right),
    "sum rescaled twice": partial(_accumulated, output=_right, sums=_twice),
    "output rescaled inversely": partial(_accumulated, output=_inverse, sums=_right),
    "sum rescaled inversely": partial(_accumulated, output=_right, sums=_inverse),
    "both rescaled inversely": partial(_accumulated, output=_inverse, sums=_inverse),
    "less the old maximum": partial(_old_maximum, sums_too=True),
    "output less the old maximum": partial(_old_maximum, sums_too=False),
    "divided at each tile": _each_step,
}
OVERWRITTEN: dict[str, Callable[[Tiles], Array]] = {
    "sum overwritten": partial(_sum_of, at="last open"),
    "sum overwritten by closed tiles too": partial(_sum_of, at="last"),
    "sum of the first tile": partial(_sum_of, at="first"),
}


def beside_sink(weights: Array, t: Tiles) -> Array:
    """Give the sink its share, where there is one: at the end, as kernels do."""
    if t.o.sinks is None:
        return weights
    sink = np.asarray(t.o.sinks, np.float64).reshape(-1, 1, 1, 1)
    top = np.maximum(t.largest, sink)
    sums = total(t.sums * np.exp(finite(t.top) - top) * t.is_open)
    return np.asarray(weights * sums / (sums + np.exp(sink - top)))
