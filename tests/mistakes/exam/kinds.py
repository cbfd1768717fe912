"""What a kind of wrong output is, and the registry of all of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import numpy as np

from tests.mistakes.exam.plain import Core, core, given
from tests.mistakes.exam.setups import places, problem
from tests.mistakes.stages import Array, Problem, Rng


@dataclass(frozen=True)
class Wrong:
    """A wrong output, and the numbers that a description of it should have, by the names that `says` has for them."""

    output: Array
    facts: Mapping[str, object] = field(default_factory=dict)


Maker: TypeAlias = Callable[[Core, Rng], "Array | Wrong | None"]
Made = TypeVar("Made", bound=Callable[..., "Array | Wrong | None"])


@dataclass(frozen=True)
class Kind:
    """One way to be wrong.

    Attributes:
        id: unique, family first.
        setups: the problems in which it is tried.
        ids: mistakes that name it, whatever else is said; the first is the one that fits best.
        says: patterns of which one has to be found, in any case, in one explanation (its ids, then its words) or in one
            fact: what makes the cause plain. `<key>` stands for a fact of the wrong output.
        make: the wrong output, or None where the problem does not allow it.
        held_out: not to be looked at by those who develop the search.
    """

    id: str
    setups: tuple[str, ...]
    ids: tuple[str, ...]
    says: tuple[str, ...]
    make: Maker
    held_out: bool = False

    @property
    def family(self) -> str:
        return self.id.partition("/")[0]

    def wrong(self, p: Problem, rng: Rng) -> Wrong | None:
        """The wrong output in the type of the problem, (B, H, L, Ev) or as a layer has it."""
        with np.errstate(all="ignore"):
            made = self.make(core(given(p)), rng)
            if made is None:
                return None
            made = made if isinstance(made, Wrong) else Wrong(made)
            return Wrong(made.output.astype(kind_of(p)), made.facts)


def kind_of(p: Problem) -> Any:
    """The type of a problem."""
    return p.arrays["value" if "value" in p.arrays else "hidden"].dtype


KINDS: dict[str, Kind] = {}


def kind(
    name: str, on: str, ids: str = "", says: tuple[str, ...] = (), held_out: bool = False
) -> Callable[[Made], Made]:
    """Enter a way to be wrong; its function gets what is right up to softmax, and a source of random numbers."""

    def enter(make: Made) -> Made:
        assert name not in KINDS, name
        KINDS[name] = Kind(name, tuple(on.split()), tuple(ids.split()), says, make, held_out)
        return make

    return enter


@dataclass(frozen=True)
class Item:
    """One question of the exam: a kind in a problem."""

    kind: Kind
    setup: str
    size: str
    type: str
    problem: Problem
    wrong: Wrong

    @property
    def name(self) -> str:
        return f"{self.kind.id} in {self.setup} {self.size} {self.type}"

    @property
    def patterns(self) -> list[re.Pattern[str]]:
        """What makes the cause plain, with the numbers of this output."""
        return [re.compile(filled(each, self.wrong.facts), re.I | re.S) for each in self.kind.says]


def filled(pattern: str, facts: Mapping[str, object]) -> str:
    """A pattern with its numbers."""
    for name, value in facts.items():
        pattern = pattern.replace(f"<{name}>", str(value))
    return pattern


def named(pattern: str = "", held_out: bool | None = False) -> Iterator[Kind]:
    """The kinds whose id has the pattern in it; None: whether held out or not."""
    from tests.mistakes import held_out as hidden
    from tests.mistakes.exam import families

    assert families.__name__ in sys.modules, hidden
    for each in KINDS.values():
        if re.search(pattern, each.id) and held_out in (None, each.held_out):
            yield each


def questions(each: Kind) -> Iterator[tuple[str, str, str]]:
    """The set-ups, sizes and types in which a kind is tried."""
    for setup in each.setups:
        for size, form in places(setup):
            yield setup, size, form


def item(each: Kind, setup: str, size: str, form: str) -> Item | None:
    """One question, or None where the kind cannot be made there."""
    p = problem(setup, size, form)
    seed = [len(each.id), *each.id.encode(), len(size), *setup.encode()]
    made = each.wrong(p, np.random.default_rng(seed))
    return None if made is None else Item(each, setup, size, form, p, made)
