"""What `attn compute --vary` shows: the tables under each value beside each other, and what changes among them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import groupby, repeat, tee
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.arrays import RESULTS
from attncli.compute.report import facts, require, sections
from attncli.compute.section import Section
from attncli.files import json
from attncli.problem.attention import ScoreComputation
from attncli.problem.selection import Choice
from attncli.show import markdown
from attncli.show.lines import print_lines
from attncli.show.numbers import number
from attncli.show.progress import progress_bar
from attncli.show.records import print_records
from attncli.show.side_by_side import Titled, print_beside
from attncli.show.view import View
from attncli.text import as_json, dotted
from attncli.vary.compared import Compared, Measured
from attncli.vary.words import words

if TYPE_CHECKING:
    from rich.console import Console

# The step whose results are shown where none is asked for.
STEP = "softmax"
# What is measured, in the order of its columns.
MEASURED = ("effective_keys", "largest_weight", "output_change")


@dataclass(frozen=True, eq=False)
class Report:
    """What is shown of a comparison.

    Attributes:
        compared: the computations.
        choice: the heads and batch items; tables show the first ones, the measures are of all by default.
        view: how much tables show.
        threads: those of a stream.
        steps: whose results tables show.
    """

    compared: Compared
    choice: Choice
    view: View
    threads: int | None = None
    steps: Sequence[str] = (STEP,)

    def to_terminal(self, console: Console) -> None:
        """Print the tables, and then what changes."""
        measured, say = self.measured(), partial(print_lines, screen=self.view.screen, console=console)
        shown = self._shown()
        for at, line in enumerate(self._head()):
            say(line, style="bold" if at == 0 and self._title else "dim")
        for title, tables in self._tables(shown):
            console.print()
            say(title, style="bold cyan")
            print_beside(tables, self.view, console)
        console.print()
        say(self._say("changes"), style="bold cyan")
        headings, rows = self.rows(measured)
        records = [dict(zip(headings, row, strict=True)) for row in rows]
        print_records(records, self.view.screen, console, right=headings[1:])
        say(self.legend(measured), style="dim")

    def to_markdown(self) -> str:
        """Return the same as Markdown."""
        measured, shown = self.measured(), self._shown()
        parts = [*(markdown.escape(self.view.screen.say(line)) for line in self._head())]
        parts += self._markdown(shown, measured)
        return "\n\n".join(part.rstrip() for part in parts) + "\n"

    def to_json(self) -> Iterator[str]:
        """Return a list with a record for each value, piece by piece."""
        before = "["
        with progress_bar() as progress:
            # Nothing that keeps what it has counted: an output takes memory that the next one needs.
            for each in self.compared.measure(self.choice, self.threads, progress):
                yield f"{before}\n{{{as_json(self.compared.vary.name)}: {as_json(each.value)}, "
                yield '"output": '
                yield from ["null"] if each.output is None else json.texts(each.output)
                numbers = [f'"{name}": {as_json(value)}' for name, value in _plain_numbers(each).items()]
                yield f", {', '.join(numbers)}}}"
                before = ","
                del each
        yield "\n]\n"

    def to_csv(self, delimiter: str) -> str:
        """Return a line for each value; what is null is empty."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n", delimiter=delimiter)
        writer.writerow([self.compared.vary.name, *MEASURED])
        writer.writerows([each.value, *_plain_numbers(each).values()] for each in self.measured())
        return file.getvalue()

    def measured(self) -> list[Measured]:
        """Measure under all values, and keep no output."""
        with progress_bar() as progress:
            found = []
            for each in self.compared.measure(self.choice, self.threads, progress):
                found.append(replace(each, output=None))
                del each  # as above
        return found

    def rows(self, measured: Sequence[Measured]) -> tuple[list[str], list[list[str]]]:
        """Return the headings and the rows of the table of what changes."""
        numbers = [_numbers(each) for each in measured]
        there = [name for name in MEASURED if any(each[name] is not None for each in numbers)]
        headings = [self.compared.vary.flag, *map(self._say, there)]
        rows = [
            [each.value, *(self._written(some[name]) for name in there)]
            for each, some in zip(measured, numbers, strict=True)
        ]
        return headings, rows

    def _written(self, value: float | None) -> str:
        return "–" if value is None else number(value, self.view.digits)

    def legend(self, measured: Sequence[Measured]) -> str:
        """Say over what is averaged, and with what is compared."""
        has_output = any(each.change is not None for each in measured)
        key = "legend" if has_output else "legend_weights"
        fields = {"first": self.compared.titles[0]} if has_output else {}
        return self._say(key, which=self._which(), **fields)

    def _which(self) -> str:
        (batches, heads, _), (batch, head) = self.compared.first.shape, (self.choice.batch, self.choice.head)
        found = ""
        if heads > 1:
            one = isinstance(head, int)
            found += self._say("of_head", head=head, count=heads) if one else self._say("of_heads", count=heads)
        if batches > 1:
            one = isinstance(batch, int)
            found += self._say("of_item", item=batch, count=batches) if one else self._say("of_items", count=batches)
        return found

    def _say(self, key: str, **fields: object) -> str:
        return words(self.compared.lang, key, **fields)

    @property
    def _title(self) -> str:
        return self.compared.first.problem.texts.get("title", "")

    def _head(self) -> list[str]:
        """Return the lines above all tables: the title, shapes, and the options that are in force under all values."""
        shapes, _, *left_out = facts(self.compared.first, self.choice)
        common = dotted(self.compared.in_common())
        return [line for line in (self._title, shapes, common, *left_out) if line]

    def _shown(self) -> list[ScoreComputation]:
        """Return the computations of what tables show, once there is room for them."""
        shown = self.compared.only(self.steps)
        for value, each in zip(self.compared.vary.values, shown, strict=True):
            with self.compared.vary.naming(value):
                require(each, self.choice, self.view, beside=len(shown))
        return shown

    def _tables(self, shown: Sequence[ScoreComputation]) -> Iterator[tuple[str, list[Titled]]]:
        """Return what stands beside each other, under one title: a result of a head under each value that has it."""
        every = [
            zip(map(_key, found), repeat(title), again, strict=False)
            for title, each in zip(self.compared.titles, shown, strict=True)
            if each.names
            for found, again in [tee(sections(each, self.choice, self.view))]
        ]
        for _, group in groupby(merge(*every, key=itemgetter(0)), key=itemgetter(0)):
            some = [(title, section) for _, title, section in group]
            alike = len({section.title for _, section in some}) == 1
            heading = some[0][1].title if alike else self._bare([section for _, section in some])
            peak = _peak([section for _, section in some])
            yield (
                heading,
                [
                    Titled([title] if alike else [title, section.title], replace(section.grid, peak=peak, narrow=True))
                    for title, section in some
                ],
            )

    def _bare(self, some: Sequence[Section]) -> str:
        """Return one title of sections without the formula, and without the shape, where that is another in each."""
        ends = {self.view.screen.say(each.title).rpartition("   ")[2] for each in some}
        return "   ".join([some[0].name, *(ends if len(ends) == 1 else ())])

    def _markdown(self, shown: Sequence[ScoreComputation], measured: Sequence[Measured]) -> Iterator[str]:
        for heading, tables in self._tables(shown):
            yield f"**{markdown.escape(self.view.screen.say(heading))}**"
            for each in tables:
                yield "\n\n".join(f"*{markdown.escape(self.view.screen.say(title))}*" for title in each.titles)
                most = self.view.most_columns(each.grid.numbers.shape[1])
                yield markdown.table(each.grid, self.view.digits, most).rstrip()
        yield f"**{markdown.escape(self._say('changes'))}**"
        yield markdown.records(*self.rows(measured))
        yield markdown.escape(self.legend(measured))


def _key(section: Section) -> tuple[int, int, int]:
    return (*section.place, list(RESULTS).index(section.name))


def _peak(some: Sequence[Section]) -> float | None:
    """Return the largest number of tables that share their colours; None: they have none."""
    finite = [each.grid.numbers[np.isfinite(each.grid.numbers)] for each in some if each.grid.heated]
    return max((float(each.max()) for each in finite if each.size), default=None)


def _numbers(each: Measured) -> dict[str, float | None]:
    change = None if each.change is None else each.change.size
    return dict(zip(MEASURED, (each.effective_keys, each.largest_weight, change), strict=True))


def _plain_numbers(each: Measured) -> dict[str, float | None]:
    """Return what programs get: what is no finite number is null."""
    return {
        name: value if value is not None and math.isfinite(value) else None for name, value in _numbers(each).items()
    }
