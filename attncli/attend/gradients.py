"""The stages in reverse: the gradient of everything that an output was made of.

    out → gate → sum → softmax → mask → cap → score → rotate → norm → project

The loss is any function of the output; all that is known of it is its gradient with respect to the output. This is the
reference: it holds the matrices of scores, as `attncli.attend.steps` does.

Source: Rumelhart et al., *Learning Representations by Back-Propagating Errors*, 1986; the gradient of softmax as
weights ∘ (d − rowsum(d_output ∘ output)) in Dao et al., *FlashAttention*, 2022, section B.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend import early
from attncli.attend.fast.blas import NEVER_THREADED, one_thread
from attncli.attend.stages import score
from attncli.attend.stages.stage import Backward, Made, Stage
from attncli.attend.steps import STAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands


# The stages after the scores, which tell of matrices of scores what their gradients are; and those before.
LATE = STAGES[STAGES.index(score.STAGE) + 1 :]
SCORING = tuple(stage for stage in STAGES if stage not in (*LATE, *early.STAGES))


def run(
    o: Operands, made: Made, output: NDArray[Any], replaced: Mapping[str, Backward] = MappingProxyType({})
) -> dict[str, NDArray[Any]]:
    """Return all gradients by the name of what they are of, in the order in which they are found.

    Args:
        o: prepared operands.
        made: what the stages made of them, see `attncli.attend.steps.results`.
        output: the gradient of the output, (batch, heads, L, Ev), or (batch, 1, L, out) where a matrix makes it.
        replaced: what is done in the place of the ``backward`` of some stages, by their names.

    Returns:
        Those of results (batch, heads, L, S), and those of arrays as the operands have them.
    """
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        return early.backward(o, of_core(o.core, made, output, replaced))


def of_core(
    o: Operands, made: Made, output: NDArray[Any], replaced: Mapping[str, Backward] = MappingProxyType({})
) -> dict[str, NDArray[Any]]:
    """Return the gradients back to query, key and value as they are rotated and scored; arguments are those of `run`.

    Args:
        o: operands whose query, key and value are made, or some queries of one head of such.
        made: see `run`.
        output: see `run`.
        replaced: see `run`.
    """
    return _through((*SCORING, *LATE), o, made, output, replaced)


def to_scores(o: Operands, made: Made, output: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the gradients back to the scores, as `run` does; the queries of the operands may be some of all."""
    with one_thread(NEVER_THREADED), np.errstate(all="ignore"):
        return _through(LATE, o.core, made, output, {})


def _through(
    stages: Sequence[Stage], o: Operands, made: Made, output: NDArray[Any], replaced: Mapping[str, Backward]
) -> dict[str, NDArray[Any]]:
    """Return the gradients that these stages, the last one first, make of that of the output."""
    found: dict[str, NDArray[Any]] = {"output": output.astype(o.dtype)}
    for stage in reversed(stages):
        found |= replaced.get(stage.name, stage.backward)(o, made, found)
    return found
