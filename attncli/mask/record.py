"""What programs get of masks: booleans, or what a comparison found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli import memory
from attncli.files.contents import Named
from attncli.files.formats import FORMATS
from attncli.mask.comparison import Comparison, Verdict
from attncli.mask.opening import Place
from attncli.problem import estimate
from attncli.show.progress import Progress
from attncli.text import as_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.files.contents import AnyLabels
    from attncli.files.formats import Format

Fill = Callable[["NDArray[np.bool_]", Sequence[Place], "Progress | None"], None]


@dataclass(frozen=True, eq=False)
class Booleans:
    """The cells of some batch items and heads, made when they are asked for.

    Attributes:
        name: what they are called in files.
        labels: names of queries and keys, if there are any.
        texts: a title and a source, likewise.
        places: the batch items and heads; all of some of these by all of some of those.
        plane: queries and keys.
        fill: writes them.
    """

    name: str
    labels: Mapping[str, AnyLabels]
    texts: Mapping[str, str]
    places: Sequence[Place]
    plane: tuple[int, int]
    fill: Fill

    @property
    def shape(self) -> tuple[int, ...]:
        """Their axes without those of length 1; one of these is left where there would be none."""
        batch, heads = (len(set(each)) for each in zip(*self.places, strict=True))
        return tuple(length for length in (batch, heads, *self.plane) if length > 1) or (1,)

    @property
    def is_of_items_alone(self) -> bool:
        """Whether there is an axis of batch items, and none of heads beside it: a reader takes it for one of heads."""
        batches, heads = (len(set(each)) for each in zip(*self.places, strict=True))
        return batches > 1 and heads == 1 and min(self.plane) > 1

    def require(self, kind: Format) -> None:
        """Refuse what would not fit into memory.

        Raises:
            InputError: with its size.
        """
        cells = math.prod(self.shape)
        text = estimate.encoded(kind, {self.name: cells}, 1) if kind.goes_back else 0
        what = f"{self.name} would take {memory.size(cells)}"
        file = "FILE" + next(each.suffix for each in FORMATS.values() if each.in_place)
        memory.require(estimate.ALWAYS + cells + text, what, f"-o {file} writes it without holding it")

    def named(self, progress: Progress | None) -> Named:
        """Return them in memory, with their labels and texts."""
        out = np.empty(self.shape, dtype=bool)
        self.into(out, progress)
        # Labels stand beside rows and columns; where one of the axes is left out they would stand elsewhere.
        labels = self.labels if min(self.plane) > 1 else {}
        return Named({self.name: out}, labels=labels, texts=self.texts)

    def into(self, out: NDArray[np.bool_], progress: Progress | None) -> None:
        """Write them to an array of their shape."""
        self.fill(out.reshape(len(self.places), *self.plane), self.places, progress)


def to_json(compared: Comparison, verdict: Verdict) -> str:
    """Return what was found in two masks."""
    a, b = verdict.alone
    found = verdict.explanation
    sides = zip("ab", (compared.a, compared.b), verdict.open, strict=True)
    record: dict[str, Any] = {"same": verdict.same, "cells": verdict.cells, "differ": a + b if compared.shape else None}
    record |= {
        name: {"file": side.problem.place, "shape": list(side.opening.shape), "open": count, "alone": alone}
        for (name, side, count), alone in zip(sides, (a, b) if compared.shape else (None, None), strict=True)
    }
    record |= {"difference": None if found is None else found.name, "sought": verdict.sought}
    if found is not None:
        record |= {
            "made": found.one.lower(),
            "of": found.other.lower(),
            "rule": found.rule or None,
            "detail": dict(found.detail),
        }
    where = [
        {"batch": place[0], "head": place[1], "a": verdict.counts[place][0], "b": verdict.counts[place][1]}
        for place in verdict.places
    ]
    return as_json(record | {"places": where}, indent=2)
