"""The readable steps: all stages in order, keeping every result.

    project → norm → rotate → cache → score → cap → mask → softmax → sum → gate → out

This is the reference: anything faster must give the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from attncli.attend import early
from attncli.attend.arrays import ARRAYS
from attncli.attend.fast.blas import one_thread
from attncli.attend.stages import (
    cache,
    cap,
    gate,
    mask,
    norm,
    out,
    project,
    rotate,
    score,
    softmax,
    sum,  # noqa: A004  # the stage's name
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import Operands, ScoreOperands

STAGES = (
    project.STAGE,
    norm.STAGE,
    rotate.STAGE,
    cache.STAGE,
    score.STAGE,
    cap.STAGE,
    mask.STAGE,
    softmax.STAGE,
    sum.STAGE,
    gate.STAGE,
    out.STAGE,
)
# The steps that users ask for, in order; each is one or more stages.
STEPS = tuple(dict.fromkeys(stage.step for stage in STAGES))
STEP_ALIASES = {"weighted-sum": "sum"}


@dataclass(frozen=True, eq=False)
class Steps:
    """The results of the steps; None where a stage has nothing to do.

    They have as many axes as the query; where heads are packed, or projected, all but the output have one more, since
    heads have an axis of their own there. A notebook shows them as tables.

    Attributes:
        projected_query: (…, L, E) x·W_q + b_q.
        projected_key: (…, S, E) x·W_k + b_k, past keys first.
        projected_value: (…, S, Ev) x·W_v + b_v, past values first.
        normed_query: (…, L, E) normalised.
        normed_key: (…, S, E)
        normed_value: (…, S, Ev)
        rotated_query: (…, L, E) turned by the positions.
        rotated_key: (…, S, E)
        cached_key: (…, S, E) as a cache of fewer bits gives them back.
        cached_value: (…, S, Ev)
        scores: (…, L, S) scaled scores.
        capped: (…, L, S) scores after softcap.
        logits: (…, L, S) the input of softmax: masks and biases added, −∞ where a query may not attend.
        weights: (…, L, S) each row sums to 1, less the share of a sink; or is 0 if the query may not attend to any key.
        lse: (…, L) natural logarithm of each row's sum of exponentials, sinks included; −∞ of an empty row.
        context: (…, L, Ev) the weighted sums, if anything comes after them.
        output: (…, L, Ev), packed if the query is; or (…, L, out) where a matrix makes it.
    """

    projected_query: NDArray[Any] | None
    projected_key: NDArray[Any] | None
    projected_value: NDArray[Any] | None
    normed_query: NDArray[Any] | None
    normed_key: NDArray[Any] | None
    normed_value: NDArray[Any] | None
    rotated_query: NDArray[Any] | None
    rotated_key: NDArray[Any] | None
    cached_key: NDArray[Any] | None
    cached_value: NDArray[Any] | None
    scores: NDArray[Any]
    capped: NDArray[Any] | None
    logits: NDArray[Any]
    weights: NDArray[Any]
    lse: NDArray[Any]
    context: NDArray[Any] | None
    output: NDArray[Any]

    # What a notebook shows of a record. The package says how, since nothing here knows a screen.
    _as_html: ClassVar[Callable[[Steps], str] | None] = None

    def _repr_html_(self) -> str | None:
        return None if Steps._as_html is None else Steps._as_html(self)


def run(o: Operands) -> Steps:
    """Run all steps on prepared operands; every result is (batch, heads, L, …)."""
    made = results(o)
    return Steps(**{each.name: made.get(each.name) for each in fields(Steps)})  # type: ignore[arg-type]


def results(o: ScoreOperands, last: str = STEPS[-1]) -> dict[str, NDArray[Any]]:
    """Run the stages up to the end of a step; return their results by name, in order.

    Args:
        o: prepared operands, with a value if the last step is ``"sum"`` or a later one.
        last: the name of the step.
    """
    core = o.core
    made = dict(core.made)
    products = o.sizes.queries * o.sizes.keys * max(o.sizes.features, o.sizes.value_features)
    # NaN, ∞ and numbers beyond the range are allowed: they go through to the results.
    with one_thread(products), np.errstate(all="ignore"):
        for stage in STAGES[: 1 + max(at for at, stage in enumerate(STAGES) if stage.step == last)]:
            made |= {} if stage in early.STAGES else stage.forward(core, made)
    return made


def names(o: ScoreOperands, steps: Iterable[str]) -> list[str]:
    """Return the names of the results that these steps make of prepared operands, in the order of the stages."""
    return [name for stage in STAGES if stage.step in steps for name in stage.results(o)]


def shape(o: ScoreOperands, name: str) -> tuple[int, ...]:
    """Return the shape of a result of prepared operands, (batch, heads, …), before it is made."""
    sizes = o.sizes
    if name == "output":
        return sizes.output_shape
    if name.endswith("_value"):
        return sizes.batch, o.outline.states["value"].shape[1], sizes.keys, sizes.value_features
    if name.endswith("_key"):
        return sizes.batch, sizes.key_heads, sizes.keys, o.outline.key.shape[3]
    lengths = {"B": sizes.batch, "H": sizes.heads, "L": sizes.queries, "S": sizes.keys}
    lengths |= {"E": sizes.features, "Ev": sizes.value_features}
    return tuple(lengths[symbol] for symbol in ARRAYS[name].axes)
