"""attn sum."""

from __future__ import annotations

from attncli.commands.destination import destination
from attncli.commands.inputs import Around, File, Layout, Values
from attncli.commands.output import deliver, table_or_json
from attncli.commands.presentation import Output, Tables
from attncli.problem.assemble import SUM_ROLES, assemble
from attncli.problem.factory import sum_of


def run(file: File, around: Around, values: Values, states: Layout, tables: Tables, output: Output) -> None:
    r"""Reads the output of attn softmax (standard input if no file is given), or two matrices, WEIGHTS VALUE.

    \b
    Examples:
      attn score sample:article | attn softmax | attn sum
      attn sum '[[0.25,0.75]]' '[[1,2],[3,4]]' -f csv
    """
    where = destination(output, tables, table_or_json())
    margins = around.margins(where.kind)
    problem = assemble(file.sources(values), values.arrays(), states.options(), SUM_ROLES, margins)
    deliver(sum_of(problem), tables, where, margins)
