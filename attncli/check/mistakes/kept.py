"""Only some of the weights of each row were kept: the largest k, a share of them, or those above a threshold.

All numbers of keys are tried at once on one row, as running sums over its weights in order; the rule is what several
rows agree on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.functions import variant_of
from attncli.check.mistakes.near import FAR, Row, rows
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import softmax
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Numbers of keys that people keep; in layers these are all that are tried.
USUAL = (1, 2, 4, 8, 16, 32, 64)
# Of one row these many numbers of keys are held possible, if they come nearly as near as the nearest.
NEARLY = 1.5


def alone(o: Operands) -> Iterator[Variant]:
    """Only the largest weight was kept: a very large scale comes near to that."""
    if o.sizes.keys > 1:
        for renormalised in (True, False):
            yield replace(_kept(1, renormalised), alone=True)


def kept(o: Operands) -> Iterator[Variant | Generator]:
    """Only some of the weights were kept."""
    if o.sizes.keys < 2:
        return
    for renormalised in (True, False):
        if o.has_after:
            yield from (_kept(count, renormalised) for count in USUAL if count < o.sizes.keys)
        else:
            yield Generator(pieces.SOFTMAX_ROW, partial(_found, renormalised=renormalised))


@dataclass(frozen=True)
class Seen:
    """What one row says.

    Attributes:
        counts: how many keys may have been kept, the likeliest first.
        weights: its right weights, the largest first.
    """

    counts: list[int]
    weights: Array


def _found(observed: Observed, *, renormalised: bool) -> Iterator[Variant]:
    seen = []
    for row in rows(observed, 4):
        found = _seen(row, renormalised)
        if found is None:
            return
        seen.append(found)
    if not seen:
        return
    # A row with fewer open keys than that keeps all of them, and is not among those that differ.
    for count in [each for each in seen[0].counts if all(each in other.counts for other in seen)][:3]:
        yield _kept(count, renormalised)
    # A threshold without a new norm is told by `flushed`.
    for what in ("sum", "weight", "of the largest") if renormalised else ("sum",):
        if (limit := _between(seen, what)) is not None:
            yield _above(limit, what, renormalised)
    if (share := _share(seen)) is not None:
        yield _part(share, renormalised)


def _seen(row: Row, renormalised: bool) -> Seen | None:
    """Return with how many of its largest weights a row may be made; None: with no number of them."""
    weights = row.softmax(row.logits)
    order = np.argsort(-weights, kind="stable")[: int((weights > 0).sum())]
    ordered = weights[order]
    made = np.cumsum(ordered[:, None] * row.value[order], axis=0)
    if renormalised:
        made /= np.cumsum(ordered)[:, None]
    apart = np.abs(made - row.seen).max(axis=1) / row.size
    best = float(apart.min(initial=np.inf))
    if best > FAR:
        return None
    near = np.flatnonzero(apart <= NEARLY * best + 1e-6)
    return Seen([int(at) + 1 for at in near[np.argsort(apart[near], kind="stable")]], ordered)


def _between(seen: list[Seen], what: str) -> float | None:
    """Return a threshold that keeps as many weights of each row as were kept; a round one where there is one."""
    low, high = 0.0, np.inf
    for each in seen:
        at = each.counts[0]
        w = each.weights / each.weights.sum()
        if what == "sum":
            # The sum of those before the last is below, and that with it is not.
            low, high = max(low, float(w[: at - 1].sum())), min(high, float(w[:at].sum()))
        else:
            size = w[0] if what == "of the largest" else 1.0
            below = float(w[at] / size) if at < len(w) else 0.0
            low, high = max(low, below), min(high, float(w[at - 1] / size))
    if not low < high or not np.isfinite(high) or (low, high) == (0.0, 1.0):
        return None
    for digits in range(4):
        number = round((low + high) / 2, digits)
        if low < number <= high:
            return number
    return (low + high) / 2


def _share(seen: list[Seen]) -> float | None:
    """Return a share of the open keys that is kept in every row, rounded down or up; None: there is none."""
    for parts in (2, 4, 8, 10, 3, 5, 16):
        for up in (False, True):
            if all(_count(len(each.weights), 1 / parts, up) in each.counts for each in seen):
                return 1 / parts if up else -1 / parts
    return None


def _count(keys: int, share: float, up: bool) -> int:
    return max(1, int(np.ceil(keys * share - 1e-9)) if up else int(keys * share + 1e-9))


def _made(logits: Array, o: Operands, *, small: Any, renormalised: bool) -> Array:
    weights = softmax(logits, o)
    dropped = small(weights, logits)
    return softmax(np.where(dropped, -np.inf, logits), o) if renormalised else np.where(dropped, 0, weights)


def _kept(count: int, renormalised: bool) -> Variant:
    def small(weights: Array, logits: Array) -> Array:
        least = np.partition(logits, -count, axis=-1)[..., -count, None]
        return np.asarray(logits < least)

    said = sentence("kept_one") if count == 1 else sentence("kept_several", count=count)
    return _variant(f"{count} kept", said, small, renormalised)


def _above(limit: float, what: str, renormalised: bool) -> Variant:
    def small(weights: Array, logits: Array) -> Array:
        share = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300)
        if what == "sum":
            order = np.argsort(-share, axis=-1, kind="stable")
            ordered = np.take_along_axis(share, order, axis=-1)
            before = np.cumsum(ordered, axis=-1) - ordered
            found = np.zeros(share.shape, bool)
            np.put_along_axis(found, order, before >= limit, axis=-1)
            return found
        size = share.max(axis=-1, keepdims=True) if what == "of the largest" else 1.0
        return np.asarray(share < limit * size)

    key = {"sum": "kept_sum", "weight": "kept_above", "of the largest": "kept_above_largest"}[what]
    return _variant(f"{what} {limit:.6g} kept", sentence(key, limit=f"{limit:.4g}"), small, renormalised)


def _part(share: float, renormalised: bool) -> Variant:
    def small(weights: Array, logits: Array) -> Array:
        keys = (logits > -np.inf).sum(axis=-1)
        count = np.maximum(1, np.ceil(keys * share - 1e-9) if share > 0 else np.floor(keys * -share + 1e-9))
        ordered = -np.sort(-logits, axis=-1)
        least = np.take_along_axis(ordered, (count - 1).astype(np.int64)[..., None], axis=-1)
        return np.asarray(logits < least)

    said = sentence("kept_share", share=f"1/{round(1 / abs(share))}")
    return _variant(f"{share:.6g} of all kept", said, small, renormalised)


def _variant(form: str, said: Sentence, small: Any, renormalised: bool) -> Variant:
    function = partial(_made, small=small, renormalised=renormalised)
    if renormalised:
        return variant_of(form, said, function)
    return variant_of(f"{form}, and not normalised again", sentence("kept_as_they_are", what=said), function)
