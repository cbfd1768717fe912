"""What `check` shows: the verdict, where the outputs differ, and which mistake explains it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.diagnosis import Finding
from attncli.check.explanation import Explanation
from attncli.check.mistakes.registry import libraries
from attncli.files.contents import of_item
from attncli.show.lines import print_lines
from attncli.show.numbers import label, number
from attncli.show.window import ends
from attncli.text import visible

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.files.contents import AnyLabels
    from attncli.show.screen import Screen

# Marks for a row that is exact, off by up to 10, 1000 or 100 000 times its tolerance, or by more, or not finite.
MARKS, PLAIN_MARKS = "·░▒▓█N", ".:+x#N"
THRESHOLDS = (1.0, 10.0, 1e3, 1e5)
COLORS = ("dim", "yellow", "yellow", "red", "red", "bold red")
MOST_LINES = 24


@dataclass(frozen=True)
class Checked:
    """One problem that was checked.

    Attributes:
        name: its files.
        finding: the result, or None if it could not be checked.
        problem: why it could not be checked.
        labels: of the queries, if there are any.
    """

    name: str
    finding: Finding | None = None
    problem: str = ""
    labels: AnyLabels | None = None


def verdict(checked: Checked) -> str:
    """Return the result in one line."""
    finding = checked.finding
    if finding is None:
        return f"{checked.name}: could not be checked: {checked.problem}"
    c = finding.comparison
    if finding.agrees:
        return f"{checked.name}: agrees (largest difference {c.error:.1e}, tolerance {c.tolerance:.1e})"
    mistakes = " or ".join(dict.fromkeys(" + ".join(each.mistakes) for each in finding.explanations))
    how = f"differs by {c.error:.2g} (tolerance {c.tolerance:.1e})"
    if c.nonfinite_at is not None:
        how = "differs: there is NaN or ∞ where the other output has a number" + f"; {how}" * (c.error > c.tolerance)
    return f"{checked.name}: {how}" + f": {mistakes}" * bool(mistakes)


def summary(found: Sequence[Checked]) -> str:
    """Return the line that ends a check of many files."""
    agree = sum(each.finding is not None and each.finding.agrees for each in found)
    failed = sum(each.finding is None for each in found)
    return f"{len(found)} checked: {agree} agree, {len(found) - agree - failed} differ, {failed} could not be checked"


def many_to_terminal(found: Sequence[Checked], screen: Screen, console: Console) -> None:
    """Print one line per problem, and the summary."""
    from rich.text import Text

    for each in found:
        style = "yellow" if each.finding is None else "green" if each.finding.agrees else "red"
        # One line each, however long: people search in them.
        console.print(
            Text(screen.write(visible(verdict(each))), style=style), no_wrap=True, crop=False, overflow="ignore"
        )
    print_lines(summary(found), screen=screen, console=console, style="bold")


def to_terminal(checked: Checked, screen: Screen, console: Console) -> None:
    """Print everything about one problem."""
    say = partial(print_lines, screen=screen, console=console)
    finding = checked.finding
    if finding is None:
        say(verdict(checked), style="yellow")
        return
    say(verdict(checked), style="bold green" if finding.agrees else "bold red")
    for line in details(finding):
        say(line, style="dim")
    if finding.agrees:
        return
    console.print()
    say("Where", style="bold cyan")
    for line in places(checked, finding):
        say(line)
    picture(finding.comparison.excess, screen, console)
    console.print()
    say("Why", style="bold cyan")
    for first, line in reasons(finding):
        say(line, first=first, rest=" " * len(first))


def details(finding: Finding) -> Iterator[str]:
    """Say how it was compared."""
    c = finding.comparison
    if not finding.layout.own:
        yield f"the expected output has another layout, {finding.layout.name}, and was compared in that"
    yield f"tolerance: {c.level.tolerance()}"
    if finding.rounding is not None:
        yield f"the difference is that of rounding: {finding.rounding.words()}"


def places(checked: Checked, finding: Finding) -> Iterator[str]:
    """Say where the worst element is, and how many rows differ."""
    c = finding.comparison
    worst, (batches, heads, _) = c.worst, c.excess.shape
    query = f"query {worst.query}" + (
        f" “{label(of_item(checked.labels, worst.batch)[worst.query])}”" if checked.labels else ""
    )
    where = [f"batch item {worst.batch}"] * (batches > 1) + [f"head {worst.head}"] * (heads > 1) + [query]
    numbers = f"expected {number(worst.expected, 6)}, computed {number(worst.computed, 6)}"
    yield f"worst: {', '.join(where)}, column {worst.feature}: {numbers}"
    if c.nonfinite_at is not None:
        axes = zip(("batch item", "head", "query", "column"), c.nonfinite_at, strict=True)
        yield "first NaN or ∞ out of place: " + ", ".join(f"{name} {index}" for name, index in axes)
    yield f"{c.wrong.sum()} of {c.wrong.size} rows differ"
    for axis, name in enumerate(("batch items", "heads")):
        some = c.differing(axis)
        if not some.all():
            yield f"{name} that differ: {', '.join(map(str, np.flatnonzero(some)))}"
    for name, (expected, computed) in (("NaN", c.nan), ("∞", c.infinite)):
        if expected or computed:
            yield f"{name}: {expected} in the expected output, {computed} in the computed one"


def picture(excess: NDArray[Any], screen: Screen, console: Console) -> None:
    """Print heads × rows, a mark for each row or run of rows."""
    from rich.text import Text

    batches, heads, queries = excess.shape
    marks = MARKS if screen.unicode else PLAIN_MARKS
    names = [
        (f"batch {b} " if batches > 1 else "") + (f"head {h}" if heads > 1 or batches == 1 else "")
        for b in range(batches)
        for h in range(heads)
    ]
    side = max(map(len, names)) + 2
    room = max(8, screen.width - side - 1)
    run = -(-queries // room)
    lines = excess.reshape(-1, queries)
    shown = ends(len(lines), MOST_LINES)
    for at, index in enumerate(shown.indices.tolist()):
        if at in shown.gaps:
            console.print(Text(screen.write("…")))
        text = Text(names[index].ljust(side))
        for start in range(0, queries, run):
            kind = _kind(float(lines[index, start : start + run].max()))
            text.append(marks[kind], COLORS[kind] if screen.color else "")
        console.print(text, no_wrap=True, crop=True)
    each = f"a mark for {run} rows" if run > 1 else "a mark for each query row"
    scale = f"{marks[1:5]} up to 10, 1e3, 1e5 times the tolerance, and more"
    print_lines(f"{each}: {marks[0]} exact, {scale}, N not finite", screen=screen, console=console, style="dim")


def _kind(excess: float) -> int:
    return 5 if not math.isfinite(excess) else sum(excess > step for step in THRESHOLDS)


def reasons(finding: Finding) -> Iterator[tuple[str, str]]:
    """Say what explains it and what to change: each text after what its first line begins with."""
    if not finding.diagnosed:
        yield "", f"Not looked for ({finding.why_not})."
        yield from (("- ", fact) for fact in finding.facts)
        return
    if not finding.explanations:
        yield "", "None of the known mistakes, alone or in pairs, makes this output."
        yield from (("- ", fact) for fact in finding.facts)
    for at, each in enumerate(finding.explanations):
        same = at > 0 and each.rank == finding.explanations[at - 1].rank
        yield f"{'=' if same else each.rank}. ", f"{' + '.join(each.mistakes)}: {'; and '.join(each.descriptions)}"
        if at == 0 or each.keys != finding.explanations[at - 1].keys:
            yield from (("   ", line) for line in _more(each))
    yield from (("", f"To tell them apart: {line}.") for line in finding.distinguish)
    if finding.blind:
        unknown = "; ".join(f"{what} ({hides})" for hides, what in finding.blind.items())
        yield "", f"This data cannot tell: {unknown}."


def _more(each: Explanation) -> Iterator[str]:
    """Say what to change, which options give the observed output, how well it is explained, and who does what."""
    yield f"fix: {fix(each)}"
    flags = as_flags(each.options)
    if flags:
        yield f"attn compute with {flags} gives what was observed"
    seen, total = each.rows
    over = "all rows" if seen == total else f"the {seen} rows of {total} that were tried"
    if math.isfinite(each.residual):
        yield f"explains {over} to within {each.residual:.1e}"
    else:
        yield f"seen in {over}; it is random, so nothing can reproduce it"
    yield from (f"who does what: {who}" for who in libraries(each.mistakes).values())


def fix(explanation: Explanation) -> str:
    """Return what to change, in one line."""
    return "; and ".join(dict.fromkeys(explanation.fixes))


def as_flags(options: Mapping[str, object] | None) -> str:
    """Write options as flags; empty where there are none for them.

    >>> as_flags({"scale": 0.125, "causal": False, "offset": 3})
    '--scale 0.125 --no-causal --offset 3'
    """
    if not options or None in options.values():
        return ""
    words = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {value!r}" if isinstance(value, float) else f"--{flag} {value}")
    return " ".join(words)
