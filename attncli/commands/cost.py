"""attn cost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from io import BufferedReader
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from attncli.attend.arrays import ARRAYS, GIVEN
from attncli.attend.options import records
from attncli.attend.words.array import Role
from attncli.commands.destination import TABLE, Destination, destination
from attncli.commands.groups import Group, of_arrays, setting, shown
from attncli.commands.inputs import Arrays, StageSettings, files_argument
from attncli.commands.output import deliver_text, say
from attncli.commands.presentation import FORMAT_OR_TABLE, REPORTS, Screening, Threads, written_in
from attncli.commands.standard_input import standard_input
from attncli.cost import figure, growth_report, record, report
from attncli.cost.config import model
from attncli.cost.cost import Cost
from attncli.cost.growth import Growth, Panel, Vary
from attncli.cost.machine import Machine, here
from attncli.cost.request import SIZES, Request
from attncli.cost.sizes import DTYPES, as_count, as_decimal, quantity
from attncli.cost.source import case_of
from attncli.cost.voice import Voice
from attncli.errors import InputError
from attncli.files.formats import CONFIGURATION, FORMATS, Holds, that_hold
from attncli.files.open import STDIN
from attncli.files.open import shown as called
from attncli.files.save import save
from attncli.languages import DEFAULT
from attncli.problem.assemble import assemble

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.problem.problem import Problem

TEXTS = (*REPORTS, FORMATS["csv"], FORMATS["markdown"])
KNOWN = (*TEXTS, *that_hold(Holds.PICTURE))
# What programs read is the same in every language.
ENGLISH = Voice(DEFAULT)
# Bytes of standard input by which a configuration is known.
HEAD = 1 << 16
if TYPE_CHECKING:
    CostFormat = str
    DtypeName = str
else:  # Typer turns a Literal into a choice. The choices are computed, so mypy cannot know them.
    CostFormat, DtypeName = Literal[tuple(each.name for each in TEXTS)], Literal[tuple(DTYPES)]


def _count(flag: str, what: str) -> Any:
    return of_arrays(flag, what, min=1, metavar="N")


class Sizes(Arrays):
    """What is reckoned: a shape, a problem, or a model."""

    NAMES = tuple(name for name in GIVEN if ARRAYS[name].stage == "mask" and ARRAYS[name].role is Role.INPUT)
    files: Annotated[
        list[str] | None,
        files_argument(
            f"A problem, as attn compute takes it; or a model's {CONFIGURATION}, or its folder. - is standard input; "
            "without files, the flags below say the shape."
        ),
    ] = None
    length: Annotated[
        int | None, _count("--length", "Queries (default 4096; of a model, the longest text that it is made for).")
    ] = None
    keys: Annotated[
        int | None, _count("--keys", "Keys (default: as many as queries); of an encoder and a decoder, the former's.")
    ] = None
    batch: Annotated[int | None, _count("--batch", "Sequences (default 1).")] = None
    heads: Annotated[int | None, _count("--heads", "Query heads (default 8).")] = None
    kv_heads: Annotated[int | None, _count("--kv-heads", "Key heads (default: as many as query heads).")] = None
    dim: Annotated[int | None, _count("--dim", "Features of a query and a key of one head (default 64).")] = None
    value_dim: Annotated[int | None, _count("--value-dim", "Features of a value (default: those of a key).")] = None
    layers: Annotated[int | None, _count("--layers", "Layers that are alike (default 1).")] = None
    hidden_size: Annotated[
        int | None, _count("--hidden-size", "Features of x, from which and to which is projected (default: neither).")
    ] = None
    dtype: Annotated[
        DtypeName | None, of_arrays("--dtype", "Type of the numbers (default: that of the file; of a shape, float16).")
    ] = None

    def sources(self) -> list[str]:
        """Return what is read: the files, or else standard input, unless flags say a shape."""
        flags = self.arrays().values()
        said = any(getattr(self, name) is not None for name in SIZES) or any(each is not None for each in flags)
        return self.files or ([] if said else standard_input(flags))


class Positions(StageSettings):
    """Which keys are open by where they stand."""

    STAGES = ("mask",)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the options that close keys."""
        return tuple(name for name in super().names() if name != "alibi")


class Speed(Group):
    """How fast the machine is, and how large."""

    flops: Annotated[str | None, setting("--flops", "Operations a second, such as 312T.", metavar="X")] = None
    bandwidth: Annotated[str | None, setting("--bandwidth", "Bytes a second, such as 2TB.", metavar="X")] = None
    here: Annotated[bool, setting("--here", "Measure both on this machine, which takes a second.")] = False
    memory: Annotated[
        str | None, setting("--memory", "Say how many tokens of cache fit into it, such as 80GB.", metavar="X")
    ] = None
    tile: Annotated[
        str, setting("--tile", "Queries and keys that a kernel computes at once (default 128,128).", metavar="Q,K")
    ] = "128,128"

    def machine(self, threads: int) -> Machine | None:
        """Return how fast the machine is; None if nothing says it.

        Raises:
            InputError: one of the two numbers is missing, or is none.
        """
        flops, bandwidth = quantity("flops", self.flops, "flop"), quantity("bandwidth", self.bandwidth, "b")
        if self.here:
            found = here(threads)
            return Machine(flops or found.flops, bandwidth or found.bandwidth)
        if flops is None and bandwidth is None:
            return None
        if flops is None or bandwidth is None:
            given, missing = ("bandwidth", "flops") if flops is None else ("flops", "bandwidth")
            raise InputError(f"--{given} is given without --{missing}", hint="give both, or --here, which measures")
        return Machine(flops, bandwidth)

    def tiles(self) -> tuple[int, int]:
        """Return the size of a tile.

        Raises:
            InputError: it is not two numbers.
        """
        parts = self.tile.split(",")
        if len(parts) != 2 or not all(each.isascii() and each.isdigit() and 0 < len(each) < 7 for each in parts):
            raise InputError(f"tile must be two whole numbers from 1, not {self.tile[:40]!r}", hint="such as 128,64")
        queries, keys = map(int, parts)
        if not queries or not keys:
            raise InputError(f"tile must be two whole numbers from 1, not {self.tile!r}", hint="such as 128,64")
        return queries, keys


class CostOutput(Screening):
    """What is shown, and where it goes."""

    vary: Annotated[
        str | None,
        shown("--vary", "Reckon it for several sizes, and draw how it grows.", metavar="NAME=N,N,…,N"),
    ] = None
    format: Annotated[CostFormat | None, shown("--format -f", FORMAT_OR_TABLE)] = None
    output: Annotated[
        str | None, shown("--output -o", f"{written_in(KNOWN)} Pictures are drawn of --vary.", metavar="FILE")
    ] = None
    force: Annotated[bool, shown("--force", "Overwrite an existing file.")] = False


def run(sizes: Sizes, positions: Positions, speed: Speed, threads: Threads, output: CostOutput) -> None:
    r"""Of a shape, a problem or a model's configuration it says the open pairs, exactly; the operations of each stage,
    forwards, backwards, of one step of generation and of a prefill; the bytes of tensors and cache; and with --flops
    and --bandwidth the time, each with the sum behind it. --vary draws how they grow, and where one part overtakes
    another; {PICTURES} are drawn by matplotlib (pip install 'attncli[plot]').

    \b
    Examples:
      attn cost --length 32768 --heads 32 --kv-heads 8 --dim 128 --layers 32 --causal
      attn cost --heads 32 --dim 128 --hidden-size 4096 --causal --vary length=1024,2048,…,131072
      attn cost sample:induction --flops 312T --bandwidth 2TB
    """
    where = destination(output, output, known=KNOWN)
    vary = None if output.vary is None else Vary.parse(output.vary)
    if where.kind.holds is Holds.PICTURE and vary is None:
        raise InputError("a picture shows how cost grows", hint="give --vary length=1024,2048,4096 too")
    request = _request(sizes, positions, speed)
    memory = quantity("memory", speed.memory, "b")
    case, notices = case_of(request)
    machine = speed.machine(threads.count())
    voice = Voice(output.language())
    if speed.here and machine is not None:
        fields = {"flops": as_count(machine.flops), "bandwidth": as_decimal(machine.bandwidth)}
        notices = (*notices, voice.say("here", **fields))
    if vary is None:
        _deliver(Cost(case, machine, memory), output, where, voice)
    else:
        name = vary.name
        growth = Growth.of(vary, lambda value: Cost(case_of(request.with_size(name, value))[0], machine, memory))
        _deliver_growth(growth, output, where, voice)
    say(notices)


def _request(sizes: Sizes, positions: Positions, speed: Speed) -> Request:
    """Read what is asked for."""
    files = sizes.sources()
    given = {name: getattr(sizes, name) for name in SIZES}
    asked: dict[str, Any] = {"dtype": sizes.dtype, "tile": speed.tiles(), **given}
    options = {name: value for name, value in positions.options().items() if name in records()}
    config = _configuration(files)
    place = called(files[0]) if files else ""
    if config is not None:
        flag = next((name for name, file in sizes.arrays().items() if file is not None), None)
        if flag is not None:
            message = f"--{flag.replace('_', '-')} has no effect beside a configuration"
            raise InputError(message, place=place, hint="leave it out")
        return Request(**asked, options=options, config=config, place=place)
    return Request(**asked, options=options, problem=_problem(files, sizes, options), place=place)


def _problem(files: list[str], sizes: Sizes, options: Mapping[str, object]) -> Problem:
    """Return the arrays of files and flags, which may be none."""
    packed = {"heads": sizes.heads, "kv_heads": sizes.kv_heads} if files else {}
    given = {name: None if value is None else str(value) for name, value in packed.items()}
    return assemble(files, sizes.arrays(), {**options, **given}, bare=True)


def _configuration(files: list[str]) -> Mapping[str, Any] | None:
    """Return the configuration in the one file that is given; None if it is something else."""
    if len(files) != 1:
        return None
    if files[0] != STDIN:
        return model.read(files[0])
    stream = cast(BufferedReader, sys.stdin.buffer)
    head = stream.peek(HEAD)
    if model.parsed(head) is None and not model.begins(head):
        return None
    found = model.parsed(stream.read(model.MOST_BYTES))
    if found is None:
        raise InputError("is no configuration of a model", place=called(STDIN))
    return found


def _deliver(cost: Cost, output: CostOutput, where: Destination, voice: Voice) -> None:
    found, screen = list(report.parts(cost, voice)), output.screen()
    texts: dict[str, Callable[[], str]] = {
        "json": lambda: record.to_json(cost, ENGLISH) + "\n",
        "csv": lambda: record.to_csv(cost, ENGLISH),
        "markdown": lambda: report.to_markdown(found),
    }
    shown_as = lambda console: report.to_terminal(found, screen, console)  # noqa: E731
    deliver_text(_renderers(texts, shown_as), screen, where)


def _deliver_growth(growth: Growth, output: CostOutput, where: Destination, voice: Voice) -> None:
    screen, panels = output.screen(), growth.panels(voice)
    if where.kind.holds is Holds.PICTURE:
        _draw(growth, panels, where)
        return
    some = [({growth.vary.name: value}, cost) for value, cost in zip(growth.vary.values, growth.costs, strict=True)]
    texts: dict[str, Callable[[], str]] = {
        "json": lambda: record.to_json_list(some, ENGLISH) + "\n",
        "csv": lambda: record.to_csv_list(some, ENGLISH),
        "markdown": lambda: report.to_markdown(growth_report.parts(growth, panels, voice)),
    }
    shown_as = lambda console: growth_report.to_terminal(growth, panels, voice, screen, console)  # noqa: E731
    deliver_text(_renderers(texts, shown_as), screen, where)


def _draw(growth: Growth, panels: list[Panel], where: Destination) -> None:
    assert where.path is not None
    data, missing = figure.to_bytes(panels, growth.vary, where.kind.name)
    save(where.path, data, where.force)
    say([missing] if missing else [])


def _renderers(
    texts: Mapping[str, Callable[[], str]], table: Callable[[Console], None]
) -> dict[str, Callable[[Console], None]]:
    def print_text(console: Console, make: Callable[[], str]) -> None:
        console.out(make(), end="", highlight=False)

    return {TABLE.name: table, **{name: partial(print_text, make=make) for name, make in texts.items()}}
