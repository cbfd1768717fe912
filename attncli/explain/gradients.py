"""The gradients of the rows that a lesson shows: the stages in reverse, for one head and these queries alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early
from attncli.attend.stages.stage import Made, Stage
from attncli.attend.steps import STAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands

# The step of a lesson that leads from the output back to query, key and value.
BACKWARD = "backward"
# The stages after the weighted sum, which may need all heads; and those from the rotation to the sum, which need one.
_SUM = [stage.name for stage in STAGES].index("sum")
AFTER = STAGES[_SUM + 1 :]
WITHIN = tuple(stage for stage in STAGES[: _SUM + 1] if stage not in early.STAGES)


def back(stages: Sequence[Stage], o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradients that these stages find on the way back, beside those found so far."""
    every = dict(found)
    # NaN, ∞ and numbers beyond the range go through, as they do on the way there.
    with np.errstate(all="ignore"):
        for stage in reversed(stages):
            every |= stage.backward(o, made, every)
    return every


def of_sums(o: ScoreOperands, made: Made, output: NDArray[Any]) -> NDArray[Any]:
    """Return the gradient of the weighted sums, (1, heads, rows, Ev), before a gate and a matrix came after them.

    Args:
        o: the operands of all heads and some rows.
        made: what the stages made of them; nothing is asked of it where nothing comes after the sums.
        output: the gradient of the output of these rows, (1, heads or 1, rows, …).
    """
    found = {"output": output.astype(o.dtype)}
    return back(AFTER, o, made, found)["context"] if o.has_after else found["output"]


def of_head(o: ScoreOperands, made: Made, sums: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the gradients of what one head makes of some rows, each (rows, …), by name with ``d_`` before it.

    Those of weights, logits and scores are whole, and so is that of the query; a key and a value have a share from
    every row, of which only these are here, and so theirs are left out.

    Args:
        o: the operands of one head and some rows.
        made: what the stages made of them.
        sums: (1, 1, rows, Ev) the gradient of the weighted sums.
    """
    found = back(WITHIN, o, made, {"context" if o.has_after else "output": sums})
    names = ["weights", "logits", "capped", "scores", "met_query", "query"]
    by_name = {f"d_{name}": found[name][0, 0] for name in names if name in found}
    return {"d_sums": sums[0, 0]} | by_name
