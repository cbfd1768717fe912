"""What may be wrong with one of two masks that differ, each with a name: a registry.

Every test takes two masks and nothing else: no option is known of a mask that comes from a file. It tells whether the
one is exactly what the mistake makes of the other, and it is asked both ways round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from attncli.mask import axes, documents, edges
from attncli.mask.by_rule import changed_rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

Detail = Mapping[str, object]


class Difference(NamedTuple):
    """One thing that makes a mask of another.

    Attributes:
        name: what it is called, in every language; the catalogues have a sentence under ``difference_`` and the name.
        sentence: what it is, for the reference.
        test: takes what was made and what it was made of, and returns the fields of the sentence; None: it was not
            made so. The two are planes, (L, S), unless ``whole``.
        whole: whether it takes all axes, (batch, heads, L, S).
    """

    name: str
    sentence: str
    test: Callable[[Mask, Mask], Detail | None]
    whole: bool = False


class Explanation(NamedTuple):
    """What makes the one of two masks of the other.

    Attributes:
        name: of the difference.
        one: ``"A"`` or ``"B"``, whichever was made of the other.
        other: the other.
        detail: numbers, by the fields of the sentence.
        rule: the one of several rules of the other that it was done to; empty: to all of it.
    """

    name: str
    one: str
    other: str
    detail: Detail
    rule: str = ""


# What is told by more comes first: whatever two tests would take goes to the former.
DIFFERENCES = {
    each.name: each
    for each in (
        Difference(
            "inverted", "What is open in the one is closed in the other: true means something else.", axes.inverted
        ),
        Difference(
            "axes-swapped", "Queries and keys, or other axes, are the wrong way round.", axes.swapped, whole=True
        ),
        Difference(
            "padding-side",
            "Keys are closed at the end in the one, as many at the beginning in the other.",
            edges.padding_side,
        ),
        Difference(
            "corner",
            "The causal rule begins in the top left corner in the one, and ends bottom right in the other.",
            edges.corner,
        ),
        Difference(
            "shifted", "All of the mask, or the diagonal of its causal rule, lies a little further.", edges.shifted
        ),
        Difference("window-bounds", "A window reaches further in the one than in the other.", edges.window_bounds),
        Difference(
            "union-outside-window",
            "(causal or same block) and window in the one, (causal and window) or same block in the other.",
            documents.union_outside_window,
        ),
        Difference("documents-ignored", "Documents in one row see each other.", documents.ignored),
    )
}


def explain(
    a: Mask, b: Mask, rules_of_a: Mapping[str, Mask] | None = None, rules_of_b: Mapping[str, Mask] | None = None
) -> Explanation | None:
    """Return what makes the one of two masks of the other, (batch, heads, L, S) each; None: nothing known does.

    The masks are asked first, and then, where they are known, the rules that each is made of. Every plane in which the
    masks differ has to be explained by the same, the same way round.

    Example:
        >>> tril = np.tri(3, dtype=bool)[None, None]
        >>> explain(tril, ~tril).name
        'inverted'
    """
    for difference in DIFFERENCES.values():
        for one, other, names in ((b, a, ("B", "A")), (a, b, ("A", "B"))):
            detail = difference.test(one, other) if difference.whole else _in_planes(difference, one, other)
            if detail is not None:
                return Explanation(difference.name, *names, detail)
    for one, rules, names in ((b, rules_of_a, ("B", "A")), (a, rules_of_b, ("A", "B"))):
        changed = None if a.shape != b.shape else changed_rule(one, rules or {})
        if changed is not None:
            return Explanation(changed[0], *names, {}, changed[1])
    return None


def _in_planes(difference: Difference, one: Mask, other: Mask) -> Detail | None:
    first: Detail | None = None
    for made, of in _planes(one, other):
        found = difference.test(made, of)
        if found is None:
            return None
        first = found if first is None else first
    return first


def _planes(one: Mask, other: Mask) -> Iterator[tuple[Mask, Mask]]:
    """Yield the planes that differ; none where the masks cannot be laid on each other."""
    try:
        one, other = np.broadcast_arrays(one, other)
    except ValueError:
        return
    for batch in range(one.shape[0]):
        for head in range(one.shape[1]):
            if not np.array_equal(one[batch, head], other[batch, head]):
                yield one[batch, head], other[batch, head]
