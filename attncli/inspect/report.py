"""What `inspect` shows: the arrays, the options in force, and what compute would do with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from attncli.attend.in_force import in_force
from attncli.attend.options import as_flag, written
from attncli.attend.parts import Selection
from attncli.attend.shapes import show
from attncli.errors import InputError
from attncli.files.contents import AnyLabels
from attncli.problem.attention import AttentionComputation
from attncli.problem.factory import attention_of
from attncli.problem.problem import Problem
from attncli.problem.summary import Summary, summarise
from attncli.said import Said
from attncli.show.lines import print_lines
from attncli.show.numbers import label, plain
from attncli.show.records import print_records
from attncli.text import joined, listed

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

DIGITS = 4
NUMBERS = (Said("min"), Said("max"), "NaN", "∞")
FILE = Said("file")


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        arrays: by name.
        files: the file that each array came from.
        options: those that are not at their default, each with its source.
        show: what of it is shown first.
        verdict: what compute would do, or why it cannot run.
        hint: what would make it run.
        computable: whether it can run.
    """

    arrays: Mapping[str, Summary]
    files: Mapping[str, str]
    labels: Mapping[str, AnyLabels]
    texts: Mapping[str, str]
    options: Mapping[str, tuple[object, str]]
    show: Mapping[str, object]
    verdict: str
    hint: str
    computable: bool


def look(problem: Problem) -> Inspection:
    """Summarise all arrays, and check what compute would do without computing anything."""
    hint, computable = "", True
    try:
        verdict = _plan(attention_of(problem))
    except InputError as error:
        verdict, hint, computable = Said("compute cannot run: {message}", message=error.message), error.hint, False
    changed = problem.options.changed()
    return Inspection(
        arrays={name: summarise(array) for name, array in problem.arrays.items()},
        files=problem.files,
        labels=problem.labels,
        texts=problem.texts,
        options={name: (value, problem.option_sources[name]) for name, value in changed.items()},
        show=problem.show.as_given(),
        verdict=verdict,
        hint=hint,
        computable=computable,
    )


def _plan(computation: AttentionComputation) -> str:
    o = computation.operands
    sizes = o.sizes
    each = [Said("{count} batch items", count=sizes.batch)] * (sizes.batch > 1)
    each += [Said("{count} heads", count=sizes.heads)] * (sizes.heads > 1)
    queries = Said("1 query") if sizes.queries == 1 else Said("{count} queries", count=sizes.queries)
    features = Said("1 feature") if sizes.features == 1 else Said("{count} features", count=sizes.features)
    what = Said("{queries} on {keys} keys, {features}", queries=queries, keys=sizes.keys, features=features)
    return Said(
        "compute would run {what} ({in_force}) and give an output of {output}",
        what=Said("{what}, for each of {each}", what=what, each=listed(each, "and")) if each else what,
        in_force=joined(in_force(o).values()),
        output=show(computation.output_shape(Selection())),
    )


def to_terminal(found: Inspection, screen: Screen, console: Console) -> None:
    """Print the table and the verdict."""
    say = partial(print_lines, screen=screen, console=console)
    if "title" in found.texts:
        say(found.texts["title"], style="bold")
    if "source" in found.texts:
        say(Said("source: {source}", source=found.texts["source"]), style="dim")
    files = set(found.files.values())
    if len(files) <= 1:
        say(Said("file: {file}", file=next(iter(files), Said("none"))), style="dim")
    lines = [_line(name, each, found.files[name] if len(files) > 1 else "") for name, each in found.arrays.items()]
    print_records(lines, screen, console, right=NUMBERS, folded=FILE)
    console.print()
    for name, labels in found.labels.items():
        say(f"{name}: {len(labels)}" + (f"×{len(labels[0])}" if labels and isinstance(labels[0], tuple) else ""))
    for name, (value, source) in found.options.items():
        say(Said("{option}: set by {source}", option=f"{as_flag(name)} {written(value)}", source=source))
    if found.show:
        say(Said("shown first: {places}", places=joined(f"{n} {label(str(each))}" for n, each in found.show.items())))
    say(Said("{sentence}.", sentence=found.verdict), style="green" if found.computable else "red")
    if found.hint:
        say(Said("hint: {hint}", hint=found.hint))


def _line(name: str, array: Summary, file: str) -> dict[str, str]:
    """Return an array's record as texts by heading."""
    ends = ["—" if end is None else plain(end, DIGITS) for end in (array.least, array.most)]
    numbers = dict(zip(NUMBERS, [*ends, str(array.nan), str(array.infinite)], strict=True))
    return {Said("array"): name, Said("shape"): show(array.shape), Said("type"): array.dtype} | numbers | {FILE: file}


def record(found: Inspection) -> dict[str, Any]:
    """Return the same as values for JSON."""
    arrays = {name: asdict(each) | {"file": found.files[name]} for name, each in found.arrays.items()}
    options = {name: {"value": value, "source": source} for name, (value, source) in found.options.items()}
    return {
        **found.texts,
        "arrays": arrays,
        "labels": {name: len(labels) for name, labels in found.labels.items()},
        "options": options,
        "show": found.show,
        "computable": found.computable,
        "verdict": found.verdict,
        "hint": found.hint,
    }
