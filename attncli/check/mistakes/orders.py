"""Orders in which things are read: what people do by mistake, recognised and put into words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from attncli.sentences import Listed, Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many single places are told one by one.
MOST = 6


def named(order: NDArray[np.int64], right: NDArray[np.int64], count: int) -> Sentence:
    """Say what each place was read from instead of what is right.

    Args:
        order: what was read at each place.
        right: what should have been.
        count: how many there are to read from.

    Example:
        >>> from attncli.check.voice import IN_ENGLISH
        >>> four = np.arange(4)
        >>> for order in (four[::-1], (four + 1) % 4, 0 * four, np.array([2, 1, 0, 3]), np.array([0, 1, 3, 3])):
        ...     print(IN_ENGLISH.say(named(order, four, 4)))
        in reverse order
        for each the next one, for the last the first
        number 0 for all
        number 2 for 0, 0 for 2
        number 3 for 2
    """
    for said, other in patterns(right, count):
        if np.array_equal(order, other):
            return said
    off = np.flatnonzero(order != right).tolist()
    told = Listed(tuple(sentence("order_one", number=int(order[at]), place=at) for at in off[:MOST]), "comma")
    return sentence("order_some_of_many" if len(off) > MOST else "order_some", places=told)


def patterns(right: NDArray[np.int64], count: int) -> Iterator[tuple[Sentence, NDArray[np.int64]]]:
    """Return the orders that people read in by mistake, and what each is called, of so many things to read from."""
    places = np.arange(len(right))
    yield sentence("order_reversed"), right[::-1]
    yield sentence("order_next_around"), (right + 1) % count
    yield sentence("order_before_around"), (right - 1) % count
    for number in range(count):
        yield sentence("order_all", number=number), np.full_like(right, number)
    yield sentence("order_next"), np.minimum(right + 1, count - 1)
    yield sentence("order_before"), np.maximum(right - 1, 0)
    if count % 2 == 0:
        yield sentence("order_neighbours"), right ^ 1
        yield sentence("order_halves"), (right + count // 2) % count
    for shift in range(2, count - 1):
        yield sentence("order_shifted", shift=shift), (right + shift) % count
    if len(right) != count:
        yield sentence("order_modulo", count=count), places % count
    for step in range(2, len(right)):
        if len(right) % step == 0:
            rows = places.reshape(-1, step)
            yield sentence("order_interleaved", count=len(right) // step), right[rows.T.ravel()]
    for size in range(2, count):
        if count % size == 0:
            yield sentence("order_repeated", size=size), right % size
