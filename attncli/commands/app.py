"""The program: runs the commands, and is the one place that catches errors, prints them and exits."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

# Typer does not export the base class of its errors; the pinned version has it here.
from typer._click.exceptions import ClickException
from typer._completion_classes import completion_init
from typer.core import TyperCommand, TyperGroup

import attncli
from attncli.commands.completion import COMPLETING, InstallOption, ShowOption, with_shells
from attncli.commands.groups import expanded, with_formats
from attncli.commands.messages import complain
from attncli.commands.registry import COMMANDS
from attncli.commands.status import Exit, forget_output, reader_may_leave
from attncli.errors import InputError
from attncli.files.maps import watched
from attncli.text import nearest

# Bytes of addresses that loading NumPy takes; they are not memory yet.
ROOM = 128 << 20
HELP = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A command whose help lists the options under their headings."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, one section per heading."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "rich_help_panel", None) or "Other", []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class Commands(TyperGroup):
    """The commands, each imported and built only when it is called."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line; options about completion may stand without a shell."""
        return super().parse_args(ctx, with_shells(args))

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order for the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build one command."""
        return build(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; if there is none of that name, suggest the closest one."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise InputError(f"no such command: {args[0]!r}", hint=nearest(args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under their headings."""
        for heading in dict.fromkeys(entry.heading for entry in COMMANDS.values()):
            with formatter.section(heading):
                formatter.write_dl(
                    [(name, entry.summary) for name, entry in COMMANDS.items() if entry.heading == heading]
                )


@cache
def build(name: str) -> Any:
    """Return the Typer command of this name, ready to run.

    Raises:
        InputError: NumPy could not be loaded.
    """
    _check_room()
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    if not COMMANDS[name].blas_threads:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy has not been loaded yet
    run = import_module(f"attncli.commands.{name}").run
    app.command(name, cls=Command, context_settings=HELP)(expanded(run, COMMANDS[name].summary))
    return typer.main.get_command(app)


def _check_room() -> None:
    # Where `ulimit -v` leaves too little, OpenBLAS ends the process, with the exit status of a difference.
    import mmap

    try:
        mmap.mmap(-1, ROOM).close()
    except OSError:
        hint = "ulimit -v shows what this shell allows"
        raise InputError("not enough memory to load NumPy", hint=hint) from None


def _version(wanted: bool) -> None:
    if wanted:
        print(f"attn {attncli.__version__}")
        raise typer.Exit


def _attn(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    install_completion: InstallOption = None,
    show_completion: ShowOption = None,
) -> None:
    """Compute attention step by step: score → softmax → weighted sum.

    FILES are {DATA}; - is standard input, '[[1,2],[3,4]]' a matrix, and sample:NAME
    a sample (attn inspect sample: lists them). See attn COMMAND --help for the
    options of each command, with examples.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def program() -> Any:
    """Return the whole program as a Typer group."""
    if COMPLETING in os.environ:
        completion_init()
    app = typer.Typer(
        cls=Commands, add_completion=False, rich_markup_mode=None, invoke_without_command=True, context_settings=HELP
    )
    app.callback(help=with_formats(_attn.__doc__ or ""))(_attn)
    return typer.main.get_command(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    try:
        _prepare_world()
        status = None
        with watched(), reader_may_leave():
            status = program().main(args=arguments, prog_name="attn", standalone_mode=False)
        return status if isinstance(status, int) else Exit.DONE
    except (KeyboardInterrupt, SystemExit):  # not from signals, which `attncli.signals` heeds
        raise
    except BaseException as error:
        if os.environ.get("ATTN_DEBUG") and not isinstance(error, ClickException):
            raise
        return _report(error)


def _prepare_world() -> None:
    """Make sure that the streams can be written to."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # stays open as long as the program runs
    if sys.stdout is None:
        raise InputError("is closed", place="standard output")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(error: BaseException) -> int:
    """Print what went wrong in one line, with a hint; return the exit status."""
    if isinstance(error, InputError):
        _say(error.message, error.place, error.hint)
    elif isinstance(error, ClickException):
        context = getattr(error, "ctx", None)
        message = error.format_message().replace("\n", " ")
        _say(message, hint=f"see {context.command_path if context else 'attn'} --help")
    elif isinstance(error, MemoryError):
        _say("not enough memory", hint="use fewer rows, or 32-bit numbers (--dtype float32)")
    elif isinstance(error, OSError):
        forget_output()
        _say(error.strerror or str(error), str(error.filename or "standard output"))
    else:
        _say(f"internal error: {type(error).__name__}: {error}", hint="please report it; ATTN_DEBUG=1 shows where")
    return Exit.WRONG


def _say(message: str, place: str = "", hint: str = "") -> None:
    lines = [": ".join(filter(None, ["attn", place, message]))] + ([f"hint: {hint}"] if hint else [])
    for line in lines:
        complain(line)
