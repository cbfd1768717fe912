"""attn bench."""

from __future__ import annotations

from attncli.commands.arguments import Report, Screening, Shape, Threads


def run(shape: Shape, machine: Threads, report: Report, screening: Screening) -> None:
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
    from attncli.bench.problem import problem
    from attncli.commands.output import deliver_text
    from attncli.show.screen import Screen

    threads = machine.count()
    o = problem(shape)
    timings, least = measure(contestants(o, threads, shape.against or []), limit(o, threads), shape.rounds)
    found = bench_report.Benchmark(shape.given(), threads, timings, least)
    screen = Screen.of_stdout(screening.color)
    deliver_text(
        {
            "table": lambda console: bench_report.to_terminal(found, screen, console),
            "json": lambda console: console.out(bench_report.to_json(found), highlight=False),
        },
        screen,
        report,
    )
