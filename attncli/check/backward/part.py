"""The part of a large problem in which mistakes are tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.backward.change import Change
from attncli.check.backward.reference import Gradients
from attncli.check.backward.seen import Observed, Seen
from attncli.check.backward.way import Way, kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many scores are computed at a time for one mistake; of four times as many the gradients of a key head are made.
MOST = 1 << 22
# A share of its largest number by which what is left alone may differ.
SAME = 1e-9
# Likewise, what was observed to be a multiple.
ALIKE = 1e-3


@dataclass(frozen=True, eq=False)
class Part:
    """The query heads of a large problem that share one key head, in one batch item; or a few queries of one head.

    Attributes:
        way: the right way of the whole problem.
        seen: what was observed in it.
        rows: where it is: batch item, head and queries of each head.
        beside: what a few queries have only a share of, of which is known whether it is right as a whole.
    """

    way: Way
    seen: Seen
    rows: Sequence[tuple[int, int, NDArray[np.int64]]]
    beside: Mapping[str, Observed] = field(default_factory=dict)

    @classmethod
    def of(cls, gradients: Gradients, seen: Seen) -> Part | None:
        """Return the part in which most is wrong."""
        o, way = gradients.operands, gradients.way
        known = [each for each in seen if each.name in ("query", "key", "value")]
        if not way.is_plain or len(known) < len(seen.arrays) or any(len(e.right) < o.sizes.batch for e in known):
            return None
        first = next((each for each in known if not each.agrees), known[0])
        batch, at = np.unravel_index(int(first.comparison.excess.max(axis=2).argmax()), first.right.shape[:2])
        head = int(at) * o.sizes.heads // first.right.shape[1]
        key_head = head // o.sizes.group
        s = o.sizes
        every = np.arange(s.queries)
        heads = range(key_head * s.group, (key_head + 1) * s.group)
        if o.value.shape[1] != s.key_heads or s.group * s.queries * s.keys > 4 * MOST:
            if "query" not in seen.arrays:
                return None
            rows = np.unique(np.linspace(0, s.queries - 1, max(2, min(64, MOST // s.keys // 4))).astype(np.int64))
            part = Seen({"query": seen.arrays["query"].some(int(batch), slice(head, head + 1), rows)})
            beside = {each.name: each for each in known if each.name != "query"}
            return cls(way, part, [(int(batch), head, rows)], beside)
        cut = {
            "query": slice(heads[0], heads[-1] + 1),
            "key": slice(key_head, key_head + 1),
            "value": slice(key_head, key_head + 1),
        }
        part = Seen({e.name: e.some(int(batch), cut[e.name], slice(None)) for e in known})
        return cls(way, part, [(int(batch), each, every) for each in heads])

    def made(self, change: Change) -> dict[str, NDArray[Any]] | None:
        """Return what a mistake makes in this part, head by head and not too many queries at a time."""
        way = change.apply(self.way)
        # What is done with all gradients at last, such as a sum over heads, cannot be told of one of them.
        if way is None or (way.finish is not kept and self.seen.arrays.keys() == {"query"}):
            return None
        if not self._may_be(way):
            return None
        heads: dict[str, list[NDArray[Any]]] = {name: [] for name in self.seen.arrays}
        for batch, head, rows in self.rows:
            pieces = np.array_split(rows, -(-len(rows) * way.operands.sizes.keys // MOST))
            found = [way.part(batch, head, piece).back() for piece in pieces]
            for name, every in heads.items():
                each = [piece[name] for piece in found]
                every.append(np.concatenate(each, axis=2) if name == "query" else np.sum(each, axis=0))
        joined = {name: np.concatenate(each, axis=1) for name, each in heads.items()}
        if way.operands.sizes.group < self.way.operands.sizes.group:  # on this way each head has a key of its own
            return way.finish(joined)
        return {name: each if name == "query" else each.sum(axis=1, keepdims=True) for name, each in joined.items()}

    def _may_be(self, way: Way) -> bool:
        """Tell whether a mistake leaves alone what is right of key and value, and changes what is wrong."""
        if not self.beside:
            return True
        found = self._few(way)
        for name, each in self.beside.items():
            right, made = self._right[name], found[name]
            if made.shape != right.shape:
                continue
            apart, most = (float(np.abs(some).max(initial=0.0)) for some in (made - right, right))
            if each.agrees and apart > float(each.tolerance.max()):
                return False
            if not each.agrees and apart <= SAME * most:
                return False
            if each.ratio is not None and float(np.abs(made - each.ratio * right).max(initial=0.0)) > ALIKE * most:
                return False
        return True

    @cached_property
    def _right(self) -> dict[str, NDArray[Any]]:
        return self._few(self.way)

    def _few(self, way: Way) -> dict[str, NDArray[Any]]:
        """Return what the queries of the part add to the gradients."""
        ((batch, head, rows),) = self.rows
        return way.part(batch, head, rows).back()
