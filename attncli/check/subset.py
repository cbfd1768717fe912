"""A part of a large problem in which pairs of mistakes are looked for: a few heads, with all their rows and keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.candidate import Candidate
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.check.sample import Sample
from attncli.check.search import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A problem with more numbers than this in query, key and value is large: thousands of recipes copy some of them.
LARGE = 1 << 21
HEADS = 2


def is_large(operands: Operands) -> bool:
    """Tell whether pairs are better looked for in a part of this problem."""
    if operands.layer.out is not None:  # which needs all heads
        return False
    several = operands.sizes.heads > HEADS or operands.sizes.batch > 1
    return several and sum(array.size for array in operands.states.values()) > LARGE


def narrowed(search: Search) -> Search:
    """Return the search in the first batch item and heads of the sample, those in which most is wrong."""
    batch = search.sample.groups[0].batch
    heads = list(dict.fromkeys(group.head for group in search.sample.groups if group.batch == batch))[:HEADS]
    groups = tuple(
        replace(group, batch=0, head=heads.index(group.head))
        for group in search.sample.groups
        if group.batch == batch and group.head in heads
    )
    return replace(
        search,
        right=Recipe(part_of(search.case.reference.operands, batch, heads), until=search.right.until),
        sample=Sample(groups),
        all_heads=False,
    )


def again(search: Search, candidate: Candidate) -> Candidate | None:
    """Return what was found in a part of the problem as it is in this whole one; None: it is not there."""
    found = [one for variant in candidate.variants if (one := same(search, variant)) is not None]
    recipe = search.made(found) if len(found) == len(candidate.variants) else None
    if recipe is None:
        return None
    return Candidate(tuple(found), recipe, search.sample.distance(recipe), candidate.fitted)


def same(search: Search, variant: Variant) -> Variant | None:
    """Return the mistake of this problem that has the key, and the number, of one of another part of it."""
    for each in search.known:
        if isinstance(each, Variant):
            if variant.number is None and each.key == variant.key:
                return each
        elif variant.number is not None and each.piece == variant.piece:
            made = each.of(variant.number)
            if made.key == variant.key:
                return replace(made, number=variant.number)
    return None


def part_of(operands: Operands, batch: int, heads: list[int]) -> Operands:
    """Return some heads of one batch item in float64, each with a key head of its own."""
    one = operands.select(batch=batch)
    serving = [head // operands.sizes.group for head in heads]

    def over(array: NDArray[Any] | None) -> NDArray[Any] | None:
        return array if array is None or array.shape[1] == 1 else array[:, heads]

    double = np.float64
    return replace(
        one,
        query=np.asarray(one.query[:, heads], dtype=double),
        key=np.asarray(one.key[:, serving], dtype=double),
        value=np.asarray(one.value[:, serving], dtype=double),
        mask=over(one.mask),
        bias=over(one.bias),
        gate=over(one.gate),
        sinks=None if one.sinks is None else one.sinks[heads],
        head_indices=one.head_indices[heads],
        sizes=replace(one.sizes, heads=len(heads), key_heads=len(heads)),
    )
