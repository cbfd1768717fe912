"""A run of keys, or of queries, that is missing in a gradient or counted twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from attncli.attend.stages.rotate import rotated
from attncli.attend.stages.stage import Backward, Made
from attncli.check.backward.change import Change
from attncli.check.backward.mistakes.arrays import of_arrays
from attncli.check.backward.registry import SPLIT
from attncli.check.backward.way import ROWS, Array, Found, Way
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.check.backward.seen import Observed, Seen

# Of how many scores the contributions to a key are computed, at most and at a time; and how many runs are tried.
MOST, AT_ONCE, TRIED = 1 << 24, 1 << 21, 3
# How far the numbers of a run may be from what is missing, as a share of it.
NEAR = 0.05
# What adds less than this share of it does not tell.
SILENT = 1e-4
FIX = sentence("fix_split")
TIMES = {0: "missing", 2: "twice"}


def split(way: Way, seen: Seen) -> Iterator[Change]:
    """A run of keys is lost or doubled in d_query; or a run of queries in d_key, d_value or both."""
    if not way.is_plain or way.operands.norms_late or way.operands.options.score != "dot":
        return
    wrong = seen.wrong
    if "query" in wrong:
        for first, last, times in _in_query(way, seen.arrays["query"]):
            what = sentence(f"keys_{TIMES[times]}", first=first, last=last - 1)
            yield _change(f"keys {first}:{last} of d_query × {times}", what, first, last, times, ("query",))
    for name in ("value", "key"):
        if name in wrong:
            for first, last, times in _in_states(way, seen.arrays[name], name):
                for names in (("key", "value"), (name,)):
                    whose = " and ".join(f"d_{each}" for each in names)
                    what = sentence(f"queries_{TIMES[times]}", first=first, last=last - 1, whose=of_arrays(names))
                    form = f"queries {first}:{last} of {whose} × {times}"
                    yield _change(form, what, first, last, times, names)
            return


def _change(form: str, what: Sentence, first: int, last: int, times: int, names: tuple[str, ...]) -> Change:
    detail = {"arrays": list(names), "from": first, "to": last, "times": times}

    def counts(indices: NDArray[np.int64]) -> Array:
        return np.where((indices >= first) & (indices < last), float(times), 1.0)

    def apply(way: Way) -> Way:
        made = way
        if "query" in names:
            made = made.with_stage("score", partial(_score, name="met_query", counts=counts))
        if "key" in names:
            made = made.with_stage("score", partial(_score, name="met_key", counts=counts))
        if "value" in names:
            made = made.with_stage("sum", partial(_sum, counts=counts))
        return made

    return Change(SPLIT, form, apply, what, FIX, detail)


Counts: TypeAlias = "Callable[[NDArray[np.int64]], NDArray[Any]]"


def _score(o: Any, made: Made, found: Made, right: Backward, *, name: str, counts: Counts) -> Found:
    by = counts(np.arange(o.sizes.keys)) if name == "met_query" else counts(made[ROWS])[:, None]
    return right(o, made, found) | {name: right(o, made, {**found, "scores": found["scores"] * by})[name]}


def _sum(o: Any, made: Made, found: Made, right: Backward, *, counts: Counts) -> Found:
    weights = made["weights"] * counts(made[ROWS])[:, None]
    return right(o, made, found) | {"value": right(o, {**made, "weights": weights}, found)["value"]}


def _in_query(way: Way, of: Observed) -> Iterator[tuple[int, int, int]]:
    """Return the runs of keys whose part is lacking in, or twice in, rows of d_query; which rows tells the worst."""
    o = way.operands
    batch, head, _ = (int(each) for each in np.unravel_index(int(of.comparison.excess.argmax()), of.right.shape[:3]))
    worst_first = np.argsort(-of.comparison.excess[batch, head], kind="stable")
    rows = np.unique([*worst_first[:3], o.sizes.queries - 1, o.sizes.queries // 2])
    part = way.part(batch, head, rows)
    made, back = part.made(part), part.back()
    apart = (
        of.expected[min(batch, len(of.expected) - 1), head, rows] - of.right[min(batch, len(of.right) - 1), head, rows]
    )
    turned = rotated(replace(part.operands, query=apart[None, None].astype(np.float64)))[0][0, 0]
    key = made["met_key"][0, 0]
    found: list[list[Run]] = []
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
    worst_first = np.argsort(-of.comparison.excess[batch, head], kind="stable")
    columns = np.unique([at, 0, o.sizes.keys // 2, *worst_first[:3]])
    parts = np.zeros((len(columns), o.sizes.queries, of.right.shape[3]))
    for each in heads:
        for rows in np.array_split(np.arange(o.sizes.queries), -(-o.sizes.queries * o.sizes.keys // AT_ONCE)):
            part = way.part(batch, each, rows)
            made, back = part.made(part), part.back()
            by = made["weights"] if name == "value" else o.factor * back["scores"]
            states = part.output if name == "value" else made["met_query"]
            parts[:, rows] += by[0, 0][:, columns].T[..., None] * states[0, 0]
    apart = (of.expected[batch, head] - of.right[batch, head])[None, None].astype(np.float64)
    if name == "key":
        one = o.select(batch=batch, head=heads[0])
        apart = rotated(replace(one, key=apart))[1]
    yield from _common([_runs(each, apart[0, 0, column]) for each, column in zip(parts, columns, strict=True)])


class Run(NamedTuple):
    """A run of rows, as far as one sum tells: where it begins and where it ends, each a first and a last possibility.

    Attributes:
        first: between which rows it begins.
        last: between which rows it ends; that one does not belong to it.
        times: how often it was counted.
    """

    first: tuple[int, int]
    last: tuple[int, int]
    times: int

    def with_other(self, other: Run) -> Run | None:
        """Return what both say; None where they contradict each other."""
        first = max(self.first[0], other.first[0]), min(self.first[1], other.first[1])
        last = max(self.last[0], other.last[0]), min(self.last[1], other.last[1])
        fits = first[0] <= first[1] < last[1] and last[0] <= last[1] and self.times == other.times
        return Run(first, last, self.times) if fits else None


def _common(found: list[list[Run]]) -> Iterator[tuple[int, int, int]]:
    """Return the runs on which most sums agree, each with all ends that it may have, the likeliest first."""
    counts: dict[Run, int] = {}
    for begun in (run for runs in found for run in runs):
        run, count = begun, 0
        for runs in found:
            both = next((made for each in runs if (made := run.with_other(each)) is not None), None)
            run, count = (run, count) if both is None else (both, count + 1)
        counts[run] = max(count, counts.get(run, 0))
    for run in sorted(counts, key=lambda each: -counts[each])[:TRIED]:
        for first, last in product(_likely(*run.first), _likely(*run.last)):
            if first < last:
                yield first, last, run.times


def _likely(low: int, high: int) -> list[int]:
    """Return the likeliest of some numbers: the one that the highest power of two divides, the highest, the lowest.

    >>> _likely(5, 11), _likely(7, 7)
    ([8, 11, 5], [7])
    """
    roundest = max(range(low, high + 1), key=lambda each: (each & -each) if each else 1 << 62)
    return list(dict.fromkeys([roundest, high, low]))


def _runs(each: Array, apart: Array) -> list[Run]:
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
    tells = np.abs(each).max(axis=1) > SILENT * size
    return list(dict.fromkeys(_widened(tells, *run[1:]) for run in best))


def _widened(tells: NDArray[np.bool_], first: int, last: int, times: int) -> Run:
    """Return a run with all ends that it may as well have: rows that add nothing do not tell whether they are in it."""
    low, high, start, end = first, last, first, last
    while low > 0 and not tells[low - 1]:
        low -= 1
    while start < last - 1 and not tells[start]:
        start += 1
    while high < len(tells) and not tells[high]:
        high += 1
    while end > start + 1 and not tells[end - 1]:
        end -= 1
    return Run((low, start), (end, high), times)
