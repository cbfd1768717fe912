"""attn inspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attncli.commands.destination import Destination, destination
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import deliver_text
from attncli.commands.presentation import REPORTS, Report, Screening
from attncli.files.samples import PREFIX
from attncli.inspect import layers, listing, samples
from attncli.inspect import report as inspection
from attncli.problem.assemble import assemble
from attncli.problem.layer import is_pattern, matching
from attncli.problem.opened import separate
from attncli.problem.overview import line
from attncli.problem.problem import Problem
from attncli.said import Said
from attncli.show.records import print_records
from attncli.text import as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from attncli.show.screen import Screen


def run(inputs: Inputs, around: Around, settings: Settings, report: Report, screening: Screening) -> None:
    r"""Shows the name, shape, type, smallest and largest finite number of each array, and how many NaN and ∞ it
    holds; for a file of several problems, one line per problem; of one with names that attn does not know, whatever
    is in it. Given sample: it lists the samples that come with attn; given a pattern such as
    'FILE:model.layers.*.self_attn', the attention layers of a checkpoint.

    \b
    Examples:
      attn inspect sample:induction
      attn inspect sample:
      attn inspect sample:article-query.csv sample:article-hidden.csv --states columns
    """
    where = destination(report, screening, known=REPORTS)
    if inputs.files == [PREFIX]:
        _list_samples(screening.screen(), where)
        return
    pattern = next((each for each in [*(inputs.files or []), inputs.layer] if each and is_pattern(each)), None)
    if pattern is not None:
        _list_layers(pattern, screening.screen(), where)
        return
    margins = around.margins()
    files = separate(inputs.sources(), margins)
    screen = screening.screen()
    unknown = [found for each in files for opened in each for found in listing.of(opened)]
    if unknown:
        _list_entries(unknown, screen, where)
        return
    problems = [
        assemble(each, inputs.arrays(), settings.options(), margins=margins, layer=inputs.layer) for each in files
    ]
    notices = dict.fromkeys(notice for each in problems for notice in each.notices)
    if len(problems) > 1:
        deliver_text(
            {
                "table": lambda console: _lines(problems, screen, console),
                "json": lambda console: console.out(_all(problems), highlight=False),
            },
            screen,
            where,
            notices,
        )
        return
    found = inspection.look(problems[0])
    deliver_text(
        {
            "table": lambda console: inspection.to_terminal(found, screen, console),
            "json": lambda console: console.out(as_json(inspection.record(found), indent=2), highlight=False),
        },
        screen,
        where,
        notices,
    )


def _list_entries(found: Sequence[listing.Listing], screen: Screen, where: Destination) -> None:
    deliver_text(
        {
            "table": lambda console: listing.to_terminal(found, screen, console),
            "json": lambda console: console.out(as_json(listing.record(found), indent=2), highlight=False),
        },
        screen,
        where,
    )


def _list_layers(pattern: str, screen: Screen, where: Destination) -> None:
    found = matching(pattern)
    deliver_text(
        {
            "table": lambda console: layers.to_terminal(pattern, found, screen, console),
            "json": lambda console: console.out(as_json(layers.record(found), indent=2), highlight=False),
        },
        screen,
        where,
    )


def _list_samples(screen: Screen, where: Destination) -> None:
    found = samples.collection()
    deliver_text(
        {
            "table": lambda console: samples.to_terminal(found, screen, console),
            "json": lambda console: console.out(as_json(found, indent=2), highlight=False),
        },
        screen,
        where,
    )


def _lines(problems: Sequence[Problem], screen: Screen, console: Console) -> None:

    rows = []
    for each in problems:
        shapes = {name: array.shape for name, array in each.arrays.items()}
        asks = {Said("asks"): each.texts.get("probe", "")}
        rows.append({Said("problem"): each.place} | asks | line(shapes, each.options.changed()))
    print_records(rows, screen, console)


def _all(problems: Sequence[Problem]) -> str:

    return as_json({each.place: inspection.record(inspection.look(each)) for each in problems}, indent=2)
