"""Rows that became NaN or 0 because exponentials left the range of their type: which maximum was taken off, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import FUNCTION
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Of so many scores at most the largest of each row is looked for.
SCORES = 1 << 23
# The types in which exponentials are taken: the smallest and the largest number.
TYPES = (np.float32, np.float16)


@dataclass(frozen=True)
class Shared:
    """A maximum that rows share.

    Attributes:
        name: of the rows, as words have it.
        axes: of (batch, heads, queries, keys) over which it is taken.
        whole: the axes that softmax has to see whole.
    """

    name: str
    axes: tuple[int, ...]
    whole: frozenset[int]


SHARED = (
    Shared("all rows", (0, 1, 2, 3), frozenset({0, 1, 2})),
    Shared("all rows of an item", (1, 2, 3), frozenset({1, 2})),
    Shared("all rows of a head", (2, 3), frozenset({2})),
    Shared("all heads", (1, 3), frozenset({1})),
)


def extremes(o: Operands) -> Iterator[Generator]:
    """Exponentials are too small or too large for their type."""
    if not o.has_after and o.sizes.batch * o.sizes.heads * o.sizes.queries * o.sizes.keys <= SCORES:
        yield Generator(pieces.SOFTMAX_ROW, _found)


def _found(observed: Observed) -> Iterator[Variant]:
    nan = np.isnan(observed.expected).all(axis=-1)
    gone = observed.wrong & (nan | (observed.expected == 0).all(axis=-1))
    if not gone.any() or gone.all():
        return
    top = _largest(observed.right, gone.shape)
    left = ~gone & np.isfinite(top)
    for kind in TYPES:
        highest, lowest = (
            float(np.log(float(np.finfo(kind).max))),
            float(np.log(float(np.finfo(kind).smallest_subnormal) / 2)),
        )
        if top[gone].min() > highest - 1 and top[left].max(initial=-np.inf) < highest + 1:
            yield _variant(
                "overflow", kind, sentence("exponentials_overflow", limit=f"{highest:.4g}", type=_name(kind))
            )
        for shared in SHARED:
            below = top.max(axis=tuple(each for each in shared.axes if each < 3), keepdims=True) - top
            if below[gone].min() > -lowest - 1 and below[left].max(initial=0) < -lowest + 1:
                rows = word("shared", shared.name)
                said = sentence("exponentials_underflow", rows=rows, limit=f"{-lowest:.4g}", type=_name(kind))
                yield replace(_variant(shared.name, kind, said), apply=partial(_less_shared, shared=shared, kind=kind))


def _name(kind: Any) -> str:
    return np.dtype(kind).name


def _largest(right: Recipe, shape: tuple[int, ...]) -> Array:
    """Return the largest logit of each row, (batch, heads, L)."""
    logits = replace(right, until="logits")
    every = np.arange(shape[2])
    found = np.empty(shape)
    for batch, head in np.ndindex(*shape[:2]):
        found[batch, head] = logits.compute(batch, head, every).max(axis=-1)
    return found


def _variant(form: str, kind: Any, said: Any) -> Variant:
    return Variant(
        (FUNCTION,),
        pieces.SOFTMAX_ROW,
        f"exponentials in {_name(kind)}, {form}",
        partial(_without, kind=kind),
        said,
        sentence("fix_own_maximum"),
        {"maximum": form, "type": _name(kind)},
    )


def _without(recipe: Recipe, *, kind: Any) -> Recipe:
    def softmax(logits: Array, o: Operands) -> Array:
        made = np.exp(logits.astype(kind))
        return np.asarray(made / made.sum(axis=-1, keepdims=True), np.float64)

    return replace(recipe, softmax=softmax)


def _less_shared(recipe: Recipe, *, shared: Shared, kind: Any) -> Recipe:
    def softmax(logits: Array, o: Operands) -> Array:
        less = logits - logits.max(axis=shared.axes, keepdims=True)
        made = np.exp(less.astype(kind)).astype(np.float64)
        return np.asarray(made / made.sum(axis=-1, keepdims=True))

    return replace(recipe, softmax=softmax, whole=shared.whole)
