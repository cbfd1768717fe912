"""The numbers that people scale by, rightly or by mistake."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from attncli.attend.operands import Operands
from attncli.sentences import Field, Sentence, sentence, word


@dataclass(frozen=True)
class Constant:
    """A number that people use.

    Attributes:
        name: a formula, or what it is in words.
        why: how it comes about; None: that needs no words.
    """

    name: str
    why: Sentence | None = None

    @property
    def called(self) -> Field:
        """Its name in words, where it is no formula."""
        return word("constant", self.name) if " " in self.name else self.name

    def in_full(self) -> Field:
        """Say what it is, and how it comes about."""
        return self.called if self.why is None else sentence("comes_of", what=self.called, why=self.why)

    def equal_to(self, value: float, *, with_why: bool = True) -> Field:
        """Say that a number is this one, and how it comes about.

        >>> Constant("1").equal_to(1.0)
        '1'
        """
        number = f"{value:.6g}"
        equal = number if self.name == number else sentence("equal", number=number, name=self.called)
        return equal if self.why is None or not with_why else sentence("comes_of", what=equal, why=self.why)


def scales_of(operands: Operands) -> dict[float, Constant]:
    """Return the numbers that people scale by, each with what it is.

    d is the number of features of a head, H the number of heads of the whole problem, even in a part of it.
    """
    o = operands
    d, heads = o.sizes.features, o.head_count
    found: dict[float, Constant] = {}
    for value, name, why in (
        (d**-0.5, "1/√d", ""),
        (1.0, "1", "none"),
        (1 / d, "1/d", "twice"),
        (d**0.5, "√d", "multiplied"),
        (float(d), "d", ""),
        ((heads * d) ** -0.5, "1/√(H·d)", "width"),
        (heads**-0.5, "1/√H", "heads"),
        (d**-0.25, "d^(-1/4)", "quarter"),
        ((d / 2) ** -0.5, "1/√(d/2)", ""),
        ((2 * d) ** -0.5, "1/√(2d)", ""),
        (math.log2(math.e) * d**-0.5, "log2(e)/√d", "exp2 factor"),
        (math.log(2) * d**-0.5, "ln(2)/√d", "exp2"),
        (math.log(2) * o.factor, "ln(2) times the right scale", "exp2"),
        (math.log2(math.e) * o.factor, "log2(e) times the right scale", "exp2 factor"),
        (o.factor * o.factor, "the right scale twice", ""),
        (abs(o.factor) ** 0.5, "the root of the right scale", "one side"),
        (1 / o.factor if o.factor else 0.0, "1 over the right scale", ""),
        (-o.factor, "the right scale with the other sign", ""),
        (o.sizes.keys**-0.5, "1/√S", "keys"),
        (o.sizes.value_features**-0.5, "1/√Ev", "values"),
        *((n**-0.5, f"1/√{n}", "padded") for n in _padded(d)),
    ):
        if math.isfinite(value) and value and not any(math.isclose(value, known, rel_tol=1e-9) for known in found):
            found[value] = Constant(name, word("scale", why) if why else None)
    return found


def _padded(d: int) -> list[int]:
    """Return what kernels pad a size to: the next multiples of some powers of 2, and the next power of 2."""
    return [
        n for n in dict.fromkeys([*(-(-d // m) * m for m in (8, 16, 32, 64, 128)), 1 << (d - 1).bit_length()]) if n != d
    ]


def constant_of(value: float, known: Mapping[float, Constant], tolerance: float = 1e-4) -> Constant | None:
    """Return which known number this is, to within the error of a fit; None: none of them.

    >>> constant_of(0.2500003, {0.5: Constant("1/√d"), 0.25: Constant("1/d")})
    Constant(name='1/d', why=None)
    """
    near = min(known, key=lambda each: abs(each - value))
    return known[near] if math.isclose(near, value, rel_tol=tolerance) else None
