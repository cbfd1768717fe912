"""What `attn cost --vary` prints: a table of all cases, and a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.cost import chart
from attncli.cost.cost import Cost
from attncli.cost.growth import Growth, Panel
from attncli.cost.report import Part
from attncli.cost.sizes import as_bytes, as_count, as_seconds
from attncli.cost.voice import Voice
from attncli.show.lines import print_lines
from attncli.show.records import print_records

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen


def table(growth: Growth, voice: Voice) -> Part:
    """Return the table of all cases."""
    columns = ("growth_open", "run_forward", "run_decode", "growth_cache")
    headings = [growth.vary.flag, *map(voice, columns)]
    timed = [run for run in ("forward", "decode") if growth.costs[0].machine is not None]
    headings += [f"{voice(f'run_{run}')}, {voice('growth_time')}" for run in timed]
    rows = [[str(value), *_row(cost)] for value, cost in zip(growth.vary.values, growth.costs, strict=True)]
    return Part(voice.say("title_growth", name=growth.vary.flag), headings, rows)


def _row(cost: Cost) -> list[str]:
    row = [
        as_count(cost.pairs.open),
        as_count(cost.total("forward").value),
        as_count(cost.total("decode").value),
        as_bytes(cost.cache.bytes().value),
    ]
    if cost.machine is None:
        return row
    return row + [as_seconds(run.seconds(cost.machine)[0]) for run in cost.runs.values()]


def parts(growth: Growth, panels: list[Panel], voice: Voice) -> list[Part]:
    """Return the table, and what is to be seen in the charts."""
    return [table(growth, voice), *(Part(each.title, lines=each.crossings) for each in panels if each.crossings)]


def to_terminal(growth: Growth, panels: list[Panel], voice: Voice, screen: Screen, console: Console) -> None:
    """Print the table, the charts, and where one part overtakes another."""
    part = table(growth, voice)
    print_lines(part.title, screen, console, "bold")
    rows = [dict(zip(part.headings, row, strict=True)) for row in part.rows]
    print_records(rows, screen, console, right=part.headings)
    for panel in panels:
        console.print()
        print_lines(panel.title, screen, console, "bold")
        chart.to_terminal(panel, growth.vary, screen, console)
        for line in panel.crossings:
            print_lines(line, screen, console, rest="    ")
