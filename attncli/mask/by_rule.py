"""Differences that only rules show: a mask is made of several, and one alone of them was taken wrongly.

Two masks from files have no rules, but a problem that gives a mask and is causal has two, of which either may be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from attncli.mask.edges import moved

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

# What may have been done to one rule, by the name of the difference; each is (batch, heads, L, S) and stays so.
CHANGES: Mapping[str, Callable[[Mask], Iterator[Mask]]] = {
    "inverted": lambda rule: iter([~rule]),
    "axes-swapped": lambda rule: iter([rule.swapaxes(2, 3)] * (rule.shape[2] == rule.shape[3])),
    "padding-side": lambda rule: iter([rule[..., ::-1]]),
    "shifted": lambda rule: (each for by in ((0, 1), (0, -1), (1, 0), (-1, 0)) for each in moved(rule, *by)),
    "documents-ignored": lambda rule: iter([np.ones_like(rule)]),
}
# What is done only to some of the rules.
ONLY = {"documents-ignored": ("segments", "chunk"), "padding-side": ("length",)}


def changed_rule(one: Mask, rules: Mapping[str, Mask]) -> tuple[str, str] | None:
    """Return what was done to one of the rules of a mask so that it became another, and to which; None: nothing known.

    Args:
        one: what was made, (batch, heads, L, S).
        rules: what the other is made of, by name; each broadcasts to it.
    """
    if len(rules) < 2:
        return None
    whole = {name: np.broadcast_to(rule, one.shape) for name, rule in rules.items()}
    for change, made_of in CHANGES.items():
        for name, rule in whole.items():
            if name not in ONLY.get(change, (name,)):
                continue
            rest = reduce(np.logical_and, (each for other, each in whole.items() if other != name))
            if any(np.array_equal(one, rest & made) for made in made_of(rule)):
                return change, name
    return None
