"""The table of two dumps: every pair of problems, every array of both, and the first that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from attncli import memory
from attncli.attend.arrays import ARRAYS, RESULTS, STATES
from attncli.attend.fast import stream
from attncli.attend.operands import Operands
from attncli.attend.options import written
from attncli.check.against.aligning import Aligned, aligned
from attncli.check.against.cell import Before, Cell, Status, cell_of
from attncli.check.against.pairing import Pair
from attncli.check.against.side import Side
from attncli.check.compare import compare
from attncli.check.precision import Reference
from attncli.check.results.right import changed

# What is given, then the mask, then what is made of both.
ORDER = (*(name for name in ARRAYS if name not in (*RESULTS, "mask")), "mask", *RESULTS)
# The arrays that have a column whether they are there or not.
USUAL = ("query", "key", "value", "mask", "scores", "weights", "output")
# What a number of an array takes while it is compared.
COMPARED = 64
# Rounding that comes in with the inputs may change a result by this many times what random changes of them do.
MARGIN = 6.0


@dataclass(frozen=True)
class Row:
    """One pair of problems.

    Attributes:
        pair: their names.
        mine: the problem in the first dump.
        theirs: that in the second.
        at: the tokens that both have.
        cells: what came of each array that both have, and of the usual ones.
        options: those that differ where both sides say some, as (mine, theirs).
    """

    pair: Pair
    mine: Side
    theirs: Side
    at: Aligned
    cells: Mapping[str, Cell] = field(default_factory=dict)
    options: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def wrong(self) -> str:
        """The first array that differs, in the order of the stages; empty: none."""
        return next((name for name in ORDER if name in self.cells and self.cells[name].is_wrong), "")

    @property
    def compared(self) -> list[str]:
        """The arrays that were compared."""
        return [name for name, cell in self.cells.items() if cell.status is not Status.ABSENT]

    @property
    def share(self) -> float:
        """How far what is right of it is apart, as a share of its rows."""
        return max((cell.share for cell in self.cells.values() if not cell.is_wrong), default=0.0)

    @property
    def inputs(self) -> dict[str, Cell]:
        """What came of the arrays that are given, but for masks."""
        return {
            name: cell
            for name, cell in self.cells.items()
            if name not in (*RESULTS, "mask") and cell.status is not Status.ABSENT
        }

    def light(self) -> Row:
        """Return the same without the arrays: a dump may hold more of them than the memory."""
        return replace(self, cells={name: replace(each, mine=None, theirs=None) for name, each in self.cells.items()})


def row_of(pair: Pair, mine: Side, theirs: Side, before: Before) -> Row:
    """Compare one pair of problems.

    Raises:
        InputError: it is too large for the memory.
    """
    largest = max((each.size for side in (mine, theirs) for each in side.arrays.values()), default=0)
    memory.require(largest * COMPARED, "the dumps are too large to be compared", "give the arrays of fewer heads")
    mine = mine.fitted(theirs)
    at = aligned(mine, theirs, mine.lengths() or _lengths(mine, theirs))
    both = [name for name in ARRAYS if name in mine.arrays and name in theirs.arrays]
    names = [name for name in (*STATES, *ARRAYS) if name in USUAL or name in both]
    cells = {name: cell_of(name, mine, theirs, at, before) for name in dict.fromkeys(names)}
    row = Row(pair, mine, theirs, at, cells, _options(mine, theirs))
    return replace(row, cells=_by_inputs(row))


def _lengths(mine: Side, theirs: Side) -> tuple[int, int] | None:
    """Return how many queries and keys mine has, by the size of its arrays and the other axes of theirs."""
    o = theirs.operands
    if o is None:
        return None
    s = o.sizes
    counts = {
        "L": {"query": s.batch * s.heads * s.features, "output": s.batch * s.heads * s.value_features},
        "S": {"key": s.batch * s.key_heads * s.features, "value": s.batch * s.key_heads * s.value_features},
    }
    found = []
    for symbol, per in counts.items():
        sized = {name: mine.arrays[name].size / count for name, count in per.items() if name in mine.arrays}
        whole = [int(each) for each in sized.values() if each.is_integer()]
        found.append(whole[0] if whole else s.queries if symbol == "L" else s.keys)
    return found[0], found[1]


def _options(mine: Side, theirs: Side) -> dict[str, tuple[str, str]]:
    one, other = mine.said, theirs.said
    if not one or not other:
        return {}
    # How matrices lie is seen in them.
    names = [name for name in {**one, **other} if one.get(name) != other.get(name) and name != "weights"]
    return {
        name: tuple(written(each[name]) if name in each else "–" for each in (one, other))  # type: ignore[misc]
        for name in names
    }


# --- what comes in with the inputs ------------------------------------------------------------------------------------


def _by_inputs(row: Row) -> dict[str, Cell]:
    """Return the cells with the output judged by what the other dump's inputs allow: rounding that comes in with them.

    Where softmax is steep, rounding of the inputs is far more than rounding in the output; where it is flat, less.
    """
    cells, o = dict(row.cells), row.theirs.operands
    cell = cells["output"]
    given = list(row.inputs.values())
    if o is None or cell.comparison is None or cell.mine is None or cell.theirs is None:
        return cells
    if not given or any(each.is_wrong for each in given) or cell.status is Status.EQUAL:
        return cells
    precision = cell.comparison.level.precision
    assert precision is not None  # that of the arrays
    share = max(each.share for each in given)
    allowed = Allowed(o).tolerance(precision, share)
    rows = row.at.queries
    allowed = allowed if rows is None or allowed.shape[2] == 1 else allowed[:, :, rows.theirs]
    if allowed.shape != cell.theirs.shape[:3]:
        return cells
    comparison = compare(cell.mine, cell.theirs.astype(np.float64), allowed, cell.comparison.level)
    status = Status.ROUNDING if comparison.agrees else Status.DIFFERS
    error = comparison.error if comparison.nonfinite_at is None else float("inf")
    cells["output"] = replace(cell, status=status, error=error, tolerance=comparison.tolerance, comparison=comparison)
    return cells


@dataclass(frozen=True)
class Allowed:
    """How far the outputs of two programs may be apart whose inputs are apart by rounding."""

    operands: Operands

    @cached_property
    def reference(self) -> Reference:
        """The right output, and what rounding costs."""
        return Reference.of(self.operands)

    def tolerance(self, precision: Any, share: float) -> Any:
        """Return it for each row, (batch, heads, L), of inputs that are apart by such a share of their rows."""
        random = np.random.default_rng(0)
        o = self.reference.operands
        moved = changed(o, lambda x: x + share * _spread(x) * random.choice([-1.0, 1.0], x.shape))
        came_in = np.abs(stream.run(moved).output - self.reference.output).max(axis=-1)
        return self.reference.tolerance(precision) + MARGIN * np.where(np.isfinite(came_in), came_in, 0)


def _spread(array: Any) -> Any:
    """Return the largest number of each row, by which differences are measured, or of all where there are no rows."""
    finite = np.where(np.isfinite(array), np.abs(array), 0)
    return finite.max(axis=-1, keepdims=True) if array.ndim > 1 else finite.max(initial=0.0)


@dataclass(frozen=True)
class Against:
    """Two dumps.

    Attributes:
        mine: the files of the first.
        theirs: those of the second.
        rows: every pair of problems, in the order in which data flows.
        only_mine: names without a counterpart.
        only_theirs: likewise.
    """

    mine: str
    theirs: str
    rows: Sequence[Row]
    only_mine: Sequence[str] = ()
    only_theirs: Sequence[str] = ()

    @property
    def first(self) -> Row | None:
        """The first pair in which something differs; None: nothing does."""
        return next((row for row in self.rows if row.wrong), None)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs by more than rounding."""
        return self.first is None

    @property
    def columns(self) -> list[str]:
        """The arrays of the table: the usual ones, and those that some pair has on both sides."""
        there = {name for row in self.rows for name in row.compared}
        return [name for name in ORDER if name in USUAL or name in there]
