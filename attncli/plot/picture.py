"""What a picture shows: one matrix per head, averaged down to the room that there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.parts import Selection
from attncli.errors import InputError
from attncli.languages import DEFAULT, say_in
from attncli.plot.names import counted, name_of
from attncli.problem import estimate
from attncli.problem.attention import ScoreComputation
from attncli.said import Said
from attncli.show.progress import Progress, part_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import Labels

KINDS = ("weights", "scores", "logits")
# What a score is made of, which is no map.
FEATURES = "features"
# Marks a closed key; a number that is drawn is never −∞.
CLOSED = -np.inf
# The scores that are computed at a time, so that a picture of any size takes little memory.
CHUNK = 1 << 21


@dataclass(frozen=True)
class Panel:
    """One head.

    Attributes:
        name: which head of which batch item; empty if there is only one of each.
        numbers: (rows, columns), −∞ if all keys of a cell are closed, NaN if it has no number.
    """

    name: str
    numbers: NDArray[Any]


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes:
        title: of the problem.
        kind: ``"weights"``, ``"scores"`` or ``"logits"``, or what else the numbers are.
        panels: the heads.
        shape: how many queries and keys the panels stand for.
        row_labels: one per row of the panels; None if a row stands for several queries.
        column_labels: likewise, for keys.
        caption: what is shown, and what was averaged.
        bounds: the least and the largest number that there could be; None: those that there are.
        axes: what rows and columns are.
        row: the row that is marked, by its index in the panels.
        values: whether each cell shows its number.
        together: so many panels after each other belong side by side.
        lang: the language of what is written on it.
    """

    title: str
    kind: str
    panels: Sequence[Panel]
    shape: tuple[int, int]
    row_labels: Labels | None
    column_labels: Labels | None
    caption: str
    bounds: tuple[float, float] | None = None
    axes: tuple[str, str] = (Said("query"), Said("key"))
    row: int | None = None
    values: bool = False
    together: int = 1
    lang: str = DEFAULT

    def say(self, text: str) -> str:
        """Return a text in the language of the picture."""
        return say_in(self.lang, text)

    @property
    def holes(self) -> tuple[bool, bool]:
        """Whether some cell is closed, and whether some has no number."""
        numbers = [each.numbers for each in self.panels]
        return any((each == CLOSED).any() for each in numbers), any(bool(np.isnan(each).any()) for each in numbers)

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest number; weights begin at 0."""
        if self.bounds is not None:
            return self.bounds
        finite = [each.numbers[np.isfinite(each.numbers)] for each in self.panels]
        together = np.concatenate(finite) if finite else np.zeros(0)
        if not together.size:
            return 0.0, 1.0
        low = 0.0 if self.kind == "weights" else float(together.min())
        high = float(together.max())
        return (low, high) if high > low else (low, low + 1.0)


def draw(
    computation: ScoreComputation,
    kind: str,
    places: Sequence[tuple[int, int]],
    most: tuple[int, int],
    progress: Progress | None = None,
    needs: Callable[[int, int, int], int] | None = None,
    row: int | None = None,
) -> Picture:
    """Compute what is drawn.

    Args:
        computation: score and softmax of the problem.
        kind: which result.
        places: batch items and heads.
        most: the rows and columns that there is room for; larger matrices are averaged down.
        progress: called with the share that is done.
        needs: how many bytes drawing takes of the rows and columns of a map and the number of maps; None: next to none.
        row: a query to mark.

    Raises:
        InputError: the problem does not have what is asked for, or there is not enough memory.
    """
    o = computation.operands
    if kind not in KINDS:
        raise InputError(f"--what is {', '.join(KINDS)}, not {kind!r}")
    queries, keys = o.sizes.queries, o.sizes.keys
    down, across = math.ceil(queries / most[0]), math.ceil(keys / most[1])
    # Maps side by side share their labels: those of several items have labels only if all have the same.
    items = [computation.problem.labels_of(batch) for batch in dict(places)]
    labels = items[0] if all(each == items[0] for each in items) else {}
    rows, columns, count = math.ceil(queries / down), math.ceil(keys / across), len(places)
    require(computation, places[0], count * rows * columns, 0 if needs is None else needs(rows, columns, count))
    panels = []
    for done, (batch, head) in enumerate(places):
        part = part_of(progress, done, len(places))
        numbers = averaged(computation, [kind], batch, head, (down, across), part)[kind]
        panels.append(Panel(name_of((batch, head), computation.shape, alone=len(places) == 1), numbers))
    caption = _caption(kind, queries, keys, down, across, any((each.numbers == CLOSED).any() for each in panels))
    return Picture(
        title=computation.problem.texts.get("title", ""),
        kind=kind,
        panels=panels,
        shape=(queries, keys),
        row_labels=labels.get("query_labels") if down == 1 else None,
        column_labels=labels.get("key_labels") if across == 1 else None,
        caption=counted(caption, computation.shape) if len(places) > 1 else caption,
        row=row if down == 1 else None,
    )


def require(computation: ScoreComputation, place: tuple[int, int], cells: int, drawing: int = 0) -> None:
    """Refuse maps for which there is no memory, before any is computed.

    Args:
        computation: score and softmax of the problem.
        place: a batch item and head.
        cells: those of all maps together.
        drawing: bytes that are needed beside them to draw them.

    Raises:
        InputError: with the size of the matrices.
    """
    part = Selection(*place)
    o = computation.select(part)
    averages = estimate.averages(estimate.first(o, rows_at_once(o.sizes.keys)))
    needed = estimate.maps(cells) + max(averages, drawing)
    computation.require(needed, part, "--head N draws one head")


def averaged(
    computation: ScoreComputation,
    kinds: Sequence[str],
    batch: int,
    head: int,
    run: tuple[int, int],
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """Return one head's matrices with every ``run`` of rows and columns averaged into one.

    Closed keys have no logit and no weight, and are left out of those means; they do have scores.
    """
    queries, keys = computation.operands.sizes.queries, computation.operands.sizes.keys
    step = rows_at_once(keys)
    means = {kind: _Means((queries, keys), run) for kind in kinds}
    for start in range(0, queries, step):
        made = computation.compute(Selection(batch, head, np.arange(start, min(start + step, queries))))
        closed = np.asarray(made.arrays["logits"][0, 0]) == -np.inf
        for kind in kinds:
            numbers = np.asarray(made.arrays[kind][0, 0], dtype=np.float64)
            means[kind].add(start, numbers if kind in ("scores", "capped") else np.where(closed, CLOSED, numbers))
        if progress is not None:
            progress(min(1.0, (start + step) / queries))
    return {kind: each.result() for kind, each in means.items()}


def rows_at_once(keys: int) -> int:
    """Return how many rows of a matrix are computed at a time, whatever is averaged into one."""
    return max(1, CHUNK // keys)


class _Means:
    """The means of every ``run`` of rows and columns of a matrix, of which some rows at a time are added."""

    def __init__(self, shape: tuple[int, int], run: tuple[int, int]) -> None:
        self.down = run[0]
        self.columns = np.arange(0, shape[1], run[1])
        self.whole = run == (1, 1)
        cells = (-(-shape[0] // run[0]), len(self.columns))
        self.total = np.empty(shape) if self.whole else np.zeros(cells)
        # How many finite numbers each cell has, and how many others that are no closed key.
        self.finite, self.others = (np.zeros((0, 0) if self.whole else cells, dtype=np.int64) for _ in range(2))

    def add(self, start: int, numbers: NDArray[Any]) -> None:
        """Add the rows that begin at ``start``."""
        if self.whole:
            self.total[start : start + len(numbers)] = numbers
            return
        cells = np.arange(start, start + len(numbers)) // self.down
        rows = np.flatnonzero(np.diff(cells, prepend=-1))
        place = slice(cells[0], cells[-1] + 1)
        finite = np.isfinite(numbers)
        self.finite[place] += self._sums(finite, rows)
        self.others[place] += self._sums(~finite & (numbers != CLOSED), rows)
        self.total[place] += self._sums(np.where(finite, numbers, 0.0), rows)

    def _sums(self, numbers: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
        dtype = np.int64 if numbers.dtype == bool else np.float64
        across = np.add.reduceat(numbers, self.columns, axis=1, dtype=dtype)
        return np.add.reduceat(across, rows, axis=0)

    def result(self) -> NDArray[Any]:
        """Return the means of the finite numbers; where there are none, closed or no number."""
        if self.whole:
            return self.total
        nothing = np.where(self.others > 0, np.nan, CLOSED)
        return np.where(self.finite > 0, self.total / np.maximum(self.finite, 1), nothing)


def _caption(kind: str, queries: int, keys: int, down: int, across: int, closed: bool) -> str:
    text = Said(
        "{kind}, {queries} × {keys}",
        kind=kind,
        queries=Said("1 query") if queries == 1 else Said("{count} queries", count=queries),
        keys=Said("1 key") if keys == 1 else Said("{count} keys", count=keys),
    )
    if down == across == 1:
        return text
    if closed:
        return Said(
            "{caption}; each cell is the mean of {down} × {across}, closed keys left out",
            caption=text,
            down=down,
            across=across,
        )
    return Said("{caption}; each cell is the mean of {down} × {across}", caption=text, down=down, across=across)
