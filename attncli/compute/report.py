"""What `compute` and the filters show: the problem in a few lines, then one table per result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.computations import Selection
from attncli.attend.in_force import in_force
from attncli.attend.operands import ScoreOperands
from attncli.attend.scores import FUNCTIONS
from attncli.attend.shapes import show as show_shape
from attncli.attend.stages.mask import additions, openings
from attncli.problem import estimate
from attncli.problem.attention import ScoreComputation
from attncli.problem.computation import Computation
from attncli.problem.selection import Choice
from attncli.show.lines import print_lines
from attncli.show.numbers import plain
from attncli.show.plain import PlainConsole
from attncli.show.tables import MOST_COLUMNS, Grid, print_grid
from attncli.show.view import View
from attncli.show.window import Axis, ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

Write = Callable[[str], object]


@dataclass(frozen=True)
class Section:
    """One table with its title."""

    title: str
    grid: Grid


def sections(computation: Computation, choice: Choice, view: View) -> Iterator[Section]:
    """Compute what is shown and nothing else, one head at a time."""
    batches, heads, queries = computation.shape
    rows = ends(queries, view.most_rows)
    for batch, head in choice.places(computation.shape):
        made = computation.compute(Selection(batch, head, rows.indices))
        where = _where(batch, batches, head, heads)
        for name, array in _shown(made.arrays).items():
            title = f"{formula(name, operands_of(computation))}   {where}{rows.total}×{array.shape[-1]}"
            yield Section(title, _grid(computation.problem.labels_of(batch), name, array[0, 0], rows))


def _shown(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    # If nothing was closed or added, the logits are the scores over again.
    before = arrays.get("capped", arrays.get("scores"))
    same = before is not None and np.array_equal(before, arrays["logits"], equal_nan=True)
    return {name: array for name, array in arrays.items() if name != "logits" or not same}


def _grid(labels: Mapping[str, tuple[str, ...]], name: str, numbers: NDArray[Any], rows: Axis) -> Grid:
    columns = None if name == "output" else labels.get("key_labels")
    return Grid(numbers, rows, labels.get("query_labels"), columns, heated=name == "weights")


def operands_of(computation: Computation) -> ScoreOperands | None:
    """Return what the scores are made of; None where softmax or the sum is computed alone."""
    return computation.operands if isinstance(computation, ScoreComputation) else None


def formula(name: str, o: ScoreOperands | None) -> str:
    """Say what a result is made of, with the options in force."""
    if o is None:
        return {"weights": "weights = softmax(logits)", "output": "output = weights · value"}[name]
    if name == "logits":
        before = "capped" if o.options.softcap is not None else "scores"
        closed = ", −∞ where closed" if openings(o) else ""
        return f"logits = {' + '.join([before, *additions(o)])}{closed}"
    return {
        "scores": f"scores = scale · {FUNCTIONS[o.options.score].of_matrices}",
        "capped": f"capped = {plain(o.options.softcap or 0, 4)} · tanh(scores / {plain(o.options.softcap or 0, 4)})",
        "weights": "weights = softmax(logits)" if o.sinks is None else "weights = softmax(logits, beside a sink)",
        "output": "output = weights · value",
    }[name]


def _where(batch: int, batches: int, head: int, heads: int) -> str:
    batch_text = f"batch {batch} of {batches}, " if batches > 1 else ""
    return batch_text + (f"head {head} of {heads}, " if heads > 1 else "")


def facts(computation: Computation, choice: Choice) -> list[str]:
    """Return the lines below the title: shapes, options in force, and what is left out."""
    shapes = " · ".join(
        f"{name} {show_shape(array.shape)} {array.dtype.name}"
        for name, array in computation.problem.arrays.items()
        if name != "expected" or operands_of(computation) is None
    )
    operands = operands_of(computation)
    options = [] if operands is None else [" · ".join(in_force(operands).values())]
    return [shapes, *options, *choice.left_out(computation.shape)]


def require(computation: Computation, choice: Choice, view: View) -> None:
    """Refuse, before anything is computed, a head that does not exist, and more rows than memory holds.

    Raises:
        InputError: there is no such head or batch item, or not enough memory.
    """
    batch, head = choice.places(computation.shape)[0]
    part, keys = Selection(batch, head), computation.calculation.keys
    rows = min(view.most_rows or computation.shape[2], computation.shape[2])
    columns = min(keys, view.most_columns(keys) or MOST_COLUMNS)
    shown = estimate.table(rows, columns)
    computation.require(computation.needs(part, rows=rows) + shown, part, "--rows N shows fewer")


def write_text(computation: Computation, choice: Choice, view: View, write: Write) -> None:
    """Write the report as text without colours."""
    uncoloured = replace(view, screen=replace(view.screen, color=False, unicode=True))
    to_terminal(computation, choice, uncoloured, PlainConsole(write))


def to_terminal(computation: Computation, choice: Choice, view: View, console: PlainConsole | None = None) -> None:
    """Print the report, on standard output or another console."""
    out = console or view.screen.line_console()
    say = partial(print_lines, screen=view.screen, console=out)
    if "title" in computation.problem.texts:
        say(computation.problem.texts["title"], style="bold")
    for line in facts(computation, choice):
        say(line, style="dim")
    for section in sections(computation, choice, view):
        out.print()
        say(section.title, style="bold cyan")
        most = view.most_columns(section.grid.numbers.shape[1])
        print_grid(section.grid, view.screen, out, view.digits, most)


def write_markdown(computation: Computation, choice: Choice, view: View, write: Write) -> None:
    """Write the report as Markdown."""
    for at, part in enumerate(_markdown(computation, choice, view)):
        write("\n\n" * (at > 0) + part)
    write("\n")


def _markdown(computation: Computation, choice: Choice, view: View) -> Iterator[str]:
    from attncli.show import markdown

    title = [computation.problem.texts["title"]] if "title" in computation.problem.texts else []
    yield from map(markdown.escape, (*title, *facts(computation, choice)))
    for section in sections(computation, choice, view):
        most = view.most_columns(section.grid.numbers.shape[1])
        yield f"**{markdown.escape(section.title)}**"
        yield markdown.table(section.grid, view.digits, most).rstrip()
