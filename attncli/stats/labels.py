"""What labels tell of positions: which came earlier already, and where patches of a picture lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.plot.patches import LABEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels

    Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Repeats:
    """Where the label of each key stood before.

    Attributes:
        order: (S,) the keys in order of their labels, those with the same one from the first to the last.
        start: (S,) for each key, where those with its label begin in that order.
        rank: (S,) for each key, how many keys before it have its label.
    """

    order: Whole
    start: Whole
    rank: Whole

    @classmethod
    def of(cls, labels: Mapping[str, Labels], at: Whole) -> Repeats | None:
        """Look for them; None unless each query has the label of the key at its position.

        Args:
            labels: ``query_labels`` and ``key_labels``, if any.
            at: (L,) positions of the queries.
        """
        queries, keys = labels.get("query_labels"), labels.get("key_labels")
        if queries is None or keys is None or at[0] < 0 or at[-1] >= len(keys):
            return None
        if any(keys[place] != label for place, label in zip(at.tolist(), queries, strict=True)):
            return None
        numbered: dict[str, int] = {}
        ids = np.array([numbered.setdefault(label, len(numbered)) for label in keys], dtype=np.int64)
        order = np.argsort(ids, kind="stable")
        start = np.searchsorted(ids[order], ids)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return cls(order, start, rank - start)

    def pairs(self, at: Whole) -> tuple[Whole, Whole, Whole]:
        """Return the pairs of a query and an earlier key with its label.

        Args:
            at: (R,) positions of queries.

        Returns:
            The queries that have such keys, as indices into ``at``; where the pairs of each begin; the keys.

        Example:
            >>> of = Repeats.of({"query_labels": tuple("abab"), "key_labels": tuple("abab")}, np.arange(4))
            >>> [part.tolist() for part in of.pairs(np.arange(4))]
            [[2, 3], [0, 1], [0, 1]]
        """
        counts = self.rank[at]
        rows = np.flatnonzero(counts)
        some = counts[rows]
        begins = np.cumsum(some) - some
        places = np.arange(some.sum()) + np.repeat(self.start[at[rows]] - begins, some)
        return rows, begins, self.order[places]


@dataclass(frozen=True, eq=False)
class Grid:
    """Patches of a picture.

    Attributes:
        queries: (L, 2) row and column of each query, NaN where it is no patch.
        keys: (S, 2) likewise.
    """

    queries: NDArray[np.float64]
    keys: NDArray[np.float64]

    @cached_property
    def distance(self) -> NDArray[np.float64]:
        """How far each query is from each key, (L, S), NaN where one of them is no patch."""
        apart = self.queries[:, None] - self.keys[None]
        return np.sqrt((apart * apart).sum(axis=-1))

    @classmethod
    def of(cls, labels: Mapping[str, Labels]) -> Grid | None:
        """Look for patches; None unless most queries and most keys are such, in several rows and columns.

        >>> Grid.of({"query_labels": ("CLS", "r0c1x"), "key_labels": ("r0c0", "r1c1")}).queries.tolist()
        [[nan, nan], [0.0, 1.0]]
        """
        found = [_places(labels.get(name, ())) for name in ("query_labels", "key_labels")]
        if any(len(each) == 0 or np.isnan(each[:, 0]).mean() > 0.5 for each in found):
            return None
        keys = found[1][~np.isnan(found[1][:, 0])]
        return cls(*found) if (np.ptp(keys, axis=0) > 0).all() else None


def _places(labels: Sequence[str]) -> NDArray[np.float64]:
    matches = (LABEL.match(label) for label in labels)
    nowhere: tuple[Any, Any] = (np.nan, np.nan)
    return np.array([nowhere if each is None else each.groups() for each in matches], dtype=np.float64).reshape(-1, 2)
