"""attn softmax."""

from __future__ import annotations

from attncli.commands.arguments import File, Output, Sinks, Softening, Tables


def run(file: File, sinks: Sinks, softening: Softening, tables: Tables, output: Output) -> None:
    r"""Reads what attn score writes (standard input when no file is given), or any matrix of logits, a row a query.

    \b
    Examples:
      attn score samples/article.json | attn softmax
      attn softmax scores.csv -f csv
    """
    from attncli.commands.output import deliver, table_or_json
    from attncli.problem.assemble import SOFTMAX_ROLES, gather
    from attncli.problem.factory import softmax_of

    problem = gather(file.files or ["-"], sinks.arrays(), softening.options(), SOFTMAX_ROLES)
    deliver(softmax_of(problem), tables, output, default=table_or_json())
