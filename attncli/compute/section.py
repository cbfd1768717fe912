"""One table of a report."""

from __future__ import annotations

from dataclasses import dataclass

from attncli.show.tables import Grid


@dataclass(frozen=True)
class Section:
    """One table with its title."""

    title: str
    grid: Grid


def place(batch: int, batches: int, head: int, heads: int, which: str = "head") -> str:
    """Say which batch item and which head a table shows, where there are several.

    >>> place(0, 1, 2, 3), place(1, 2, 0, 1)
    ('head 2 of 3, ', 'batch 1 of 2, ')
    """
    batch_text = f"batch {batch} of {batches}, " if batches > 1 else ""
    return batch_text + (f"{which} {head} of {heads}, " if heads > 1 else "")
