"""attn help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Argument

# Typer exports no way to ask what called a command.
from typer._click.globals import get_current_context

from attncli.commands.destination import destination
from attncli.commands.groups import Group, shown
from attncli.commands.output import deliver_text
from attncli.commands.presentation import FORMAT_OR_TABLE, Screening, written_in
from attncli.commands.registry import COMMANDS
from attncli.commands.status import Exit
from attncli.errors import InputError
from attncli.files.formats import Holds, that_hold
from attncli.reference import prose
from attncli.reference.blocks import Block, Code
from attncli.reference.topics import TOPICS, Program, contents, page
from attncli.reference.words import Words
from attncli.text import nearest

# What a page can be written in.
PAGES = that_hold(Holds.TABLES)
if TYPE_CHECKING:
    PageFormat = str
else:
    PageFormat = Literal[tuple(each.name for each in PAGES)]


class Asked(Group):
    """What help is asked for."""

    about: Annotated[
        str | None,
        Argument(
            metavar="COMMAND|TOPIC",
            help=f"A command, or one of {', '.join(TOPICS)}; without it, what there is.",
            show_default=False,
        ),
    ] = None


class PageOutput(Group):
    """Where a page goes, and in what format."""

    format: Annotated[PageFormat | None, shown("--format -f", FORMAT_OR_TABLE)] = None
    output: Annotated[str | None, shown("--output -o", written_in(PAGES), metavar="FILE")] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False


def run(asked: Asked, output: PageOutput, screening: Screening) -> None:
    r"""Of a command it prints what COMMAND --help prints. The pages on topics are made from the declarations in the
    code: whatever files, flags, results and Python know is there.

    \b
    Examples:
      attn help options
      attn help check
      attn help mistakes --lang zh -o mistakes{MARKDOWN}
    """
    where = destination(output, screening, known=PAGES)
    screen = screening.screen()
    if asked.about in COMMANDS:
        text = _help(asked.about)
        renderers = {
            "table": lambda console: console.out(text, highlight=False),
            "markdown": lambda console: console.out(prose.to_markdown([Code(text)]), end="", highlight=False),
        }
    else:
        blocks = list(_page(asked, screen.lang))
        renderers = {
            "table": lambda console: prose.to_terminal(blocks, screen, console),
            "markdown": lambda console: console.out(prose.to_markdown(blocks), end="", highlight=False),
        }
    deliver_text(renderers, screen, where)


def _page(asked: Asked, lang: str) -> Iterator[Block]:
    words = Words(lang)
    commands = {name: (entry.heading, entry.summary) for name, entry in COMMANDS.items()}
    program = Program(commands, {each.name: each.value for each in Exit})
    if asked.about is None:
        return contents(words, program)
    if asked.about not in TOPICS:
        message = f"there is no command or topic {asked.about!r}"
        raise InputError(message, hint=nearest(asked.about, [*COMMANDS, *TOPICS]))
    return page(asked.about, words, program)


def _help(name: str) -> str:
    """Return what a command's own --help prints."""
    whole: Any = get_current_context().parent
    command = whole.command.get_command(whole, name)
    context = typer.Context(command, info_name=name, parent=whole, **command.context_settings)
    text: str = command.get_help(context)
    return text
