"""What `bench` shows: one line per contestant, the limit last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from attncli.bench.measure import Timing
from attncli.bench.problem import BEFORE
from attncli.said import Said
from attncli.show.lines import print_lines
from attncli.show.records import print_records
from attncli.text import as_json, dotted, listed

if TYPE_CHECKING:
    from rich.console import Console

    from attncli.show.screen import Screen

MS, LIMIT = Said("ms"), Said("of the limit")
NUMBERS = (MS, "±", Said("attn is"), LIMIT, Said("peak memory"), Said("difference"))


@dataclass(frozen=True)
class Benchmark:
    """What was measured.

    Attributes:
        shape: what was asked for.
        limit: seconds of the matrix products alone.
        backward: whether gradients were computed too.
    """

    shape: Mapping[str, Any]
    threads: int
    timings: Sequence[Timing]
    limit: float
    backward: bool = False


def rows(found: Benchmark) -> list[dict[str, Any]]:
    """Return one record per contestant: times in milliseconds, ratio to attn, share of the limit, peak memory."""
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


def added(found: Benchmark) -> float | None:
    """Return what norm and rotation add to the time of plain attn, as a share of that; None: there are neither.

    It is the median over the rounds, in each of which the two follow each other: what else the machine does slows both.
    """
    own = found.timings[0].rounds
    plain = next((each.rounds for each in found.timings if each.error is None), None)
    return None if plain is None else median(one / other - 1 for one, other in zip(own, plain, strict=True))


def to_terminal(found: Benchmark, screen: Screen, console: Console) -> None:
    """Print the table."""
    say = partial(print_lines, screen=screen, console=console)
    asked = [f"{name.replace('_', '-')} {value}" for name, value in found.shape.items() if value not in (None, False)]
    threads = Said("{count} threads", count=found.threads)
    say(dotted([*(each for each in asked if not each.startswith("against")), threads]), style="dim")
    limit = dict.fromkeys(NUMBERS, "") | {MS: f"{found.limit * 1e3:.1f}", LIMIT: "100%"}
    alone = Said("seven products alone") if found.backward else Said("two products alone")
    lines = [*map(_line, rows(found)), {"": alone} | limit]
    print_records(lines, screen, console, right=NUMBERS)
    more = added(found)
    if more is not None:
        names = [name.replace("_", "-") for name in BEFORE if found.shape[name] is not None]
        called, share = listed(names, "and"), f"{more:.1%}"
        if len(names) == 1:
            say(Said("{names} adds {share} to plain attn", names=called, share=share))
        else:
            say(Said("{names} add {share} to plain attn", names=called, share=share))


def _line(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a contestant's record as texts; attn itself has nothing to be compared with."""
    other, apart = row["name"] != "attn", row["difference"]
    texts = (
        f"{row['milliseconds']:.1f}",
        f"{row['spread']:.0%}",
        f"{row['ratio']:.2f} x" if other else "",
        f"{row['of_limit']:.0%}",
        "?" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e6:.0f} MB",
        f"{apart:.0e}" if other and apart is not None else "",
    )
    return {"": row["name"]} | dict(zip(NUMBERS, texts, strict=True))


def to_json(found: Benchmark) -> str:
    """Return the same for scripts."""
    shape = {name: value for name, value in found.shape.items() if value is not None}
    record = {"shape": shape, "threads": found.threads, "limit_milliseconds": found.limit * 1e3, "timings": rows(found)}
    record |= {} if (more := added(found)) is None else {"added": more}
    return as_json(record, indent=2)
