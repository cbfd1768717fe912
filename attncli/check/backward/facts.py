"""What can be said of gradients that no known mistake explains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from attncli.check.backward.seen import Observed, Seen
from attncli.check.observations import ranges

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Which gradients follow from which: what is wrong first on the way back is where to look.
NEXT: Mapping[str, str] = {
    "value": "weights or d_output are wrong already, or the product weightsᵀ · d_output",
    "sinks": "look at δ, or at the share of the sinks",
    "bias": "look at d_weights, δ and d_logits",
    "mask": "look at d_weights, δ and d_logits",
    "key": "look at d_scores, or at the product d_scoresᵀ · query",
    "query": "look at d_scores, or at the product d_scores · key",
}


def observed(seen: Seen) -> Iterator[str]:
    """Say which gradients are right, which is the first wrong one, and how the wrong ones are related to the right."""
    right = [f"d_{each.name}" for each in seen if each.agrees]
    wrong = [each for each in seen if not each.agrees]
    if right:
        yield f"right: {', '.join(right)}; wrong: {', '.join(f'd_{each.name}' for each in wrong)}"
    else:
        yield f"all are wrong: {', '.join(f'd_{each.name}' for each in wrong)}"
    yield from _first(seen, wrong)
    for each in wrong:
        for fact in _of_one(each):
            yield f"d_{each.name}: {fact}"


def _first(seen: Seen, wrong: list[Observed]) -> Iterator[str]:
    names = {each.name for each in seen}
    first = wrong[0].name
    where = f" ({NEXT[first]})" if first in NEXT else ""
    yield f"the first wrong one on the way back is d_{first}{where}"
    if {"value", "key", "query"} <= names and {each.name for each in wrong} >= {"key", "query"} and first != "value":
        yield "d_value is right and both d_key and d_query are wrong: the mistake is between d_weights and d_scores"


def _of_one(each: Observed) -> Iterator[str]:
    if each.like:
        yield f"it has the shape of {each.like}"
        return
    if each.is_apart:
        yield "it has one head for each query head"
        return
    expected = each.expected
    if not expected.any():
        yield "0 throughout"
    elif np.isnan(expected).all():
        yield "NaN throughout"
    elif each.ratio is not None:
        yield f"{each.ratio:.6g} times the right one"
    else:
        yield from _multiples(each)
    for axis, name in enumerate(("batch items", "heads", "rows")):
        some = each.comparison.differing(axis)
        if len(some) > 1 and not some.all():
            rest = f"the other {(~some).sum()} of {len(some)} are exact"
            yield f"{name} that differ: {ranges(np.flatnonzero(some))}; {rest}"


def _multiples(each: Observed) -> Iterator[str]:
    """Say of a gradient whose heads, or rows, are multiples of the right ones, by what."""
    for axes, name in (((2, 3), "head"), ((3,), "row")):
        ratio = _ratios(each.expected.astype(np.float64), each.right, axes, each.comparison.wrong)
        if ratio is not None and ratio.size > 1:
            low, high = float(ratio.min()), float(ratio.max())
            span = f"{low:.6g}" if np.isclose(low, high, rtol=1e-4) else f"{low:.4g} to {high:.4g}"
            yield f"each {name} that differs is a multiple of the right one, by {span}"
            return


def _ratios(
    one: NDArray[np.float64], other: NDArray[np.float64], axes: tuple[int, ...], wrong: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    if one.shape[-1] < 2:
        return None
    with np.errstate(all="ignore"):
        ratio = (one * other).sum(axis=axes, keepdims=True) / (other * other).sum(axis=axes, keepdims=True)
        apart = np.abs(one - ratio * other).max(axis=axes) / np.abs(one).max(axis=axes)
    some = wrong.any(axis=2) if axes == (2, 3) else wrong
    if not some.any() or not (apart[some] < 1e-3).all():
        return None
    return np.asarray(np.squeeze(ratio, axis=axes)[some])
