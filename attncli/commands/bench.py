"""attn bench."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal

from attncli.bench import backward, contestants
from attncli.bench import report as bench_report
from attncli.bench.contestants import MODULES, NUMPY, limit
from attncli.bench.measure import measure
from attncli.bench.problem import Shape, problem
from attncli.commands.destination import destination
from attncli.commands.groups import Group, setting
from attncli.commands.output import deliver_text
from attncli.commands.presentation import REPORTS, Report, Screening, Threads


class Timed(Group):
    """The problem that a benchmark times."""

    length: Annotated[int, setting("--length", "Number of queries (default 4096).", min=1, metavar="N")] = 4096
    keys: Annotated[
        int | None, setting("--keys", "Number of keys (default: as many as queries).", min=1, metavar="N")
    ] = None
    dim: Annotated[int, setting("--dim", "Features per head (default 64).", min=1, metavar="N")] = 64
    heads: Annotated[int, setting("--heads", "Number of query heads (default 8).", min=1, metavar="N")] = 8
    kv_heads: Annotated[
        int | None, setting("--kv-heads", "Number of key heads (default: as many as query heads).", min=1, metavar="N")
    ] = None
    causal: Annotated[bool, setting("--causal", "Time with a causal rule.")] = False
    window: Annotated[str | None, setting("--window", "Time with a window.", metavar="LEFT[,RIGHT]")] = None
    documents: Annotated[
        int | None, setting("--documents", "Time with N documents of the same length in the row.", min=1, metavar="N")
    ] = None
    chunk: Annotated[int | None, setting("--chunk", "Time with chunks of N positions.", min=1, metavar="N")] = None
    rope: Annotated[
        Literal["half", "interleaved"] | None,
        setting("--rope", "Time with queries and keys rotated in pairs, and without, to show what that adds."),
    ] = None
    qk_norm: Annotated[
        Literal["rms"] | None,
        setting("--qk-norm", "Time with queries and keys normalised, and without, to show what that adds."),
    ] = None
    backward: Annotated[
        bool, setting("--backward", "Time the gradients of query, key and value too: forward and backward pass.")
    ] = False
    dtype: Annotated[Literal["float32", "float64"], setting("--dtype", "Precision (default float32).")] = "float32"
    against: Annotated[
        list[str] | None,
        setting(
            "--against",
            "Compare only with this library, and plain NumPy; may be repeated (default: all that are installed).",
            metavar="|".join([*MODULES, NUMPY]),
        ),
    ] = None
    rounds: Annotated[int, setting("--rounds", "How often to time each (default 5).", min=1, metavar="N")] = 5

    def shape(self) -> Shape:
        """Return the sizes and options of the problem."""
        return Shape(**{each.name: getattr(self, each.name) for each in fields(Shape)})


def run(timed: Timed, machine: Threads, report: Report, screening: Screening) -> None:
    r"""All libraries compute the same random problem; their results are compared first, and then they are timed in
    turn. The limit is the time of the matrix products alone: two, and five more with --backward. Ratios say how many
    times as long the other takes.

    \b
    Examples:
      attn bench
      attn bench --length 16384 --heads 1 --causal
      attn bench --length 16384 --heads 1 --documents 64
      attn bench --rope half --qk-norm rms
      attn bench --backward --length 2048
      attn bench --length 1 --keys 100000 --heads 32 --kv-heads 8 --against numpy
    """
    where = destination(report, screening, known=REPORTS)
    threads = machine.count()
    shape = timed.shape()
    o = problem(shape, backward=timed.backward)
    those = (backward if timed.backward else contestants).contestants(o, threads, timed.against or [])
    timings, least = measure(those, limit(o, threads, backward=timed.backward), timed.rounds)
    found = bench_report.Benchmark(timed.given(), threads, timings, least, timed.backward)
    screen = screening.screen()
    deliver_text(
        {
            "table": lambda console: bench_report.to_terminal(found, screen, console),
            "json": lambda console: console.out(bench_report.to_json(found), highlight=False),
        },
        screen,
        where,
    )
