"""attn score."""

from __future__ import annotations

from attncli.attend.steps import STEPS
from attncli.commands.destination import destination
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import deliver, table_or_json
from attncli.commands.presentation import Output, Tables
from attncli.problem.assemble import assemble
from attncli.problem.factory import scores_of


def run(inputs: Inputs, around: Around, settings: Settings, tables: Tables, output: Output) -> None:
    r"""Prints a table on a terminal; in a pipe, JSON that carries the whole problem, for attn softmax to continue.

    \b
    Examples:
      attn score sample:article
      attn score sample:article | attn softmax | attn sum -f csv
    """
    where = destination(output, tables, table_or_json())
    margins = around.margins(where.kind)
    files = inputs.sources(value=False)
    problem = assemble(files, inputs.arrays(), settings.options(), margins=margins, layer=inputs.layer)
    deliver(scores_of(problem, STEPS[: STEPS.index("softmax")], carries=True), tables, where, margins)
