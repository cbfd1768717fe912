"""attn softmax."""

from __future__ import annotations

from attncli.commands.destination import destination
from attncli.commands.inputs import Around, File, Sinks, Softening
from attncli.commands.output import deliver, table_or_json
from attncli.commands.presentation import Output, Tables
from attncli.problem.assemble import SOFTMAX_ROLES, assemble
from attncli.problem.factory import softmax_of


def run(file: File, around: Around, sinks: Sinks, softening: Softening, tables: Tables, output: Output) -> None:
    r"""Reads the output of attn score (standard input if no file is given), or a matrix of logits, one row per query.

    \b
    Examples:
      attn score sample:article | attn softmax
      attn softmax '[[1,2,3],[1,1,1]]' -f csv
    """
    where = destination(output, tables, table_or_json())
    margins = around.margins(where.kind)
    problem = assemble(file.sources(sinks), sinks.arrays(), softening.options(), SOFTMAX_ROLES, margins)
    deliver(softmax_of(problem), tables, where, margins)
