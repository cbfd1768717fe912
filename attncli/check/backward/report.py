"""What `check` shows of gradients: which are right, where the first wrong one differs, and which mistake it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attncli.check.backward.finding import BackwardFinding
from attncli.check.backward.observing import axes_of
from attncli.check.backward.seen import Observed
from attncli.check.parts import difference, explanations, named, picture, places
from attncli.show.lines import print_lines
from attncli.text import listed

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.files.contents import AnyLabels
    from attncli.show.screen import Screen


def verdict(finding: BackwardFinding) -> str:
    """Return the result in one line.

    The largest difference is that of the gradient which comes nearest to its tolerance.
    """
    wrong, right = (
        [f"d_{each.name}" for each in finding.seen if each.agrees is is_right] for is_right in (False, True)
    )
    if not wrong:
        c = max((each.comparison for each in finding.seen), key=lambda each: float(each.excess.max()))
        numbers = f"largest difference {c.error:.1e}, tolerance {c.tolerance:.1e}"
        return f"{listed(right, 'and')} agree{'s' * (len(right) == 1)} ({numbers})"
    rest = f", {listed(right, 'and')} agree{'s' * (len(right) == 1)}" if right else ""
    return f"{listed(wrong, 'and')} differ{'s' * (len(wrong) == 1)}{rest}" + named(finding.explanations)


def to_terminal(finding: BackwardFinding, labels: Mapping[str, AnyLabels], screen: Screen, console: Console) -> None:
    """Print how each gradient was compared, where the first wrong one differs, and why."""
    say = partial(print_lines, screen=screen, console=console)
    for each in finding.seen:
        say(of_one(each), style="green" if each.agrees else "red")
        for line in details(each, finding):
            say(line, style="dim", first="  ", rest="  ")
    for line in dict.fromkeys(each.comparison.level.tolerance() for each in finding.seen):
        say(f"tolerance of gradients: {line}", style="dim")
    if finding.agrees:
        return
    first = next((each for each in finding.seen if not each.comparison.agrees), None)
    console.print()
    if first is not None:
        say(f"Where d_{first.name} differs", style="bold cyan")
        row = row_of(first)
        for line in places(first.comparison, labels, row, "gradient"):
            say(line)
        picture(first.comparison.excess, screen, console, row)
        console.print()
    say("Why", style="bold cyan")
    for begins, line in reasons(finding):
        say(line, first=begins, rest=" " * len(begins))


def row_of(each: Observed) -> str:
    """Return what a row of a gradient is called."""
    return {"queries": "query", "keys": "key"}.get(axes_of(each.like or each.name)[2], "row")


def of_one(each: Observed) -> str:
    """Return what came of one gradient, in one line."""
    c, name = each.comparison, f"d_{each.name}"
    if each.like:
        same = "is" if c.agrees else "has the shape of"
        return f"{name} differs: it {same} the gradient of the {each.like}"
    if each.is_apart:
        same = "the right numbers are" if c.agrees else "the gradient is"
        return f"{name} differs: {same} not summed over the query heads that share a key head"
    if each.agrees:
        return f"{name} agrees (largest difference {c.error:.1e}, tolerance {c.tolerance:.1e})"
    return f"{name} {difference(c)}"


def details(each: Observed, finding: BackwardFinding) -> Iterator[str]:
    """Say how one was compared."""
    if not each.layout.own:
        yield f"it has another layout, {each.layout.name}, and was compared in that"
    if each.name in finding.roundings:
        yield f"the difference is that of rounding: {finding.roundings[each.name].words()}"


def reasons(finding: BackwardFinding) -> Iterator[tuple[str, str]]:
    """Say what explains it and what to change: each text after what its first line begins with."""
    if not finding.diagnosed:
        yield "", "Not looked for (--no-diagnose)."
        return
    if not finding.explanations:
        yield "", "None of the known mistakes makes these gradients."
    yield from (("- ", fact) for fact in finding.facts)
    yield from explanations(finding.explanations)
    if finding.stopped:
        yield "", "The search was stopped after some seconds: not every mistake was tried."
