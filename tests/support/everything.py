"""One problem in which every option is in force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def everything(folder: Path) -> Path:
    """Write a problem in which everything is in force at once."""
    rng = np.random.default_rng(5)
    path = folder / "all.npz"
    options = {
        "scale": "sqrt",
        "causal": True,
        "window": [4, 0],
        "softcap": 2,
        "alibi": True,
        "rope": "half",
        "rope_theta": 100,
    }
    np.savez(
        path,
        query=rng.standard_normal((2, 4, 3, 6)).astype("f4"),
        key=rng.standard_normal((2, 2, 4, 6)).astype("f4"),
        value=rng.standard_normal((2, 2, 4, 5)).astype("f4"),
        past_key=rng.standard_normal((2, 2, 3, 6)).astype("f4"),
        past_value=rng.standard_normal((2, 2, 3, 5)).astype("f4"),
        mask=rng.random((2, 1, 3, 6)) > 0.2,
        bias=rng.standard_normal((4, 3, 7)),
        sinks=rng.standard_normal(4).astype("f4"),
        options=np.array(json.dumps(options)),
    )
    return path
