"""The stages in reverse: the gradient of everything that an output was made of.

    out → gate → sum → softmax → mask → cap → score → rotate → norm → project

The loss is any function of the output; all that is known of it is its gradient with respect to the output. This is the
reference: it holds the matrices of scores, as `attncli.attend.steps` does.

Source: Rumelhart et al., *Learning Representations by Back-Propagating Errors*, 1986; the gradient of softmax as
weights ∘ (d − rowsum(d_output ∘ output)) in Dao et al., *FlashAttention*, 2022, section B.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early
from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.stages import score
from attncli.attend.stages.stage import Made
from attncli.attend.steps import STAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


# The stages after the scores, which tell of matrices of scores what their gradients are; and those before.
LATE = STAGES[STAGES.index(score.STAGE) + 1 :]
SCORING = tuple(stage for stage in STAGES if stage not in (*LATE, *early.STAGES))


def run(o: Operands, made: Made, output: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return all gradients by the name of what they are of, in the order in which they are found.

    Args:
        o: prepared operands.
        made: what the stages made of them, see `attncli.attend.steps.results`.
        output: the gradient of the output, (batch, heads, L, Ev), or (batch, 1, L, out) where a matrix makes it.

    Returns:
        Those of results (batch, heads, L, S), and those of arrays as the operands have them.
    """
    found = to_scores(o, made, output)
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        for stage in reversed(SCORING):
            found |= stage.backward(o.core, made, found)
        return early.backward(o, found)


def to_scores(o: Operands, made: Made, output: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the gradients back to the scores, as `run` does; the queries of the operands may be some of all."""
    found: dict[str, NDArray[Any]] = {"output": output.astype(o.dtype)}
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        for stage in reversed(LATE):
            found |= stage.backward(o.core, made, found)
    return found
