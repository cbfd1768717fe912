"""attn compute."""

from __future__ import annotations

from attncli.commands.arguments import Computation, Inputs, Output, Steps, Tables


def run(inputs: Inputs, computation: Computation, steps: Steps, tables: Tables, output: Output) -> None:
    r"""Run score → softmax → weighted sum and show each step.

    Prints tables; -f chooses another format, -o writes a file. Formats of one matrix (csv, tsv, npy) carry the
    output, or the one --step asks for.

    \b
    Examples:
      attn compute samples/article.json
      attn compute query.csv hidden.csv --scale sqrt --causal
      attn compute q.npy k.npy v.npy -o out.npy
    """
    from attncli.commands.deliver import deliver
    from attncli.problem.gather import gather
    from attncli.problem.work import attention_work

    wanted = steps.chosen()
    problem = gather(inputs.files or [], inputs.arrays(), computation.options())
    one_matrix = ["sum"] if not steps.step else wanted
    deliver(attention_work(problem, wanted), tables, output, default="table", steps=one_matrix)
