"""A run of keys, or of queries, that is missing in a gradient or counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.stages.rotate import rotated
from attncli.attend.stages.stage import Backward, Made
from attncli.check.backward.change import Change
from attncli.check.backward.registry import SPLIT
from attncli.check.backward.way import Array, Found, Way

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.check.backward.seen import Observed, Seen

# Of how many scores the contributions to a key are computed at most, and how many runs are tried.
MOST, TRIED = 1 << 22, 3
# How far the numbers of a run may be from what is missing, as a share of it.
NEAR = 0.05
FIX = "look at the bounds of the loop over tiles, at the last tile, and at what is added up atomically"
TIMES = {0: "is missing in", 2: "is counted twice in"}


def split(way: Way, seen: Seen) -> Iterator[Change]:
    """A run of keys is lost or doubled in d_query; or a run of queries in d_key, d_value or both."""
    if not way.is_plain or way.operands.norms_late or way.operands.options.score != "dot":
        return
    wrong = seen.wrong
    if "query" in wrong:
        for first, last, times in _in_query(way, seen.arrays["query"]):
            what = f"the part of keys {first} to {last - 1} {TIMES[times]} d_query"
            yield _change(f"keys {first}:{last} of d_query × {times}", what, first, last, times, ("query",))
    for name in ("value", "key"):
        if name in wrong:
            for first, last, times in _in_states(way, seen.arrays[name], name):
                for names in (("key", "value"), (name,)):
                    whose = " and ".join(f"d_{each}" for each in names)
                    what = f"the part of queries {first} to {last - 1} {TIMES[times]} {whose}"
                    form = f"queries {first}:{last} of {whose} × {times}"
                    yield _change(form, what, first, last, times, names)
            return


def _change(form: str, what: str, first: int, last: int, times: int, names: tuple[str, ...]) -> Change:
    detail = {"arrays": list(names), "from": first, "to": last, "times": times}
    run = slice(first, last)

    def apply(way: Way) -> Way:
        if "query" in names:
            return way.with_stage("score", partial(_score, name="met_query", cut=(..., run), times=times))
        made = way
        if "key" in names:
            made = made.with_stage("score", partial(_score, name="met_key", cut=(..., run, slice(None)), times=times))
        if "value" in names:
            made = made.with_stage("sum", partial(_sum, cut=(..., run, slice(None)), times=times))
        return made

    return Change(SPLIT, form, apply, what, FIX, detail)


def _score(o: Any, made: Made, found: Made, right: Backward, *, name: str, cut: Any, times: int) -> Found:
    scores = found["scores"].copy()
    scores[cut] *= times
    return right(o, made, found) | {name: right(o, made, {**found, "scores": scores})[name]}


def _sum(o: Any, made: Made, found: Made, right: Backward, *, cut: Any, times: int) -> Found:
    weights = made["weights"].copy()
    weights[cut] *= times
    return right(o, made, found) | {"value": right(o, {**made, "weights": weights}, found)["value"]}


def _in_query(way: Way, of: Observed) -> Iterator[tuple[int, int, int]]:
    """Return the runs of keys whose part is lacking in, or twice in, rows of d_query; which rows tells the worst."""
    o = way.operands
    batch, head, _ = (int(each) for each in np.unravel_index(int(of.comparison.excess.argmax()), of.right.shape[:3]))
    rows = np.unique([int(of.comparison.excess[batch, head].argmax()), o.sizes.queries - 1, o.sizes.queries // 2])
    part = way.part(batch, head, rows)
    made, back = part.made(part), part.back()
    apart = (
        of.expected[min(batch, len(of.expected) - 1), head, rows] - of.right[min(batch, len(of.right) - 1), head, rows]
    )
    turned = rotated(replace(part.operands, query=apart[None, None].astype(np.float64)))[0][0, 0]
    key = made["met_key"][0, 0]
    found = []
    for at in range(len(rows)):
        each = o.factor * back["scores"][0, 0, at][:, None] * key  # (S, E)
        found.append(_runs(each, turned[at]))
    yield from _common(found)


def _in_states(way: Way, of: Observed, name: str) -> Iterator[tuple[int, int, int]]:
    """Return the runs of queries whose part is lacking in, or twice in, the gradient of a key or value."""
    o = way.operands
    if o.sizes.queries * o.sizes.keys * o.sizes.group > MOST or of.right.shape[1] != o.sizes.key_heads:
        return
    worst = np.unravel_index(int(of.comparison.excess.argmax()), of.right.shape[:3])
    batch, head, at = (int(each) for each in worst)
    heads = range(head * o.sizes.group, (head + 1) * o.sizes.group)
    columns = np.unique([at, 0, o.sizes.keys // 2])
    parts: list[NDArray[Any]] = [np.zeros(())] * len(columns)
    for each in heads:
        part = way.part(batch, each, np.arange(o.sizes.queries))
        made, back = part.made(part), part.back()
        by, states = (
            (made["weights"], part.output) if name == "value" else (o.factor * back["scores"], made["met_query"])
        )
        for index, column in enumerate(columns):
            parts[index] = parts[index] + by[0, 0, :, column][:, None] * states[0, 0]
    apart = (of.expected[batch, head] - of.right[batch, head])[None, None].astype(np.float64)
    if name == "key":
        one = o.select(batch=batch, head=heads[0])
        apart = rotated(replace(one, key=apart))[1]
    yield from _common([_runs(each, apart[0, 0, column]) for each, column in zip(parts, columns, strict=True)])


def _common(found: list[list[tuple[int, int, int]]]) -> Iterator[tuple[int, int, int]]:
    """Return the runs, those first that most rows tell."""
    every = [run for runs in found for run in runs]
    yield from sorted(dict.fromkeys(every), key=lambda run: (-every.count(run), run))[: 2 * TRIED]


def _runs(each: Array, apart: Array) -> list[tuple[int, int, int]]:
    """Return the runs of rows whose sum is what a row lacks (times 0), or what it has too much (times 2).

    Args:
        each: (rows, features) what each adds.
        apart: (features,) the difference.
    """
    size = float(np.abs(apart).max(initial=0.0))
    if not 0 < size < np.inf or not np.isfinite(each).all():
        return []
    sums = np.concatenate([np.zeros((1, each.shape[1])), np.cumsum(each, axis=0)])
    found: list[tuple[float, int, int, int]] = []
    direction = np.cos(np.arange(each.shape[1]) * 2.4) + 0.3  # some direction in which no feature is lost
    along = sums @ direction
    order = np.argsort(along, kind="stable")
    for times, wanted in ((0, -apart), (2, apart)):
        near = np.searchsorted(along[order], along + wanted @ direction)
        for shift in (-2, -1, 0, 1):
            ends = order[np.clip(near + shift, 0, len(order) - 1)]
            left = np.abs(sums[ends] - sums - wanted).max(axis=1) / size
            for first in np.argsort(left, kind="stable")[:2]:
                if left[first] < NEAR and ends[first] > first:
                    found.append((float(left[first]), int(first), int(ends[first]), times))
    found.sort()
    best = [run for run in found if run[0] <= 4 * found[0][0] + 1e-9][:TRIED]
    return list(dict.fromkeys(_widened(each, *run[1:]) for run in best))


def _widened(each: Array, first: int, last: int, times: int) -> tuple[int, int, int]:
    """Return a run with its ends at the roundest places to which nothing is added on the way."""
    open_ = np.abs(each).max(axis=1) > 0
    low, high = first, last
    while low > 0 and not open_[low - 1]:
        low -= 1
    while first < last - 1 and not open_[first]:
        first += 1
    while high < len(each) and not open_[high]:
        high += 1
    while last > first + 1 and not open_[last - 1]:
        last -= 1
    return _roundest(low, first), (len(each) if high == len(each) else _roundest(last, high)), times


def _roundest(low: int, high: int) -> int:
    """Return the number from a range that the highest power of two divides.

    >>> _roundest(5, 11), _roundest(7, 7)
    (8, 7)
    """
    return max(range(low, high + 1), key=lambda each: (each & -each) if each else 1 << 62)
