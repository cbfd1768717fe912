"""The row of a lesson in tiles: which tiles are worked out, how near they come to the whole row, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.explain.lesson import Lesson
from attncli.explain.running import Run, in_tiles, usual_width

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Up to so many open tiles are all worked out; of more, the first, the one that raises the maximum most, and the last.
FEW_OPEN = 3
# So many roundings go into a number beside those of its sums.
ROUNDINGS = 8


@dataclass(frozen=True, eq=False)
class TiledRow:
    """The worked row in tiles.

    Attributes:
        lesson: the voice.
        width: how many keys a tile has.
    """

    lesson: Lesson
    width: int

    @classmethod
    def of(cls, lesson: Lesson) -> TiledRow:
        """Cut the worked row as the reader asks, or as it tells most."""
        keys = lesson.about.operands.sizes.keys
        return cls(lesson, min(lesson.about.tile or usual_width(keys), keys))

    @property
    def query(self) -> str:
        """The name of the query."""
        return self.lesson.query(self.lesson.about.row)

    @property
    def what(self) -> str:
        """What the sums are called: the output, unless anything comes after them."""
        return self.lesson.say(f"word_{self.lesson.about.sums}")

    def count(self, keys: int) -> str:
        """Write a number of keys."""
        return self.lesson.say("tiles_key" if keys == 1 else "tiles_keys", count=keys)

    @cached_property
    def is_known(self) -> bool:
        """Whether the row has a largest logit: NaN and ∞ have none that could be taken off."""
        logits, sink = self.lesson.about.line("logits"), self.lesson.about.sink
        return bool((logits.max() if sink is None else np.maximum(logits.max(), sink)) < np.inf)

    @cached_property
    def run(self) -> Run:
        """What the tiles make."""
        return self._run(rescaled=True)

    @cached_property
    def forgotten(self) -> Run:
        """What they would make if nothing were rescaled."""
        return self._run(rescaled=False)

    def _run(self, *, rescaled: bool) -> Run:
        about = self.lesson.about
        logits, sink = about.line("logits"), about.sink
        return in_tiles(logits, about.values, self.width, about.of_sum, sink=sink, rescaled=rescaled)

    @cached_property
    def whole(self) -> NDArray[Any]:
        """What softmax and the weighted sum made of the whole row, (Ev)."""
        return self.lesson.about.line(self.lesson.about.sums)

    @cached_property
    def allowed(self) -> float:
        """About how far rounding alone may take the tiles from the whole row.

        Roundings of n additions mostly make up for each other: what is left goes with √n (Higham and Mary, *A New
        Approach to Probabilistic Rounding Error Analysis*, 2019).
        """
        about = self.lesson.about
        unit = max(float(np.finfo(each.dtype).eps) for each in (self.whole, about.line("logits")))
        sizes = self.run.sizes[np.isfinite(self.run.sizes)].astype(np.float64) / (self.run.l or 1)
        return (ROUNDINGS + 2 * len(about.values) ** 0.5) * unit * float(sizes.max(initial=0.0))

    def apart(self, run: Run) -> float:
        """Return how far the output of a run is from that of the whole row, at most; NaN if it cannot be told."""
        made, whole = run.output.astype(np.float64), self.whole.astype(np.float64)
        same = (made == whole) | (np.isnan(made) & np.isnan(whole))
        return float(np.where(same, 0, np.abs(made - whole)).max(initial=0.0))

    @cached_property
    def rise(self) -> int | None:
        """The tile that raises the maximum most; None if none does after the first open one."""
        raised = [(tile.after.m - tile.before.m, at) for at, tile in enumerate(self.run.tiles) if tile.rises]
        return max(raised, key=lambda each: each[0])[1] if raised else None

    @cached_property
    def in_full(self) -> set[int]:
        """The tiles that are worked out in full."""
        opened = [at for at, tile in enumerate(self.run.tiles) if not tile.is_closed]
        if len(opened) <= FEW_OPEN:
            return set(opened)
        return {opened[0], opened[-1], opened[1] if self.rise is None else self.rise}

    def other_row(self) -> int | None:
        """Return the query, of those shown, in whose row a tile raises the maximum most; None if there is none."""
        about = self.lesson.about
        starts = np.arange(0, about.operands.sizes.keys, self.width)
        peaks = np.maximum.reduceat(about.made["logits"], starts, axis=1)  # (rows, tiles)
        before = np.maximum.accumulate(peaks, axis=1)[:, :-1]
        if about.sink is not None:
            before = np.maximum(before, about.sink)
        rises = np.where(np.isfinite(before) & np.isfinite(peaks[:, 1:]), peaks[:, 1:] - before, 0)
        most = rises.max(axis=1, initial=0)
        return int(about.rows.indices[most.argmax()]) if most.max(initial=0) > 0 else None
