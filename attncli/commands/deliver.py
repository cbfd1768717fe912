"""Hand a piece of work to where its results belong: the screen, a pipe, a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from attncli.commands.arguments import LessonOutput, Output, Report, Tables, number_or_all
from attncli.errors import InputError
from attncli.harmless import visible
from attncli.problem.work import Part, Work
from attncli.show.screen import Screen

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.report import View

BINARY = ("npy", "npz")
# Formats that show a part for people to look at; the others carry everything.
SHOWN = ("table", "markdown")
ONE_MATRIX = ("csv", "tsv", "npy")


def deliver(work: Work, tables: Tables, output: Output, *, default: str, steps: Sequence[str] = ()) -> None:
    """Compute and write what was asked for.

    Args:
        work: what to compute.
        tables: how much tables show.
        output: format and file.
        default: the format of standard output where none is asked for.
        steps: the steps that were asked for by name, of which formats of one matrix carry one.

    Raises:
        InputError: the file exists, the format cannot hold the result, or the input is wrong.
    """
    notices: list[str] = []
    target = None
    if output.output is not None:
        from attncli.files.write import check_target, format_of, save

        target = format_of(output.output)
        check_target(output.output, output.force)
    for each in {target, output.format} & set(ONE_MATRIX):
        if len(steps) > 1:
            raise InputError(f"{each} holds one matrix, and --step asks for {len(steps)}", hint="use json or npz")
    if output.output is not None and target is not None:
        save(output.output, _data(work, tables, target, notices), output.force)
    if output.output is None or output.format is not None:
        _to_stdout(work, tables, output.format or default, notices)
    say(notices)


def deliver_text(
    renderers: Mapping[str, Callable[[Console], None]],
    screen: Screen,
    output: LessonOutput | Report,
    notices: Sequence[str] = (),
) -> None:
    """Write a text that is the same everywhere but for its format.

    Args:
        renderers: for each format, what prints the text on a console.
        screen: where standard output goes.
        output: format and file.
        notices: what is said on standard error.

    Raises:
        InputError: the file exists, or its extension names no format that this text has.
    """
    from attncli.files.write import SUFFIXES, check_target, format_of, save

    if output.output is not None:
        known = [suffix for suffix, name in SUFFIXES.items() if name in renderers]
        render = renderers[format_of(output.output, known)]
        check_target(output.output, output.force)
        console = replace(screen, color=False, unicode=True).console()
        with console.capture() as captured:
            render(console)
        save(output.output, captured.get().encode(), output.force)
    if output.output is None or output.format is not None:
        renderers[output.format or "table"](screen.console())
    say(notices)


def table_or_json() -> str:
    """Return what a filter writes: a table for a person, JSON for the next program."""
    return "table" if sys.stdout.isatty() else "json"


def say(notices: Sequence[str]) -> None:
    """Print notices on standard error."""
    for notice in notices:
        print(visible(f"attn: notice: {notice}"), file=sys.stderr)


def _to_stdout(work: Work, tables: Tables, format: str, notices: list[str]) -> None:  # noqa: A002
    if format in BINARY and sys.stdout.isatty():
        raise InputError(f"{format} is not for terminals", hint=f"-o FILE.{format}, or a pipe")
    if format == "table":
        from attncli.show.report import to_terminal

        to_terminal(work, view(tables), notices)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(_data(work, tables, format, notices))
    sys.stdout.buffer.flush()


def _data(work: Work, tables: Tables, format: str, notices: list[str]) -> bytes:  # noqa: A002
    if format == "table":
        from attncli.show.report import to_text

        return to_text(work, view(tables), notices).encode()
    if format == "markdown":
        from attncli.show.report import to_markdown

        return to_markdown(work, view(tables), notices).encode()
    from attncli.files.write import WRITERS

    result, found = work.result(_part(work, tables, format))
    notices += [each for each in found if each not in notices]
    return WRITERS[format](result)


def _part(work: Work, tables: Tables, format: str) -> Part:  # noqa: A002
    from attncli.show.report import chosen

    asked = {name: number_or_all(name, getattr(tables, name)) for name in ("batch", "head")}
    if work.carries and format not in ONE_MATRIX and any(asked.values()):
        raise InputError(f"{format} carries the whole problem to the next step; --head and --batch choose in tables")
    counts = dict(zip(("batch", "head"), work.shape, strict=False))
    one = {
        name: None if index in (None, "all") else chosen(name, index, counts[name])[0] for name, index in asked.items()
    }
    return Part(batch=one["batch"], head=one["head"])


def view(tables: Tables) -> View:
    """Return how much is shown, and on what screen."""
    from attncli.show.report import View

    return View(
        screen=Screen.of_stdout(tables.color),
        head=number_or_all("head", tables.head),
        batch=number_or_all("batch", tables.batch),
        rows=number_or_all("rows", tables.rows, 1) or "all",
        cols=number_or_all("cols", tables.cols, 1),
        digits=tables.digits,
    )
