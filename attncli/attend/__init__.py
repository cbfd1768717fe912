"""Attention on NumPy arrays: the public functions, and all the mathematics behind them.

This package knows NumPy and nothing else: no files, no terminal.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

import numpy as np

from attncli.attend import pipeline
from attncli.attend.masking import close
from attncli.attend.operands import as_states, precision, prepare
from attncli.attend.options import Offset, Options, Scale
from attncli.attend.pipeline import Steps, restore
from attncli.attend.shapes import fit_sum, four
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Steps", "attention", "score", "softmax", "steps", "weighted_sum"]


class Keywords(TypedDict, total=False):
    """Everything that can be said beside query, key and value; see `steps`."""

    hidden: ArrayLike | None
    mask: ArrayLike | None
    score: Literal["dot"]
    scale: Scale
    states: Literal["rows", "columns"]
    causal: bool
    offset: Offset | None
    dtype: Literal["float32", "float64"] | None


ARRAY_KEYWORDS = ("hidden", "mask")


def steps(
    query: ArrayLike, key: ArrayLike | None = None, value: ArrayLike | None = None, **keywords: Unpack[Keywords]
) -> Steps:
    """Run score → softmax → weighted sum and keep what every step made.

    Args:
        query: (…, L, E), 1 to 4 axes: 3 are (heads, L, E), 4 are (batch, heads, L, E). 1-D in, 1-D out.
        key: (…, S, E); its heads divide the query's, each serving a block of consecutive query heads.
        value: (…, S, Ev), as many heads as the key.
        **keywords: ``hidden`` stands for key and value at once. ``mask`` broadcasts from the right to
            (batch, heads, L, S): boolean, true = may attend, or numbers, added to the scores; one shorter than
            the keys is closed beyond its end. ``scale``: ``"none"`` (default), ``"sqrt"`` (1/√E) or a number.
            ``states``: ``"rows"`` (default) or ``"columns"``. ``causal``: a query at position p sees keys ≤ p
            (default: all). ``offset``: position of the first query, ``"end"`` for keys − queries (default 0).
            ``dtype``: ``"float32"`` or ``"float64"`` (default: the arrays' own, at least float32; integers
            count as float64).

    Returns:
        A frozen record of ``scores``, ``logits``, ``weights`` and ``output``. A query that may attend to
        nothing has weights 0 and output 0.

    Raises:
        InputError: a ValueError that says which shapes do not fit, with the option that would make them.

    Source: Vaswani et al., *Attention Is All You Need*, 2017, equation 1.

    Example:
        >>> made = steps([1, 0], hidden=[[0, 2], [0, 4], [0, 6]])
        >>> made.weights.round(3).tolist(), made.output.tolist()
        ([0.333, 0.333, 0.333], [0.0, 4.0])
    """
    o = prepare(*_split(query, key, value, keywords))
    if o.value is None:
        raise InputError("value is missing", hint='give "value", or "hidden" for key and value', arrays=["value"])
    made = pipeline.run(o)
    return Steps(**{field.name: restore(getattr(made, field.name), o.sizes.rank) for field in fields(Steps)})


def attention(
    query: ArrayLike, key: ArrayLike | None = None, value: ArrayLike | None = None, **keywords: Unpack[Keywords]
) -> NDArray[Any]:
    """Return the output of attention alone, (…, L, Ev).

    Arguments, defaults and errors are those of `steps`.

    Example:
        >>> attention([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], [[2.0], [4.0]], scale=0.0).tolist()
        [[3.0]]
    """
    return steps(query, key, value, **keywords).output


def score(query: ArrayLike, key: ArrayLike | None = None, **keywords: Unpack[Keywords]) -> NDArray[Any]:
    """Return the logits (…, L, S): scaled scores with masks added, −∞ where a query may not attend.

    They are what `softmax` wants: ``softmax(score(…))`` are the weights. Arguments are those of `steps`.

    Raises:
        InputError: shapes do not fit.

    Example:
        >>> score([1, 2, 3, 4, 5], [[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]], states="columns").tolist()
        [55.0, 70.0]
    """
    o = prepare(*_split(query, key, None, keywords))
    return restore(close(pipeline.score_step(o), o), o.sizes.rank)


def softmax(logits: ArrayLike) -> NDArray[Any]:
    """Return exp(logits) / Σ exp(logits) over the last axis, computed so that nothing overflows.

    Args:
        logits: any shape of 1 to 4 axes; −∞ closes a key. At least float32; integers count as float64.

    Returns:
        Weights of the same shape; a row that is −∞ throughout gives 0.

    Raises:
        InputError: no axes, more than 4, or one of length 0.

    Example:
        >>> softmax([[1000.0, 1000.0], [-np.inf, -np.inf]]).tolist()
        [[0.5, 0.5], [0.0, 0.0]]
    """
    given = np.asarray(logits)
    four("logits", given.shape)
    return pipeline.softmax_step(pipeline.ready(given, precision([given], Options())[0]))


def weighted_sum(weights: ArrayLike, value: ArrayLike, *, states: Literal["rows", "columns"] = "rows") -> NDArray[Any]:
    """Return Σ weights · value over the keys, (…, L, Ev).

    Args:
        weights: (…, L, S). A key whose weight is exactly 0 contributes nothing, not even NaN or ∞.
        value: (…, S, Ev); its heads divide those of the weights.
        states: whether each value is a row or a column of its matrix.

    Raises:
        InputError: shapes do not fit.

    Example:
        >>> weighted_sum([0.25, 0.75], [[4.0, 0.0], [8.0, 4.0]]).tolist()
        [7.0, 3.0]
    """
    options = Options.parse({"states": states})
    given, values = np.asarray(weights), np.asarray(value)
    fit_sum(given.shape, values.shape, options)
    rows = given.reshape(four("weights", given.shape))
    dtype, output_dtype = precision([given, values], options)
    output = pipeline.sum_step(rows, as_states("value", values, options), dtype)
    return restore(output.astype(output_dtype, copy=False), given.ndim)


def _split(query: Any, key: Any, value: Any, keywords: Any) -> tuple[dict[str, Any], Options]:
    arrays = {"query": query, "key": key, "value": value}
    arrays |= {name: keywords[name] for name in ARRAY_KEYWORDS if name in keywords}
    return arrays, Options.parse({name: each for name, each in keywords.items() if name not in ARRAY_KEYWORDS})
