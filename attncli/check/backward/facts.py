"""What can be said of gradients that no known mistake explains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from attncli.check.backward.seen import Observed, Seen
from attncli.check.observations import some_differ, span
from attncli.sentences import Listed, Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Which gradients follow from which: what is wrong first on the way back is where to look.
NEXT: Mapping[str, Sentence] = {
    "value": sentence("look_at_value"),
    "sinks": sentence("look_at_sinks"),
    "bias": sentence("look_at_logits"),
    "mask": sentence("look_at_logits"),
    "key": sentence("look_at_key"),
    "query": sentence("look_at_query"),
}


def observed(seen: Seen) -> Iterator[Sentence]:
    """Say which gradients are right, which is the first wrong one, and how the wrong ones are related to the right."""
    right = tuple(f"d_{each.name}" for each in seen if each.agrees)
    wrong = [each for each in seen if not each.agrees]
    names = Listed(tuple(f"d_{each.name}" for each in wrong), "comma")
    if right:
        yield sentence("right_and_wrong", right=Listed(right, "comma"), wrong=names)
    else:
        yield sentence("all_wrong", wrong=names)
    yield from _first(seen, wrong)
    for each in wrong:
        for fact in _of_one(each):
            yield sentence("fact_of", whose=f"d_{each.name}", fact=fact)


def _first(seen: Seen, wrong: list[Observed]) -> Iterator[Sentence]:
    names = {each.name for each in seen}
    first = wrong[0].name
    if first in NEXT:
        yield sentence("first_wrong_look", whose=f"d_{first}", where=NEXT[first])
    else:
        yield sentence("first_wrong", whose=f"d_{first}")
    if {"value", "key", "query"} <= names and {each.name for each in wrong} >= {"key", "query"} and first != "value":
        yield sentence("between_weights_and_scores")


def _of_one(each: Observed) -> Iterator[Sentence]:
    if each.like:
        yield sentence("has_shape_of", name=word("name", each.like))
        return
    if each.is_apart:
        yield sentence("has_head_each")
        return
    expected = each.expected
    if not expected.any():
        yield sentence("throughout", number="0")
    elif np.isnan(expected).all():
        yield sentence("throughout", number="NaN")
    elif each.ratio is not None:
        yield sentence("times_right", number=f"{each.ratio:.6g}")
    else:
        yield from _multiples(each)
    yield from some_differ(each.comparison, ("batch items", "heads", "rows"))


def _multiples(each: Observed) -> Iterator[Sentence]:
    """Say of a gradient whose heads, or rows, are multiples of the right ones, by what."""
    for axes, name in (((2, 3), "head"), ((3,), "row")):
        ratio = _ratios(each.expected.astype(np.float64), each.right, axes, each.comparison.wrong)
        if ratio is not None and ratio.size > 1:
            yield sentence(f"is_multiple_{name}", span=span(ratio))
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
