"""The types in which a cache may keep numbers, and rounding to them.

    number = code · scale, the code to nearest, ties to even; what is beyond the largest code becomes that (saturation)

Sources: Open Compute Project, *8-bit Floating Point Specification (OFP8)*, revision 1.0, 2023, for E4M3 and E5M2;
whole numbers are symmetric, so that −128 and −8 are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Type(NamedTuple):
    """One type of codes.

    Attributes:
        name: what options call it.
        bits: of a code.
        largest: the largest code.
        scales: for what there is a scale of its own where nothing else is said, as the tools do that use the type.
        aliases: what other tools call it.
        digits: binary digits behind the point of a floating-point code; None: codes are whole numbers.
        least: the exponent of the smallest normal code, below which codes are as far apart as there.
    """

    name: str
    bits: int
    largest: float
    scales: str
    aliases: tuple[str, ...] = ()
    digits: int | None = None
    least: int = 0

    @property
    def is_floating(self) -> bool:
        """Whether its codes are floating-point numbers."""
        return self.digits is not None


# Groups of 32 features are those of llama.cpp's q8_0 and q4_0 caches; one scale for a whole tensor is that of the fp8
# caches of vLLM, TensorRT-LLM and SGLang.
TYPES = {
    each.name: each
    for each in (
        Type("int8", 8, 127.0, "group32"),
        Type("int4", 4, 7.0, "group32"),
        Type("e4m3", 8, 448.0, "tensor", ("fp8", "fp8_e4m3", "float8_e4m3fn"), digits=3, least=-6),
        Type("e5m2", 8, 57344.0, "tensor", ("fp8_e5m2", "float8_e5m2"), digits=2, least=-14),
    )
}
NAMES = {name: each for each in TYPES.values() for name in (each.name, *each.aliases)}


def to_codes(numbers: NDArray[Any], kind: Type) -> NDArray[Any]:
    """Return numbers, in units of their scale, rounded to the codes of a type; NaN stays NaN.

    >>> to_codes(np.array([0.5, 1.5, -200.0]), TYPES["int8"]).tolist()
    [0.0, 2.0, -127.0]
    >>> to_codes(np.array([17.0, 19.0, 500.0, 2.0**-10]), TYPES["e4m3"]).tolist()
    [16.0, 20.0, 448.0, 0.0]
    """
    if kind.digits is None:
        return np.clip(np.rint(numbers), -kind.largest, kind.largest) + 0.0  # there is no −0 among whole numbers
    _, exponents = np.frexp(numbers)  # |x| = m · 2^e, m from 1/2 to 1
    last = np.maximum(exponents - 1, kind.least) - kind.digits  # the exponent of the last digit that is kept
    with np.errstate(all="ignore"):
        return np.clip(np.ldexp(np.rint(np.ldexp(numbers, -last)), last), -kind.largest, kind.largest)
