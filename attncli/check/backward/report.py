"""What `check` shows of gradients: which are right, where the first wrong one differs, and which mistake it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attncli.check.backward.finding import BackwardFinding
from attncli.check.backward.observing import axes_of
from attncli.check.backward.seen import Observed
from attncli.check.diagnosis import NOT_ASKED
from attncli.check.parts import agrees, difference, explanations, named, picture, places
from attncli.sentences import Sentence, sentence, series, word
from attncli.show.lines import print_lines

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.files.contents import AnyLabels
    from attncli.sentences import Voice
    from attncli.show.screen import Screen


def verdict(finding: BackwardFinding) -> Sentence:
    """Return the result in one line.

    The largest difference is that of the gradient which comes nearest to its tolerance.
    """
    wrong, right = (
        [f"d_{each.name}" for each in finding.seen if each.agrees is is_right] for is_right in (False, True)
    )
    if not wrong:
        c = max((each.comparison for each in finding.seen), key=lambda each: float(each.excess.max()))
        key = "gradient_agrees" if len(right) == 1 else "gradients_agree"
        return sentence(key, right=series(right), error=f"{c.error:.1e}", tolerance=f"{c.tolerance:.1e}")
    what = sentence("gradient_differs" if len(wrong) == 1 else "gradients_differ", wrong=series(wrong))
    if right:
        what = sentence("one_other_agrees" if len(right) == 1 else "others_agree", what=what, right=series(right))
    return named(what, finding.explanations)


def to_terminal(
    finding: BackwardFinding, labels: Mapping[str, AnyLabels], screen: Screen, console: Console, voice: Voice
) -> None:
    """Print how each gradient was compared, where the first wrong one differs, and why."""
    say = partial(print_lines, screen=screen, console=console)
    for each in finding.seen:
        say(voice.say(of_one(each)), style="green" if each.agrees else "red")
        for line in details(each, finding):
            say(voice.say(line), style="dim", first="  ", rest="  ")
    for tolerance in dict.fromkeys(each.comparison.level.tolerance() for each in finding.seen):
        say(voice.say(sentence("tolerance_of_gradients", tolerance=tolerance)), style="dim")
    if finding.agrees:
        return
    first = next((each for each in finding.seen if not each.comparison.agrees), None)
    console.print()
    if first is not None:
        say(voice.say(sentence("where_gradient", name=f"d_{first.name}")), style="bold cyan")
        row = row_of(first)
        for line in places(first.comparison, labels, row, "gradient"):
            say(voice.say(line))
        picture(first.comparison.excess, screen, console, voice, row)
        console.print()
    say(voice.heading("why"), style="bold cyan")
    for begins, line in reasons(finding, voice):
        say(voice.say(line), first=begins, rest=" " * len(begins))


def row_of(each: Observed) -> str:
    """Return what a row of a gradient is called."""
    return {"queries": "query", "keys": "key"}.get(axes_of(each.like or each.name)[2], "row")


def of_one(each: Observed) -> Sentence:
    """Return what came of one gradient, in one line."""
    c, name = each.comparison, f"d_{each.name}"
    if each.like:
        return sentence(
            "is_gradient_of" if c.agrees else "has_shape_of_gradient", whose=name, of=word("name", each.like)
        )
    if each.is_apart:
        return sentence("right_but_apart" if c.agrees else "apart", whose=name)
    return sentence("of_gradient", whose=name, what=agrees(c) if each.agrees else difference(c))


def details(each: Observed, finding: BackwardFinding) -> Iterator[Sentence]:
    """Say how one was compared."""
    if not each.layout.own:
        yield sentence("other_layout_of_array", layout=each.layout.words())
    if each.name in finding.roundings:
        yield sentence("of_rounding", rounding=finding.roundings[each.name].words())


def reasons(finding: BackwardFinding, voice: Voice) -> Iterator[tuple[str, Sentence]]:
    """Say what explains it and what to change: each text after what its first line begins with."""
    if not finding.diagnosed:
        yield "", sentence("not_looked_for", why=NOT_ASKED)
        return
    if not finding.explanations:
        yield "", sentence("unexplained_gradients")
    yield from (("- ", fact) for fact in finding.facts)
    yield from explanations(finding.explanations, voice)
    if finding.stopped:
        yield "", sentence("stopped")
