"""What the reports on an output and on gradients share: the picture of rows, and what is said of an explanation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.compare import Comparison
from attncli.check.explanation import Explanation
from attncli.check.mistakes.registry import libraries
from attncli.files.contents import of_item
from attncli.show.lines import print_lines
from attncli.show.numbers import label, number
from attncli.show.window import ends

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.files.contents import AnyLabels
    from attncli.show.screen import Screen

# Marks for a row that is exact, off by up to 10, 1000 or 100 000 times its tolerance, or by more, or not finite.
MARKS, PLAIN_MARKS = "·░▒▓█N", ".:+x#N"
THRESHOLDS = (1.0, 10.0, 1e3, 1e5)
COLORS = ("dim", "yellow", "yellow", "red", "red", "bold red")
MOST_LINES = 24


def difference(c: Comparison) -> str:
    """Say how much differs, of what differs."""
    how = f"differs by {c.error:.2g} (tolerance {c.tolerance:.1e})"
    if c.nonfinite_at is not None:
        how = "differs: there is NaN or ∞ where the other output has a number" + f"; {how}" * (c.error > c.tolerance)
    return how


def named(found: Sequence[Explanation]) -> str:
    """Name the mistakes that explain a difference, after what was said of it; empty where none does."""
    mistakes = " or ".join(dict.fromkeys(" + ".join(each.mistakes) for each in found))
    return f": {mistakes}" * bool(mistakes)


def places(c: Comparison, labels: Mapping[str, AnyLabels], row: str = "query", what: str = "output") -> Iterator[str]:
    """Say where the worst element is, and how many rows differ.

    Args:
        c: what came of comparing.
        labels: of queries and keys, if there are any.
        row: what a row is called.
        what: what is compared.
    """
    worst, (batches, heads, _) = c.worst, c.excess.shape
    called = labels.get(f"{row}_labels")
    at = f"{row} {worst.query}" + (f" “{label(of_item(called, worst.batch)[worst.query])}”" if called else "")
    where = [f"batch item {worst.batch}"] * (batches > 1) + [f"head {worst.head}"] * (heads > 1) + [at]
    numbers = f"expected {number(worst.expected, 6)}, computed {number(worst.computed, 6)}"
    yield f"worst: {', '.join(where)}, column {worst.feature}: {numbers}"
    if c.nonfinite_at is not None:
        axes = zip(("batch item", "head", row, "column"), c.nonfinite_at, strict=True)
        yield "first NaN or ∞ out of place: " + ", ".join(f"{name} {index}" for name, index in axes)
    yield f"{c.wrong.sum()} of {c.wrong.size} rows differ"
    for axis, name in enumerate(("batch items", "heads")):
        some = c.differing(axis)
        if not some.all():
            yield f"{name} that differ: {', '.join(map(str, np.flatnonzero(some)))}"
    for name, (expected, computed) in (("NaN", c.nan), ("∞", c.infinite)):
        if expected or computed:
            yield f"{name}: {expected} in the expected {what}, {computed} in the computed one"


def picture(excess: NDArray[Any], screen: Screen, console: Console, row: str = "query row") -> None:
    """Print heads × rows, a mark for each row or run of rows.

    Args:
        excess: (batch, heads, rows) the largest difference of each row, in units of its tolerance.
        screen: where it is shown.
        console: prints it.
        row: what a row is called.
    """
    from rich.text import Text

    batches, heads, queries = excess.shape
    marks = MARKS if screen.unicode else PLAIN_MARKS
    names = [
        (f"batch {b} " if batches > 1 else "") + (f"head {h}" if heads > 1 or batches == 1 else "")
        for b in range(batches)
        for h in range(heads)
    ]
    side = max(map(len, names)) + 2
    room = max(8, screen.width - side - 1)
    run = -(-queries // room)
    lines = excess.reshape(-1, queries)
    shown = ends(len(lines), MOST_LINES)
    for at, index in enumerate(shown.indices.tolist()):
        if at in shown.gaps:
            console.print(Text(screen.write("…")))
        text = Text(names[index].ljust(side))
        for start in range(0, queries, run):
            kind = _kind(float(lines[index, start : start + run].max()))
            text.append(marks[kind], COLORS[kind] if screen.color else "")
        console.print(text, no_wrap=True, crop=True)
    each = f"a mark for {run} rows" if run > 1 else f"a mark for each {row}"
    scale = f"{marks[1:5]} up to 10, 1e3, 1e5 times the tolerance, and more"
    print_lines(f"{each}: {marks[0]} exact, {scale}, N not finite", screen=screen, console=console, style="dim")


def _kind(excess: float) -> int:
    return 5 if not math.isfinite(excess) else sum(excess > step for step in THRESHOLDS)


def explanations(found: Sequence[Explanation]) -> Iterator[tuple[str, str]]:
    """Say what explains a difference and what to change: each text after what its first line begins with."""
    for at, each in enumerate(found):
        same = at > 0 and each.rank == found[at - 1].rank
        yield f"{'=' if same else each.rank}. ", f"{' + '.join(each.mistakes)}: {'; and '.join(each.descriptions)}"
        if at == 0 or each.keys != found[at - 1].keys:
            yield from (("   ", line) for line in more(each))


def more(each: Explanation) -> Iterator[str]:
    """Say what to change, which options give the observed output, how well it is explained, and who does what."""
    yield f"fix: {fix(each)}"
    flags = as_flags(each.options)
    if flags:
        yield f"attn compute with {flags} gives what was observed"
    seen, total = each.rows
    over = "all rows" if seen == total else f"the {seen} rows of {total} that were tried"
    if math.isfinite(each.residual):
        yield f"explains {over} to within {each.residual:.1e}"
    else:
        yield f"seen in {over}; it is random, so nothing can reproduce it"
    yield from (f"who does what: {who}" for who in libraries(each.mistakes).values())


def fix(explanation: Explanation) -> str:
    """Return what to change, in one line."""
    return "; and ".join(dict.fromkeys(explanation.fixes))


def as_flags(options: Mapping[str, object] | None) -> str:
    """Write options as flags; empty where there are none for them.

    >>> as_flags({"scale": 0.125, "causal": False, "offset": 3})
    '--scale 0.125 --no-causal --offset 3'
    """
    if not options or None in options.values():
        return ""
    words = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {value!r}" if isinstance(value, float) else f"--{flag} {value}")
    return " ".join(words)
