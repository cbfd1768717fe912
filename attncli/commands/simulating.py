"""The option ``--simulate``: the error of a kernel of less precision, told beside a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from attncli.commands.groups import Group, shown
from attncli.errors import InputError
from attncli.problem.selection import Choice

if TYPE_CHECKING:
    from attncli.attend.operands import ScoreOperands
    from attncli.check.diagnosis import Finding
    from attncli.check.simulate.report import SimulationReport
    from attncli.check.simulate.stages import Kernel


class Simulating(Group):
    """The types of a kernel."""

    simulate: Annotated[
        str | None,
        shown(
            "--simulate",
            "Show where the error of a kernel of these types arises, such as "
            "scores=bfloat16,softmax=float32. Stages: inputs, rotated, scores, scaled, logits, "
            "softmax, weights, accumulate, output; flash=TYPE, eager=TYPE and math=TYPE name whole kernels.",
            metavar="STAGE=TYPE[,...][,tile=N]",
        ),
    ] = None

    def kernel(self) -> Kernel | None:
        """Return the kernel; None: none is asked for.

        Raises:
            InputError: there is no such stage or type.
        """
        if self.simulate is None:
            return None
        from attncli.check.simulate.stages import parse

        return parse(self.simulate)


def simulation(
    kernel: Kernel | None, o: ScoreOperands, choice: Choice, finding: Finding | None = None
) -> SimulationReport | None:
    """Return what a kernel gives in the heads that are chosen; None: there is no kernel.

    Args:
        kernel: what is asked for.
        o: the problem.
        choice: the heads and batch items.
        finding: what came of a check, whose expected output is compared with that of the kernel.

    Raises:
        InputError: there is no such head or batch item, or no value.
    """
    if kernel is None:
        return None
    from attncli.attend.operands import Operands

    if not isinstance(o, Operands):
        raise InputError("--simulate tells of the output, and these steps make none", hint="leave --step out")
    from attncli.check.simulate.report import SimulationReport

    kernel = kernel.fitting(o)
    parts = choice.parts((o.sizes.batch, o.sizes.heads))
    by_head = choice.head == "all"
    if finding is None:
        return SimulationReport(o, kernel, *parts, by_head=by_head)
    worst = finding.comparison.worst
    return SimulationReport(o, kernel, *parts, by_head=by_head, expected=finding.layout.array, worst=worst)
