"""The list of commands. Each is a module of the same name in this folder, with a function ``run``."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """An entry in the list of commands.

    It is here rather than in the command's module so that ``attn --help`` need not load every module.

    Attributes:
        heading: its heading in the help.
        summary: what it does, in one line; also the first line of its own help.
        blas_threads: whether BLAS may use several threads. Everywhere else attn holds it to one, and starting the
            others with NumPy would take a tenth of a short run.
    """

    heading: str
    summary: str
    blas_threads: bool = False


COMMANDS = {
    "compute": Entry("Compute", "Run score → softmax → weighted sum and show each step."),
    "score": Entry("Compute", "Score every query against every key: the first step, as a filter."),
    "softmax": Entry("Compute", "Turn logits into weights: the second step, as a filter."),
    "sum": Entry("Compute", "Sum the values by their weights: the third step, as a filter."),
    "grad": Entry("Compute", "Lead the gradient of the output back to every array, step by step."),
    "explain": Entry("Understand", "Teach the steps with the numbers of the file."),
    "plot": Entry("Understand", "Draw who attends to what."),
    "mask": Entry("Understand", "Draw what a mask opens, or how two masks differ."),
    "stats": Entry("Understand", "Measure what each head does, and draw all layers and heads."),
    "inspect": Entry("Understand", "Show what is in the files and what compute would do with it."),
    "help": Entry("Understand", "Explain a command or a topic: files, arrays, options and so on."),
    "check": Entry("Verify", "Compare with an expected output and name the mistake."),
    "probe": Entry("Verify", "Write inputs on which a program's conventions show, for check to name them."),
    "trace": Entry("Verify", "Record the real Q, K, V of a transformers model."),
    "cost": Entry("Measure", "Reckon what attention costs: operations, bytes, cache, time, with the sums shown."),
    "bench": Entry("Measure", "Time attn and the other libraries installed on this machine.", blas_threads=True),
}
