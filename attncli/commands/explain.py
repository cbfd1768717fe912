"""attn explain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from attncli.attend.steps import STEPS
from attncli.commands.destination import Destination, destination
from attncli.commands.groups import Group, shown
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import deliver_text, say
from attncli.commands.presentation import FORMAT_OR_TABLE, Tables, completing, written_in
from attncli.commands.varying import Varying
from attncli.errors import InputError
from attncli.explain import html, prose
from attncli.explain.blocks import Block
from attncli.explain.explanation import KNOWN, check_tile, computed, explain
from attncli.explain.lesson import Subject
from attncli.explain.running import MOST, TILES
from attncli.explain.subject import example
from attncli.files.formats import Format, Holds, that_hold
from attncli.plot.page import to_html
from attncli.problem.assemble import assemble, reader
from attncli.problem.attention import ScoreComputation
from attncli.problem.factory import attention_of, needs_value
from attncli.problem.selection import steps_among
from attncli.show.view import View
from attncli.vary.values import Vary


def _known() -> Sequence[str]:
    return KNOWN


class Taught(Group):
    """The steps to teach."""

    step: Annotated[
        list[str] | None,
        shown(
            "--step",
            "Teach only this step: project, norm, rotate, cache, score, softmax, sum, out; tiles, the row in tiles as "
            "FlashAttention computes it; or backward, the gradients; may be repeated (default: all but the last two; a "
            "page has tiles too).",
            metavar="STEP",
            autocompletion=completing(_known),
        ),
    ] = None
    tile: Annotated[
        int | None,
        shown(
            "--tile",
            f"With --step tiles: keys of a tile (default: so many that a short row makes two to four, at most {MOST}).",
            min=1,
            metavar="N",
        ),
    ] = None

    def chosen(self, kind: Format) -> list[str]:
        """Return the steps, by default all those that lead forward; a page has room for the tiles too.

        Args:
            kind: the format that they are written in.

        Raises:
            InputError: there is no such step; or tiles have a size, but are not taught.
        """
        usual = [*STEPS, TILES] if kind.holds is Holds.PAGE else list(STEPS)
        steps = steps_among(KNOWN, self.step) or usual
        check_tile(self.tile, steps)
        return steps


class Element(Group):
    """What to work out."""

    row: Annotated[
        str | None,
        shown(
            "--row",
            "Query to work out (default: as the file says, else the first; causal, rope or alibi: the last).",
            metavar="INDEX|LABEL",
        ),
    ] = None
    col: Annotated[
        str | None,
        shown(
            "--col",
            "Key to work out (default: that of most weight; rope or alibi: at another position); with --step sum "
            "(or tiles) the output column.",
            metavar="INDEX|LABEL",
        ),
    ] = None


# The formats for lessons.
LESSONS = that_hold(Holds.TABLES, Holds.PAGE)
if TYPE_CHECKING:
    LessonFormat = str
else:
    LessonFormat = Literal[tuple(each.name for each in LESSONS)]


class LessonOutput(Group):
    """Where an explanation goes, and in what format."""

    format: Annotated[LessonFormat | None, shown("--format -f", FORMAT_OR_TABLE)] = None
    output: Annotated[str | None, shown("--output -o", written_in(LESSONS), metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False


def run(
    inputs: Inputs,
    around: Around,
    settings: Settings,
    varying: Varying,
    steps: Taught,
    element: Element,
    tables: Tables,
    output: LessonOutput,
) -> None:
    r"""For each step: what it is for, the formula, the shapes, one element worked out in full, the table, and what
    to notice in these numbers. Without files it uses a built-in example.

    \b
    Examples:
      attn explain
      attn explain sample:coreference --head 1 --row it --col animal
      attn explain sample:article --step softmax --lang zh --format markdown
      attn explain --step backward
      attn explain sample:decode --head 3 --step tiles
      attn explain sample:coreference --head 1 --vary scale=none,sqrt
    """
    where = destination(output, tables, known=LESSONS)
    vary = varying.chosen()
    if vary is not None:
        _vary(vary, inputs, around, settings, steps, element, tables, where)
        return
    options, wanted = settings.options(), steps.chosen(where.kind)
    files = inputs.sources(value=needs_value(computed(wanted)))
    given = any([files, inputs.layer, *inputs.arrays().values()])
    margins = around.margins()
    margins.check(read=given)  # the example is no table
    problem = (
        assemble(files, inputs.arrays(), options, margins=margins, layer=inputs.layer) if given else example(options)
    )
    view, chosen = tables.view(), tables.language()
    made = explain(
        problem,
        wanted,
        tables.choice(),
        view,
        row=element.row,
        column=element.col,
        tile=steps.tile,
        lang=chosen,
    )
    blocks = made.blocks

    def page() -> str:
        return _page(made.computation, html.lesson(blocks, view), made.subject, chosen)

    _deliver(blocks, page, view, where)
    say(made.computation.notices)


def _deliver(blocks: Sequence[Block], page: Callable[[], str], view: View, where: Destination) -> None:
    """Write an explanation in its format."""
    deliver_text(
        {
            "table": lambda console: prose.to_terminal(blocks, view, console),
            "markdown": lambda console: console.out(prose.to_markdown(blocks, view), end="", highlight=False),
            "html": lambda console: console.out(page(), end="", highlight=False),
        },
        view.screen,
        where,
    )


def _vary(
    vary: Vary,
    inputs: Inputs,
    around: Around,
    settings: Settings,
    steps: Taught,
    element: Element,
    tables: Tables,
    where: Destination,
) -> None:
    """Tell what several values of an option change."""
    from attncli.vary import lesson
    from attncli.vary.compared import Compared
    from attncli.vary.page import to_html as varied_page

    if steps.step:
        raise InputError("--step has no effect with --vary, which is about weights and output", hint="leave it out")
    if steps.tile is not None:
        raise InputError("--tile has no effect with --vary, which teaches no tiles", hint="leave it out")
    files, margins = inputs.sources(), around.margins()
    given = any([files, inputs.layer, *inputs.arrays().values()])
    margins.check(read=given)
    make = reader(files, inputs.arrays(), margins=margins, layer=inputs.layer) if given else example
    compared, view = Compared.of(vary, make, settings.options(), tables.language()), tables.view()
    told = lesson.look(compared, tables.choice(), view, row=element.row, column=element.col)
    blocks = lesson.teach(told)

    def page() -> str:
        batch, _, head, _ = told.subject.where
        first = {"row": told.subject.row, "column": told.subject.column}
        return varied_page(compared, (batch, head), lesson=html.lesson(blocks, view), first=first)

    _deliver(blocks, page, view, where)
    say(compared.said())


def _page(computation: ScoreComputation, lesson: str, subject: Subject, lang: str) -> str:
    """Return one page with the explanation and the maps."""
    # The maps also show the lengths of the values, which only the whole computation has.
    whole = replace(attention_of(computation.problem), notices=computation.notices)
    batch, _, head, _ = subject.where
    return to_html(whole, batch, head, lesson=lesson, lang=lang, first={"row": subject.row, "column": subject.column})
