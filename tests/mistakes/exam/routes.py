"""Right outputs by other routes, which must not be blamed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from tests.mistakes.exam.kinds import kind_of
from tests.mistakes.exam.plain import Core, core, given
from tests.mistakes.exam.setups import SETUPS, SIZES, places, problem
from tests.mistakes.stages import Array, Problem

Make: TypeAlias = Callable[[Core], "Array | None"]


@dataclass(frozen=True)
class Route:
    """One way to be right.

    Attributes:
        id: unique.
        make: the output of what is right up to softmax; None: the route cannot be taken here.
        work: the type of the computation.
        suits: the problems in which it can be taken.
    """

    id: str
    make: Make
    work: Any = np.float32
    suits: Callable[[Problem], bool] = lambda p: True


ROUTES: dict[str, Route] = {}


def route(
    name: str, work: Any = np.float32, suits: Callable[[Problem], bool] = lambda p: True
) -> Callable[[Make], Make]:
    """Enter a route."""

    def enter(make: Make) -> Make:
        assert name not in ROUTES, name
        ROUTES[name] = Route(name, make, work, suits)
        return make

    return enter


def routes() -> dict[str, Route]:
    """All of them."""
    from tests.mistakes.exam import right

    assert right.__name__ in sys.modules
    return ROUTES


def output_of(each: Route, p: Problem) -> Array | None:
    """The output of a problem by a route, in the type of the problem."""
    with np.errstate(all="ignore"):
        made = each.make(core(given(p, each.work)))
    return None if made is None else made.astype(kind_of(p))


def matching(each: Route, sizes: Collection[str] = tuple(SIZES)) -> Iterator[tuple[str, str, str]]:
    """The set-ups, sizes and types in which a route is taken."""
    for setup in SETUPS:
        for size, form in places(setup):
            if size in sizes and each.suits(problem(setup, size, form)):
                yield setup, size, form
