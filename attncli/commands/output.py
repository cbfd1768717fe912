"""Hand a piece of work to where its results belong: the screen, a pipe, a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from attncli.commands.arguments import Drawing, LessonOutput, Output, Report, Steps, Tables, number_or_all
from attncli.commands.messages import complain, progress_bar
from attncli.errors import InputError
from attncli.files.formats import DATA, FORMATS, RESULTS, Format, of_output, of_suffix
from attncli.problem.computation import Computation, Part, Resources
from attncli.show.screen import Screen
from attncli.text import listed

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.view import View

# What a terminal shows.
TABLE = FORMATS["table"]


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
    name = output.format or (default if target is None else None)
    stdout = FORMATS[name] if name else None
    for each in (target, stdout):
        if each is not None and each.is_single and len(steps) > 1:
            hint = "use " + listed((every.name for every in DATA if every.is_archive), "or")
            raise InputError(f"{each.name} holds one matrix, and --step asks for {len(steps)}", hint=hint)
    if stdout is not None and not stdout.text and sys.stdout.isatty():
        raise InputError(f"{stdout.name} is not for terminals", hint=f"-o FILE{stdout.suffix}, or a pipe")
    # Whatever can go wrong goes wrong before anything is written.
    data = None if stdout is None or stdout is TABLE else _data(computation, shown, stdout, notices, threads)
    if target is not None and output.output is not None:
        _to_file(computation, shown, output, target, notices, threads)
    if stdout is TABLE:
        from attncli.compute.report import to_terminal

        to_terminal(computation, shown, notices)
    elif data is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    say(notices)


def target_format(output: Output | LessonOutput | Report | Drawing, known: Iterable[Format] = RESULTS) -> Format | None:
    """Return the format of the file that is asked for, after checking that it can be written.

    Args:
        output: where results go.
        known: the formats that it can be written in.
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
    from attncli.files.save import save

    target = target_format(output, [each for each in FORMATS.values() if each.name in renderers])
    if target is not None and output.output is not None:
        console = replace(screen, color=False, unicode=True).console()
        with console.capture() as captured:
            renderers[target.name](console)
        save(output.output, captured.get().encode(), output.force)
    if output.output is None or output.format is not None:
        renderers[output.format or TABLE.name](screen.console())
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
    target = of_suffix(output.output) if output.output is not None else None
    stdout = FORMATS[output.format] if output.format else None
    asked = [each for each in (target, stdout) if each is not None]
    return not steps.step and bool(asked) and all(each.is_single for each in asked)


def _to_file(
    computation: Computation, shown: View, output: Output, target: Format, notices: list[str], threads: int | None
) -> None:
    """Write the file that is asked for; an output that is streamed goes there as it is made."""
    from attncli.files.save import is_regular, mapped, save

    path = str(output.output)
    if not (target.in_place and computation.streams and is_regular(path)):
        save(path, _data(computation, shown, target, notices, threads), output.force)
        return
    part = _part(computation, shown, target)
    dtype = computation.select(part).output_dtype
    with mapped(target, path, computation.output_shape(part), dtype, output.force) as out, progress_bar() as progress:
        _, found = computation.stream(part, Resources(threads, progress, out))
    notices += [each for each in found if each not in notices]


def _data(computation: Computation, shown: View, kind: Format, notices: list[str], threads: int | None) -> bytes:
    if kind not in DATA:
        from attncli.compute import report

        show = {"table": report.to_text, "markdown": report.to_markdown}[kind.name]
        return show(computation, shown, notices).encode()
    from attncli.files.save import encoded

    part = _part(computation, shown, kind)
    computation.check_memory(part, text=kind.text)
    with progress_bar() as progress:
        result, found = computation.result(part, Resources(threads, progress))
    notices += [each for each in found if each not in notices]
    return encoded(kind, result)


def _part(computation: Computation, shown: View, kind: Format) -> Part:
    from attncli.show.view import chosen

    asked = {"batch": shown.batch, "head": shown.head}
    some = {name for name, index in asked.items() if isinstance(index, int)}
    if computation.carries and not kind.is_single and some:
        single = listed(each.name for each in DATA if each.is_single)
        raise InputError(
            f"{kind.name} carries the whole problem to the next step, all heads and batch items of it",
            hint=f"{single} hold one matrix, of the head that --head chooses",
        )
    counts = dict(zip(("batch", "head"), computation.shape, strict=False))
    one = {name: chosen(name, index, counts[name])[0] if name in some else None for name, index in asked.items()}
    return Part(batch=one["batch"], head=one["head"])


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
