"""Notices: what the user should know about a computation that succeeded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.options import as_flag, records
from attncli.attend.scores import FUNCTIONS
from attncli.attend.types import is_floating
from attncli.attend.views import in_pieces
from attncli.said import Said
from attncli.text import a_few, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.attend.operands import ScoreOperands


class Notices:
    """Messages for the user, without duplicates, in the order in which they were added."""

    def __init__(self, messages: Iterable[str] = ()) -> None:
        self._messages = dict.fromkeys(messages)  # an ordered set

    def add(self, messages: Iterable[str]) -> None:
        """Add messages, except those already there."""
        self._messages |= dict.fromkeys(messages)

    def __iter__(self) -> Iterator[str]:
        return iter(self._messages)


def of_inputs(o: ScoreOperands, called: Mapping[str, str]) -> Iterator[str]:
    """Report NaN and ∞ in the input, and masks that look like mistakes.

    Args:
        o: the input.
        called: the user's name for an array, if it differs.
    """
    counts: dict[str, list[str]] = {}
    states = o.given if o.layer.names else o.states
    others = {"bias": o.bias, "sinks": o.sinks, "cos": o.cos, "sin": o.sin, **o.inputs}
    for name, array in {**states, **others, **o.parameters}.items():
        found = "" if array is None else not_finite(array, closed=name in ("bias", "sinks"))
        if found and called.get(name, name) not in counts.setdefault(found, []):
            counts[found].append(called.get(name, name))
    yield from o.notices
    if o.mask is not None:
        yield from _of_mask(o.mask, o.sizes.keys, counts)
    for found, names in counts.items():
        yield _holding(names, found)


def of_unused(arrays: Iterable[str], o: ScoreOperands) -> Iterator[str]:
    """Report arrays and options without effect: perhaps another option was forgotten."""
    for name in arrays:
        users = [score for score, function in FUNCTIONS.items() if name in function.parameters]
        if users and name not in o.parameters:
            yield Said(
                "{name} has no effect with --score {score}; it belongs to --score {others}",
                name=name,
                score=o.options.score,
                others=listed(users, last="or"),
            )
        record = ARRAYS.get(name)
        if record is not None and record.needs and not any(map(o.options.in_force, record.needs)):
            yield Said("{name} has no effect without {needs}", name=name, needs=_either(record.needs))
    for option, needs in o.options.without_effect([*o.inputs, *o.layer.names]).items():
        yield Said("{name} has no effect without {needs}", name=as_flag(option), needs=_either(needs))
    for option in o.options.changed():
        for name in records()[option].replaced_by:
            if getattr(o, name, None) is not None and o.options.rope is not None:
                yield Said("{name} has no effect with {other}", name=as_flag(option), other=name)


def _either(needs: Sequence[str]) -> str:
    return listed([f"--{as_flag(name)}" for name in needs], last="or")


def _of_mask(mask: NDArray[Any], keys: int, counts: dict[str, list[str]]) -> Iterator[str]:
    if mask.shape[-1] == 1 < keys:
        yield Said("mask covers only the first key; the other {count} are closed", count=keys - 1)
    if mask.dtype == bool:
        return
    found = not_finite(mask, closed=True)
    if found:
        counts.setdefault(found, []).append("mask")


def of_numbers(arrays: Mapping[str, NDArray[Any]], *, closed: bool = False) -> Iterator[str]:
    """Report NaN and ∞ in these arrays, by name; those that are closed may hold −∞."""
    for name, array in arrays.items():
        if counts := not_finite(array, closed=closed):
            yield _holding([name], counts)


def not_finite(array: NDArray[Any], *, closed: bool = False) -> str:
    """Describe how many NaN and ∞ an array holds, or return "" if none. It may be larger than memory.

    Args:
        array: numbers of any type and shape.
        closed: whether −∞ only means that a key is closed, and need not be reported.
    """
    if not is_floating(array.dtype) or all(np.isfinite(piece).all() for piece in in_pieces(array)):
        return ""
    counts = {"NaN": 0, "∞": 0}
    for piece in in_pieces(array):
        counts["NaN"] += int(np.isnan(piece).sum())
        counts["∞"] += int((piece == np.inf).sum() if closed else np.isinf(piece).sum())
    told = {"NaN": Said("{count} NaN", count=counts["NaN"]), "∞": Said("{count} ∞", count=counts["∞"])}
    return listed(told[what] for what, count in counts.items() if count) if any(counts.values()) else ""


def _holding(names: Sequence[str], counts: str) -> Said:
    """Report what `not_finite` found in some arrays."""
    if len(names) == 1:
        return Said("{name} holds {counts}", name=names[0], counts=counts)
    return Said("{names} hold {counts}", names=listed(names), counts=counts)


def of_overflow(made: Mapping[str, NDArray[Any]], o: ScoreOperands) -> Iterator[str]:
    """Report results that overflowed although their input is finite."""
    makers: dict[str, list[NDArray[Any] | None]] = {
        "scores": [o.query, o.key],
        "output": [made.get("weights"), o.states.get("value")],
    }
    for name, arrays in makers.items():
        if name not in made or not not_finite(made[name]):
            continue
        if all(array is None or not not_finite(array) for array in arrays):
            number = made[name].dtype.name
            if name == "output":
                yield Said("{name} leaves the range of {type}", name=name, type=number)
            else:
                yield Said("{name} leave the range of {type}", name=name, type=number)


def of_logits(logits: NDArray[Any], rows: NDArray[Any] | None = None) -> Iterator[str]:
    """Report queries that may not attend to any key.

    Args:
        logits: (batch, heads, L, S).
        rows: the indices of these queries, if they are not all.
    """
    empty = np.flatnonzero((logits == -np.inf).all(axis=-1).any(axis=(0, 1)))
    yield from of_empty(empty if rows is None else rows[empty])


def of_empty(queries: NDArray[np.int64]) -> Iterator[str]:
    """Report these queries, which may not attend to any key."""
    if len(queries):
        if len(queries) == 1:
            yield Said("query {query} may attend to nothing: weights and output are 0", query=queries[0])
        else:
            yield Said("queries {queries} may attend to nothing: weights and output are 0", queries=a_few(queries, 5))
