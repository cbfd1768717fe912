"""Parts of the keys, computed apart and put together: splits, ring attention, a cache beside new tokens.

Right is to weigh each part's output by exp(its log-sum-exp − that of all). Within the parts everything is right; what
differs is the share that each of them gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.check.mistakes.arithmetic import finite, over
from attncli.check.mistakes.tiles import Tiles, total
from attncli.check.rounding import to_half

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
    Shares: TypeAlias = Callable[[Tiles], Array]


def _log_shares(lse: Array) -> Array:
    """Return exp(x − the largest x), 0 for −∞."""
    return np.where(np.isfinite(lse), np.exp(finite(lse) - finite(lse.max(axis=-2, keepdims=True))), 0)


def _normalised(shares: Array) -> Array:
    return over(shares, total(shares))


def by_lse(lse: Array) -> Array:
    """Return the shares of parts (…, parts, 1) that have these log-sum-exps; 0 for −∞."""
    return _normalised(_log_shares(lse))


def _times(t: Tiles, factor: float) -> Array:
    """Take exp(factor · lse)."""
    return by_lse(np.where(t.is_open, factor * finite(t.lse), -np.inf))


def _averaged(t: Tiles) -> Array:
    return np.full_like(t.top, 1 / t.cut.count)


def _averaged_open(t: Tiles) -> Array:
    return _normalised(t.is_open.astype(float))


def _by_keys(t: Tiles) -> Array:
    """Return the share of each part in the number of open keys."""
    return _normalised((t.logits > -np.inf).sum(axis=-1, keepdims=True).astype(float))


def _by_logarithm(t: Tiles) -> Array:
    return _normalised(np.where(t.is_open, finite(t.lse), 0))


def _of_scores(t: Tiles, times: Callable[[float], float]) -> Array:
    """Take the log-sum-exp of scores of another scale."""
    factor = times(t.o.factor)
    logits = t.logits * factor
    top = logits.max(axis=-1, keepdims=True)
    sums = np.exp(logits - finite(top)).sum(axis=-1, keepdims=True)
    lse = np.where(t.is_open, finite(top) + np.log(np.where(sums == 0, 1, sums)), -np.inf)
    return by_lse(lse)


def _of_others(t: Tiles, order: Callable[[Array], Array]) -> Array:
    """Take the share of another part for each."""
    shares = _log_shares(t.lse)[..., order(np.arange(t.cut.count)), :]
    return _normalised(shares)


def _largest(t: Tiles, numbers: Array) -> Array:
    return np.asarray(np.arange(t.cut.count)[:, None] == numbers.argmax(axis=-2, keepdims=True), float)


def _paired(t: Tiles, step: Callable[[Array, Array], tuple[Array, Array]], *, skips: bool = True) -> Array:
    """Merge parts one after another.

    Args:
        t: the parts.
        step: the log-sum-exp so far, and that of the next part → the share that the next part gets, and the new one.
        skips: whether parts without open keys are left out.
    """
    shares = np.zeros_like(t.top)
    lse, there = t.lse[..., 0, :], t.is_open[..., 0, :]
    shares[..., 0, :] = there
    for at in range(1, t.cut.count):
        own, is_open = t.lse[..., at, :], t.is_open[..., at, :]
        share, merged = step(lse, own)
        share = np.where(is_open | (not skips), np.where(there | (not skips), share, 1), 0)
        shares[..., :at, :] *= (1 - share)[..., None, :]
        shares[..., at, :] = share
        lse = np.where(is_open & there, merged, np.where(is_open, own, lse))
        there = there | is_open
    return shares


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(np.nan_to_num(x), -700, 700)))


def _halves(old: Array, own: Array) -> tuple[Array, Array]:
    return np.full_like(own, 0.5), own


def _kept(old: Array, own: Array) -> tuple[Array, Array]:
    return _sigmoid(own - old), old


def _overwritten(old: Array, own: Array) -> tuple[Array, Array]:
    return _sigmoid(own - old), own


def _maximum(old: Array, own: Array) -> tuple[Array, Array]:
    return _sigmoid(own - old), np.maximum(old, own)


def _added(old: Array, own: Array) -> tuple[Array, Array]:
    return _sigmoid(own - old), old + own


def _exchanged(old: Array, own: Array) -> tuple[Array, Array]:
    return _sigmoid(old - own), np.logaddexp(old, own)


# What comes to the same as another where nothing is closed.
CLOSED = "closed parts as lse 0"
WHERE_OPEN = ("averaged if open", "one by one halves of open ones", CLOSED)
# By what identifies each, which names the sentence on it too: the share of each part.
SHARES: dict[str, Shares] = {
    "averaged": _averaged,
    "averaged if open": _averaged_open,
    "added": lambda t: np.ones_like(t.top),
    "by maximum": lambda t: by_lse(t.top),
    "by sum": lambda t: _normalised(t.sums),
    "base 2": partial(_times, factor=float(np.log(2))),
    "lse in base 2": partial(_times, factor=float(1 / np.log(2))),
    "by logarithm": _by_logarithm,
    "by keys": _by_keys,
    "not normalised": lambda t: _log_shares(t.lse),
    "exponentials": lambda t: np.where(t.is_open, np.exp(finite(t.lse)), 0),
    "of unscaled scores": partial(_of_scores, times=lambda factor: 1 / factor if factor else 1.0),
    "of scores scaled twice": partial(_of_scores, times=lambda factor: factor),
    "lse times the scale": lambda t: _times(t, t.o.factor),
    "lse over the scale": lambda t: _times(t, 1 / t.o.factor if t.o.factor else 1.0),
    "squared": partial(_times, factor=2.0),
    "root": partial(_times, factor=0.5),
    "other sign": partial(_times, factor=-1.0),
    "outputs not divided": lambda t: by_lse(t.lse) * t.sums,
    "outputs divided twice": lambda t: over(by_lse(t.lse), t.sums),
    CLOSED: lambda t: _normalised(np.exp(finite(t.lse) - np.maximum(t.lse.max(axis=-2, keepdims=True), 0))),
    "lse in bfloat16": lambda t: by_lse(to_half(t.lse, "bfloat16")),
    "lse in float16": lambda t: by_lse(to_half(t.lse, "float16")),
    "of the next part": partial(_of_others, order=lambda parts: np.roll(parts, -1)),
    "of the part before": partial(_of_others, order=lambda parts: np.roll(parts, 1)),
    "in reverse order": partial(_of_others, order=lambda parts: parts[::-1]),
    "of the first part": partial(_of_others, order=lambda parts: 0 * parts),
    "largest alone": lambda t: _largest(t, t.lse),
    "largest logit alone": lambda t: _largest(t, t.top),
    "one by one halves": partial(_paired, step=_halves, skips=False),
    "one by one halves of open ones": partial(_paired, step=_halves),
    "one by one lse kept": partial(_paired, step=_kept),
    "one by one lse overwritten": partial(_paired, step=_overwritten),
    "one by one lse maximum": partial(_paired, step=_maximum),
    "one by one lse added": partial(_paired, step=_added),
    "one by one exchanged": partial(_paired, step=_exchanged),
}


def weights(t: Tiles, shares: Shares) -> Array:
    """Return the weights of parts that get these shares."""
    return over(t.exponentials, t.sums) * shares(t)


def forms(closed: bool) -> Iterator[tuple[str, Callable[[Tiles], Array]]]:
    """Return what identifies each wrong way to merge, and the weights that it makes."""
    for form, shares in SHARES.items():
        if closed or form not in WHERE_OPEN:
            yield form, partial(weights, shares=shares)
