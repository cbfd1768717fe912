"""attn grad."""

from __future__ import annotations

from typing import Annotated

from attncli.attend.arrays import ARRAYS
from attncli.attend.backpropagation import GIVEN
from attncli.attend.options import as_flag
from attncli.commands.destination import destination
from attncli.commands.groups import Group, array_flag, shown
from attncli.commands.inputs import Around, Inputs, Settings
from attncli.commands.output import deliver
from attncli.commands.presentation import Output, Tables, Threads
from attncli.problem.assemble import assemble
from attncli.problem.gradients import gradients_of


class Gradients(Group):
    """What the loss says, and which gradients are asked for."""

    d_output: Annotated[str | None, array_flag(as_flag(GIVEN), ARRAYS[GIVEN].help)] = None
    step: Annotated[
        list[str] | None,
        shown("--step", "Show only this gradient, such as d_query or d_logits; may be repeated.", metavar="NAME"),
    ] = None


def run(
    inputs: Inputs,
    gradients: Gradients,
    around: Around,
    settings: Settings,
    tables: Tables,
    output: Output,
    machine: Threads,
) -> None:
    r"""The gradient of the loss with respect to every array of real numbers that takes part, and to weights, logits
    and scores on the way back, where closed keys have 0. The loss is known by d_output, its gradient with respect to
    the output; without it the loss is the sum of the output. Formats that hold one array ({SINGLE}) need one --step.
    Gradients of arrays are streamed: no score matrix is held.

    \b
    Examples:
      attn grad sample:article --d-output '[1,0,0,0,0]'
      attn grad sample:ocr --d-output sample:ocr:expected --step d_logits
      attn grad sample:layer --d-output sample:layer:expected -o grads.npz
    """
    where = destination(output, tables)
    margins = around.margins(where.kind)
    files = inputs.arrays() | {GIVEN: gradients.d_output}
    problem = assemble(inputs.sources(), files, settings.options(), margins=margins, layer=inputs.layer)
    steps = gradients.step or ()
    deliver(gradients_of(problem, steps), tables, where, margins, steps=steps, threads=machine.threads)
