"""A bias that depends on the distance alone, as T5's does: with other buckets, one-sided, capped.

Source of the buckets: Raffel et al., *Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer*, 2020, section 2.1, and its published code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Places = NDArray[np.int64]

COUNT, MOST = 32, 128
# Distances from which T5's buckets may all be the same.
OTHERS = (16, 32, 64, 256, 512)


@dataclass(frozen=True)
class Other:
    """A bias that was added instead of the right one.

    Attributes:
        form: what identifies it.
        said: what was done.
        array: (batch, heads, L, S) the bias, or with axes of length 1.
    """

    form: str
    said: Sentence
    array: Array


def bucket(ahead: Places, *, both: bool = True, most: int = MOST, count: int = COUNT, exact: bool = False) -> Places:
    """Return T5's bucket of each distance of a key ahead of its query.

    Args:
        ahead: the key's position less the query's.
        both: whether keys ahead have buckets of their own; else all of them have the first.
        most: the distance from which on all are in the last bucket.
        count: how many buckets there are.
        exact: whether each distance has a bucket of its own up to the last, without the logarithm.
    """
    behind, each = (np.abs(ahead), count // 2) if both else (np.maximum(-ahead, 0), count)
    near = each // 2
    far = near + (np.log(np.maximum(behind, 1) / near) / np.log(most / near) * (each - near)).astype(np.int64)
    found = np.minimum(behind, each - 1) if exact else np.where(behind < near, behind, np.minimum(far, each - 1))
    return found + (ahead > 0) * each if both else found


def others(right: Array) -> Iterator[Other]:
    """Return other biases that a table by distance may give, none if it is not one."""
    queries, keys = right.shape[2:]
    ahead = np.arange(keys) - np.arange(queries)[:, None]
    table = by_distance(right, ahead)
    if table is None:
        return

    def at(distance: Places) -> Array:
        return table[..., np.clip(distance, 1 - queries, keys - 1) + queries - 1]

    for form, distance in (
        ("as behind", -np.abs(ahead)),
        ("as ahead", np.abs(ahead)),
        ("transposed", -ahead),
        ("none ahead", np.minimum(ahead, 0)),
        ("none behind", np.maximum(ahead, 0)),
        ("one farther", ahead - 1),
        ("one nearer", ahead + 1),
    ):
        yield Other(form, word("distances", form), at(distance))
    for most in OTHERS:
        if most < max(queries, keys):
            said = sentence("distances_end", most=most)
            yield Other(f"at most {most}", said, at(np.clip(ahead, -most, most)))
    yield from _of_other_sides(right, ahead)
    for both in (True, False):
        for other in _bucketed(right, ahead, partial(bucket, both=both)):
            yield other if both else _of_one_side(other)


def _of_one_side(other: Other) -> Other:
    return replace(other, form=f"{other.form}, one-sided", said=sentence("buckets_of_one_side", what=other.said))


def _of_other_sides(right: Array, ahead: Places) -> Iterator[Other]:
    """Return what comes of buckets that are two-sided instead of one-sided, or the other way round."""
    table = _table(right, bucket(ahead))
    if table is not None:
        yield Other("buckets one-sided", sentence("buckets_one_sided"), table[..., bucket(ahead, both=False)])
        yield Other("buckets of |distance|", sentence("buckets_as_behind"), table[..., bucket(-np.abs(ahead))])
    table = _table(right, bucket(ahead, both=False))
    if table is not None:
        yield Other("buckets two-sided", sentence("buckets_two_sided"), table[..., bucket(ahead)])


def _bucketed(right: Array, ahead: Places, own: Callable[..., Places]) -> Iterator[Other]:
    """Return what a table of T5's buckets, read off the right bias, gives with other buckets; a bucket unseen is 0."""
    table = _table(right, own(ahead))
    if table is None:
        return
    for most in (32, 64, 256, 512):
        said = sentence("buckets_end", most=most, right=MOST)
        yield Other(f"buckets to {most}", said, table[..., own(ahead, most=most)])
    yield Other("buckets exact", sentence("buckets_exact"), table[..., own(ahead, exact=True)])
    said = sentence("buckets_count", count=COUNT // 2, right=COUNT)
    yield Other(f"{COUNT // 2} buckets", said, table[..., own(ahead, count=COUNT // 2)])


def _table(right: Array, at: Places) -> Array | None:
    """Return the number of each bucket, (batch, heads, buckets); None: a bucket has several."""
    table = np.zeros((*right.shape[:2], COUNT))
    table[..., at] = right
    return table if np.array_equal(table[..., at], right) else None


def by_distance(right: Array, ahead: Places) -> Array | None:
    """Return the bias of each distance, (batch, heads, L + S − 1), from −(L − 1) on; None: it depends on more."""
    queries, keys = right.shape[2:]
    if right.shape[2] != ahead.shape[0] or right.shape[3] != ahead.shape[1]:
        return None
    table = np.zeros((*right.shape[:2], queries + keys - 1))
    table[..., ahead + queries - 1] = right
    return table if np.array_equal(table[..., ahead + queries - 1], right) else None
