"""Running sums over tiles of keys, and parts that are put together: what goes wrong at their borders.

Right is: a running maximum m, a sum l and an output o; with each tile, l and o are multiplied by exp(m_old − m_new)
before the tile's own are added (Milakov & Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al.,
"FlashAttention", 2022). Parts computed apart are weighed by their sums of exponentials, which the log-sum-exp holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import ACCUMULATOR, PARTS_MERGED
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

SIZES = (8, 16, 32, 64, 128, 256, 512)
PARTS = (2, 3, 4, 6, 8)


@dataclass(frozen=True)
class Tiles:
    """A row of logits in tiles.

    Attributes:
        exponentials: (…, tiles, size) of the logits, less the largest logit of each one's tile; 0 for closed keys.
        top: (…, tiles, 1) the largest logit of each tile; −∞ where a tile has no open key.
        keys: how many keys there are.
    """

    exponentials: Array
    top: Array
    keys: int

    @classmethod
    def of(cls, logits: Array, size: int) -> Tiles:
        """Cut logits (…, S) into tiles; the last one is filled up with closed keys."""
        keys = logits.shape[-1]
        padding = [(0, 0)] * (logits.ndim - 1) + [(0, -keys % size)]
        cut = np.pad(logits, padding, constant_values=-np.inf).reshape(*logits.shape[:-1], -1, size)
        top = cut.max(axis=-1, keepdims=True)
        return cls(np.exp(cut - _finite(top)), top, keys)

    @property
    def sums(self) -> Array:
        """(…, tiles, 1) the sum of each tile."""
        return self.exponentials.sum(axis=-1, keepdims=True)

    @property
    def running(self) -> Array:
        """(…, tiles, 1) the largest logit up to each tile."""
        return np.maximum.accumulate(self.top, axis=-2)

    @property
    def largest(self) -> Array:
        """(…, 1, 1) the largest logit of all."""
        return self.top.max(axis=-2, keepdims=True)

    def back(self, weights: Array) -> Array:
        """Return weights (…, tiles, size) as (…, S)."""
        return weights.reshape(*weights.shape[:-2], -1)[..., : self.keys]


def _finite(top: Array) -> Array:
    return np.where(np.isfinite(top), top, 0)


def _scaled(tiles: Tiles, to: Array) -> Array:
    """Return what turns exponentials less their own tile's maximum into those less another."""
    return np.where(np.isfinite(tiles.top), np.exp(_finite(tiles.top) - _finite(to)), 0)


def _over(numerator: Array, denominator: Array) -> Array:
    return np.divide(
        numerator,
        denominator,
        out=np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape)),
        where=denominator != 0,
    )


def _unscaled_output(t: Tiles) -> Array:
    """The output is not multiplied when a larger logit comes, the sum is."""
    total = (t.sums * _scaled(t, t.largest)).sum(axis=-2, keepdims=True)
    return _over(t.exponentials * _scaled(t, t.running), total)


def _unscaled_sum(t: Tiles) -> Array:
    """The sum is not multiplied, the output is."""
    total = (t.sums * _scaled(t, t.running)).sum(axis=-2, keepdims=True)
    return _over(t.exponentials * _scaled(t, t.largest), total)


def _unscaled(t: Tiles) -> Array:
    """Neither is multiplied."""
    total = (t.sums * _scaled(t, t.running)).sum(axis=-2, keepdims=True)
    return _over(t.exponentials * _scaled(t, t.running), total)


def _own_maximum(t: Tiles) -> Array:
    """Each tile is taken less its own maximum, and nothing is multiplied."""
    return _over(t.exponentials, t.sums.sum(axis=-2, keepdims=True))


def _last_sum(t: Tiles) -> Array:
    """The sum is that of the last tile with open keys, overwritten each time."""
    sums = t.sums * _scaled(t, t.largest)
    there = np.isfinite(t.top)
    last = there.shape[-2] - 1 - there[..., ::-1, :].argmax(axis=-2)
    total = np.take_along_axis(sums, last[..., None, :], axis=-2)
    return _over(t.exponentials * _scaled(t, t.largest), total)


def _each(t: Tiles) -> Array:
    """Return the weights within each part alone."""
    return _over(t.exponentials, t.sums)


def _averaged(t: Tiles) -> Array:
    return _each(t) / t.top.shape[-2]


def _averaged_open(t: Tiles) -> Array:
    return _over(_each(t), np.isfinite(t.top).sum(axis=-2, keepdims=True))


def _by_maximum(t: Tiles) -> Array:
    shares = _scaled(t, t.largest)
    return _each(t) * _over(shares, shares.sum(axis=-2, keepdims=True))


def _by_sum(t: Tiles) -> Array:
    return _each(t) * _over(t.sums, t.sums.sum(axis=-2, keepdims=True))


def _in_base_2(t: Tiles) -> Array:
    with np.errstate(divide="ignore"):
        lse = t.top + np.log(t.sums)
    shares = np.where(np.isfinite(lse), np.exp2(lse - _finite(lse.max(axis=-2, keepdims=True))), 0)
    return _each(t) * _over(shares, shares.sum(axis=-2, keepdims=True))


def _by_logarithm(t: Tiles) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        lse = np.where(np.isfinite(t.top), t.top + np.log(t.sums), 0)
    return _each(t) * _over(lse, lse.sum(axis=-2, keepdims=True))


@dataclass(frozen=True)
class Bug:
    """One way in which tiles or parts are put together wrongly.

    Attributes:
        mistake: what it is called.
        fix: what to do.
        weights: the tiles → the weights that are made.
    """

    mistake: Mistake
    fix: Sentence
    weights: Callable[[Tiles], Array]


RESCALE = sentence("fix_rescale")
ADD = sentence("fix_sum_overwritten")
WEIGH = sentence("fix_weigh")
# What comes to the same as another where nothing is closed.
WHERE_OPEN = "averaged if open"
# By what identifies each, which names the sentence on it too.
BUGS = {
    "output not rescaled": Bug(ACCUMULATOR, RESCALE, _unscaled_output),
    "sum not rescaled": Bug(ACCUMULATOR, RESCALE, _unscaled_sum),
    "nothing rescaled": Bug(ACCUMULATOR, RESCALE, _unscaled),
    "own maximum": Bug(ACCUMULATOR, RESCALE, _own_maximum),
    "sum overwritten": Bug(ACCUMULATOR, ADD, _last_sum),
    "averaged": Bug(PARTS_MERGED, WEIGH, _averaged),
    WHERE_OPEN: Bug(PARTS_MERGED, WEIGH, _averaged_open),
    "added": Bug(PARTS_MERGED, WEIGH, _each),
    "by maximum": Bug(PARTS_MERGED, WEIGH, _by_maximum),
    "by sum": Bug(PARTS_MERGED, WEIGH, _by_sum),
    "base 2": Bug(PARTS_MERGED, WEIGH, _in_base_2),
    "by logarithm": Bug(PARTS_MERGED, WEIGH, _by_logarithm),
}


def tiles(o: Operands) -> Iterator[Variant]:
    """Tiles are added up, or parts put together, wrongly."""
    keys = o.sizes.keys
    parts = [-(-keys // count) for count in PARTS if keys >= 2 * count]
    sizes = dict.fromkeys([*parts, *(size for size in SIZES if size < keys)])
    bugs = {form: bug for form, bug in BUGS.items() if form != WHERE_OPEN or openings(o)}
    for form, bug in bugs.items():
        for size in sizes:
            yield Variant(
                (bug.mistake,),
                pieces.SOFTMAX_ROW,
                f"{form}, {size}",
                partial(_made, weights=bug.weights, size=size),
                _said(form, bug, keys, size),
                bug.fix,
                {"size": size, "bug": form},
            )


def _said(form: str, bug: Bug, keys: int, size: int) -> Sentence:
    """Say what went wrong and where keys are cut: tiles have a usual size, parts are few."""
    what, count = word("bug", form), -(-keys // size)
    if size in SIZES and bug.mistake is ACCUMULATOR:
        return sentence("in_tiles", what=what, size=size)
    few = count in PARTS and size == -(-keys // count)
    return sentence("in_parts", what=what, count=count) if few else sentence("in_parts_of", what=what, size=size)


def _made(recipe: Recipe, *, weights: Callable[[Tiles], Array], size: int) -> Recipe:
    def softmax(logits: Array, o: Operands) -> Array:
        with np.errstate(all="ignore"):
            found = Tiles.of(logits, size)
            return found.back(weights(found))

    return replace(recipe, softmax=softmax)
