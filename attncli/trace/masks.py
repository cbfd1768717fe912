"""From the mask that a model adds to its scores to the rules that it stands for, as DESIGN has them.

A rule is only put in the place of numbers where it is the same rule, number for number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What is below this was meant as −∞, whatever the type; models fill with the lowest number of theirs, or −∞, or −1e4.
CLOSED = -9e3


@dataclass(frozen=True)
class Rules:
    """What a mask comes to.

    Attributes:
        options: ``causal``, ``offset`` and ``window``, where they say it.
        mask: what they do not say: boolean (true = may attend), or numbers; None where nothing is left.
    """

    options: dict[str, object] = field(default_factory=dict)
    mask: NDArray[Any] | None = None


def rules(
    mask: NDArray[Any] | None, sizes: tuple[int, int], *, causal: bool, first: int, window: int | None = None
) -> Rules:
    """Find the rules behind a mask.

    Args:
        mask: numbers that are added to the scores, or true where a query may attend: (batch, heads or 1, L, S or more).
        sizes: L and S.
        causal: whether the layer is causal, so that this is what one looks for first.
        first: the position of the first query.
        window: how many keys the layer says that a query sees, itself included.
    """
    queries, keys = sizes
    if mask is None:
        return Rules()
    mask = mask[..., :keys]
    opened: Any = np.asarray(mask if mask.dtype == bool else mask > CLOSED)
    if mask.dtype != bool and (mask[opened] != 0).any():
        return Rules(mask=mask)
    if not opened.any(axis=-1).all():
        # A query that may attend to nothing attends to all there, since the fill is finite. So it is kept: it takes
        # up any score that is added to it, in every precision.
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
    """Return the rules that a mask may stand for, the likeliest first."""
    apart = first + np.arange(queries)[:, None] - np.arange(keys)  # how far behind the query a key stands
    options: dict[str, object] = {"causal": True} | ({"offset": first} if first else {})
    one_way = [(options, apart >= 0)]
    both_ways: list[tuple[dict[str, object], NDArray[np.bool_]]] = [({}, np.ones((queries, keys), dtype=bool))]
    if window:
        one_way.append((options | {"window": window - 1}, (apart >= 0) & (apart < window)))
        both_ways += [({"window": [side, side]}, abs(apart) <= side) for side in (window // 2, window - 1)]
    # Some layers do not say that they are causal, such as those of CLIP that read text.
    yield from one_way + both_ways if causal else both_ways + one_way
