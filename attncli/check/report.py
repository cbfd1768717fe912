"""What `check` shows: the verdict, where the outputs differ, and which mistake explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from attncli.check.backward import report as backward
from attncli.check.diagnosis import Finding
from attncli.check.parts import agrees, difference, explanations, named, picture, places
from attncli.check.results import report as results
from attncli.check.voice import voice
from attncli.sentences import Listed, Sentence, sentence, word
from attncli.show.beside import Beside, Together
from attncli.show.lines import print_lines
from attncli.show.view import View
from attncli.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.check.backward.finding import BackwardFinding
    from attncli.check.results.finding import ResultsFinding
    from attncli.check.simulate.report import SimulationReport
    from attncli.files.contents import AnyLabels
    from attncli.sentences import Voice
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
        on_the_way: what came of its results before the output; None: there were none.
        simulated: what a kernel of less precision gives of it.
        verbose: whether it is said, too, what was ruled out.
    """

    name: str
    finding: Finding | None = None
    problem: str = ""
    labels: Mapping[str, AnyLabels] = field(default_factory=dict)
    backward: BackwardFinding | None = None
    beside: Beside | None = None
    on_the_way: ResultsFinding | None = None
    simulated: SimulationReport | None = None
    verbose: bool = False

    @property
    def told(self) -> Beside | None:
        """All that is told besides what came of the comparison."""
        return Together.of(self.beside, self.simulated)

    @property
    def agrees(self) -> bool | None:
        """Whether all that was compared is right; None: it could not be checked."""
        found = [each.agrees for each in (self.finding, self.on_the_way, self.backward) if each is not None]
        return all(found) if found else None

    @property
    def is_of_output(self) -> bool:
        """Whether nothing but an output was compared."""
        return self.on_the_way is None and self.backward is None


def verdict(checked: Checked) -> Sentence:
    """Return the result in one line."""
    finding, back = checked.finding, checked.backward
    if checked.agrees is None:
        return sentence("verdict", name=checked.name, what=sentence("not_checked", problem=checked.problem))
    if checked.is_of_output:
        assert finding is not None  # it is there
        return sentence("verdict", name=checked.name, what=of_output(finding))
    said = [] if checked.on_the_way is None else [results.verdict(checked.on_the_way)]
    said += [] if finding is None else [sentence("of_output", output=of_output(finding))]
    said += [] if back is None else [backward.verdict(back)]
    return sentence("verdict", name=checked.name, what=Listed(tuple(said), "semicolon"))


def of_output(finding: Finding) -> Sentence:
    """Return what came of an output, in one line."""
    if finding.agrees:
        return agrees(finding.comparison)
    return named(difference(finding.comparison), finding.explanations)


def summary(found: Sequence[Checked]) -> Sentence:
    """Return the line that ends a check of many files."""
    agree = sum(each.agrees is True for each in found)
    failed = sum(each.agrees is None for each in found)
    return sentence("summary", all=len(found), agree=agree, differ=len(found) - agree - failed, failed=failed)


def many_to_terminal(found: Sequence[Checked], screen: Screen, console: Console) -> None:
    """Print one line per problem, below it what a kernel explains of it, and the summary."""
    from rich.text import Text

    speech = voice(screen.lang)
    for each in found:
        style = "yellow" if each.agrees is None else "green" if each.agrees else "red"
        # One line each, however long: people search in them.
        console.print(
            Text(screen.write(visible(speech.say(verdict(each)))), style=style),
            no_wrap=True,
            crop=False,
            overflow="ignore",
        )
        for line in () if each.simulated is None else each.simulated.verdicts():
            print_lines(line, screen=screen, console=console, first="  ")
    print_lines(speech.say(summary(found)), screen=screen, console=console, style="bold")


def to_terminal(checked: Checked, screen: Screen, console: Console) -> None:
    """Print everything about one problem."""
    speech = voice(screen.lang)
    say = partial(print_lines, screen=screen, console=console)
    if checked.agrees is None:
        say(speech.say(verdict(checked)), style="yellow")
        return
    say(speech.say(verdict(checked)), style="bold green" if checked.agrees else "bold red")
    way, output = checked.on_the_way, checked.finding
    if way is not None:
        results.to_terminal(way, output, checked.labels, screen, console, speech)
    if output is not None and not (way is not None and results.explains(way, output)):
        output_to_terminal(output, checked.labels, screen, console, speech)
    if checked.verbose and output is not None and output.ruled_out is not None:
        console.print()
        say(speech.heading("what_was_ruled_out"), style="bold cyan")
        first, *families = output.ruled_out.words()
        say(speech.say(first))
        for family in families:
            say(speech.say(family), first="- ", rest="  ")
    if checked.backward is not None:
        backward.to_terminal(checked.backward, checked.labels, screen, console, speech)
    if checked.told is not None:
        console.print()
        checked.told.to_terminal(View(screen), console)


def output_to_terminal(
    finding: Finding, labels: Mapping[str, AnyLabels], screen: Screen, console: Console, voice: Voice
) -> None:
    """Print how an output was compared, where it differs and why."""
    say = partial(print_lines, screen=screen, console=console)
    for line in details(finding):
        say(voice.say(line), style="dim")
    if finding.agrees:
        return
    console.print()
    say(voice.heading("where"), style="bold cyan")
    for line in places(finding.comparison, labels):
        say(voice.say(line))
    picture(finding.comparison.excess, screen, console, voice)
    console.print()
    say(voice.heading("why"), style="bold cyan")
    for first, line in reasons(finding, voice):
        say(voice.say(line), first=first, rest=" " * len(first))


def details(finding: Finding) -> Iterator[Sentence]:
    """Say how it was compared."""
    if not finding.layout.own:
        yield sentence("other_layout", layout=finding.layout.words())
    yield sentence("tolerance", tolerance=finding.comparison.level.tolerance())
    if finding.rounding is not None:
        yield sentence("of_rounding", rounding=finding.rounding.words())


def reasons(finding: Finding, voice: Voice) -> Iterator[tuple[str, Sentence]]:
    """Say what explains it and what to change: each text after what its first line begins with."""
    if not finding.diagnosed:
        yield "", sentence("not_looked_for", why=finding.why_not)
        yield from (("- ", fact) for fact in finding.facts)
        return
    if not finding.explanations:
        yield "", sentence("unexplained_output")
        yield from (("- ", fact) for fact in finding.facts)
        if finding.untried:
            phases = Listed(tuple(finding.untried), "comma")
            yield "", sentence("untried", seconds=f"{finding.seconds:g}", phases=phases)
    yield from explanations(finding.explanations, voice)
    yield from (("", sentence("tell_apart", how=line)) for line in finding.distinguish)
    if finding.blind:
        untold = (sentence("untold_by", what=word("untold", name), hides=word("hides", name)) for name in finding.blind)
        yield "", sentence("blind", untold=Listed(tuple(untold), "semicolon"))
