"""What `check` shows of results on the way: which are right, where the first wrong one differs, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attncli.check.diagnosis import NOT_ASKED
from attncli.check.parts import agrees, difference, explanations, named, picture, places
from attncli.check.recipe import REACHED
from attncli.check.results.finding import ResultsFinding
from attncli.check.results.seen import BASE_2, UNSCALED, Seen
from attncli.sentences import Field, Listed, Sentence, sentence, series
from attncli.show.lines import print_lines

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.check.diagnosis import Finding
    from attncli.files.contents import AnyLabels
    from attncli.sentences import Voice
    from attncli.show.screen import Screen

REALLY = {UNSCALED: "result_really_unscaled", BASE_2: "result_really_base_2"}


def verdict(finding: ResultsFinding) -> Sentence:
    """Return the result in one line."""
    first = finding.first
    if first is None:
        return sentence("results_right", names=series(each.name for each in finding.seen))
    before = finding.seen[: finding.seen.index(first)]
    what = sentence("first_result", name=first.name)
    if before:
        what = sentence("first_result_after", name=first.name, names=series(each.name for each in before))
    return named(what, finding.explanations)


def explains(finding: ResultsFinding, output: Finding) -> bool:
    """Tell whether what is said of the results says all of the output too."""
    is_silent = finding.first is not None and finding.diagnosed and not finding.explanations
    return output.agrees or bool(finding.explains_output) or (is_silent and not output.explanations)


def to_terminal(
    finding: ResultsFinding,
    output: Finding | None,
    labels: Mapping[str, AnyLabels],
    screen: Screen,
    console: Console,
    voice: Voice,
) -> None:
    """Print how each was compared, where the first wrong one differs, and why.

    Args:
        finding: what came of the results.
        output: what came of the output, if there is one.
        labels: of queries and keys, if there are any.
        screen: where it is shown.
        console: prints it.
        voice: the language.
    """
    say = partial(print_lines, screen=screen, console=console)
    for each in finding.seen:
        say(voice.say(of_one(each)), style="green" if each.agrees else "red")
        for line in details(each):
            say(voice.say(line), style="dim", first="  ", rest="  ")
    if output is not None and explains(finding, output):
        what = agrees(output.comparison) if output.agrees else difference(output.comparison)
        say(voice.say(sentence("of_output", output=what)), style="green" if output.agrees else "red")
    for tolerance in dict.fromkeys(each.comparison.level.tolerance() for each in finding.seen):
        say(voice.say(sentence("tolerance_of_results", tolerance=tolerance)), style="dim")
    first = finding.first
    if first is None:
        return
    console.print()
    say(voice.say(sentence("where_result", name=first.name)), style="bold cyan")
    for line in places(first.comparison, labels, first.row, "array"):
        say(voice.say(line))
    picture(first.comparison.excess, screen, console, voice, first.row)
    console.print()
    say(voice.heading("why"), style="bold cyan")
    for begins, line in reasons(finding, first, voice):
        say(voice.say(line), first=begins, rest=" " * len(begins))


def of_one(each: Seen) -> Sentence:
    """Return what came of one result, in one line."""
    if each.is_excused:
        return sentence("result_excused", name=each.name, really=really(each))
    return sentence("of_result", name=each.name, what=(agrees if each.agrees else difference)(each.comparison))


def really(each: Seen) -> Sentence:
    """Say which other result one is."""
    return sentence(REALLY.get(each.is_really, "result_really"), name=each.is_really)


def details(each: Seen) -> Iterator[Sentence]:
    """Say how one was compared."""
    if not each.layout.own:
        yield sentence("other_layout_of_array", layout=each.layout.words())
    for key, fields in each.notes.items():
        yield sentence(f"result_note_{key}", **{name: _plain(value) for name, value in fields.items()})
    if each.rounding is not None:
        yield sentence("of_rounding", rounding=each.rounding.words())
    if each.is_really and not each.is_excused:
        yield really(each)


def reasons(finding: ResultsFinding, first: Seen, voice: Voice) -> Iterator[tuple[str, Sentence]]:
    """Say what explains the first wrong one and what to change: each text after what its first line begins with."""
    facts = (("- ", fact) for fact in finding.every_fact)
    if not finding.diagnosed:
        yield "", sentence("not_looked_for", why=NOT_ASKED)
        yield from facts
        return
    right = finding.seen[: finding.seen.index(first)]
    if right:
        yield "", sentence("search_between", right=series(each.name for each in right), wrong=first.name)
    else:
        yield "", sentence("search_up_to", wrong=first.name)
    if first.is_really and not (finding.explanations or finding.facts):
        yield "", really(first)
    elif not finding.explanations:
        yield "", sentence("unexplained_result" if first.name in REACHED else "no_recipe", name=first.name)
    yield from facts
    if finding.untried:
        phases = Listed(tuple(finding.untried), "comma")
        yield "", sentence("untried", seconds=f"{finding.seconds:g}", phases=phases)
    yield from explanations(finding.explanations, voice)
    if finding.follows:
        yield "", sentence("output_follows")
    elif finding.explains_output is not None:
        yield "", sentence("explains_output" if finding.explains_output else "more_in_output")


def _plain(value: Field) -> Field:
    """Write a number for people; anything else stays.

    >>> _plain(-1000000000.0), _plain("scores")
    ('-1e9', 'scores')
    """
    return f"{value:.3g}".replace("e+0", "e").replace("e+", "e") if isinstance(value, float) else value
