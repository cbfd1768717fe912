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


STAGE = Stage(
    "cap",
    "score",
    "capped = X · tanh(scores / X)",
    ("capped",),
    forward,
    lambda o: [] if o.options.softcap is None else ["capped"],
)
