"""Look for the mistake that makes the gradients that were observed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.blas import one_thread
from attncli.attend.views import summed_to
from attncli.check.backward.change import Change
from attncli.check.backward.mistakes import arrays, forward, numbers, softmax, splits, stages
from attncli.check.backward.part import Part
from attncli.check.backward.reference import Gradients
from attncli.check.backward.seen import Seen
from attncli.check.backward.way import Way

if TYPE_CHECKING:
    from numpy.typing import NDArray

Family = Callable[[Way, Seen], Iterator[Change]]
# Seconds after which no further mistake is tried.
SECONDS = 14.0
# Seconds for which another one is looked for when one was found.
MORE = 4.0
# How many heads, and how many queries of each, are tried first.
HEADS, ROWS = 3, 8
# An explanation may be so many times as far from the expected gradients as rounding alone explains, and as the nearest.
WITHIN, BESIDE = 1.5, 8.0


def of_way(family: Callable[[Way], Iterator[Change]]) -> Family:
    """Return a family of mistakes that does not depend on what was observed."""
    return lambda way, seen: family(way)


# Where several mistakes explain the same, they are named in this order.
FAMILIES: tuple[Family, ...] = (
    numbers.loss,
    of_way(arrays.swapped),
    of_way(softmax.delta),
    of_way(arrays.group),
    numbers.scale,
    of_way(stages.softcap),
    of_way(stages.rotation),
    of_way(softmax.sink),
    of_way(stages.added),
    of_way(stages.transposed),
    of_way(softmax.softmax),
    splits.split,
    of_way(arrays.layout),
    numbers.value,
)


@dataclass(frozen=True)
class Candidate:
    """A mistake that makes what was observed.

    Attributes:
        change: the mistake.
        excess: how far it is from the expected gradients, in units of what rounding explains.
        residual: the largest difference that is left.
        rows: how many rows were compared, and how many there are.
    """

    change: Change
    excess: float
    residual: float
    rows: tuple[int, int]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        candidates: those that explain what was observed, in their order.
        stopped: whether there was no time to try them all.
    """

    candidates: Sequence[Candidate]
    stopped: bool = False


@dataclass(frozen=True, eq=False)
class Search:
    """One search.

    Attributes:
        gradients: the right ones.
        seen: those that were observed.
        right_output: whether the forward pass is known to be right, or wrong; None: it is not known.
        progress: called with the share that is done.
    """

    gradients: Gradients
    seen: Seen
    right_output: bool | None = None
    progress: Callable[[float], None] | None = None

    def run(self, seconds: float = SECONDS) -> Found:
        """Try every mistake, alone."""
        begun, found, stopped = time.monotonic(), list[Candidate](), False
        until = seconds
        with one_thread(1 << 30):
            far = self.far
            for change in self.changes():
                spent = time.monotonic() - begun
                if spent > until:
                    stopped = not found
                    break
                if self.progress is not None:
                    self.progress(spent / seconds)
                tried = self.tried(change, far)
                if tried and not found:
                    until = min(seconds, spent + MORE)
                found += tried
        return Found(self.best(found), stopped)

    def changes(self) -> Iterator[Change]:
        """Return every mistake; where the forward pass is known to be wrong, its own come first."""
        way = self.gradients.way
        of_forward = forward.carried(way, right_output=self.right_output)
        if self.right_output is False:
            yield from of_forward
        for family in FAMILIES:
            yield from family(way, self.seen)
        yield from of_forward

    @cached_property
    def far(self) -> float:
        """How far the right gradients are from the expected ones."""
        return self.seen.excess({each.name: each.right for each in self.seen})

    def tried(self, change: Change, far: float) -> list[Candidate]:
        """Make a mistake; return it if it explains what was observed."""
        way = change.apply(self.gradients.way)
        if way is None or not self.may_be(way):
            return []
        seen, made = self.made(way, change)
        if made is None:
            return []
        excess = seen.excess(made, WITHIN)
        # Whatever changes nothing, or little, explains nothing.
        if excess > min(WITHIN, far / 2):
            return []
        left = max(
            (float(np.abs(made[each.name] - each.expected).max(initial=0.0)) for each in seen if each.expected.size),
            default=0.0,
        )
        rows = [sum(int(np.prod(each.right.shape[:3])) for each in some) for some in (seen, self.seen)]
        return [Candidate(change, excess, left, (rows[0], rows[1]))]

    def made(self, way: Way, change: Change) -> tuple[Seen, Mapping[str, NDArray[Any]] | None]:
        """Return what a mistake makes, and what was observed of it; None: that cannot be told in a large problem."""
        right = self.gradients.way
        as_right = not way.stages and way.operands is right.operands and way.output is right.output
        if as_right and self.has_states:
            return self.seen, way.finish({each.name: each.right for each in self.seen})
        if not self.gradients.is_large:
            return self.seen, self.whole(way)
        if self.part is None or way.is_whole:
            return self.seen, None
        return self.part.seen, self.part.made(change)

    @cached_property
    def has_states(self) -> bool:
        """Whether query, key and value are what was observed, as the operands have them."""
        shapes = {each.name: each.right.shape for each in self.seen}
        states = self.gradients.operands.states
        there = all(shapes.get(name) == array.shape for name, array in states.items())
        return self.gradients.way.is_plain and there

    def whole(self, way: Way) -> dict[str, NDArray[Any]]:
        """Return all gradients of a way, with four axes; what has none on it, such as sinks left out, has 0."""
        found = way.found()
        made = {}
        for name, right in self.gradients.core.items():
            array = found.get(name, np.zeros(right.shape))
            array = summed_to(array, right.shape) if array.ndim == right.ndim else array
            made[name] = array if array.shape == right.shape else np.full(right.shape, np.nan)
        return self.gradients.restored(made)

    def best(self, found: list[Candidate]) -> list[Candidate]:
        """Return the simplest candidates, without those that are much further away than the nearest."""
        if not found:
            return []
        nearest = min(each.excess for each in found)
        kept = [each for each in found if each.excess <= BESIDE * nearest + 0.05]
        return sorted(kept, key=lambda each: each.change.rank)

    # --- a few queries ------------------------------------------------------------------------------------------------

    def may_be(self, way: Way) -> bool:
        """Tell whether a mistake may make what was observed, as far as a few queries and the value tell."""
        if self.spares_value(way) and "value" in self.seen.wrong:
            return False
        if way.is_whole or not self.rows:
            return True
        with np.errstate(all="ignore"):
            for seen, place in self.rows:
                made = way.part(*place).back()["query"]
                if seen.excess({"query": made}) > WITHIN:
                    return False
        return True

    def spares_value(self, way: Way) -> bool:
        """Tell whether a mistake is made only behind the weights: the gradient of the value is found before."""
        right = self.gradients.way
        same = way.operands is right.operands and way.output is right.output
        as_right = way.made is right.made and way.finish is right.finish
        return same and as_right and not {"out", "gate", "sum"} & way.stages.keys()

    @cached_property
    def rows(self) -> list[tuple[Seen, tuple[int, int, NDArray[np.int64]]]]:
        """A few queries, those first whose gradient is most wrong: what was observed of them, and where they are."""
        o = self.gradients.operands
        query = self.seen.arrays.get("query")
        if query is None or not self.gradients.way.is_plain or len(query.right) < o.sizes.batch:
            return []
        excess = query.comparison.excess
        order = np.argsort(-excess.max(axis=2), axis=None, kind="stable").tolist()
        heads = o.sizes.heads
        count = max(2, min(ROWS, (1 << 16) // o.sizes.keys))
        found = []
        for each in list(dict.fromkeys([order[0], order[-1], len(order) - 1]))[:HEADS]:
            batch, head = divmod(each, heads)
            worst = np.argsort(-excess[batch, head], kind="stable")[: count // 2]
            spread = np.linspace(0, o.sizes.queries - 1, count - len(worst)).round().astype(np.int64)
            rows = np.unique(np.concatenate([worst, spread]))
            some = query.some(batch, slice(head, head + 1), rows)
            found.append((Seen({"query": some}), (batch, head, rows)))
        return found

    # --- a part of a large problem ------------------------------------------------------------------------------------

    @cached_property
    def part(self) -> Part | None:
        """The part of a large problem in which mistakes are tried; None: no part is small enough."""
        return Part.of(self.gradients, self.seen)
