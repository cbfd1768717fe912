"""What `compute` and the filters show: the problem in a few lines, then one table per result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from attncli.problem.computation import Computation, ScoreComputation
from attncli.problem.selection import chosen
from attncli.show.lines import print_lines
from attncli.show.numbers import plain
from attncli.show.tables import Grid, print_grid
from attncli.show.view import View
from attncli.show.window import Axis, ends

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console


@dataclass(frozen=True)
class Section:
    """One table with its title."""

    title: str
    grid: Grid


def check_choice(computation: Computation, view: View) -> None:
    """Refuse a head or batch item that does not exist, before anything is printed."""
    chosen("batch", view.batch, computation.shape[0])
    chosen("head", view.head, computation.shape[1])


def sections(computation: Computation, view: View, notices: list[str]) -> Iterator[Section]:
    """Compute what is shown and nothing else, one head at a time; notices are added to the list."""
    batches, heads, queries = computation.shape
    rows = ends(queries, view.most_rows)
    for batch in chosen("batch", view.batch, batches):
        for head in chosen("head", view.head, heads):
            made = computation.compute(Selection(batch, head, rows.indices))
            notices += [each for each in made.notices if each not in notices]
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


def facts(computation: Computation, view: View) -> list[str]:
    """Return the lines above the tables: title, shapes, options in force, and what is left out."""
    problem = computation.problem
    shapes = " · ".join(
        f"{name} {show_shape(array.shape)} {array.dtype.name}"
        for name, array in problem.arrays.items()
        if name != "expected" or operands_of(computation) is None
    )
    lines = [problem.texts["title"]] if "title" in problem.texts else []
    lines.append(shapes)
    if isinstance(computation, ScoreComputation):
        lines.append(" · ".join(in_force(computation.operands).values()))
    more = [
        f"{name} 0 of {count} is shown; --{name} N shows another, --{name} all every one"
        for name, asked, count in (
            ("batch", view.batch, computation.shape[0]),
            ("head", view.head, computation.shape[1]),
        )
        if count > 1 and asked is None
    ]
    return [*lines, *more]


def to_text(computation: Computation, view: View, notices: list[str]) -> str:
    """Return the report as text without colours."""
    console = replace(view.screen, color=False, unicode=True).console()
    with console.capture() as captured:
        to_terminal(computation, view, notices, console)
    return captured.get()


def to_terminal(computation: Computation, view: View, notices: list[str], console: Console | None = None) -> None:
    """Print the report, on standard output or another console."""
    console = console or view.screen.console()
    check_choice(computation, view)
    title, *lines = (
        facts(computation, view) if "title" in computation.problem.texts else ["", *facts(computation, view)]
    )
    say = partial(print_lines, screen=view.screen, console=console)
    if title:
        say(title, style="bold")
    for line in lines:
        say(line, style="dim")
    for section in sections(computation, view, notices):
        console.print()
        say(section.title, style="bold cyan")
        most = view.most_columns(section.grid.numbers.shape[1])
        print_grid(section.grid, view.screen, console, view.digits, most)


def to_markdown(computation: Computation, view: View, notices: list[str]) -> str:
    """Return the report as Markdown."""
    from attncli.show import markdown

    check_choice(computation, view)
    parts = [markdown.escape(line) for line in facts(computation, view)]
    for section in sections(computation, view, notices):
        most = view.most_columns(section.grid.numbers.shape[1])
        parts.append(f"**{markdown.escape(section.title)}**")
        parts.append(markdown.table(section.grid, view.digits, most).rstrip())
    return "\n\n".join(parts) + "\n"
