"""attn explain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from attncli.commands.arguments import Inputs, Settings, Steps, Tables
from attncli.commands.groups import Group, shown
from attncli.languages import LANGUAGES, catalogue, of_locale

if TYPE_CHECKING:
    from attncli.explain.blocks import Block
    from attncli.explain.lesson import Subject
    from attncli.problem.problem import Problem

    Language = str
else:
    Language = Literal[LANGUAGES]


class Element(Group):
    """What an explanation works out, and in which language."""

    row: Annotated[
        str | None,
        shown("--row", "The query to work out (default: the first; causal: the last).", metavar="INDEX|LABEL"),
    ] = None
    col: Annotated[
        str | None,
        shown(
            "--col",
            "The key to work out (default: most weight); with --step sum the output column.",
            metavar="INDEX|LABEL",
        ),
    ] = None
    lang: Annotated[Language | None, shown("--lang", "Language (default: the locale's).")] = None


class LessonOutput(Group):
    """Where an explanation goes, and in what format."""

    format: Annotated[
        Literal["table", "markdown", "html"] | None,
        shown("--format -f", "What standard output carries (default table)."),
    ] = None
    output: Annotated[str | None, shown("--output -o", "Write a file, .md, .txt or .html.", metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Write over a file that exists.")] = False


def run(
    inputs: Inputs, settings: Settings, steps: Steps, element: Element, tables: Tables, output: LessonOutput
) -> None:
    r"""For each step: what it is for, the formula, the shapes, one element worked out in full, the table, and what
    to notice in these numbers. With no file it takes a built-in example.

    \b
    Examples:
      attn explain
      attn explain samples/coreference.npz --head 1 --row it --col animal
      attn explain samples/article.json --step softmax --lang zh --format markdown
    """
    from attncli.commands.output import deliver_text, view
    from attncli.explain import prose
    from attncli.explain.document import teach
    from attncli.explain.lesson import Lesson
    from attncli.explain.subject import choose, example
    from attncli.problem.assemble import gather

    given = any([inputs.files, *inputs.arrays().values()])
    problem = gather(inputs.files or [], inputs.arrays(), settings.options()) if given else None
    shown = view(tables)
    wanted = steps.chosen()
    given_or_example = problem or example(settings.options())
    subject, notices = choose(
        given_or_example,
        shown,
        row=element.row,
        column=element.col,
        steps=wanted,
    )
    language = element.lang or of_locale(os.environ)
    blocks = list(teach(Lesson(subject, catalogue(language), tables.digits), wanted))
    told = list(notices)
    deliver_text(
        {
            "table": lambda console: prose.to_terminal(blocks, shown, console),
            "markdown": lambda console: console.out(prose.to_markdown(blocks, shown), end="", highlight=False),
            "html": lambda console: console.out(
                _page(given_or_example, blocks, subject, language, told, tables.digits), end="", highlight=False
            ),
        },
        shown.screen,
        output,
        told,
    )


def _page(
    problem: Problem, blocks: Sequence[Block], subject: Subject, lang: str, notices: list[str], digits: int
) -> str:
    """Return the explanation and the maps on one page."""
    from attncli.explain import html
    from attncli.plot import page
    from attncli.problem.computation import attention_of

    batch, _, head, _ = subject.where
    computation = attention_of(problem)
    lesson = html.lesson(blocks, digits)
    first = {"row": subject.row, "column": subject.column}
    return page.to_html(computation, batch, head, notices, lesson=lesson, lang=lang, first=first)
