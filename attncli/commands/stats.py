"""attn stats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from attncli import memory
from attncli.attend.parts import Selection
from attncli.commands.destination import TABLE, Destination, destination
from attncli.commands.groups import shown
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import deliver_text, say
from attncli.commands.presentation import FORMAT_OR_TABLE, Screening, Threads, written_in
from attncli.errors import InputError
from attncli.files.formats import FORMATS, Holds, that_hold
from attncli.files.save import encoded, save
from attncli.plot import figure
from attncli.plot.picture import Picture
from attncli.problem.assemble import assemble
from attncli.problem.attention import ScoreComputation
from attncli.problem.factory import attention_of, scores_of
from attncli.problem.notices import Notices
from attncli.problem.opened import separate
from attncli.problem.problem import Problem
from attncli.problem.selection import Choice, choice_of
from attncli.show.progress import part_of, progress_bar
from attncli.stats import atlas, profile_report, report, rollout_report
from attncli.stats.numbers import NUMBERS
from attncli.stats.report import Voice
from attncli.stats.rollout import layers_of, rollout
from attncli.stats.survey import Survey, Wanted, look
from attncli.text import listed

if TYPE_CHECKING:
    from rich.console import Console

TEXTS = (TABLE, FORMATS["json"], FORMATS["csv"], FORMATS["markdown"])
PICTURES = that_hold(Holds.PICTURE)
PAGE = FORMATS["html"]
KNOWN = (*TEXTS, *PICTURES, PAGE)
if TYPE_CHECKING:
    StatsFormat = str
    What = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    StatsFormat = Literal[tuple(each.name for each in TEXTS)]
    What = Literal[tuple(NUMBERS)]


class StatsOutput(Screening):
    """What is measured and shown, and where."""

    what: Annotated[
        What | None,
        shown(
            "--what",
            f"Show one number of all layers and heads: {listed(NUMBERS, 'or')} (default: all, in pictures the first).",
            metavar="NUMBER",
        ),
    ] = None
    rollout: Annotated[
        bool, shown("--rollout", "Show how the tokens of the last layer are made of those of the first.")
    ] = False
    profile: Annotated[bool, shown("--profile", "Show mean weights and logits by distance.")] = False
    head: Annotated[str | None, shown("--head", "Look at head N (default: all).", metavar="N|all")] = None
    batch: Annotated[str | None, shown("--batch", "Look at batch item N (default: all).", metavar="N|all")] = None
    format: Annotated[StatsFormat | None, shown("--format -f", FORMAT_OR_TABLE)] = None
    output: Annotated[str | None, shown("--output -o", written_in(KNOWN), metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False

    def choice(self) -> Choice:
        """Return the choice of heads and batch items."""
        return choice_of(self.batch, self.head)

    def check(self, where: Destination) -> None:
        """Refuse what contradicts each other, or has no effect.

        Raises:
            InputError: with what to leave out.
        """
        if self.rollout and self.profile:
            raise InputError("--rollout and --profile are two different things", hint="give only one")
        mode = "rollout" if self.rollout else "profile" if self.profile else ""
        if mode and self.what is not None:
            raise InputError(f"--what has no effect with --{mode}", hint="leave it out")
        if self.rollout and self.head is not None:
            raise InputError("--head has no effect with --rollout", hint="leave it out: a rollout is of all heads")
        if self.what is not None and where.kind in TEXTS[1:3]:
            raise InputError(f"--what has no effect on {where.kind.name}, which has all numbers", hint="leave it out")
        drawn = {"rollout": (*TEXTS, *PICTURES), "profile": TEXTS}.get(mode, KNOWN)
        if where.kind not in drawn:
            hint = f"write {', '.join(each.suffix for each in drawn)}"
            raise InputError(f"--{mode} is not written to {where.kind.suffix} files", hint=hint)


def run(inputs: Inputs, around: Around, settings: Settings, threads: Threads, output: StatsOutput) -> None:
    r"""Of each problem in FILES and each head of it: how many keys it uses, how much weight is on the first key, on
    the query's own and on the one before, how far it looks, and so on, means over the queries; and a word for what it
    does, where the numbers are clear. `attn help results` says what each number is. No score matrix is ever held.
    {PICTURES} (matplotlib: pip install 'attncli[plot]') show one number of all layers and heads, {PAGES} all of them
    with the map of each head.

    \b
    Examples:
      attn stats sample:induction
      attn stats sample:encoder --what distance
      attn stats sample:encoder -o atlas.html
      attn stats sample:encoder --rollout
    """
    where = destination(output, output, known=KNOWN)
    output.check(where)
    margins = around.margins()
    problems = [
        assemble(each, inputs.arrays(), settings.options(), margins=margins, layer=inputs.layer)
        for each in separate(inputs.sources(value=False), margins)
    ]
    computations = [_computation(each) for each in problems]
    notices = Notices()
    if output.rollout:
        _roll_out(computations, output, where, notices)
    else:
        _measure(computations, threads.threads, output, where, notices)
    for each in computations:
        notices.add(each.notices)
    say(notices)


def _computation(problem: Problem) -> ScoreComputation:
    has_value = {"value", "hidden", "past_value"} & problem.arrays.keys()
    return attention_of(problem) if has_value else scores_of(problem, ["score", "softmax"])


def _measure(
    computations: Sequence[ScoreComputation],
    threads: int | None,
    output: StatsOutput,
    where: Destination,
    notices: Notices,
) -> None:
    choice, lang = output.choice(), output.language()
    parts = [choice.part(each.shape) for each in computations]
    heads = sum(_count(each, part) for each, part in zip(computations, parts, strict=True))
    side = atlas.side(heads) if where.kind is PAGE else 0
    surveys = []
    with progress_bar() as progress:
        for done, (each, part) in enumerate(zip(computations, parts, strict=True)):
            wanted = Wanted(part, side, output.profile, threads)
            surveys.append(look(each, wanted, part_of(progress, done, len(computations))))
    if where.kind is PAGE:
        assert where.path is not None
        text = atlas.page(surveys, output.what or next(iter(NUMBERS)), lang)
        save(where.path, text.encode(errors="backslashreplace"), where.force)
    elif where.kind in PICTURES:
        _draw(atlas.picture(surveys, output.what or next(iter(NUMBERS)), lang), where, notices)
    else:
        deliver_text(_profile(surveys, output) if output.profile else _table(surveys, output), output.screen(), where)


def _count(computation: ScoreComputation, part: Selection) -> int:
    batches, heads, _ = computation.shape
    return (1 if part.batch is not None else batches) * (1 if part.head is not None else heads)


def _table(surveys: Sequence[Survey], output: StatsOutput) -> dict[str, Callable[[Console], None]]:
    """Return what prints the numbers in each format."""
    lang, screen, what = output.language(), output.screen(), output.what
    records = [report.record(head) for survey in surveys for head in survey.heads]

    def table(console: Console) -> None:
        voice = Voice(screen, console, lang)
        if what is None:
            report.to_terminal(surveys, voice)
        else:
            report.atlas_to_terminal(surveys, what, voice)

    def marked() -> str:
        return report.to_markdown(surveys, lang) if what is None else report.atlas_to_markdown(surveys, what)

    return {
        "table": table,
        "json": lambda console: console.out(report.to_json(surveys), highlight=False),
        "csv": lambda console: console.out(report.to_csv(records), end="", highlight=False),
        "markdown": lambda console: console.out(marked(), end="", highlight=False),
    }


def _profile(surveys: Sequence[Survey], output: StatsOutput) -> dict[str, Callable[[Console], None]]:
    """Return what prints profiles in each format."""
    lang, screen = output.language(), output.screen()
    lines = profile_report.lines
    return {
        "table": lambda console: profile_report.to_terminal(surveys, Voice(screen, console, lang)),
        "json": lambda console: console.out(profile_report.to_json(surveys), highlight=False),
        "csv": lambda console: console.out(report.to_csv(lines(surveys)), end="", highlight=False),
        "markdown": lambda console: console.out(profile_report.to_markdown(surveys, lang), end="", highlight=False),
    }


def _roll_out(
    computations: Sequence[ScoreComputation], output: StatsOutput, where: Destination, notices: Notices
) -> None:
    layers, choice, lang = layers_of(computations), output.choice(), output.language()
    batch, _ = choice.places(layers[0].shape)[0]
    if choice.batch == "all" and layers[0].shape[0] > 1:
        raise InputError("a rollout is of one batch item", hint="choose one with --batch N")
    notices.add(Choice(choice.batch, 0).left_out(layers[0].shape))
    with progress_bar() as progress:
        numbers = rollout(layers, batch, text=where.kind in (FORMATS["json"], FORMATS["csv"]), progress=progress)
    first, last = (each.problem.labels_of(batch) for each in (layers[0], layers[-1]))
    labels = {name: of[name] for name, of in (("query_labels", last), ("key_labels", first)) if name in of}
    found = rollout_report.Rollout(numbers, len(layers), labels, layers[0].problem.texts.get("title", ""))
    if where.kind in PICTURES:
        _draw(rollout_report.picture(found, lang), where, notices)
        return
    screen = output.screen()
    matrix = rollout_report.named(found)
    deliver_text(
        {
            "table": lambda console: rollout_report.to_terminal(found, Voice(screen, console, lang)),
            "json": lambda console: console.out(rollout_report.to_json(found), highlight=False),
            "csv": lambda console: console.out(encoded(FORMATS["csv"], matrix).decode(), end="", highlight=False),
            "markdown": lambda console: console.out(rollout_report.to_markdown(found, lang), end="", highlight=False),
        },
        screen,
        where,
    )


def _draw(picture: Picture, where: Destination, notices: Notices) -> None:
    assert where.path is not None
    rows, columns = picture.panels[0].numbers.shape
    memory.require(figure.needs(rows, columns, 1), f"a picture of {rows}×{columns} cells", "leave out -o")
    data, missing = figure.to_bytes(picture, where.kind.name)
    save(where.path, data, where.force)
    notices.add([missing] if missing else [])
