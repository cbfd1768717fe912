"""What `compute` and the filters show: the problem in a few lines, then one table per result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.shapes import show as show_shape
from attncli.attend.stages.mask import additions, openings
from attncli.problem.computation import Computation, Part
from attncli.problem.selection import chosen
from attncli.show.lines import print_lines
from attncli.show.numbers import plain
from attncli.show.tables import Grid, print_grid
from attncli.show.view import View
from attncli.show.window import Axis, ends

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

SCORES = {
    "dot": "query · keyᵀ",
    "cosine": "cos(query, key)",
    "general": "query · w_score · keyᵀ",
    "additive": "v_score · tanh(query · w_query + key · w_key)",
}


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
            made = computation.make(Part(batch, head, rows.indices))
            notices += [each for each in made.notices if each not in notices]
            where = _where(batch, batches, head, heads)
            for name, array in _shown(made.arrays).items():
                title = f"{formula(name, computation.operands)}   {where}{rows.total}×{array.shape[-1]}"
                yield Section(title, _grid(computation.problem.labels_of(batch), name, array[0, 0], rows))


def _shown(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    # If nothing was closed or added, the logits are the scores over again.
    before = arrays.get("capped", arrays.get("scores"))
    same = before is not None and np.array_equal(before, arrays["logits"], equal_nan=True)
    return {name: array for name, array in arrays.items() if name != "logits" or not same}


def _grid(labels: Mapping[str, tuple[str, ...]], name: str, numbers: NDArray[Any], rows: Axis) -> Grid:
    columns = None if name == "output" else labels.get("key_labels")
    return Grid(numbers, rows, labels.get("query_labels"), columns, heated=name == "weights")


def formula(name: str, o: Operands | None) -> str:
    """Return the formula of a result with the options in force."""
    if o is None:
        return {"weights": "weights = softmax(logits)", "output": "output = weights · value"}[name]
    if name == "logits":
        before = "capped" if o.options.softcap is not None else "scores"
        closed = ", −∞ where closed" if openings(o) else ""
        return f"logits = {' + '.join([before, *additions(o)])}{closed}"
    return {
        "scores": f"scores = scale · {SCORES[o.options.score]}",
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
        if name != "expected" or computation.operands is None
    )
    lines = [problem.texts["title"]] if "title" in problem.texts else []
    lines.append(shapes)
    if computation.operands is not None:
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


def in_force(o: Operands) -> dict[str, str]:
    """Return the options in force by the name of flag or array, including defaults that matter."""
    options, sizes = o.options, o.sizes
    found = {"score": f"score {options.score}"}
    if o.parameters:
        found["score"] += f" with {', '.join(o.parameters)}"
    found["scale"] = f"scale {_scale(o)}"
    found["states"] = f"states {options.states}"
    if options.heads is not None:
        found["heads"] = f"{o.head_count} heads side by side"
    if sizes.group > 1:
        found["kv_heads"] = f"{sizes.group} query heads a key head"
    if options.rope is not None:
        found["rope"] = f"rope {options.rope}, theta {plain(options.rope_theta, 6)}"
    if sizes.past:
        found["past_key"] = f"{sizes.past} past keys"
    if options.softcap is not None:
        found["softcap"] = f"softcap {plain(options.softcap, 4)}"
    if options.alibi:
        found["alibi"] = "alibi"
    if o.mask is not None:
        found["mask"] = "boolean mask" if o.mask.dtype == bool else "mask added"
    if o.bias is not None:
        found["bias"] = "bias added"
    if options.causal:
        found["causal"] = "causal"
    if options.window is not None:
        left, right = ("any" if side < 0 else str(side) for side in options.window)
        found["window"] = f"window {left} back, {right} ahead"
    if options.causal or options.window is not None or options.rope is not None or options.alibi:
        places = list(dict.fromkeys(o.positions[:, 0].tolist()))
        found["offset"] = f"first query at position {', '.join(map(str, places[:5]))}{', …' * (len(places) > 5)}"
    if o.key_lengths is not None:
        lengths = o.key_lengths.tolist()
        found["key_lengths"] = f"key lengths {', '.join(map(str, lengths[:5]))}{', …' * (len(lengths) > 5)}"
    if o.sinks is not None:
        found["sinks"] = "sinks"
    return found | {"dtype": f"computed in {o.dtype.name}"}


def _scale(o: Operands) -> str:
    if o.options.scale == "sqrt":
        return f"sqrt = 1/√{o.sizes.features} = {plain(o.factor, 4)}"
    return o.options.scale if isinstance(o.options.scale, str) else plain(o.options.scale, 4)


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
