"""Turn the mask that a model adds to its scores into the options that it amounts to.

An option replaces numbers only if it means exactly the same, number for number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Numbers below this mean −∞, in any type; models fill with the lowest number of the type, with −∞, or with −1e4.
CLOSED = -9e3


@dataclass(frozen=True)
class Rules:
    """What a mask amounts to.

    Attributes:
        options: ``causal``, ``offset`` and ``window``, if they express the mask.
        mask: what the options do not express: boolean (true = may attend), or numbers; None if nothing is left.
    """

    options: dict[str, object] = field(default_factory=dict)
    mask: NDArray[Any] | None = None


def rules(
    mask: NDArray[Any] | None, sizes: tuple[int, int], *, causal: bool, first: int, window: int | None = None
) -> Rules:
    """Find the options that express a mask.

    Args:
        mask: numbers that are added to the scores, or true where a query may attend: (batch, heads or 1, L, S or more).
        sizes: L and S.
        causal: whether the layer is causal; if so, causal rules are tried first.
        first: the position of the first query.
        window: the number of keys that a query sees according to the layer, including its own.
    """
    queries, keys = sizes
    if mask is None:
        return Rules()
    mask = mask[..., :keys]
    opened: Any = np.asarray(mask if mask.dtype == bool else mask > CLOSED)
    if mask.dtype != bool and (mask[opened] != 0).any():
        # What a model adds stays what is added: whole numbers 0 and 1 would say who may attend.
        return Rules(mask=mask.astype(np.float32) if mask.dtype.kind in "iu" else mask)
    if not opened.any(axis=-1).all():
        # A query that may not attend to any key attends to all of them in the model, since the fill is finite. So keep
        # a fill: the lowest float32 absorbs any score added to it, in every precision.
        fill = np.where(opened.any(axis=-1, keepdims=True), -np.inf, np.finfo(np.float32).min)
        return Rules(mask=np.where(opened, 0, fill).astype(np.float32))
    for options, rule in _candidates(queries, keys, first, causal=causal, window=window):
        rest = (opened | ~rule).all(axis=-2, keepdims=True)
        if np.array_equal(rule & rest, np.broadcast_to(opened, np.broadcast_shapes(opened.shape, rule.shape))):
            return Rules(options, None if rest.all() else rest)
    return Rules(mask=opened)


def _candidates(
    queries: int, keys: int, first: int, *, causal: bool, window: int | None
) -> Iterator[tuple[dict[str, object], NDArray[np.bool_]]]:
    """Yield the options that a mask may amount to, with what they leave open, the likeliest first."""
    distance = first + np.arange(queries)[:, None] - np.arange(keys)  # from the key to the query
    options: dict[str, object] = {"causal": True} | ({"offset": first} if first else {})
    one_way = [(options, distance >= 0)]
    both_ways: list[tuple[dict[str, object], NDArray[np.bool_]]] = [({}, np.ones((queries, keys), dtype=bool))]
    if window:
        one_way.append((options | {"window": window - 1}, (distance >= 0) & (distance < window)))
        both_ways += [({"window": [side, side]}, abs(distance) <= side) for side in (window // 2, window - 1)]
    # Some layers do not report that they are causal, such as those of CLIP's text model.
    yield from one_way + both_ways if causal else both_ways + one_way
