"""What `compute` and the filters show: the problem in a few lines, then one table per result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.in_force import in_force
from attncli.attend.norms import QUOTIENTS, Norm
from attncli.attend.operands import ScoreOperands
from attncli.attend.parts import Selection
from attncli.attend.scores import FUNCTIONS
from attncli.attend.shapes import show as show_shape
from attncli.attend.stages.mask import additions, openings
from attncli.attend.words.array import Role
from attncli.compute import gradients
from attncli.compute.section import Section, place, titled
from attncli.problem import estimate
from attncli.problem.attention import ScoreComputation
from attncli.problem.computation import Computation
from attncli.problem.gradients import GradientComputation
from attncli.problem.selection import Choice
from attncli.said import Said
from attncli.show.beside import Beside
from attncli.show.lines import print_lines
from attncli.show.numbers import plain
from attncli.show.plain import PlainConsole
from attncli.show.tables import MOST_COLUMNS, Grid, print_grid
from attncli.show.view import View
from attncli.show.window import Axis, ends
from attncli.text import dotted

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What is in a file beside a problem; the first is part of the problem of gradients.
IDLE = (Role.LOSS, Role.GRADIENT, Role.EXPECTED)
Write = Callable[[str], object]


def sections(computation: Computation, choice: Choice, view: View) -> Iterator[Section]:
    """Compute what is shown and nothing else: one head at a time, unless the output is made of all of them."""
    if isinstance(computation, GradientComputation):
        yield from gradients.sections(computation, choice, view)
        return
    batches, heads, queries = computation.shape
    rows = ends(queries, view.most_rows)
    together = _is_of_all_heads(computation)
    for batch, places in groupby(choice.places(computation.shape), key=itemgetter(0)):
        whole = computation.compute(Selection(batch, None, rows.indices)).arrays if together else {}
        for _, head in places:
            at = (batch, head)
            if together:
                made = {name: _of_head(array, head, heads) for name, array in whole.items() if name != "output"}
            else:
                made = dict(computation.compute(Selection(batch, head, rows.indices)).arrays)
            where = place(batch, batches, head, heads)
            for name, array in _shown(made).items():
                yield _section(computation, name, array[0, 0], rows, where, at, view)
        if together:
            where = [*place(batch, batches, 0, 1), Said("all heads")]
            yield _section(computation, "output", whole["output"][0, 0], rows, where, (batch, heads), view)


def _is_of_all_heads(computation: Computation) -> bool:
    """Tell whether there are several heads, and the output is made of all of them together."""
    return isinstance(computation, ScoreComputation) and computation.is_of_all_heads and computation.shape[1] > 1


def _of_head(array: NDArray[Any], head: int, heads: int) -> NDArray[Any]:
    """Return what a query head has of a result of all heads, (batch, heads or key heads, …)."""
    at = head * array.shape[1] // heads
    return array[:, at : at + 1]


def _section(
    computation: Computation,
    name: str,
    numbers: NDArray[Any],
    rows: Axis,
    where: list[str],
    at: tuple[int, int],
    view: View,
) -> Section:
    """Return the table of one result of one head."""
    numbers = numbers[:, None] if numbers.ndim == 1 else numbers
    axes = ARRAYS[name].axes
    labels = computation.problem.labels_of(at[0])
    of_rows, of_columns = labels.get("query_labels"), labels.get("key_labels") if axes[-1] == "S" else None
    if "S" in axes[:-1]:  # all keys are there, and some of them are shown
        rows, of_rows = ends(len(numbers), view.most_rows), labels.get("key_labels")
        numbers = numbers[rows.indices]
    title = titled(formula(name, operands_of(computation)), where, (rows.total, numbers.shape[-1]))
    return Section(title, Grid(numbers, rows, of_rows, of_columns, heated=name == "weights"), name, at)


def _shown(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    # If nothing was closed or added, the logits are the scores over again.
    before = arrays.get("capped", arrays.get("scores"))
    same = before is not None and "logits" in arrays and np.array_equal(before, arrays["logits"], equal_nan=True)
    # The logarithms of the sums say little beside all the weights.
    left_out = ["logits"] * same + ["lse"] * ("weights" in arrays)
    return {name: array for name, array in arrays.items() if name not in left_out}


def operands_of(computation: Computation) -> ScoreOperands | None:
    """Return what the scores are made of; None where softmax or the sum is computed alone."""
    return computation.operands if isinstance(computation, ScoreComputation | GradientComputation) else None


def formula(name: str, o: ScoreOperands | None) -> str:
    """Say what a result is made of, with the options in force."""
    if o is None:
        return {
            "weights": "weights = softmax(logits)",
            "lse": "lse = log Σ exp(logits)",
            "context": "context = weights · value",
            "output": "output = weights · value",
        }[name]
    if name.startswith(("projected_", "normed_", "rotated_", "cached_")):
        return f"{name} = {_of_state(name, o)}"
    if name == "logits":
        before = "capped" if o.options.softcap is not None else "scores"
        made = f"logits = {' + '.join([before, *additions(o)])}"
        return Said("{made}, −∞ where closed", made=made) if openings(o) else made
    return {
        "scores": f"scores = scale · {FUNCTIONS[o.options.score].of_matrices}",
        "capped": f"capped = {plain(o.options.softcap or 0, 4)} · tanh(scores / {plain(o.options.softcap or 0, 4)})",
        "weights": "weights = softmax(logits)" if o.sinks is None else Said("weights = softmax(logits, beside a sink)"),
        "lse": "lse = log Σ exp(logits)" if o.sinks is None else "lse = log(Σ exp(logits) + exp(sink))",
        "context": "context = weights · value",
        "output": f"output = {_of_context(o)}",
    }[name]


def _of_state(name: str, o: ScoreOperands) -> str:
    """Say what a projected, normed, rotated or cached state is made of."""
    stage, _, state = name.partition("_")
    letter = state[0]
    if stage == "projected":
        bias = {f"b_{letter}", "b_qkv"} & o.taking_part
        matrix = {f"w_{letter}", "w_qkv"} & o.taking_part
        return "x" + f" · W_{letter}" * bool(matrix) + f" + b_{letter}" * bool(bias)
    if stage == "cached":
        return "round(x / scale) · scale"
    if stage == "rotated":
        return "(a, b) → (a·cos − b·sin, a·sin + b·cos)"
    how = Norm.of(o.options.qk_norm or "rms")
    return QUOTIENTS[how.kind] + f" · {'(1 + w)' if how.plus_one else 'w'}" * (f"{letter}_norm" in o.taking_part)


def _of_context(o: ScoreOperands) -> str:
    """Say what the output is made of."""
    if not o.has_after:
        return "weights · value"
    gated = "context" + " · σ(gate)" * bool({"gate", "w_g", "b_g"} & o.taking_part)
    return gated + " · W_o" * ("w_o" in o.taking_part) + " + b_o" * ("b_o" in o.taking_part)


def facts(computation: Computation, choice: Choice) -> list[str]:
    """Return the lines below the title: shapes, options in force, and what is left out."""
    operands = operands_of(computation)
    idle = IDLE if isinstance(computation, ScoreComputation) else IDLE[1:] if operands is not None else ()
    shapes = " · ".join(
        f"{name} {show_shape(array.shape)} {array.dtype.name}"
        for name, array in computation.problem.arrays.items()
        if ARRAYS[name].role not in idle
    )
    options = [] if operands is None else [dotted(in_force(operands).values())]
    is_whole = isinstance(computation, ScoreComputation) and computation.is_of_all_heads
    one_head = not (is_whole and list(computation.names) == ["output"])
    if isinstance(computation, GradientComputation):
        one_head = any(parts != (1, 1) for parts in map(computation.parts_of, computation.names))
    return [shapes, *options, *(choice.left_out(computation.shape) if one_head else [])]


def require(computation: Computation, choice: Choice, view: View, *, beside: int = 1) -> None:
    """Refuse, before anything is computed, a head that does not exist, and more rows than memory holds.

    Args:
        computation: what is shown.
        choice: of which head.
        view: how many rows of it.
        beside: how many computations of this size are shown at a time.

    Raises:
        InputError: there is no such head or batch item, or not enough memory.
    """
    batch, head = choice.places(computation.shape)[0]
    part = Selection(batch, None if _is_of_all_heads(computation) else head)
    keys = computation.calculation.keys
    rows = min(view.most_rows or computation.shape[2], computation.shape[2])
    columns = min(keys, view.most_columns(keys) or MOST_COLUMNS)
    shown = estimate.table(rows, columns)
    computation.require((computation.needs(part, rows=rows) + shown) * beside, part, "--rows N shows fewer")


def write_text(
    computation: Computation, choice: Choice, view: View, write: Write, beside: Beside | None = None
) -> None:
    """Write the report as text without colours."""
    uncoloured = replace(view, screen=replace(view.screen, color=False, unicode=True))
    to_terminal(computation, choice, uncoloured, PlainConsole(write), beside)


def to_terminal(
    computation: Computation,
    choice: Choice,
    view: View,
    console: PlainConsole | None = None,
    beside: Beside | None = None,
) -> None:
    """Print the report, and what is told beside it, on standard output or another console."""
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
    if beside is not None:
        out.print()
        beside.to_terminal(view, out)


def write_markdown(
    computation: Computation, choice: Choice, view: View, write: Write, beside: Beside | None = None
) -> None:
    """Write the report as Markdown."""
    more = () if beside is None else beside.to_markdown(view)
    for at, part in enumerate(chain(_markdown(computation, choice, view), more)):
        write("\n\n" * (at > 0) + part)
    write("\n")


def _markdown(computation: Computation, choice: Choice, view: View) -> Iterator[str]:
    from attncli.show import markdown

    title = [computation.problem.texts["title"]] if "title" in computation.problem.texts else []
    say = view.screen.say
    yield from (markdown.escape(say(each)) for each in (*title, *facts(computation, choice)))
    for section in sections(computation, choice, view):
        most = view.most_columns(section.grid.numbers.shape[1])
        yield f"**{markdown.escape(say(section.title))}**"
        yield markdown.table(section.grid, view.digits, most).rstrip()
