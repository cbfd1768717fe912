"""What heads, queries and keys are called in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attncli.said import Said
from attncli.show.numbers import label


def name_of(place: tuple[int, int], shape: Sequence[int], *, alone: bool) -> str:
    """Name a head of a batch item; a picture of one alone says how many there are, and from where they are counted.

    >>> name_of((0, 1), (1, 12), alone=True), name_of((2, 1), (3, 12), alone=False)
    ('head 1 of 12 (counted from 0)', 'batch 2, head 1')
    """
    batch, head = place
    batches, heads = shape[:2]
    if batches == 1 and heads == 1:
        return ""
    if not alone:
        return _among(batch, batches, head, heads)
    if batches == 1:
        return Said("head {head} of {heads} (counted from 0)", head=head, heads=heads)
    if heads == 1:
        return Said("batch {batch} of {batches} (counted from 0)", batch=batch, batches=batches)
    return Said(
        "batch {batch} of {batches}, head {head} of {heads} (counted from 0)",
        batch=batch,
        batches=batches,
        head=head,
        heads=heads,
    )


def _among(batch: int, batches: int, head: int, heads: int) -> str:
    if batches == 1:
        return Said("head {head}", head=head)
    if heads == 1:
        return Said("batch {batch}", batch=batch)
    return Said("batch {batch}, head {head}", batch=batch, head=head)


def counted(caption: str, shape: Sequence[int]) -> str:
    """Add to a caption from where heads and batch items are counted, where a picture has several.

    >>> counted("weights", (1, 12))
    'weights; heads are counted from 0'
    """
    batches, heads = shape[:2]
    if batches > 1 and heads > 1:
        return Said("{caption}; batch items and heads are counted from 0", caption=caption)
    if batches > 1:
        return Said("{caption}; batch items are counted from 0", caption=caption)
    return Said("{caption}; heads are counted from 0", caption=caption) if heads > 1 else caption


def query_of(index: int, labels: Any) -> str:
    """Name a query by its index, and by its label if there are labels.

    >>> query_of(1, None), query_of(1, ["a", " b"])
    ('query 1', 'query 1 “␣b”')
    """
    if labels is None:
        return Said("query {index}", index=index)
    return Said("query {index} “{label}”", index=index, label=label(labels[index]))


def key_of(index: int, labels: Any) -> str:
    """Name a key likewise."""
    if labels is None:
        return Said("key {index}", index=index)
    return Said("key {index} “{label}”", index=index, label=label(labels[index]))
