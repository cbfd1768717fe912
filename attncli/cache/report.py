"""How it is shown what a cache of fewer bits changes: a table by head, and a record for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.cache.option import as_mapping, kept_as, words
from attncli.attend.operands import ScoreOperands
from attncli.cache.measure import Change, Effect, measure
from attncli.said import Said
from attncli.show.lines import print_lines
from attncli.show.numbers import plain
from attncli.show.plain import PlainConsole
from attncli.show.progress import progress_bar
from attncli.show.tables import Grid, print_grid
from attncli.show.view import View
from attncli.show.window import ends

if TYPE_CHECKING:
    from rich.console import Console

# What the record is called where it stands among results.
NAME = "cache_effect"
LEGEND = Said(
    "key, value, output: error as a share of what they are; logits: error, root mean square; KL: Kullback-Leibler "
    "divergence of the weights in nats, mean; first key: share of queries of which another key has the most weight"
)


@dataclass(frozen=True, eq=False)
class CacheReport:
    """What the cache changes in some heads, computed when it is first asked for.

    Attributes:
        operands: the problem, of which ``--cache`` is in force.
        batches: which batch items.
        heads: which query heads.
    """

    operands: ScoreOperands
    batches: Sequence[int]
    heads: Sequence[int]

    @cached_property
    def effect(self) -> Effect:
        """What was measured."""
        with progress_bar() as progress:
            return measure(self.operands, self.batches, self.heads, progress)

    def record(self) -> dict[str, Any]:
        """Return it for programs, by its name among the results."""
        found = self.effect
        whole = {} if found.output is None else {"output_error": _number(found.output.share)}
        heads = [{"batch": batch, "head": head, **_record(each, found)} for batch, head, each in found.heads]
        seen = dict(zip(("seen", "all"), found.seen, strict=True))
        together = _record(found.together, found)
        return {
            NAME: {"cache": as_mapping(found.option), "queries": seen, "heads": heads, "together": together, **whole}
        }

    def to_terminal(self, view: View, console: PlainConsole | Console) -> None:
        """Print the table, and what its columns are."""
        say = partial(print_lines, screen=view.screen, console=console)
        say(self.title, style="bold cyan")
        grid = self.grid(view)
        print_grid(grid, view.screen, console, view.digits, view.most_columns(grid.numbers.shape[1]))
        for line in self.notes(view):
            say(line, style="dim")

    def to_markdown(self, view: View) -> Iterator[str]:
        """Return the parts of it in Markdown."""
        from attncli.show import markdown

        grid, say = self.grid(view), view.screen.say
        yield f"**{markdown.escape(say(self.title))}**"
        yield markdown.table(grid, view.digits, view.most_columns(grid.numbers.shape[1])).rstrip()
        yield from (markdown.escape(say(each)) for each in self.notes(view))

    @property
    def title(self) -> str:
        """What the table is about."""
        seen, count = self.effect.seen
        kept = words(self.effect.option)
        if count == 1:
            return Said("what {kept} changes, in the query of each head", kept=kept)
        if seen == count:
            return Said("what {kept} changes, in all {count} queries of each head", kept=kept, count=count)
        return Said("what {kept} changes, in {seen} of {count} queries of each head", kept=kept, seen=seen, count=count)

    def grid(self, view: View) -> Grid:
        """Return the table: a row for each head, and one for all of them."""
        found, many = self.effect, self.operands.sizes.batch > 1
        rows = [each for _, _, each in found.heads]
        names = [_name(batch, head, many=many) for batch, head, _ in found.heads]
        if len(rows) > 1:
            rows, names = [*rows, found.together], [*names, Said("together")]
        shown = ends(len(rows), view.most_rows)
        columns = [_columns(rows[at], found) for at in shown.indices]
        numbers = np.array([list(each.values()) for each in columns])
        say = view.screen.say
        return Grid(numbers, shown, list(map(say, names)), list(map(say, columns[0])), narrow=True)

    def notes(self, view: View) -> Iterator[str]:
        """Say what the columns are, and what becomes of the output of a whole layer."""
        if self.effect.output is not None:
            share = plain(self.effect.output.share, view.digits)
            yield Said("output of the layer: error {share} of what it is", share=share)
        yield LEGEND


def _name(batch: int, head: int, *, many: bool) -> str:
    """Name a head, and its batch item where there are many."""
    if many:
        return Said("batch {batch}, head {head}", batch=batch, head=head)
    return Said("head {head}", head=head)


def _columns(change: Change, effect: Effect) -> dict[str, float]:
    """Return the numbers of a row by the headings of their columns."""
    kept = kept_as(effect.option)
    found = {name: getattr(change, name).share for name in kept if name == "key" or effect.has_value}
    found |= {
        "logits": change.logit,
        Said("max"): change.largest_logit,
        "KL": change.mean_divergence,
        Said("max KL"): change.largest_divergence,
        Said("first key"): change.first_changed / change.queries if change.queries else 0.0,
    }
    return found | ({"output": change.output.share} if effect.has_value else {})


def _record(change: Change, effect: Effect) -> dict[str, Any]:
    kept = kept_as(effect.option)
    return {
        **{f"{name}_error": _number(getattr(change, name).share) for name in kept if name == "key" or effect.has_value},
        "logit_error": _number(change.logit),
        "largest_logit_error": _number(change.largest_logit),
        "divergence": _number(change.mean_divergence),
        "largest_divergence": _number(change.largest_divergence),
        "queries": change.queries,
        "first_key_changed": change.first_changed,
        **({"output_error": _number(change.output.share)} if effect.has_value else {}),
    }


def _number(value: float) -> float | None:
    """Return a number as strict JSON can hold it; what is beyond any is null."""
    return value if math.isfinite(value) else None
