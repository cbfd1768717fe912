"""attn explain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from attncli.commands.arguments import OUTPUT, Group, Inputs, LessonOutput, Settings, Steps, Tables
from attncli.languages import LANGUAGES, catalogue, of_locale

if TYPE_CHECKING:
    from attncli.explain.blocks import Block
    from attncli.explain.lesson import Subject
    from attncli.problem.problem import Problem

    Language = str
else:
    Language = Literal[LANGUAGES]


def _shown(flag: str, what: str, **more: Any) -> Any:
    return Option(flag, help=what, rich_help_panel=OUTPUT, show_default=False, **more)


class Element(Group):
    """What an explanation works out, and in which language."""

    row: Annotated[
        str | None,
        _shown("--row", "The query to work out (default: the first; causal: the last).", metavar="INDEX|LABEL"),
    ] = None
    col: Annotated[
        str | None,
        _shown(
            "--col",
            "The key to work out (default: most weight); with --step sum the output column.",
            metavar="INDEX|LABEL",
        ),
    ] = None
    lang: Annotated[Language | None, _shown("--lang", "Language (default: the locale's).")] = None


def run(
    inputs: Inputs, settings: Settings, steps: Steps, element: Element, tables: Tables, output: LessonOutput
) -> None:
    r"""Teach the steps with the numbers of the file.

    For each step: what it is for, the formula, the shapes, one element worked out in full, the table, and what to
    notice in these numbers. With no file it takes a built-in example.

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
    from attncli.problem.computation import attention_computation

    batch, _, head, _ = subject.where
    computation = attention_computation(problem, ["score", "softmax", "sum"])
    lesson = html.lesson(blocks, digits)
    first = {"row": subject.row, "column": subject.column}
    return page.to_html(computation, batch, head, notices, lesson=lesson, lang=lang, first=first)
