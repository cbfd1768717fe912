"""attn bench."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Literal

from attncli.bench.problem import Shape, problem
from attncli.commands.arguments import Report, Screening, Threads
from attncli.commands.groups import Group, setting


class Timed(Group):
    """The problem that a benchmark times."""

    length: Annotated[int, setting("--length", "Queries (default 4096).", min=1, metavar="N")] = 4096
    keys: Annotated[int | None, setting("--keys", "Keys (default: as many as queries).", min=1, metavar="N")] = None
    dim: Annotated[int, setting("--dim", "Features of a head (default 64).", min=1, metavar="N")] = 64
    heads: Annotated[int, setting("--heads", "Query heads (default 8).", min=1, metavar="N")] = 8
    kv_heads: Annotated[
        int | None, setting("--kv-heads", "Key heads (default: as many as query heads).", min=1, metavar="N")
    ] = None
    causal: Annotated[bool, setting("--causal", "Under a causal rule.")] = False
    window: Annotated[str | None, setting("--window", "With a window.", metavar="LEFT[,RIGHT]")] = None
    dtype: Annotated[Literal["float32", "float64"], setting("--dtype", "Precision (default float32).")] = "float32"
    against: Annotated[
        list[str] | None,
        setting(
            "--against",
            "Only beside this library; may be repeated (default: all that are installed).",
            metavar="torch|onnxruntime|jax",
        ),
    ] = None
    rounds: Annotated[int, setting("--rounds", "How often each is timed (default 5).", min=1, metavar="N")] = 5

    def shape(self) -> Shape:
        """Return the sizes and options of the problem."""
        return Shape(**{each.name: getattr(self, each.name) for each in fields(Shape)})


def run(timed: Timed, machine: Threads, report: Report, screening: Screening) -> None:
    r"""All compute the same random problem; they are seen to agree before any is timed, and are then timed in
    turns. The limit is the two matrix products alone. Ratios are how many times as long the other takes.

    \b
    Examples:
      attn bench
      attn bench --length 16384 --heads 1 --causal
      attn bench --length 1 --keys 100000 --heads 32 --kv-heads 8 --against torch
    """
    from attncli.bench import report as bench_report
    from attncli.bench.contestants import contestants, limit
    from attncli.bench.measure import measure
    from attncli.commands.output import deliver_text
    from attncli.show.screen import Screen

    threads = machine.count()
    shape = timed.shape()
    o = problem(shape)
    timings, least = measure(contestants(o, threads, timed.against or []), limit(o, threads), timed.rounds)
    found = bench_report.Benchmark(timed.given(), threads, timings, least)
    screen = Screen.of_stdout(screening.color)
    deliver_text(
        {
            "table": lambda console: bench_report.to_terminal(found, screen, console),
            "json": lambda console: console.out(bench_report.to_json(found), highlight=False),
        },
        screen,
        report,
    )
