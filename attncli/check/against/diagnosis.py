"""Why the first difference arises: mine is held to what the other dump's own inputs give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.attend.arrays import ARRAYS, RESULTS, STATES
from attncli.attend.operands import Operands
from attncli.attend.options import as_flag, written
from attncli.attend.parts import form_of, restored
from attncli.check import diagnosis, observations
from attncli.check.against.cell import Cell, Status
from attncli.check.against.rows import Against, Row
from attncli.check.deadline import Deadline
from attncli.check.diagnosis import Wanted
from attncli.check.explanation import CHUNK
from attncli.check.report import Checked
from attncli.check.results import finding as results
from attncli.errors import InputError
from attncli.mask.comparison import MOST_RULED
from attncli.mask.differences import Explanation, explain
from attncli.problem import estimate_checks
from attncli.problem.problem import Problem
from attncli.sentences import Field, Sentence, sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

# With inputs that are apart by more than this share of their rows nothing can be told of an output.
DRIFT = 1e-4


@dataclass(frozen=True)
class First:
    """The first difference of two dumps, and what explains it.

    Attributes:
        row: the pair of problems.
        name: the array.
        before: the last pair before it in which that array, or the output, was the same; None: there is none.
        checked: what came of a check; None: there could be none.
        whose: whose inputs it was checked with: ``theirs``; ``same``, mine where both are apart by rounding and the
            output shows it; or ``mine`` where these are what differs.
        why_not: why there is none.
        facts: how both arrays are related.
        rule: what makes the one of two masks of the other.
    """

    row: Row
    name: str
    before: Row | None = None
    checked: Checked | None = None
    whose: str = "theirs"
    why_not: Sentence | None = None
    facts: tuple[Sentence, ...] = ()
    rule: Explanation | None = None

    @property
    def is_explained(self) -> bool:
        """Whether a mistake explains it, or what was checked is right."""
        checked = self.checked
        if checked is None or checked.agrees:
            return True
        found = [] if checked.finding is None else [*checked.finding.explanations]
        return bool(found) or (checked.on_the_way is not None and bool(checked.on_the_way.explanations))

    @property
    def cell(self) -> Cell:
        """What came of comparing it."""
        return self.row.cells[self.name]


def first_of(found: Against, wanted: Wanted, progress: Callable[[float], None] | None = None) -> First | None:
    """Return the first difference of two dumps with what explains it; None: there is none.

    Args:
        found: what came of comparing them.
        wanted: tolerances, and whether to look for mistakes.
        progress: called with the share that is done.
    """
    row = found.first
    if row is None:
        return None
    earlier = found.rows[: found.rows.index(row)]
    before = next((each for each in reversed(earlier) if "output" in each.compared), None)
    name = row.wrong
    first = First(row, name, before, facts=tuple(_facts(row.cells[name])), rule=_rule(row.cells[name]))
    if not wanted.diagnose:
        return replace(first, why_not=sentence("dumps_not_looked_for"))
    if first.cell.status is Status.SHAPE:
        return first
    if name in RESULTS or name == "mask":
        why_not = _unfit(row, wanted)
        if why_not is not None:
            return replace(first, why_not=why_not)
        return _tried(first, wanted, progress)
    mine = row.mine.problem
    if row.mine.operands is None or "output" not in row.mine.arrays:
        return replace(first, why_not=sentence("dumps_input_differs", name=name))
    # What goes in differs already: all that can be told of the attention is whether it is right for what it was given.
    if not row.mine.said:
        mine = replace(mine, options=row.mine.lying(row.theirs.problem.options))
    return _explained(first, mine, "mine", wanted, Deadline(wanted.seconds), progress)


def _tried(first: First, wanted: Wanted, progress: Callable[[float], None] | None) -> First:
    """Explain it in one way after the other, until one does; each has its share of the time that is left."""
    tried, ways, deadline = first, list(_ways(first.row)), Deadline(wanted.seconds)
    for at, (problem, whose) in enumerate(ways):
        end = Deadline(round(deadline.left / (len(ways) - at), 1))
        tried = _explained(first, problem, whose, wanted, end, progress)
        if tried.is_explained:
            break
    return tried


def _facts(cell: Cell) -> list[Sentence]:
    """Say how two arrays are related: multiples, heads in another order, numbers in other places."""
    if cell.comparison is None or cell.mine is None or cell.theirs is None:
        return []
    return list(observations.observed(cell.comparison, cell.mine, cell.theirs.astype(np.float64)))


def _rule(cell: Cell) -> Explanation | None:
    """Return what makes the one of two masks of the other; None: nothing known does, or they are no masks."""
    mine, theirs = cell.mine, cell.theirs
    if mine is None or theirs is None or mine.dtype != bool or max(mine.size, theirs.size) > MOST_RULED:
        return None
    return explain(mine, theirs)


def _explained(
    first: First,
    problem: Problem,
    whose: str,
    wanted: Wanted,
    deadline: Deadline,
    progress: Callable[[float], None] | None,
) -> First:
    """Check what mine made with the inputs of one side."""
    try:
        operands = problem.operands()
        expected = _expected(first, operands, whose)
        if not expected:
            return replace(first, why_not=sentence("dumps_no_results"))
        _require_room(operands, len(expected))
        output, way = results.check(operands, expected, wanted, progress, deadline)
    except InputError as error:
        return replace(first, why_not=sentence("dumps_cannot", why=error.message))
    name = first.row.pair.mine or problem.place
    checked = Checked(name, output, labels=problem.labels, on_the_way=way if way.seen else None)
    return replace(first, checked=checked, whose=whose)


def _require_room(operands: Operands, count: int) -> None:
    what = "the first difference is too large to be explained"
    memory.require(estimate_checks.output(operands, CHUNK), what, "--no-diagnose takes less")
    memory.require(estimate_checks.results(operands, count), what, "--no-diagnose takes less")


def _ways(row: Row) -> Iterator[tuple[Problem, str]]:
    """Return the problems that may explain mine: with theirs' inputs; and with mine, where rounding has crept in.

    An output shows whose inputs it was made of where these are apart by more than rounding of one step.
    """
    apart = max((each.share for each in row.inputs.values()), default=0.0)
    is_whole = row.mine.operands is not None and row.mine.arrays.keys() >= row.theirs.arrays.keys() & {*STATES}
    has_own = is_whole and row.at.by == "length" and apart > 0
    if not has_own or apart <= DRIFT:
        yield row.theirs.problem, "theirs"
    if has_own:
        yield _crossed(row), "same"


def _crossed(row: Row) -> Problem:
    """Return the problem with mine's states and all else of theirs: its options, its masks, its weights."""
    mine, theirs = row.mine.problem, row.theirs.problem
    rest = {name: array for name, array in theirs.arrays.items() if name not in STATES}
    states = {name: array for name, array in mine.arrays.items() if name in STATES}
    return replace(mine, arrays=states | rest, options=row.mine.lying(theirs.options), labels=theirs.labels)


def _unfit(row: Row, wanted: Wanted) -> Sentence | None:
    """Say that the other dump's inputs and options do not give its own output; None: they do, or it has none.

    What is missing in a file is then not taken for a mistake of the other program.
    """
    output, operands = row.theirs.arrays.get("output"), row.theirs.operands
    if output is None or operands is None:
        return None
    _require_room(operands, 0)
    own = diagnosis.check(operands, output, replace(wanted, diagnose=False))
    if own.agrees:
        return None
    fields: dict[str, Field] = {"error": f"{own.comparison.error:.2g}", "tolerance": f"{own.comparison.tolerance:.1e}"}
    found = diagnosis.check(operands, output, wanted).explanations
    options = next((each.options for each in found if each.options), None)
    if options is None:
        return sentence("dumps_unfit", **fields)
    flags = " ".join(_flag(name, value) for name, value in options.items())
    return sentence("dumps_unfit_but_for", **fields, flags=flags)


def _flag(name: str, value: object) -> str:
    """Write an option as a flag.

    >>> _flag("rope_theta", 500000.0), _flag("causal", False)
    ('--rope-theta 500000.0', '--no-causal')
    """
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{as_flag(name)}"
    return f"--{as_flag(name)} {written(value)}"


def _expected(first: First, operands: Operands, whose: str) -> dict[str, Array]:
    """Return what mine made of every result that both sides have, in the form of the problem that is checked.

    Where mine lacks tokens of theirs, or they are padding, theirs stands for it: there is nothing to be said of those.
    """
    row = first.row
    found: dict[str, Array] = {}
    for name in RESULTS:
        cell = row.cells.get(name)
        if whose != "theirs":
            array = row.mine.arrays.get(name)
        elif cell is None or cell.mine is None or cell.theirs is None:
            array = None
        else:
            whole = row.theirs.own(name)
            array = None if whole is None else _filled(row, name, whole, cell)
            array = None if array is None else restored(name, _rows(name, array), form_of(operands, name))
        if array is not None:
            found["expected" if name == "output" else f"expected_{name}"] = array
    return found


def _filled(row: Row, name: str, whole: Array, cell: Cell) -> Array:
    """Return theirs with the tokens that both have as mine has them."""
    assert cell.mine is not None  # it was compared
    mine = cell.mine
    if mine.shape[1] != whole.shape[1]:  # key heads that one side repeats
        mine = mine[:, :: mine.shape[1] // whole.shape[1]]
    dtype = np.result_type(whole.dtype, mine.dtype) if whole.dtype.kind == mine.dtype.kind == "f" else np.float64
    made = np.array(whole, dtype=dtype)
    places: list[Any] = [np.arange(length) for length in made.shape]
    for axis, symbol in enumerate(ARRAYS[name].axes):
        along = row.at.along(symbol) if axis >= 2 else None
        if along is not None and made.shape[axis] > 1:
            places[axis] = along.theirs
    made[np.ix_(*places)] = mine
    return made


def _rows(name: str, array: Array) -> Array:
    return array[..., 0] if ARRAYS[name].is_one_per_query else array
