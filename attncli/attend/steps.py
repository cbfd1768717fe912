"""The steps, readable: all stages in their order, with everything kept that they make.

    rotate → score → cap → mask → softmax → sum

This is the reference: whatever is faster must give the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attncli.attend.fast.blas import one_thread
from attncli.attend.stages import cap, mask, rotate, score, softmax, sum  # noqa: A004  # sum is the stage's name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands, ScoreOperands

STAGES = (rotate.STAGE, score.STAGE, cap.STAGE, mask.STAGE, softmax.STAGE, sum.STAGE)
# The steps that people ask for, in their order; each is one stage or several.
STEPS = tuple(dict.fromkeys(stage.step for stage in STAGES))
STEP_ALIASES = {"weighted-sum": "sum"}


@dataclass(frozen=True)
class Steps:
    """What the steps made.

    Scores, logits and weights have as many axes as the query has; with packed heads one more, since the heads are
    apart in them.

    Attributes:
        scores: (…, L, S) scaled scores.
        capped: (…, L, S) scores after softcap, or None where there is none.
        logits: (…, L, S) what softmax sees: masks and biases added, −∞ where a query may not attend.
        weights: (…, L, S) each row sums to 1, less what a sink takes; or is 0 where a query may attend to nothing.
        output: (…, L, Ev), packed as the query is.
    """

    scores: NDArray[Any]
    capped: NDArray[Any] | None
    logits: NDArray[Any]
    weights: NDArray[Any]
    output: NDArray[Any]


def run(o: Operands) -> Steps:
    """Run all steps on prepared operands; every result is (batch, heads, L, …)."""
    made = results(o)
    return Steps(made["scores"], made.get("capped"), made["logits"], made["weights"], made["output"])


def results(o: ScoreOperands, last: str = "sum") -> dict[str, NDArray[Any]]:
    """Run the stages up to the end of a step; return all that they made by name, in that order.

    Args:
        o: prepared operands, with a value where the last step is ``"sum"``.
        last: ``"score"``, ``"softmax"`` or ``"sum"``.
    """
    made: dict[str, NDArray[Any]] = {}
    with one_thread(o.sizes.queries * o.sizes.keys * max(o.sizes.features, o.sizes.value_features)):
        for stage in STAGES[: 1 + max(at for at, stage in enumerate(STAGES) if stage.step == last)]:
            made |= stage.forward(o, made)
    return made
