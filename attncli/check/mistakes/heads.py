"""Heads and batch items that were computed with the query, key or value of others: which, is read off the output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.compare import distance
from attncli.check.mistakes import pieces
from attncli.check.mistakes.orders import named
from attncli.check.mistakes.places import HEADS, ITEMS, Axis
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, series, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many rows of a place have to fit, and how many numbers may be computed to find where one of them comes from.
ROWS = 3
MOST = 1 << 28
# Features of a value that are looked at first.
FEW = 4
STATES = Operands.NAMES
Sources = tuple[int, int, int]


def elsewhere(o: Operands) -> Iterator[Generator]:
    """Query, key or value of a head, or of a batch item, were those of another one."""
    for axis, count in ((HEADS, o.sizes.heads), (ITEMS, o.sizes.batch)):
        if count > 1:
            yield Generator(pieces.HEADS, partial(_read, axis=axis))


def _read(observed: Observed, *, axis: Axis) -> Iterator[Variant]:
    """Find for each place on an axis which query, key and value made what was observed there."""
    search = _Search(observed, axis)
    places = search.places
    if not len(places):
        return
    first = search.sources(int(places[0]), search.every())
    if first is None:
        return
    found = {int(places[0]): first}
    for place in places[1:].tolist():
        likely = search.alike(first, int(places[0]), place)
        sources = search.sources(place, likely) or search.sources(place, search.every())
        if sources is None:
            return
        found[place] = sources
    yield search.variant(found)


@dataclass(frozen=True)
class _Search:
    observed: Observed
    axis: Axis

    @property
    def operands(self) -> Operands:
        return self.observed.right.operands

    @property
    def counts(self) -> Sources:
        """How many queries', keys' and values' there are to read from."""
        sizes = self.operands.sizes
        if self.axis is ITEMS:
            return (sizes.batch,) * 3
        return sizes.heads, sizes.key_heads, sizes.key_heads

    @property
    def places(self) -> NDArray[np.int64]:
        """Where anything differs."""
        others = tuple(each for each in range(3) if each != self.axis.number)
        return np.flatnonzero(self.observed.wrong.any(axis=others))

    def own(self, place: int) -> Sources:
        """Return where a place should be read from."""
        if self.axis is ITEMS:
            return place, place, place
        serving = place // self.operands.sizes.group
        return place, serving, serving

    def every(self) -> list[Sources]:
        """Return all that a place may be read from."""
        return [(query, key, value) for query, key, value in product(*map(range, self.counts))]

    def alike(self, first: Sources, at: int, place: int) -> list[Sources]:
        """Return what a place may be read from, given what another one was read from.

        What was its own there is its own here; and if key and value came from one place, they do so here.
        """
        is_own = [one == other for one, other in zip(first, self.own(at), strict=True)]
        ranges = zip(is_own, self.own(place), self.counts, strict=True)
        every = product(*([own] if fixed else range(count) for fixed, own, count in ranges))
        return [(query, key, value) for query, key, value in every if key == value or first[1] != first[2]]

    def sources(self, place: int, among: list[Sources]) -> Sources | None:
        """Return the query, key and value that made what was observed at a place; None: none did."""
        batch, head, rows = self._rows(place)
        expected = self.observed.expected[batch, head, rows].astype(np.float64)
        by_key: dict[tuple[int, int], set[int]] = {}
        for query, key, value in among:
            by_key.setdefault((query, key), set()).add(value)
        # What is made is as large as what was observed, and a little larger where they differ.
        near = 8 * self.observed.share * np.abs(expected).max()
        own = self.own(place)
        order = sorted(by_key, key=lambda each: (each[0] != own[0], each[1] != own[1]))
        numbers = len(rows) * self.operands.sizes.keys * (self.operands.sizes.features + expected.shape[1])
        for query, key in order[: max(1, MOST // numbers)]:
            if self.observed.deadline.passed:
                return None
            values = sorted(by_key[query, key])
            # Few features tell nearly all of them apart.
            if expected.shape[1] > FEW:
                made = self._made(batch, head, rows, query, key, values, FEW)
                apart = distance(made, expected[:, None, :FEW]).max(axis=(0, 2))
                values = [each for each, is_near in zip(values, apart <= near, strict=True) if is_near]
                if not values:
                    continue
            made = self._made(batch, head, rows, query, key, values)
            apart = distance(made, expected[:, None]).max(axis=(0, 2))
            size = np.abs(made).max(axis=(0, 2)) + np.finfo(float).tiny
            nearest = int(np.argmin(apart / size))
            if apart[nearest] <= 4 * self.observed.share * size[nearest] and (query, key, values[nearest]) != own:
                return query, key, values[nearest]
        return None

    def _rows(self, place: int) -> tuple[int, int, NDArray[np.int64]]:
        wrong = np.moveaxis(self.observed.wrong, self.axis.number, 0)[place]  # (others, L)
        other = int(wrong.sum(axis=1).argmax())
        rows = np.flatnonzero(wrong[other])[-ROWS:]
        return (place, other, rows) if self.axis is ITEMS else (other, place, rows)

    def _made(
        self,
        batch: int,
        head: int,
        rows: NDArray[np.int64],
        query: int,
        key: int,
        values: list[int],
        features: int | None = None,
    ) -> NDArray[Any]:
        """Return rows made with another query and key, and of each of several values: (rows, values, features)."""
        o = self.operands
        one = o.select(batch=batch, head=head, rows=rows)
        if self.axis is ITEMS:
            serving = head // o.sizes.group
            queries, keys, valued = (_items(each, o.sizes.batch) for each in (o.query, o.key, o.value))
            chosen = queries[query, head], keys[key, serving], valued[values, serving, :, :features]
        else:
            queries, keys, valued = (_items(each, o.sizes.batch)[batch] for each in (o.query, o.key, o.value))
            chosen = queries[query], keys[key], valued[values, :, :features]
        beside = np.concatenate(list(chosen[2]), axis=-1)  # (S, values · Ev): all are weighed alike
        sizes = replace(one.sizes, value_features=beside.shape[-1])
        made = replace(
            one, query=chosen[0][None, None, rows], key=chosen[1][None, None], value=beside[None, None], sizes=sizes
        )
        output = Recipe(made).compute(0, 0, np.arange(len(rows)))
        return output.reshape(len(rows), len(values), -1)

    def variant(self, found: dict[int, Sources]) -> Variant:
        """Return the mistake that reads each place from where it was found to be read from."""
        count = self.counts[0]
        right = np.array([self.own(place) for place in range(count)])
        order = np.array([found.get(place, self.own(place)) for place in range(count)])
        noun = self.axis.noun
        changed = [at for at in range(3) if (order[:, at] != right[:, at]).any()]
        groups: dict[tuple[int, ...], list[int]] = {}
        for at in changed:
            groups.setdefault(tuple(order[:, at].tolist()), []).append(at)
        said = [
            self._said(alike, named(order[:, alike[0]], right[:, alike[0]], self.counts[alike[0]]))
            for alike in groups.values()
        ]
        orders = {STATES[at]: order[:, at] for at in changed}
        return Variant(
            (self.axis.mistake,),
            pieces.HEADS,
            f"{self.axis.nouns}: " + "; ".join(f"{name} {each.tolist()}" for name, each in orders.items()),
            partial(_reordered, orders=orders, axis=self.axis),
            reduce(lambda one, other: sentence("semicolon", one=one, other=other), said),
            word("fix_read", noun),
            {name: each.tolist() for name, each in orders.items()},
        )

    def _said(self, alike: list[int], how: Sentence) -> Sentence:
        """Say how those of query, key and value were read that were read in one order."""
        names = series(word("name", STATES[at]) for at in alike)
        key = "was_read" if len(alike) == 1 else "were_read"
        return sentence(key, names=names, another=word("another", self.axis.noun), how=how)


def _items(array: NDArray[Any], batch: int) -> NDArray[Any]:
    """Return an array of all batch items, one that serves all repeated."""
    return np.broadcast_to(array, (batch, *array.shape[1:]))


def _reordered(recipe: Recipe, *, orders: dict[str, NDArray[np.int64]], axis: Axis) -> Recipe | None:
    o = recipe.operands
    count = o.sizes.batch if axis is ITEMS else o.sizes.heads
    if any(len(order) != count for order in orders.values()):
        return None
    changed: dict[str, Any] = {}
    for name in STATES:
        array = _items(getattr(o, name), o.sizes.batch)
        if axis is ITEMS:
            changed[name] = array[orders[name]] if name in orders else array
        else:
            own = np.arange(count) if name == "query" else np.arange(count) // o.sizes.group
            changed[name] = array[:, orders.get(name, own)]
    sizes = o.sizes if axis is ITEMS else replace(o.sizes, key_heads=count)
    return recipe.with_operands(sizes=sizes, **changed)
