"""Write results to the screen, a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from attncli.commands.destination import TABLE, Destination
from attncli.commands.messages import notice
from attncli.commands.presentation import Tables
from attncli.errors import InputError
from attncli.files.formats import DATA, FORMATS, NUMBERS, Format
from attncli.files.margins import Margins
from attncli.memory import size
from attncli.problem import estimate
from attncli.problem.computation import LONG_TEXT, Computation, Resources
from attncli.problem.selection import Choice
from attncli.said import Said
from attncli.show.beside import Beside
from attncli.show.progress import progress_bar
from attncli.show.screen import Screen
from attncli.show.view import View
from attncli.text import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.attend.operands import ScoreOperands
    from attncli.attend.parts import Selection
    from attncli.files.contents import Named
    from attncli.problem.problem import Problem

JSON = FORMATS["json"]


@dataclass(frozen=True, eq=False)
class Delivery:
    """Results to be written, piece by piece: neither all text nor a copy of all numbers is in memory.

    Attributes:
        computation: what to compute.
        kind: the format.
        choice: the heads and batch items.
        view: how much tables show.
        threads: number of threads of a stream; None: OMP_NUM_THREADS, or the number of CPUs.
        margins: what stands around the numbers of tables.
        beside: what is told of the results beside them, if anything.
        chunks: the shape of the chunks of a folder; None: as they are chosen.
    """

    computation: Computation
    kind: Format
    choice: Choice
    view: View
    threads: int | None
    margins: Margins
    beside: Beside | None = None
    chunks: Sequence[int] | None = None

    @cached_property
    def part(self) -> Selection:
        """The heads and batch items to write in formats for programs."""
        return self.choice.part(self.computation.shape)

    def check(self, path: str | None) -> None:
        """Refuse what the format cannot hold, or the memory, before computing anything; announce a long text.

        Args:
            path: the file that is written; None: standard output.

        Raises:
            InputError: one head is requested but the format carries all of them, or there is not enough memory.
        """
        if self.kind not in NUMBERS:
            from attncli.compute import report

            report.require(self.computation, self.choice, self.view)
            return
        if self.computation.carries and not self.kind.is_single and self.choice.picks_one:
            single = listed(each.name for each in DATA if each.is_single)
            raise InputError(
                f"{self.kind.name} carries the whole problem to the next step, with all heads and batch items",
                hint=f"{single} hold one array, that of --head",
            )
        self.computation.check_head(self.kind, self.part)
        length = self.computation.length(self.part, self.kind)
        whole = length if self.kind.goes_back and path is None else 0
        whole += min(length, estimate.SHARDS) if self.kind.is_folder else 0
        in_place = path is not None and self.fills(path)
        needed = self.computation.needs(self.part, threads=self.threads, in_place=in_place)
        self.computation.require(needed + whole, self.part)
        if self.kind.text and length > LONG_TEXT:
            other = next(each for each in DATA if not each.text and each.is_single is self.kind.is_single)
            say(
                [
                    Said(
                        "about {size} of {format} will be written; the same would be {less} as {other}",
                        size=size(length),
                        format=self.kind.title,
                        less=size(self.computation.length(self.part, other)),
                        other=other.title,
                    )
                ]
            )

    def fills(self, path: str) -> bool:
        """Tell whether a file is written while it is computed, and so may be larger than memory."""
        from attncli.files.save import is_regular

        return self.computation.streams and (self.kind.is_folder or (self.kind.in_place and is_regular(path)))

    def begin(self) -> None:
        """Compute what all tables have in common."""
        with progress_bar() as progress:
            self.computation.begin(Resources(self.threads, progress))

    def writer(self) -> Callable[[IO[bytes]], None]:
        """Compute what formats for programs hold; return what writes it, or a table, to a file that is open."""
        if self.kind not in NUMBERS:
            from attncli.compute import report

            self.begin()
            show = {"table": report.write_text, "markdown": report.write_markdown}[self.kind.name]
            return lambda file: show(
                self.computation, self.choice, self.view, lambda text: file.write(text.encode()), self.beside
            )
        from attncli.files.save import write

        return partial(write, self.kind, self.result(), margins=self.margins)

    def result(self, out: NDArray[Any] | None = None) -> Named:
        """Compute what formats for programs hold; an output that is streamed goes into an array, if one is given."""
        with progress_bar() as progress:
            result = self.computation.result(self.part, Resources(self.threads, progress, out))
        if self.kind is JSON and self.beside is not None:
            result = replace(result, records=self.beside.record())
        return result

    def to_file(self, path: str, force: bool) -> None:
        """Write a file; an output that is streamed is written while it is computed."""
        from attncli.files.save import mapped, on_disk, save_results, saving

        target = self.computation.target(self.part) if self.fills(path) else None
        if self.kind.is_folder:
            with nullcontext() if target is None else on_disk(path, *target, force) as out:
                say(save_results(self.kind, path, self.result(out), force, chunks=self.chunks))
        elif target is not None:
            with mapped(self.kind, path, *target, force) as out:
                self.result(out)
        else:
            write = self.writer()
            with saving(path, force) as file:
                write(file)

    def to_stdout(self) -> None:
        """Write to standard output; a table is printed while it is computed."""
        if self.kind is TABLE:
            from attncli.compute.report import to_terminal

            self.begin()
            to_terminal(self.computation, self.choice, self.view, beside=self.beside)
            return
        write = self.writer()
        sys.stdout.flush()
        if self.kind.goes_back:
            whole = BytesIO()
            write(whole)
            sys.stdout.buffer.write(whole.getbuffer())
        else:
            write(sys.stdout.buffer)
        sys.stdout.buffer.flush()


def deliver(
    computation: Computation,
    tables: Tables,
    where: Destination,
    margins: Margins,
    *,
    steps: Sequence[str] = (),
    threads: int | None = None,
    beside: Beside | None = None,
) -> None:
    """Compute and write the requested results.

    Args:
        computation: what to compute.
        tables: how much tables show.
        where: the file or standard output, and the format.
        margins: what stands around the numbers of tables.
        steps: the steps requested by name, if any; formats of one matrix hold only one.
        threads: number of threads of a stream; None: OMP_NUM_THREADS, or the number of CPUs.
        beside: what is told of the results beside them, if anything.

    Raises:
        InputError: the file exists, the format cannot hold the result, or the input is wrong.
    """
    if where.kind in NUMBERS and not steps:
        computation = computation.without_steps(where.kind)
    if where.kind in DATA and where.kind.is_single and len(steps) <= 1:
        computation = computation.alone()
    delivery = Delivery(computation, where.kind, tables.choice(), tables.view(), threads, margins, beside, where.chunks)
    if where.kind.is_single and len(steps) > 1:
        hint = "use " + listed((each.name for each in DATA if each.is_archive), "or")
        raise InputError(f"{where.kind.name} holds one array, but --step asks for {len(steps)}", hint=hint)
    delivery.check(where.path)
    if where.path is None:
        delivery.to_stdout()
    else:
        delivery.to_file(where.path, where.force)
    say(computation.notices)


def cache_report(problem: Problem, operands: ScoreOperands, choice: Choice) -> Beside | None:
    """Return what a cache of fewer bits changes in the heads that are chosen; None: the problem has no such cache.

    Raises:
        InputError: there is no such head or batch item.
    """
    if problem.options.cache is None:
        return None
    from attncli.cache.report import CacheReport

    return CacheReport(operands, *choice.parts((operands.sizes.batch, operands.sizes.heads)))


def deliver_text(
    renderers: Mapping[str, Callable[[Console], None]],
    screen: Screen,
    where: Destination,
    notices: Iterable[str] = (),
) -> None:
    """Write a report to standard output or a file, in one of its formats.

    Args:
        renderers: by format, a function that prints the report on a console.
        screen: the screen behind standard output.
        where: the file or standard output, and the format.
        notices: printed on standard error; read after everything else is done.

    Raises:
        InputError: the file exists by now, or the system reports something about the disk.
    """
    from attncli.files.save import save

    render = renderers[where.kind.name]
    if where.path is not None:
        save(where.path, _written(render, screen), where.force)
    elif where.kind is TABLE:
        render(screen.console())
    else:  # always UTF-8: an escape that a terminal would get in its place is no JSON
        sys.stdout.flush()
        sys.stdout.buffer.write(_written(render, screen))
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
