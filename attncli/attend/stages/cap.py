"""cap: scores kept between −X and X by ``--softcap``, before any mask or bias.

    capped = X · tanh(scores / X)

Source: Gemma Team, *Gemma 2: Improving Open Language Models at a Practical Size*, 2024, section 2; its place before the
mask is that of the ONNX operator ``Attention`` (opset 25).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.stage import Made, Stage
from attncli.attend.types import is_ordinary
from attncli.attend.views import product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


def cap(scores: NDArray[Any], limit: float) -> NDArray[Any]:
    """Return X·tanh(scores/X), which keeps every score between −X and X; NaN stays NaN, and ∞ becomes X.

    >>> cap(np.array([0.0, np.inf]), 50.0).tolist()
    [0.0, 50.0]
    >>> cap(np.array([2.0, -1.0], dtype=np.float32), 1e300).tolist()
    [2.0, -1.0]
    """
    with np.errstate(all="ignore"):
        if is_ordinary(limit, scores.dtype):
            bound = scores.dtype.type(limit)
            return bound * np.tanh(scores / bound)
        # A limit that the type cannot hold, or the quotient: where that is tiny, tanh changes nothing.
        wide = scores.astype(np.float64)
        return np.where(abs(wide) < limit * 2.0**-28, wide, limit * np.tanh(wide / limit)).astype(scores.dtype)


def capped(o: ScoreOperands, scores: NDArray[Any]) -> NDArray[Any]:
    """Return the scores capped, or unchanged if there is no softcap."""
    return scores if o.options.softcap is None else cap(scores, o.options.softcap)


def forward(o: ScoreOperands, made: Made) -> dict[str, NDArray[Any]]:
    """Return the capped scores (batch, heads, L, S) if there is a softcap."""
    return {} if o.options.softcap is None else {"capped": capped(o, made["scores"])}


def slope(scores: NDArray[Any], limit: float) -> NDArray[Any]:
    """Return the derivative of `cap`, 1 − tanh²(x) with x = scores/X.

    As 4·e^(−2|x|) / (1 + e^(−2|x|))², since 1 − tanh² loses all its digits where tanh is nearly 1.

    >>> slope(np.array([0.0, 50.0]), 50.0).round(6).tolist()
    [1.0, 0.419974]
    """
    with np.errstate(all="ignore"):
        small = np.exp(-2 * np.abs(scores.astype(np.float64) / limit))
        return (4 * small / (1 + small) ** 2).astype(scores.dtype)


def backward(o: ScoreOperands, made: Made, found: Made) -> dict[str, NDArray[Any]]:
    """Return the gradient of the scores: d_capped · (1 − tanh²(scores / X))."""
    if o.options.softcap is None:
        return {}
    return {"scores": product(found["capped"], slope(made["scores"], o.options.softcap))}


STAGE = Stage(
    "cap",
    "score",
    "capped = X · tanh(scores / X)",
    ("capped",),
    forward,
    backward,
    lambda o: [] if o.options.softcap is None else ["capped"],
)
