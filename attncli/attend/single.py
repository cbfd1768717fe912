"""The public functions that run one step alone: each takes what the one before it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack

from attncli.attend.alone import Softmax, WeightedSum
from attncli.attend.computations import AttentionSteps
from attncli.attend.given import numbers
from attncli.attend.keywords import Keywords, split, told
from attncli.attend.layouts import Name as Layout
from attncli.attend.options import Options
from attncli.attend.prepare import prepare_scores

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def score(query: ArrayLike | None = None, key: ArrayLike | None = None, **keywords: Unpack[Keywords]) -> NDArray[Any]:
    """Return the logits (…, L, S): scaled scores, capped, masks and biases added, −∞ where a query may not attend.

    They are the input of `softmax`: ``softmax(score(…))`` gives the weights. Arguments are those of `steps`.

    Raises:
        InputError: shapes do not fit.

    Example:
        >>> score([1, 2, 3, 4, 5], [[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]], states="columns").tolist()
        [55.0, 70.0]
    """
    arrays, options = split(query, None, None, {"key": key, **keywords})
    computation = AttentionSteps(told(prepare_scores(arrays, options)), last="score")
    return computation.restored("logits", computation.results()["logits"])


def softmax(logits: ArrayLike, *, sinks: ArrayLike | None = None) -> NDArray[Any]:
    """Return exp(logits) / Σ exp(logits) over the last axis, computed so that nothing overflows.

    Args:
        logits: (…, L, S), 1 to 4 axes; −∞ closes a key. At least float32; integers count as float64.
        sinks: (heads,) the logit of one extra key per head (one number if the logits have no head axis), which takes
            its share of the weight; None: there are no sinks.

    Returns:
        Weights of the same shape; a row of −∞ gives a row of 0.

    Raises:
        InputError: no axes, more than 4, or one of length 0; not one sink per head.

    Example:
        >>> softmax([[1000.0, 1000.0], [-float("inf"), -float("inf")]]).tolist()
        [[0.5, 0.5], [0.0, 0.0]]
    """
    computation = Softmax.of(numbers({"logits": logits, "sinks": sinks}), Options())
    return computation.restored("weights", computation.results()["weights"])


def weighted_sum(
    weights: ArrayLike,
    value: ArrayLike,
    *,
    past_value: ArrayLike | None = None,
    states: Literal["rows", "columns"] = "rows",
    layout: Layout = "bhsd",
    heads: int | None = None,
    kv_heads: int | None = None,
) -> NDArray[Any]:
    """Return Σ weights · value over the keys, (…, L, Ev).

    Args:
        weights: (…, L, S), 1 to 4 axes. A key whose weight is exactly 0 contributes nothing, not even NaN or ∞.
        value: (…, S, Ev); its heads divide those of the weights.
        past_value: values from a cache, put before the others; None: there are none.
        states: whether each value is a row or a column of its matrix.
        layout: the order of the axes of values and output, see `steps`; weights are (batch, heads, L, S) in all.
        heads: number of heads packed in the output; None: neither output nor value is packed.
        kv_heads: number of heads packed in the value (default: as ``heads``).

    Raises:
        InputError: shapes do not fit.

    Example:
        >>> weighted_sum([0.25, 0.75], [[4.0, 0.0], [8.0, 4.0]]).tolist()
        [7.0, 3.0]
    """
    options = Options.parse({"states": states, "layout": layout, "heads": heads, "kv_heads": kv_heads})
    computation = WeightedSum.of(numbers({"weights": weights, "value": value, "past_value": past_value}), options)
    return computation.restored("output", computation.results()["output"])
