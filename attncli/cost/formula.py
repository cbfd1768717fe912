"""Sums whose numbers can be shown: a quantity is computed by the formula that is printed, and by nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Words = Callable[[str], str]


class Factor(NamedTuple):
    """One number of a product.

    Attributes:
        number: a whole one.
        unit: the key of the words that say what there are so many of; empty for a mere number.
        written: how the number is written where it is itself a sum, such as ``4·5/2``; empty: as it is.
    """

    number: int
    unit: str = ""
    written: str = ""


@dataclass(frozen=True)
class Term:
    """A product of whole numbers.

    Example:
        >>> term = Term((Factor(2), Factor(32, "layers"), Factor(1, "batch"), Factor(128)))
        >>> term.value, term.text(str)
        (8192, '2 · 32 layers · 128')
        >>> Term.of(2, 128).times(Factor(3, "heads")).text(str)
        '2 · 3 heads · 128'
    """

    factors: tuple[Factor, ...]

    @classmethod
    def of(cls, *factors: Factor | int) -> Term:
        """Return the product of these numbers."""
        return cls(tuple(each if isinstance(each, Factor) else Factor(each) for each in factors))

    @property
    def value(self) -> int:
        """The product."""
        return math.prod(each.number for each in self.factors)

    def times(self, *factors: Factor | int) -> Term:
        """Return the product with more numbers, which stand before the others, but behind a mere number that leads."""
        leads = int(bool(self.factors) and not self.factors[0].unit and not self.factors[0].written)
        return Term((*self.factors[:leads], *Term.of(*factors).factors, *self.factors[leads:]))

    def times_after(self, *factors: Factor | int) -> Term:
        """Return the product with more numbers, which stand behind the others."""
        return Term((*self.factors, *Term.of(*factors).factors))

    def text(self, words: Words) -> str:
        """Return the product as it is written; a factor of 1 says nothing."""
        said = [each for each in self.factors if each.number != 1] or [Factor(1)]
        return " · ".join(_written(each, words) for each in said)


def _written(factor: Factor, words: Words) -> str:
    number = factor.written or str(factor.number)
    return f"{number} {words(factor.unit)}" if factor.unit else number


@dataclass(frozen=True)
class Formula:
    """A sum of products; the empty one is 0."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def of(cls, terms: Iterable[Term]) -> Formula:
        """Return the sum of these products, without those that are 0."""
        return cls(tuple(each for each in terms if each.value))

    @property
    def value(self) -> int:
        """The sum."""
        return sum(each.value for each in self.terms)

    def __add__(self, other: Formula) -> Formula:
        """Return the sum of both."""
        return Formula((*self.terms, *other.terms))

    def times(self, *factors: Factor | int) -> Formula:
        """Return it with more factors before every product."""
        return Formula(tuple(each.times(*factors) for each in self.terms))

    def times_after(self, *factors: Factor | int) -> Formula:
        """Return it with more factors behind every product."""
        return Formula(tuple(each.times_after(*factors) for each in self.terms))

    def text(self, words: Words) -> str:
        """Return the sum as it is written; products that are written alike stand there once, with their number."""
        texts = [each.text(words) for each in self.terms]
        counts = {text: texts.count(text) for text in dict.fromkeys(texts)}
        return " + ".join(text if count == 1 else f"{count} · {text}" for text, count in counts.items()) or "0"


def total(formulas: Iterable[Formula]) -> Formula:
    """Return the sum of several formulas."""
    return Formula(tuple(term for each in formulas for term in each.terms))


def summed(numbers: Sequence[tuple[int, int]]) -> Factor:
    """Return a sum of products of two numbers as one factor, written as that.

    >>> summed([(32, 128), (8, 128)])
    Factor(number=5120, unit='', written='(32·128 + 8·128)')
    """
    some = [(one, other) for one, other in numbers if one * other]
    texts = ["·".join(str(each) for each in pair if each != 1) or "1" for pair in some]
    value = sum(one * other for one, other in some)
    return Factor(value, written=f"({' + '.join(texts)})" if len(some) > 1 else "".join(texts))
