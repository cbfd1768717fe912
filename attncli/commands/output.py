"""Write results to the screen, a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from attncli.commands.arguments import Output, Steps, Tables
from attncli.commands.messages import notice
from attncli.errors import InputError
from attncli.files.formats import DATA, FORMATS, RESULTS, Format, of_output, of_suffix
from attncli.problem.computation import AttentionComputation, Computation, Resources
from attncli.problem.selection import Choice
from attncli.show.progress import progress_bar
from attncli.show.screen import Screen
from attncli.show.view import View
from attncli.text import listed

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.attend.computations import Selection
    from attncli.files.contents import Named

# The format for terminals.
TABLE = FORMATS["table"]


class Target(Protocol):
    """A file to write to, as given by the parameter groups of several commands."""

    output: str | None
    force: bool


class FormattedTarget(Target, Protocol):
    """A target with a format for standard output."""

    @property
    def format(self) -> str | None:
        """The format of standard output; None for a table."""


@dataclass(frozen=True, eq=False)
class Delivery:
    """Results to be written: computed once, encoded once per format.

    Attributes:
        computation: what to compute.
        choice: the heads and batch items.
        view: how much tables show.
        threads: number of threads of a stream; None: OMP_NUM_THREADS, or the number of CPUs.
    """

    computation: Computation
    choice: Choice
    view: View
    threads: int | None

    @cached_property
    def part(self) -> Selection:
        """The heads and batch items to write in formats for programs."""
        return self.choice.part(self.computation.shape)

    @cached_property
    def result(self) -> Named:
        """Everything to write in formats for programs."""
        with progress_bar() as progress:
            return self.computation.result(self.part, Resources(self.threads, progress))

    def check(self, kind: Format) -> None:
        """Refuse what the format cannot hold, before computing anything.

        Raises:
            InputError: one head is requested but the format carries all of them, or there is not enough memory.
        """
        if kind not in DATA:
            self.choice.places(self.computation.shape)
            return
        if self.computation.carries and not kind.is_single and self.choice.picks_one:
            single = listed(each.name for each in DATA if each.is_single)
            raise InputError(
                f"{kind.name} carries the whole problem to the next step, with all heads and batch items",
                hint=f"{single} hold one array, that of --head",
            )
        self.computation.check_memory(self.part, text=kind.text)

    def encoded(self, kind: Format) -> bytes:
        """Return the results, encoded in a format."""
        if kind not in DATA:
            from attncli.compute import report

            show = {"table": report.to_text, "markdown": report.to_markdown}[kind.name]
            return show(self.computation, self.choice, self.view).encode()
        from attncli.files.save import encoded

        return encoded(kind, self.result)

    def to_file(self, path: str, kind: Format, *, force: bool, alone: bool) -> None:
        """Write a file; an output that is streamed, and goes nowhere else, is written while it is computed.

        Args:
            path: the file.
            kind: its format.
            force: whether to overwrite an existing file.
            alone: whether the results go nowhere else.
        """
        from attncli.files.save import is_regular, mapped, save

        computation = self.computation
        in_place = kind.in_place and alone and is_regular(path)
        if not (isinstance(computation, AttentionComputation) and computation.streams and in_place):
            save(path, self.encoded(kind), force)
            return
        shape, dtype = computation.output_shape(self.part), computation.operands.output_dtype
        with mapped(kind, path, shape, dtype, force) as out, progress_bar() as progress:
            computation.stream(self.part, Resources(self.threads, progress, out))

    def to_stdout(self, data: bytes | None) -> None:
        """Write to standard output: what was encoded, or with None a table, printed while it is computed."""
        if data is None:
            from attncli.compute.report import to_terminal

            to_terminal(self.computation, self.choice, self.view)
            return
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def deliver(
    computation: Computation,
    tables: Tables,
    output: Output,
    *,
    default: str,
    steps: Sequence[str] = (),
    threads: int | None = None,
) -> None:
    """Compute and write the requested results.

    Args:
        computation: what to compute.
        tables: how much tables show.
        output: format and file.
        default: the default format of standard output.
        steps: the steps requested by name; formats of one matrix hold only one.
        threads: number of threads of a stream; None: OMP_NUM_THREADS, or the number of CPUs.

    Raises:
        InputError: the file exists, the format cannot hold the result, or the input is wrong.
    """
    target = target_format(output)
    name = output.format or (default if target is None else None)
    stdout = FORMATS[name] if name else None
    asked = [each for each in (target, stdout) if each is not None]
    delivery = Delivery(computation, tables.choice(), tables.view(), threads)
    _check_formats(asked, stdout, steps)
    # Fail before anything is written.
    for each in asked:
        delivery.check(each)
    data = None if stdout is None or stdout is TABLE else delivery.encoded(stdout)
    if target is not None:
        delivery.to_file(str(output.output), target, force=output.force, alone=stdout is None or stdout not in DATA)
    if stdout is not None:
        delivery.to_stdout(data)
    say(computation.notices)


def _check_formats(asked: Sequence[Format], stdout: Format | None, steps: Sequence[str]) -> None:
    for each in asked:
        if each.is_single and len(steps) > 1:
            hint = "use " + listed((every.name for every in DATA if every.is_archive), "or")
            raise InputError(f"{each.name} holds one array, but --step asks for {len(steps)}", hint=hint)
    if stdout is not None and not stdout.text and sys.stdout.isatty():
        raise InputError(f"{stdout.name} is not for terminals", hint=f"use -o FILE{stdout.suffix}, or a pipe")


def target_format(output: Target, known: Iterable[Format] = RESULTS) -> Format | None:
    """Return the format of the requested file, after checking that it can be written.

    Args:
        output: where to write.
        known: the formats to choose from.

    Raises:
        InputError: the extension is not that of a format, the file exists, or its folder does not.
    """
    if output.output is None:
        return None
    from attncli.files.save import check_target

    found = of_output(output.output, known)
    check_target(output.output, output.force)
    return found


def deliver_text(
    renderers: Mapping[str, Callable[[Console], None]],
    screen: Screen,
    output: FormattedTarget,
    notices: Iterable[str] = (),
) -> None:
    """Write a report to standard output or a file, in one of its formats.

    Args:
        renderers: by format, a function that prints the report on a console.
        screen: the screen behind standard output.
        output: format and file.
        notices: printed on standard error; read after everything else is done.

    Raises:
        InputError: the file exists, or its extension is not that of a format of this report.
    """
    from attncli.files.save import save

    target = target_format(output, [each for each in FORMATS.values() if each.name in renderers])
    if target is not None and output.output is not None:
        save(output.output, _written(renderers[target.name], screen), output.force)
    if output.output is None or output.format is not None:
        name = output.format or TABLE.name
        if name == TABLE.name:
            renderers[name](screen.console())
        else:  # always UTF-8: an escape that a terminal would get in its place is no JSON
            sys.stdout.flush()
            sys.stdout.buffer.write(_written(renderers[name], screen))
    say(notices)


def _written(render: Callable[[Console], None], screen: Screen) -> bytes:
    """Return what a renderer prints, without colours."""
    console = replace(screen, color=False, unicode=True).console()
    with console.capture() as captured:
        render(console)
    return captured.get().encode()


def table_or_json() -> str:
    """Return the default format of a filter: a table for a terminal, JSON for a pipe."""
    return "table" if sys.stdout.isatty() else "json"


def say(notices: Iterable[str]) -> None:
    """Print notices on standard error."""
    for each in notices:
        notice(each)


def only_output(output: Output, steps: Steps) -> bool:
    """Tell whether only the output is requested: all formats hold one matrix, and no step is named."""
    target = of_suffix(output.output) if output.output is not None else None
    stdout = FORMATS[output.format] if output.format else None
    asked = [each for each in (target, stdout) if each is not None]
    return not steps.step and bool(asked) and all(each.is_single for each in asked)
