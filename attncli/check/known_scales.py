"""The numbers that people scale by, rightly or by mistake."""

from __future__ import annotations

import math

from attncli.attend.operands import Operands


def scales_of(operands: Operands) -> dict[float, str]:
    """Return the numbers that people scale by, each with what it is: its name, a colon, and how it comes about.

    d is the number of features of a head, H the number of heads of the whole problem, even in a part of it.
    """
    o = operands
    d, heads = o.sizes.features, o.head_count
    found: dict[float, str] = {}
    for value, name in (
        (d**-0.5, "1/√d"),
        (1.0, "1: no scale was applied"),
        (1 / d, "1/d: the scale was applied twice, or d was used for √d"),
        (d**0.5, "√d: multiplied instead of divided"),
        (float(d), "d"),
        ((heads * d) ** -0.5, "1/√(H·d): the width of all heads was used for that of one"),
        (heads**-0.5, "1/√H: the number of heads was used for their size"),
        (d**-0.25, "d^(-1/4): √√d was used, or half of a scale that is split between query and key"),
        ((d / 2) ** -0.5, "1/√(d/2)"),
        ((2 * d) ** -0.5, "1/√(2d)"),
        (math.log2(math.e) * d**-0.5, "log2(e)/√d: the factor for exp2 was used with exp"),
        (math.log(2) * d**-0.5, "ln(2)/√d: exp2 was used for exp"),
        (math.log(2) * o.factor, "ln(2) times the right scale: exp2 was used for exp"),
        (math.log2(math.e) * o.factor, "log2(e) times the right scale: the factor for exp2 was used with exp"),
        (o.factor * o.factor, "the right scale twice"),
        (abs(o.factor) ** 0.5, "the root of the right scale: it was applied to one of query and key only"),
        (1 / o.factor if o.factor else 0.0, "1 over the right scale"),
        (-o.factor, "the right scale with the other sign"),
        (o.sizes.keys**-0.5, "1/√S: the number of keys was used for the size of a head"),
        (o.sizes.value_features**-0.5, "1/√Ev: the size of a value was used for that of a key"),
        *((n**-0.5, f"1/√{n}: the padded size of a head was used") for n in _padded(d)),
    ):
        if math.isfinite(value) and value and not any(math.isclose(value, known, rel_tol=1e-9) for known in found):
            found[value] = name
    return found


def _padded(d: int) -> list[int]:
    """Return what kernels pad a size to: the next multiples of some powers of 2, and the next power of 2."""
    return [
        n for n in dict.fromkeys([*(-(-d // m) * m for m in (8, 16, 32, 64, 128)), 1 << (d - 1).bit_length()]) if n != d
    ]


def name_of(value: float, known: dict[float, str], tolerance: float = 1e-4) -> str:
    """Return what a number is, to within the error of a fit; empty for a number that is not known.

    >>> name_of(0.2500003, {0.5: "1/√d", 0.25: "1/d"})
    '1/d'
    """
    near = min(known, key=lambda each: abs(each - value))
    return known[near] if math.isclose(near, value, rel_tol=tolerance) else ""
