"""Compare one result with the right one, in whatever layout it is, or as another result that it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.shapes import show
from attncli.check.compare import Comparison
from attncli.check.diagnosis import Wanted, chosen, precisions_of, rounding
from attncli.check.layouts import AXES, Layout, own_orders, readings_as
from attncli.check.precision import grids
from attncli.check.results.masked import MASKED, heeded
from attncli.check.results.right import OfResult, Results
from attncli.check.rounding import Level, Precision
from attncli.errors import InputError
from attncli.sentences import Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

PREFIX = "expected_"
# What was done to compare an array: the key of a sentence, and its fields.
Note = Mapping[str, Field]
Notes = Mapping[str, Note]
# What the last axis of a result is called, and that of its rows, by the symbols of its axes.
CALLED = {"L": "queries", "S": "keys", "E": "features", "Ev": "features"}


@dataclass(frozen=True)
class Seen:
    """One result of another program beside the right one.

    Attributes:
        name: of the result.
        right: the right one, with what rounding costs.
        layout: how the other one was read.
        comparison: of both.
        rounding: the less precise computation that explains the difference; None: none does, or none is needed.
        notes: what was done to compare them, by the key of a sentence, with its fields.
        is_really: another result that it agrees with, where it differs from the one that it is called.
        is_excused: whether that is a matter of names alone, because all that comes later is right.
    """

    name: str
    right: OfResult
    layout: Layout
    comparison: Comparison
    rounding: Level | None = None
    notes: Notes = field(default_factory=dict)
    is_really: str = ""
    is_excused: bool = False

    @property
    def agrees(self) -> bool:
        """Whether it is right."""
        return self.comparison.agrees or self.is_excused

    @property
    def expected(self) -> Array:
        """What another program made of it, (batch, heads, length, …)."""
        return self.layout.array

    @property
    def row(self) -> str:
        """What one row is called."""
        return "key" if ARRAYS[self.name].axes[2] == "S" else "query"


def seen_of(name: str, expected: Array, results: Results, wanted: Wanted) -> Seen:
    """Compare one result.

    Raises:
        InputError: its shape is that of none, in any layout.
    """
    right = OfResult.named(results, name)
    own, axes = _own(name, results), axes_of(name)
    forms = ((*form, readings_as(expected, form[0].output.shape, own, axes)) for form in _forms(right, results))
    each, notes, read = next((form for form in forms if form[2]), (right, {}, []))
    if not read:
        fact = f"{PREFIX}{name} {show(expected.shape)} does not match {name}, {show(right.output.shape)}"
        raise InputError(f"{fact} ({'×'.join(axes)}), in any layout", arrays=[f"{PREFIX}{name}"])
    read, said = _heeded(name, read, each, results)
    precisions = _precisions(name, expected, results)
    layout, comparison = chosen(each, read, precisions, wanted)
    notes = notes | said[layout.name]
    if results.stands_for(name) != name:
        notes = notes | {"stands_for": {"name": name, "other": results.stands_for(name)}}
    seen = Seen(name, each, layout, comparison, rounding(comparison, precisions), notes)
    return seen if seen.agrees else replace(seen, is_really=_really(seen, results, wanted))


def _precisions(name: str, expected: Array, results: Results) -> list[Precision]:
    """Return the precisions that a right result may have.

    Kernels keep the sum of a row's exponentials in float32 whatever they are given: it tells no more of the scores that
    it is made of than the query and key do.
    """
    found = precisions_of(results.operands, expected)
    if name == "lse" and not found[-1].is_half:
        o = results.operands
        both = [grids(o.query), grids(o.key)]
        found += [each for each in both[0] if each in both[1]][-1:]
    return found


def axes_of(name: str) -> tuple[str, str, str, str]:
    """Return what the axes of a result are called.

    >>> axes_of("weights"), axes_of("rotated_key")[2:], axes_of("lse")[3]
    (('batch', 'heads', 'queries', 'keys'), ('keys', 'features'), 'column')
    """
    length, *last = ARRAYS[name].axes[2:]
    return *AXES[:2], CALLED[length], CALLED[last[0]] if last else "column"


def _own(name: str, results: Results) -> list[tuple[int, ...]]:
    """Return the orders of axes that a result may have by itself: states as they were given, too."""
    if ARRAYS[name].axes[-1] not in ("E", "Ev"):
        return [(0, 1, 2, 3)]
    o = results.operands
    return list(dict.fromkeys([(0, 1, 2, 3), *own_orders(o.options.layout, packed=o.sizes.packed)]))


def _forms(right: OfResult, results: Results) -> Iterator[tuple[OfResult, dict[str, Note]]]:
    """Return the right result, and what programs have in its place: key heads repeated, or the new keys alone."""
    yield right, {}
    sizes, array = results.operands.sizes, right.output
    if ARRAYS[right.name].axes[1] != "K":
        return
    new = array[:, :, sizes.past :]
    again = sizes.heads // array.shape[1]
    if again > 1:
        yield replace(right, taken=np.repeat(array, again, axis=1)), {"repeated": {"count": again}}
    if sizes.past:
        yield replace(right, taken=new), {"new_only": {"count": sizes.past}}
        if again > 1:
            both: dict[str, Note] = {"repeated": {"count": again}, "new_only": {"count": sizes.past}}
            yield replace(right, taken=np.repeat(new, again, axis=1)), both


def _heeded(
    name: str, read: Sequence[Layout], right: OfResult, results: Results
) -> tuple[list[Layout], dict[str, dict[str, Note]]]:
    """Return every reading with its closed keys as they are here, and what was done to it by the name of its layout."""
    found, said = [], {}
    for each in read:
        notes: dict[str, Note] = {}
        if name in MASKED:
            array, done = heeded(name, each.array, right.output, results.right["scores"], results.right["logits"])
            each = replace(each, array=array)
            notes = {key: {"number": number} for key, number in done.items()}
        found.append(each)
        said[each.name] = notes
    return found, said


# --- what it is really ------------------------------------------------------------------------------------------------

UNSCALED, BASE_2 = "unscaled", "base 2"


def _really(seen: Seen, results: Results, wanted: Wanted) -> str:
    """Return what else a result is: another of the scores, scores without a scale, or a logarithm to the base 2."""
    alone = replace(wanted, diagnose=False)
    precisions = _precisions(seen.name, seen.expected, results)
    for name, array, times in _others(seen, results):
        other = replace(seen.right, taken=array, times=times)
        reading, _ = heeded(seen.name, seen.expected, array, results.right["scores"], results.right["logits"])
        if chosen(other, [replace(seen.layout, array=reading)], precisions, alone)[1].agrees:
            return name
    return ""


def _others(seen: Seen, results: Results) -> Iterator[tuple[str, Array, float]]:
    if seen.name == "lse":
        yield BASE_2, results.right["lse"] / np.log(2), 1 / float(np.log(2))
    elif seen.name in MASKED:
        factor = results.core.factor
        if factor not in (0, 1) and "query_scale" not in results.core.inputs:
            yield UNSCALED, results.right["scores"] / factor, max(1.0, 1 / abs(factor))
        for name in MASKED:
            if name in results.right and name != seen.name:
                yield name, results.right[name], 1.0
