"""What `check` shows: the verdict, where the outputs differ, and which mistake explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from attncli.check.backward import report as backward
from attncli.check.diagnosis import Finding
from attncli.check.parts import difference, explanations, named, picture, places
from attncli.show.beside import Beside
from attncli.show.lines import print_lines
from attncli.show.view import View
from attncli.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.check.backward.finding import BackwardFinding
    from attncli.files.contents import AnyLabels
    from attncli.show.screen import Screen


@dataclass(frozen=True)
class Checked:
    """One problem that was checked.

    Attributes:
        name: its files.
        finding: what came of its output; None: there was none to compare, or it could not be checked.
        problem: why it could not be checked; empty: it could.
        labels: of queries and keys, if there are any.
        backward: what came of its gradients; None: there were none.
        beside: what else is told of the problem.
    """

    name: str
    finding: Finding | None = None
    problem: str = ""
    labels: Mapping[str, AnyLabels] = field(default_factory=dict)
    backward: BackwardFinding | None = None
    beside: Beside | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether all that was compared is right; None: it could not be checked."""
        found = [each.agrees for each in (self.finding, self.backward) if each is not None]
        return all(found) if found else None


def verdict(checked: Checked) -> str:
    """Return the result in one line."""
    if checked.agrees is None:
        return f"{checked.name}: could not be checked: {checked.problem}"
    finding, back = checked.finding, checked.backward
    if back is None:
        assert finding is not None  # one of both is there
        return f"{checked.name}: {of_output(finding)}"
    said = [] if finding is None else [f"the output {of_output(finding)}"]
    return f"{checked.name}: {'; '.join([*said, backward.verdict(back)])}"


def of_output(finding: Finding) -> str:
    """Return what came of an output, in one line."""
    c = finding.comparison
    if finding.agrees:
        return f"agrees (largest difference {c.error:.1e}, tolerance {c.tolerance:.1e})"
    return difference(c) + named(finding.explanations)


def summary(found: Sequence[Checked]) -> str:
    """Return the line that ends a check of many files."""
    agree = sum(each.agrees is True for each in found)
    failed = sum(each.agrees is None for each in found)
    return f"{len(found)} checked: {agree} agree, {len(found) - agree - failed} differ, {failed} could not be checked"


def many_to_terminal(found: Sequence[Checked], screen: Screen, console: Console) -> None:
    """Print one line per problem, and the summary."""
    from rich.text import Text

    for each in found:
        style = "yellow" if each.agrees is None else "green" if each.agrees else "red"
        # One line each, however long: people search in them.
        console.print(
            Text(screen.write(visible(verdict(each))), style=style), no_wrap=True, crop=False, overflow="ignore"
        )
    print_lines(summary(found), screen=screen, console=console, style="bold")


def to_terminal(checked: Checked, screen: Screen, console: Console) -> None:
    """Print everything about one problem."""
    say = partial(print_lines, screen=screen, console=console)
    if checked.agrees is None:
        say(verdict(checked), style="yellow")
        return
    say(verdict(checked), style="bold green" if checked.agrees else "bold red")
    if checked.finding is not None:
        output_to_terminal(checked.finding, checked.labels, screen, console)
    if checked.backward is not None:
        backward.to_terminal(checked.backward, checked.labels, screen, console)
    if checked.beside is not None:
        console.print()
        checked.beside.to_terminal(View(screen), console)


def output_to_terminal(finding: Finding, labels: Mapping[str, AnyLabels], screen: Screen, console: Console) -> None:
    """Print how an output was compared, where it differs and why."""
    say = partial(print_lines, screen=screen, console=console)
    for line in details(finding):
        say(line, style="dim")
    if finding.agrees:
        return
    console.print()
    say("Where", style="bold cyan")
    for line in places(finding.comparison, labels):
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


def reasons(finding: Finding) -> Iterator[tuple[str, str]]:
    """Say what explains it and what to change: each text after what its first line begins with."""
    if not finding.diagnosed:
        yield "", f"Not looked for ({finding.why_not})."
        yield from (("- ", fact) for fact in finding.facts)
        return
    if not finding.explanations:
        yield "", "None of the known mistakes, alone or in pairs, makes this output."
        yield from (("- ", fact) for fact in finding.facts)
    yield from explanations(finding.explanations)
    yield from (("", f"To tell them apart: {line}.") for line in finding.distinguish)
    if finding.blind:
        unknown = "; ".join(f"{what} ({hides})" for hides, what in finding.blind.items())
        yield "", f"This data cannot tell: {unknown}."
