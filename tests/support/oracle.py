"""Attention by the definition, in plain Python: what the program is held to."""

from __future__ import annotations

import math
from collections.abc import Sequence

Vector = Sequence[float]


def attend(
    query: Sequence[Vector],
    key: Sequence[Vector],
    value: Sequence[Vector],
    *,
    scale: float = 1.0,
    added: Sequence[Vector] | None = None,
    is_open: Sequence[Sequence[bool]] | None = None,
) -> tuple[list[list[float]], list[list[float]]]:
    """Return the weights and the output of one head; sums are exact (math.fsum), exponentials those of libm."""
    weights, output = [], []
    for i, q in enumerate(query):
        logits = [scale * math.fsum(a * b for a, b in zip(q, k, strict=True)) for k in key]
        if added is not None:
            logits = [logit + more for logit, more in zip(logits, added[i], strict=True)]
        keys = [j for j in range(len(key)) if is_open is None or is_open[i][j]]
        top = max((logits[j] for j in keys), default=0.0)
        exponentials = [math.exp(logits[j] - top) if j in keys else 0.0 for j in range(len(key))]
        total = math.fsum(exponentials) or 1.0
        row = [each / total for each in exponentials]
        weights.append(row)
        columns = range(len(value[0]))
        output.append([math.fsum(row[j] * value[j][c] for j in keys) for c in columns])
    return weights, output
