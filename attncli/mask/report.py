"""What `attn mask` prints: one mask, or two and where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncli.attend.arrays import ARRAYS
from attncli.attend.in_force import in_force
from attncli.attend.options import records
from attncli.attend.shapes import show
from attncli.attend.words.array import Array
from attncli.attend.words.option import Option
from attncli.languages import catalogue
from attncli.mask.comparison import Comparison, Side, Verdict, name_of
from attncli.mask.drawing import Cell, Drawing, draw, room
from attncli.mask.extent import STAGE
from attncli.mask.opening import Place
from attncli.mask.signs import Sign, Signs
from attncli.mask.survey import Survey, survey
from attncli.problem.notices import of_empty
from attncli.show.lines import print_lines
from attncli.show.progress import Progress, part_of
from attncli.text import a_few, dotted

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.files.contents import Labels
    from attncli.show.plain import PlainConsole
    from attncli.show.screen import Screen


@dataclass(frozen=True)
class Voice:
    """Where a report is printed, and in what language.

    Attributes:
        screen: how wide it is, and what it can show.
        console: what is printed on.
        lang: one of the languages.
    """

    screen: Screen
    console: Console | PlainConsole
    lang: str

    def words(self, key: str, **fields: object) -> str:
        """Return a sentence with its fields filled in."""
        found = catalogue(self.lang)
        return found.tidy(found.MASK[key].format(**fields))

    def say(self, text: str, style: str = "") -> None:
        """Print a sentence."""
        print_lines(text, self.screen, self.console, style)


def print_one(side: Side, places: Sequence[Place], voice: Voice, progress: Progress | None = None) -> list[str]:
    """Print the masks of some batch items and heads; return notices."""
    if title := side.problem.texts.get("title"):
        voice.say(title, "bold")
    if facts := _facts(side):
        voice.say(facts, "dim")
    notices: list[str] = []
    signs = Signs.of(voice.screen)
    for done, place in enumerate(places):
        plane = side.opening.at(place)
        found = survey(plane, room(voice.screen, plane.shape[0]), part_of(progress, done, len(places)))
        _print_place(name_of(place, side.opening.shape), voice)
        _draw(found, side.labels_of(place[0]), _signs_of(found, signs), voice)
        voice.say(
            voice.words("both", count=_counted(found, voice), legend=_legend(found, "legend", signs, voice)), "dim"
        )
        notices += of_empty(found.empty)
    return notices


def print_two(
    compared: Comparison, verdict: Verdict, places: Sequence[Place], voice: Voice, progress: Progress | None = None
) -> None:
    """Print what was found in two masks, and where some batch items and heads of them differ."""
    each = verdict.cells
    if verdict.same:
        voice.say(voice.words("same", open=verdict.open[0], all=each), "bold")
        return
    for name, side, count in zip("AB", (compared.a, compared.b), verdict.open, strict=True):
        voice.say(voice.words("side", side=name, file=side.problem.place, open=count, all=each))
    if compared.shape is None:
        shapes = [show(side.opening.shape) for side in (compared.a, compared.b)]
        voice.say(voice.words("shapes", a=shapes[0], b=shapes[1]))
    else:
        a, b = verdict.alone
        voice.say(voice.words("differ", count=a + b, all=each, a=a, b=b))
        if len(verdict.counts) > 1:
            those = voice.screen.say(a_few(filter(None, map(compared.name_of, verdict.places)), 8))
            voice.say(voice.words("places", places=those))
    voice.say(explained(verdict, voice), "bold")
    for done, place in enumerate(places if compared.shape is not None else ()):
        _print_difference(compared, place, voice, part_of(progress, done, len(places)))


def explained(verdict: Verdict, voice: Voice) -> str:
    """Return the sentence that says what makes the one mask of the other."""
    found = verdict.explanation
    if found is None:
        return voice.words("unnamed" if verdict.sought else "too_large")
    key, fields = (f"difference_{found.name}", found.detail) if not found.rule else ("by_rule", {"rule": found.rule})
    sentence = voice.words(key, one=found.one, other=found.other, **fields)
    return voice.words("named", name=found.name, sentence=sentence)


def _signs_of(found: Survey, signs: Signs) -> Cell:
    if not found.exact:
        return lambda row, column: signs.square(found.shares[row, column])
    return lambda row, column: signs.cell(*[bool(found.shares[row, column])] * 2)


def _print_difference(compared: Comparison, place: Place, voice: Voice, progress: Progress | None) -> None:
    planes, signs = compared.at(place), Signs.of(voice.screen)
    found = survey(planes, room(voice.screen, planes.shape[0]), progress)
    _print_place(compared.name_of(place), voice)
    a, b = planes.both(0, planes.shape[0]) if found.exact else (None, None)

    def sign(row: int, column: int) -> Sign:
        if a is None or b is None:
            return signs.square(found.shares[row, column])
        return signs.cell(bool(a[row, column]), bool(b[row, column]))

    _draw(found, compared.labels_of(place[0]), sign, voice, "reach_differing")
    voice.say(_legend(found, "legend_two", signs, voice), "dim")


def _facts(side: Side) -> str:
    """Return what closes keys, as tables say it."""
    declared: dict[str, Option | Array] = {**records(), **ARRAYS}
    return dotted([each for name, each in in_force(side.opening.operands).items() if declared[name].stage == STAGE])


def _print_place(name: str, voice: Voice) -> None:
    if name:
        voice.say(name, "bold cyan")


def _draw(found: Survey, labels: Mapping[str, Labels], sign: Cell, voice: Voice, heading: str = "reach") -> None:
    draw(Drawing(found, sign, labels, voice.words(heading), voice.words("none")), voice.screen, voice.console)


def _legend(found: Survey, key: str, signs: Signs, voice: Voice) -> str:
    if found.exact:
        return voice.words(key, open=signs.open, closed=signs.closed)
    return voice.words(f"{key}_mean", down=found.run[0], across=found.run[1], closed=signs.closed)


def _counted(found: Survey, voice: Voice) -> str:
    queries, keys = found.shape
    return voice.words("count", queries=queries, keys=keys, open=found.count, all=queries * keys)
