"""How far weights are from others of which the logits are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Results = Mapping[str, "NDArray[Any]"]


def divergence(exact: Results, other: Results) -> NDArray[Any]:
    """Return the Kullback–Leibler divergence Σ w·ln(w/w′) of the weights of each row, in nats, (…, L).

    With ln w = logit − lse it is Σ w·(logit − logit′) + lse′ − lse, in which a sink, whose logit is the same in both,
    has its part too; closed keys have none.

    Args:
        exact: ``logits`` and ``weights`` (…, L, S) and ``lse`` (…, L).
        other: likewise, with the same keys open.

    Example:
        >>> from attncli import steps
        >>> one, other = (vars(steps([1.0], [[k], [0.0]], [[1.0], [1.0]])) for k in (0.0, np.log(3)))
        >>> bool(divergence(one, other).round(6) == np.log(2 / np.sqrt(3)).round(6))
        True
    """
    with np.errstate(all="ignore"):
        changed = np.where(exact["logits"] > -np.inf, other["logits"] - exact["logits"], 0)
        # Rounding may leave a little less than nothing.
        return np.maximum(other["lse"] - exact["lse"] - (exact["weights"] * changed).sum(axis=-1), 0)
