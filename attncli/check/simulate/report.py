"""How it is shown where the error of a kernel of less precision arises: a table by stage, and a record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.check.simulate.measure import Error, Measured, Sample, measure
from attncli.check.simulate.stages import Kernel
from attncli.check.simulate.verdict import Verdict
from attncli.said import Said
from attncli.show.lines import print_lines
from attncli.show.plain import PlainConsole, columns_of, print_pieces
from attncli.show.progress import progress_bar
from attncli.show.view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from attncli.attend.operands import Operands
    from attncli.check.compare import Worst

# What the record is called where it stands among results.
NAME = "simulated"
# Less than this share of an observed error that is number for number that of the kernel says nothing.
TELLING = 0.1
LEGEND = Said(
    "errors are relative to the size of their row, Σ weights · |value|: the largest, and the root mean square; alone: "
    "all other stages are exact; so far: those after it are; share: of the sum of the squares of what each changes in "
    "what those before it give"
)


@dataclass(frozen=True, eq=False)
class SimulationReport:
    """What a kernel of less precision gives of some heads, computed when it is first asked for.

    Attributes:
        operands: the problem.
        kernel: the types of its stages.
        batches: which batch items.
        heads: which query heads.
        by_head: whether each head is told by itself; otherwise there are some, for all.
        expected: (batch, heads, L, Ev) what another program made, if anything.
        worst: where that is furthest from what is right.
    """

    operands: Operands
    kernel: Kernel
    batches: Sequence[int]
    heads: Sequence[int]
    by_head: bool = False
    expected: NDArray[Any] | None = None
    worst: Worst | None = None

    @cached_property
    def measured(self) -> Measured:
        """What was measured."""
        tile = self.kernel.tile
        sample = Sample.of(self.operands, self.batches, self.heads, tile=tile, every=self.by_head)
        if self.worst is not None:
            sample = sample.with_row(self.worst.batch, self.worst.head, self.worst.query)
        with progress_bar() as progress:
            return measure(self.operands, self.kernel, sample, self.expected, progress)

    def record(self) -> dict[str, Any]:
        """Return it for programs, by its name among the results."""
        found = self.measured
        seen, count = found.rows
        return {
            NAME: {
                "kernel": {name: kind.name for name, kind in self.kernel.types.items()},
                "tile": self.kernel.tile,
                "queries": {"seen": seen, "all": count},
                "stages": [
                    {
                        "stage": each.stage,
                        "type": each.type,
                        "alone": _record(each.alone),
                        "so_far": _record(each.so_far),
                        "share": found.share(each),
                    }
                    for each in found.stages
                ],
                "heads": [{"batch": batch, "head": head, **_record(each)} for batch, head, each in found.heads],
                "together": _record(found.together),
                **self._observed(),
            }
        }

    def _observed(self) -> dict[str, Any]:
        found = self.measured
        if found.observed is None:
            return {}
        verdict = Verdict.of(found)
        return {
            "observed": _record(found.observed.error),
            "times": _number(verdict.times),
            "times_largest": _number(verdict.times_largest),
            "explained": found.observed.explained,
            "normal": verdict.is_normal,
            "verdict": str(verdict.words()),
        }

    def to_terminal(self, view: View, console: PlainConsole | Console) -> None:
        """Print the tables, and the verdict where there is one."""
        say = partial(print_lines, screen=view.screen, console=console)
        say(self.title, style="bold cyan")
        for table in self.tables():
            _print(table, view, console)
        for line in self.verdicts():
            say(line, style="bold")
        for line in (self.sampled, LEGEND):
            say(line, style="dim")

    def to_markdown(self, view: View) -> Iterator[str]:
        """Return the parts of it in Markdown."""
        from attncli.show import markdown

        say = view.screen.say
        yield f"**{markdown.escape(say(self.title))}**"
        for headings, *rows in self.tables():
            yield markdown.records(list(map(say, headings)), [list(map(say, row)) for row in rows])
        yield from (markdown.escape(say(each)) for each in (*self.verdicts(), self.sampled, LEGEND))

    @property
    def title(self) -> str:
        """What the table is about."""
        if self.kernel.tile is None:
            return Said("the error of a kernel of these types, stage by stage")
        return Said(
            "the error of a kernel of these types, stage by stage, with an online softmax (tile {tile})",
            tile=self.kernel.tile,
        )

    @property
    def sampled(self) -> str:
        """In what it was measured."""
        seen, count = self.measured.rows
        o = self.operands
        if o.layer.out is not None:
            return Said("measured in {seen} of {count} queries of the layer's output", seen=seen, count=count)
        heads, every = len(self.measured.heads), o.sizes.batch * o.sizes.heads
        return Said(
            "measured in {seen} of {count} queries of {heads} of {every} heads",
            seen=seen,
            count=count,
            heads=heads,
            every=every,
        )

    def tables(self) -> Iterator[list[list[str]]]:
        """Return the table of stages, and that of heads where each is told by itself: headings first."""
        found = self.measured
        names = (Said("alone: largest"), Said("rms"), Said("so far: largest"), Said("rms"), Said("share"))
        rows = [
            [each.stage, each.type, *_cells(each.alone), *_cells(each.so_far), _percent(found.share(each))]
            for each in found.stages
        ]
        if found.observed is not None:
            rows.append([Said("observed"), "", "", "", *_cells(found.observed.error), ""])
        yield [[Said("stage"), Said("type"), *names], *rows]
        if self.by_head and len(found.heads) > 1:
            heads = [[_name(batch, head, len(self.batches)), *_cells(each)] for batch, head, each in found.heads]
            yield [[Said("head"), Said("largest"), Said("rms")], *heads]

    def verdicts(self) -> Iterator[str]:
        """Say what becomes of an observed error."""
        if self.measured.observed is None:
            return
        yield Verdict.of(self.measured).words()
        explained = self.measured.observed.explained
        if explained is not None and explained >= TELLING:
            yield Said(
                "{share} of its square is the error of this very kernel, number for number", share=_percent(explained)
            )


def _name(batch: int, head: int, batches: int) -> str:
    if batches > 1:
        return Said("batch {batch}, head {head}", batch=batch, head=head)
    return Said("head {head}", head=head)


def _cells(error: Error) -> list[str]:
    return [_written(error.largest), _written(error.typical)]


def _written(value: float) -> str:
    """Write an error.

    >>> _written(0.00123), _written(0.0), _written(math.inf)
    ('1.2e-03', '0', '∞')
    """
    return "∞" if not math.isfinite(value) else f"{value:.1e}" if value else "0"


def _percent(share: float | None) -> str:
    """Write a share.

    >>> _percent(0.1234), _percent(0.0004), _percent(0.0), _percent(None)
    ('12 %', '<0.1 %', '0 %', '')
    """
    if share is None:
        return ""
    return "<0.1 %" if 0 < share < 0.001 else f"{100 * share:.2g} %" if share < 0.01 else f"{100 * share:.0f} %"


def _print(table: Sequence[Sequence[str]], view: View, console: PlainConsole | Console) -> None:
    """Print a table: texts to the left, numbers to the right."""
    screen = view.screen
    texts = [[screen.write(screen.say(each)) for each in row] for row in table]
    widths = [max(map(columns_of, column)) for column in zip(*texts, strict=True)]
    numeric = np.array([bool(row) and row[0] in "0123456789∞" for row in texts[1]])
    for at, row in enumerate(texts):
        cells = []
        for text, width, right in zip(row, widths, numeric, strict=True):
            blank = " " * (width - columns_of(text))
            cells.append(blank + text if right else text + blank)
        print_pieces([("  ".join(cells).rstrip(), "" if at else "bold")], console)
        if not at:
            print_pieces([(screen.write("─") * (sum(widths) + 2 * len(widths) - 2), "dim")], console)


def _record(error: Error) -> dict[str, Any]:
    return {"largest": _number(error.largest), "rms": _number(error.typical)}


def _number(value: float) -> float | None:
    """Return a number as strict JSON can hold it; what is beyond any is null."""
    return value if math.isfinite(value) else None
