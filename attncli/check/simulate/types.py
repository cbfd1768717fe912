"""Types of numbers, and how units round to them.

Rounding is to nearest, ties to even (IEEE 754-2019, section 4.3.1). Numbers are kept in float64, which holds those of
all types: an elementary operation in float64, rounded once more, is the operation of the narrower type, for float64 has
more than twice their digits and two (Figueroa, *When is double rounding innocuous?*, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.views import weigh
from attncli.check.rounding import to_half

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The bits of a float32 that TF32 does not have: NVIDIA, *A100 Tensor Core GPU Architecture*, 2020.
DROPPED = 13


@dataclass(frozen=True)
class Type:
    """One type of numbers.

    Attributes:
        name: of the type.
        in_products: whether it is a type of the operands of products alone, whose results are float32.
    """

    name: str
    in_products: bool = False

    def round(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the nearest numbers of this type, in float64; what is beyond its range becomes ∞."""
        if self.name == "float64":
            return np.asarray(array, dtype=np.float64)
        if self.name == "float32" or self.in_products:
            with np.errstate(over="ignore", invalid="ignore"):
                return array.astype(np.float32).astype(np.float64)
        return to_half(array, self.name)

    def operand(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the operand of a product as the unit takes it, in the type in which it sums up.

        A tensor core multiplies numbers of half precision exactly and sums the products up in float32 or better, so
        that only what it returns is rounded; here they are summed up in float64. It reads float32 as TF32 by leaving
        out digits, which software has rounded before.
        """
        if self.in_products:
            array = _to_tf32(array)
        wide = np.float32 if self.in_products or self.name == "float32" else np.float64
        with np.errstate(over="ignore", invalid="ignore"):
            return array.astype(wide)

    def product(self, left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
        """Return the matrix product of (L, E) and (E, S), summed up as `operand` says; not rounded yet."""
        with np.errstate(all="ignore"):
            return (self.operand(left) @ self.operand(right)).astype(np.float64)

    def weigh(self, weights: NDArray[Any], value: NDArray[Any]) -> NDArray[Any]:
        """Return the sums of values (S, Ev) by their weights (L, S) likewise; what has no weight does not count."""
        with np.errstate(all="ignore"):
            return weigh(self.operand(weights), self.operand(value)).astype(np.float64)


def _to_tf32(array: NDArray[Any]) -> NDArray[Any]:
    """Round numbers to the 8 bits of exponent and 10 of fraction of TF32; they become float64.

    >>> _to_tf32(np.array([1 + 2.0**-10, 1 + 2.0**-11, 1 + 3 * 2.0**-11])).tolist()
    [1.0009765625, 1.0, 1.001953125]
    """
    with np.errstate(over="ignore"):
        bits = np.asarray(array, dtype=np.float32).view(np.uint32)
    half = np.uint32((1 << DROPPED - 1) - 1)
    rounded = bits + half + ((bits >> DROPPED) & 1).astype(np.uint32)
    kept = np.where(np.isfinite(array), rounded & np.uint32(0xFFFFFFFF ^ (1 << DROPPED) - 1), bits)
    return kept.astype(np.uint32).view(np.float32).astype(np.float64)


FLOAT64 = Type("float64")
FLOAT32 = Type("float32")
TF32 = Type("tf32", in_products=True)
TYPES = {each.name: each for each in (Type("bfloat16"), Type("float16"), TF32, FLOAT32, FLOAT64)}
