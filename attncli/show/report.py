"""What `compute` and the filters show: the problem in two lines, then a table a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.shapes import show as show_shape
from attncli.errors import InputError
from attncli.problem.problem import Problem
from attncli.problem.work import Part, Work
from attncli.show.lines import print_lines
from attncli.show.numbers import plain
from attncli.show.screen import Screen
from attncli.show.tables import Grid, print_grid
from attncli.show.window import Axis, ends

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

FORMULAS = {
    "scores": "scores = scale · query · keyᵀ",
    "logits": "logits = scores + mask, −∞ where closed",
    "weights": "weights = softmax(logits)",
    "output": "output = weights · value",
}
ROWS = 16


@dataclass(frozen=True)
class View:
    """How much is shown, and where.

    Attributes:
        head: which head; "all" is one after the other; None the first.
        batch: which item of the batch, likewise.
        rows: at most so many rows; "all" is every one.
        cols: at most so many columns; None as many as fit.
        digits: significant digits.
    """

    screen: Screen
    head: int | str | None = None
    batch: int | str | None = None
    rows: int | str = ROWS
    cols: int | str | None = None
    digits: int = 4

    @property
    def most_rows(self) -> int | None:
        """How many rows may be shown, None for all."""
        return None if isinstance(self.rows, str) else self.rows

    def most_columns(self, total: int) -> int | None:
        """How many columns are to be shown, None for as many as fit."""
        return total if isinstance(self.cols, str) else self.cols


@dataclass(frozen=True)
class Section:
    """One table with its title."""

    title: str
    grid: Grid


def chosen(name: str, asked: int | str | None, count: int) -> Sequence[int]:
    """Return the heads (or batch items) that are shown.

    Raises:
        InputError: there is no such head.
    """
    if asked == "all":
        return range(count)
    index = 0 if asked is None else int(asked)
    if not 0 <= index < count:
        raise InputError(f"--{name} {asked}: they are counted from 0, the last is {count - 1}")
    return [index]


def check_choice(work: Work, view: View) -> None:
    """Refuse a head or batch item that is not there before anything is printed."""
    chosen("batch", view.batch, work.shape[0])
    chosen("head", view.head, work.shape[1])


def sections(work: Work, view: View, notices: list[str]) -> Iterator[Section]:
    """Compute what is shown, one head at a time, and nothing else; notices are added to the list."""
    batches, heads, queries = work.shape
    rows = ends(queries, view.most_rows)
    for batch in chosen("batch", view.batch, batches):
        for head in chosen("head", view.head, heads):
            made = work.make(Part(batch, head, rows.indices))
            notices += [each for each in made.notices if each not in notices]
            where = _where(batch, batches, head, heads)
            for name, array in _shown(made.arrays).items():
                yield Section(_title(name, array, rows, where), _grid(work.problem, name, array[0, 0], rows))


def _shown(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    # Logits in which nothing was closed or added are the scores over again.
    same = "scores" in arrays and np.array_equal(arrays["scores"], arrays["logits"], equal_nan=True)
    return {name: array for name, array in arrays.items() if name != "logits" or not same}


def _grid(problem: Problem, name: str, numbers: NDArray[Any], rows: Axis) -> Grid:
    columns = None if name == "output" else problem.labels.get("key_labels")
    return Grid(numbers, rows, problem.labels.get("query_labels"), columns, heated=name == "weights")


def _title(name: str, array: NDArray[Any], rows: Axis, where: str) -> str:
    return f"{FORMULAS[name]}   {where}{rows.total}×{array.shape[-1]}"


def _where(batch: int, batches: int, head: int, heads: int) -> str:
    batch_text = f"batch {batch} of {batches}, " if batches > 1 else ""
    return batch_text + (f"head {head} of {heads}, " if heads > 1 else "")


def facts(work: Work, view: View) -> list[str]:
    """Return the lines above the tables: title, shapes, options in force, and what is left out."""
    problem = work.problem
    shapes = " · ".join(
        f"{name} {show_shape(array.shape)} {array.dtype.name}"
        for name, array in problem.arrays.items()
        if name in ("query", "hidden", "key", "value", "mask") or work.operands is None
    )
    lines = [problem.texts["title"]] if "title" in problem.texts else []
    lines.append(shapes)
    if work.operands is not None:
        lines.append(" · ".join(in_force(work)))
    more = [
        f"{name} 0 of {count} is shown; --{name} N shows another, --{name} all every one"
        for name, asked, count in (("batch", view.batch, work.shape[0]), ("head", view.head, work.shape[1]))
        if count > 1 and asked is None
    ]
    return [*lines, *more]


def in_force(work: Work) -> list[str]:
    """Return the options in force, those at their default that matter included."""
    o = work.operands
    assert o is not None  # asked only where there is a whole problem
    scale = str(o.options.scale) if isinstance(o.options.scale, str) else plain(o.options.scale, 4)
    if o.options.scale == "sqrt":
        scale = f"sqrt = 1/√{o.sizes.features} = {plain(o.factor, 4)}"
    found = [f"score {o.options.score}", f"scale {scale}", f"states {o.options.states}"]
    if o.options.causal:
        found.append(f"causal, first query at position {int(o.positions[0])}")
    if o.mask is not None:
        found.append("boolean mask" if o.mask.dtype == bool else "mask added")
    if o.sizes.group > 1:
        found.append(f"{o.sizes.group} query heads a key head")
    return [*found, f"computed in {o.dtype.name}"]


def to_text(work: Work, view: View, notices: list[str]) -> str:
    """Return the report as text without colours."""
    console = replace(view.screen, color=False, unicode=True).console()
    with console.capture() as captured:
        to_terminal(work, view, notices, console)
    return captured.get()


def to_terminal(work: Work, view: View, notices: list[str], console: Console | None = None) -> None:
    """Print the report, on standard output or another console."""
    console = console or view.screen.console()
    check_choice(work, view)
    title, *lines = facts(work, view) if "title" in work.problem.texts else ["", *facts(work, view)]
    say = partial(print_lines, screen=view.screen, console=console)
    if title:
        say(title, style="bold")
    for line in lines:
        say(line, style="dim")
    for section in sections(work, view, notices):
        console.print()
        say(section.title, style="bold cyan")
        most = view.most_columns(section.grid.numbers.shape[1])
        print_grid(section.grid, view.screen, console, view.digits, most)


def to_markdown(work: Work, view: View, notices: list[str]) -> str:
    """Return the report as Markdown."""
    from attncli.show import markdown

    check_choice(work, view)
    parts = [markdown.escape(line) for line in facts(work, view)]
    for section in sections(work, view, notices):
        most = view.most_columns(section.grid.numbers.shape[1])
        parts.append(f"**{markdown.escape(section.title)}**")
        parts.append(markdown.table(section.grid, view.digits, most).rstrip())
    return "\n\n".join(parts) + "\n"
