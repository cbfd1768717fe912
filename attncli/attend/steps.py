"""The readable steps: all stages in order, keeping every result.

    rotate → score → cap → mask → softmax → sum

This is the reference: anything faster must give the same results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.fast.blas import one_thread
from attncli.attend.stages import cap, mask, rotate, score, softmax, sum  # noqa: A004  # sum is the stage's name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands, ScoreOperands

STAGES = (rotate.STAGE, score.STAGE, cap.STAGE, mask.STAGE, softmax.STAGE, sum.STAGE)
# The steps that users ask for, in order; each is one or more stages.
STEPS = tuple(dict.fromkeys(stage.step for stage in STAGES))
STEP_ALIASES = {"weighted-sum": "sum"}


@dataclass(frozen=True, eq=False)
class Steps:
    """The results of the steps.

    Scores, logits and weights have as many axes as the query; with packed heads one more, since heads have an axis of
    their own there.

    Attributes:
        scores: (…, L, S) scaled scores.
        capped: (…, L, S) scores after softcap, or None without one.
        logits: (…, L, S) the input of softmax: masks and biases added, −∞ where a query may not attend.
        weights: (…, L, S) each row sums to 1, less the share of a sink; or is 0 if the query may not attend to any key.
        output: (…, L, Ev), packed if the query is.
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
    """Run the stages up to the end of a step; return their results by name, in order.

    Args:
        o: prepared operands, with a value if the last step is ``"sum"``.
        last: ``"score"``, ``"softmax"`` or ``"sum"``.
    """
    made: dict[str, NDArray[Any]] = {}
    products = o.sizes.queries * o.sizes.keys * max(o.sizes.features, o.sizes.value_features)
    # NaN, ∞ and numbers beyond the range are allowed: they go through to the results.
    with one_thread(products), np.errstate(all="ignore"):
        for stage in STAGES[: 1 + max(at for at, stage in enumerate(STAGES) if stage.step == last)]:
            made |= stage.forward(o, made)
    return made
