"""Hand a piece of work to where its results belong: the screen, a pipe, a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attncli.attend.computations import Selection
from attncli.commands.arguments import Output, Steps, Tables, number_or_all
from attncli.commands.messages import complain
from attncli.errors import InputError
from attncli.problem.computation import AttentionComputation, Computation, Resources
from attncli.show.progress import progress_bar
from attncli.show.screen import Screen

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.view import View

BINARY = ("npy", "npz", "safetensors")
# Formats that show a part for people to look at; the others carry everything.
SHOWN = ("table", "markdown")
ONE_MATRIX = ("csv", "tsv", "npy")


class Target(Protocol):
    """A file that results may go to, as the groups of several commands have it."""

    output: str | None
    force: bool


class FormattedTarget(Target, Protocol):
    """The same, with a format for standard output."""

    @property
    def format(self) -> str | None:
        """What standard output carries; None for a table."""


def deliver(
    computation: Computation,
    tables: Tables,
    output: Output,
    *,
    default: str,
    steps: Sequence[str] = (),
    threads: int | None = None,
) -> None:
    """Compute and write what was asked for.

    Args:
        computation: what to compute.
        tables: how much tables show.
        output: format and file.
        default: the format of standard output where none is asked for.
        steps: the steps that were asked for by name, of which formats of one matrix carry one.
        threads: how many threads a stream may use; None finds out.

    Raises:
        InputError: the file exists, the format cannot hold the result, or the input is wrong.
    """
    shown = view(tables)
    notices: list[str] = []
    target = target_format(output)
    stdout = output.format or (default if target is None else None)
    for each in {target, stdout} & set(ONE_MATRIX):
        if len(steps) > 1:
            raise InputError(f"{each} holds one matrix, and --step asks for {len(steps)}", hint="use json or npz")
    if stdout in BINARY and sys.stdout.isatty():
        raise InputError(f"{stdout} is not for terminals", hint=f"-o FILE.{stdout}, or a pipe")
    # Whatever can go wrong goes wrong before anything is written.
    data = None if stdout in (None, "table") else _data(computation, shown, str(stdout), notices, threads)
    if target is not None and output.output is not None:
        _to_file(computation, shown, output, target, notices, threads)
    if stdout == "table":
        from attncli.compute.report import to_terminal

        to_terminal(computation, shown, notices)
    elif data is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    say(notices)


def target_format(output: Target, known: Mapping[str, str] | None = None) -> str | None:
    """Return the format of the file that is asked for, after checking that it can be written.

    Args:
        output: where results go.
        known: formats by the extensions that are understood; None is all of those that hold results.
    """
    if output.output is None:
        return None
    from attncli.files.save import check_target
    from attncli.files.write import SUFFIXES, format_of

    found = format_of(output.output, SUFFIXES if known is None else known)
    check_target(output.output, output.force)
    return found


def deliver_text(
    renderers: Mapping[str, Callable[[Console], None]],
    screen: Screen,
    output: FormattedTarget,
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
    from attncli.files.save import save
    from attncli.files.write import SUFFIXES

    known = {suffix: name for suffix, name in (SUFFIXES | {".html": "html"}).items() if name in renderers}
    target = target_format(output, known)
    if target is not None and output.output is not None:
        console = replace(screen, color=False, unicode=True).console()
        with console.capture() as captured:
            renderers[target](console)
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
        complain(f"attn: notice: {notice}")


def only_output(output: Output, steps: Steps) -> bool:
    """Tell whether nothing but the output is asked for: only formats of one matrix, and no step by its name."""
    target = None if output.output is None else Path(output.output).suffix.lower().removeprefix(".")
    asked = {each for each in (target, output.format) if each}
    return not steps.step and bool(asked) and asked <= set(ONE_MATRIX)


def _to_file(
    computation: Computation, shown: View, output: Output, target: str, notices: list[str], threads: int | None
) -> None:
    """Write the file that is asked for; an output that is streamed goes there as it is made."""
    from attncli.files.save import is_plain, mapped, save

    path = str(output.output)
    streamed = isinstance(computation, AttentionComputation) and computation.streams and is_plain(path)
    if target != "npy" or not isinstance(computation, AttentionComputation) or not streamed:
        save(path, _data(computation, shown, target, notices, threads), output.force)
        return
    part = _part(computation, shown, target)
    dtype = computation.select(part).output_dtype
    with mapped(path, computation.output_shape(part), dtype, output.force) as out, progress_bar() as progress:
        _, found = computation.stream(part, Resources(threads, progress, out))
    notices += [each for each in found if each not in notices]


def _data(computation: Computation, shown: View, format: str, notices: list[str], threads: int | None) -> bytes:  # noqa: A002
    if format in SHOWN:
        from attncli.compute import report

        return {"table": report.to_text, "markdown": report.to_markdown}[format](computation, shown, notices).encode()
    from attncli.files.write import WRITERS

    part = _part(computation, shown, format)
    computation.check_memory(part, text=format not in BINARY)
    with progress_bar() as progress:
        result, found = computation.result(part, Resources(threads, progress))
    notices += [each for each in found if each not in notices]
    return WRITERS[format](result)


def _part(computation: Computation, shown: View, format: str) -> Selection:  # noqa: A002
    from attncli.problem.selection import chosen

    asked = {"batch": shown.batch, "head": shown.head}
    some = {name for name, index in asked.items() if isinstance(index, int)}
    if computation.carries and format not in ONE_MATRIX and some:
        raise InputError(
            f"{format} carries the whole problem to the next step, all heads and batch items of it",
            hint="csv, tsv and npy hold one matrix, of the head that --head chooses",
        )
    counts = dict(zip(("batch", "head"), computation.shape, strict=False))
    one = {name: chosen(name, index, counts[name])[0] if name in some else None for name, index in asked.items()}
    return Selection(batch=one["batch"], head=one["head"])


def view(tables: Tables) -> View:
    """Return how much is shown, and on what screen."""
    from attncli.show.view import View

    return View(
        screen=Screen.of_stdout(tables.color),
        head=number_or_all("head", tables.head),
        batch=number_or_all("batch", tables.batch),
        rows=number_or_all("rows", tables.rows, 1) or "all",
        cols=number_or_all("cols", tables.cols, 1),
        digits=tables.digits,
    )
