"""One table of a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attncli.said import Said
from attncli.show.tables import Grid


@dataclass(frozen=True)
class Section:
    """One table with its title.

    Attributes:
        title: what it is.
        grid: the numbers.
        name: of the result.
        place: its batch item and head; what all heads have together comes behind the last of them.
    """

    title: str
    grid: Grid
    name: str
    place: tuple[int, int]


def titled(formula: str, where: Iterable[str], shape: tuple[int, int]) -> str:
    """Return the title of a table: what is in it, of which head, and how large it is.

    >>> titled("a = b", [Said("head {head} of {heads}", head=2, heads=3)], (4, 5))
    'a = b   head 2 of 3, 4×5'
    """
    facts = f"{shape[0]}×{shape[1]}"
    for fact in reversed(list(where)):
        facts = Said("{fact}, {facts}", fact=fact, facts=facts)
    return Said("{formula}   {facts}", formula=formula, facts=facts)


def place(batch: int, batches: int, head: int, heads: int, *, of_keys: bool = False) -> list[str]:
    """Say which batch item and which head a table shows, where there are several.

    Args:
        batch: its index.
        batches: how many there are.
        head: its index.
        heads: how many there are.
        of_keys: whether it is a key head.

    >>> place(0, 1, 2, 3), place(1, 2, 0, 1)
    (['head 2 of 3'], ['batch 1 of 2'])
    """
    where: list[str] = []
    if batches > 1:
        where.append(Said("batch {batch} of {batches}", batch=batch, batches=batches))
    if heads > 1 and of_keys:
        where.append(Said("key head {head} of {heads}", head=head, heads=heads))
    elif heads > 1:
        where.append(Said("head {head} of {heads}", head=head, heads=heads))
    return where
