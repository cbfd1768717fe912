"""Half precision, as it rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_half(array: NDArray[Any], kind: str) -> NDArray[Any]:
    """Round numbers to float16 or bfloat16, to nearest and ties to even; they stay float64.

    >>> to_half(np.array([1.001, 3.14159]), "bfloat16").tolist()
    [1.0, 3.140625]
    """
    with np.errstate(over="ignore"):
        if kind == "float16":
            return array.astype(np.float16).astype(np.float64)
        bits = array.astype(np.float32).view(np.uint32)
    rounded = bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)
    # The bits of ∞ and NaN must not be added to.
    kept = np.where(np.isfinite(array), rounded & np.uint32(0xFFFF0000), bits)
    return kept.astype(np.uint32).view(np.float32).astype(np.float64)
