"""What `bench` shows: a line a contestant, the limit last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from attncli.bench.measure import Timing
from attncli.show.lines import print_lines

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen


@dataclass(frozen=True)
class Benchmark:
    """What was measured.

    Attributes:
        shape: what was asked for.
        limit: seconds of the two matrix products alone.
    """

    shape: Mapping[str, Any]
    threads: int
    timings: Sequence[Timing]
    limit: float


def rows(found: Benchmark) -> list[dict[str, Any]]:
    """Return a record for each contestant: times in milliseconds, ratio to attn, share of the limit, peak memory."""
    own = found.timings[0].seconds
    return [
        {
            "name": each.name,
            "milliseconds": each.seconds * 1e3,
            "spread": each.spread,
            "ratio": each.seconds / own,
            "of_limit": found.limit / each.seconds,
            "peak_bytes": each.memory,
            "difference": each.error,
        }
        for each in found.timings
    ]


def to_terminal(found: Benchmark, screen: Screen, console: Console) -> None:
    """Print the table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    say = partial(print_lines, screen=screen, console=console)
    asked = [f"{name.replace('_', '-')} {value}" for name, value in found.shape.items() if value not in (None, False)]
    say(
        " · ".join(each for each in asked if not each.startswith("against")) + f" · {found.threads} threads",
        style="dim",
    )
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("")
    for heading in ("ms", "±", "attn is", "of the limit", "peak memory", "difference"):
        table.add_column(screen.write(heading), justify="right")
    for row in rows(found):
        memory = "?" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e6:.0f} MB"
        times = "" if row["name"] == "attn" else f"{row['ratio']:.2f} x"
        cells = [f"{row['milliseconds']:.1f}", f"{row['spread']:.0%}", times, f"{row['of_limit']:.0%}", memory]
        table.add_row(row["name"], *cells, f"{row['difference']:.0e}" if times else "")
    table.add_row("two products alone", f"{found.limit * 1e3:.1f}", "", "", "100%", "", "")
    console.width = max(screen.width, console.measure(table).maximum)
    console.print(table)
    console.width = screen.width


def to_json(found: Benchmark) -> str:
    """Return the same for scripts."""
    shape = {name: value for name, value in found.shape.items() if value is not None}
    record = {"shape": shape, "threads": found.threads, "limit_milliseconds": found.limit * 1e3, "timings": rows(found)}
    return json.dumps(record, indent=2)
