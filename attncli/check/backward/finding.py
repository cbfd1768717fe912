"""Compare gradients with the right ones, and name the mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.backpropagation import GIVEN
from attncli.attend.options import Options
from attncli.attend.shapes import show
from attncli.attend.words.array import Role
from attncli.check.backward import facts
from attncli.check.backward.mistakes.arrays import apart
from attncli.check.backward.reference import Gradients, OfArray
from attncli.check.backward.registry import GRADIENTS_SWAPPED, GROUP_SUM
from attncli.check.backward.search import Candidate, Search
from attncli.check.backward.seen import Observed, Seen
from attncli.check.compare import Comparison
from attncli.check.diagnosis import Wanted, chosen, precisions_of, rounding
from attncli.check.explanation import Explanation
from attncli.check.layouts import Layout, own_orders, readings_as
from attncli.check.mistakes.registry import MISTAKES, Mistake
from attncli.check.rounding import GIVEN as AS_GIVEN
from attncli.check.rounding import Level
from attncli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREFIX = "expected_d_"
OTHER_SHAPES = ("query", "key", "value", "hidden")


@dataclass(frozen=True)
class BackwardFinding:
    """What came of a check of gradients.

    Attributes:
        seen: all gradients that were compared, in the order in which they are found.
        roundings: the less precise computation that explains the difference of one, by name, where one does.
        diagnosed: whether mistakes were looked for.
        explanations: what explains the differences.
        facts: what can be said of differences that nothing explains; and that the output is wrong already, if it is.
        stopped: whether there was no time to try every mistake.
    """

    seen: Seen
    roundings: Mapping[str, Level]
    diagnosed: bool = False
    explanations: Sequence[Explanation] = ()
    facts: Sequence[str] = ()
    stopped: bool = False

    @property
    def agrees(self) -> bool:
        """Whether all gradients are right."""
        return not self.seen.wrong


def expected_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return what another program made of gradients, by the names of the arrays that they are of."""
    return {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}


@np.errstate(all="ignore")
def check(
    arrays: Mapping[str, NDArray[Any]],
    options: Options,
    wanted: Wanted,
    progress: Callable[[float], None] | None = None,
    *,
    right_output: bool | None = None,
) -> BackwardFinding:
    """Compare gradients, and look for what explains a difference.

    Args:
        arrays: of the problem, by name, ``d_output`` and the expected gradients among them.
        options: those of the problem.
        wanted: tolerances, and whether to look for mistakes.
        progress: called with the share that is done.
        right_output: whether the output of the same program was right; None: it is not known.

    Raises:
        InputError: a gradient is expected of an array that is not there or has none, or its shape is not that of any.
    """
    given = {name: array for name, array in arrays.items() if name == GIVEN or ARRAYS[name].role in OF_PROBLEM}
    gradients = Gradients.of(given, options)
    expected = expected_of(arrays)
    for name in expected:
        _check_there(name, gradients)
    seen = Seen(
        {name: _observed(name, expected[name], gradients, wanted) for name in gradients.right if name in expected}
    )
    roundings = {each.name: level for each in seen if (level := _rounding(each, gradients)) is not None}
    finding = BackwardFinding(seen, roundings)
    if finding.agrees or not wanted.diagnose:
        return finding
    first = ["the output is wrong already: look there first"] * (right_output is False)
    by_shape = _by_shape(seen)
    if by_shape is not None:
        return replace(finding, diagnosed=True, explanations=[by_shape], facts=first)
    found = Search(gradients, _comparable(seen, gradients), right_output, progress).run()
    explanations = [one for each in found.candidates for one in explained(each)]
    said = () if explanations else facts.observed(seen)
    return replace(finding, diagnosed=True, explanations=explanations, facts=[*first, *said], stopped=found.stopped)


OF_PROBLEM = (Role.STATE, Role.INPUT)


def _check_there(name: str, gradients: Gradients) -> None:
    """Refuse a gradient of what is not there.

    Raises:
        InputError: with the names of those that have one.
    """
    if name in gradients.right:
        return
    hint = "there are " + ", ".join(f"{PREFIX}{each}" for each in gradients.right)
    if name not in gradients.given:
        fact = f"{PREFIX}{name}: there is no {name}"
    elif name == "mask":
        fact = f"{PREFIX}mask: a mask of true and false has no gradient"
    else:
        fact = f"{PREFIX}{name}: {name} has no effect, and so no gradient"
    raise InputError(fact, hint=hint, arrays=[f"{PREFIX}{name}"])


# --- one gradient -----------------------------------------------------------------------------------------------------


def _observed(name: str, expected: NDArray[Any], gradients: Gradients, wanted: Wanted) -> Observed:
    """Compare one gradient with the right one, in whatever layout it is; or with another one that has its shape."""
    read = _readings(name, name, expected, gradients)
    if read:
        return _compared(name, name, read, expected, gradients, wanted)
    odd = []
    for other in OTHER_SHAPES:
        if other in gradients.right and other != name and (read := _readings(other, other, expected, gradients)):
            odd.append(replace(_compared(name, other, read, expected, gradients, wanted), like=other))
    heads = _apart(name, expected, gradients)
    if heads is not None:
        each = _compared(name, name, [heads[0]], expected, gradients, wanted, heads[1])
        odd.append(replace(each, is_apart=True))
    if odd:  # of what it agrees with; or else of the last: one head for each query head
        return next((each for each in odd if each.comparison.agrees), odd[-1])
    wanted_shape = show(gradients.given[name].shape)
    fact = f"{PREFIX}{name} {show(expected.shape)} does not match {name}, {wanted_shape}, in any layout"
    raise InputError(fact, arrays=[f"{PREFIX}{name}"])


def _readings(name: str, of: str, expected: NDArray[Any], gradients: Gradients) -> list[Layout]:
    """Return every way in which an array can be read as the gradient of another."""
    right = OfArray(gradients, name).output
    axes = axes_of(name, right.ndim)
    if name not in (*OTHER_SHAPES, "past_key", "past_value") or "block_table" in gradients.given:
        same = expected.shape == gradients.given[name].shape
        return [Layout(_words(axes, right.shape), gradients.taken(name)(expected), own=True)] if same else []
    options = gradients.options
    own = own_orders(options.layout, packed=gradients.form(name).packed is not None)
    own = [tuple(2 if x == 3 else 3 if x == 2 else x for x in order) for order in own] if _turned(gradients) else own
    found = readings_as(expected, right.shape, own, axes)
    if expected.shape == gradients.given[name].shape:  # the shape of the array itself: first as that one lies
        array = gradients.taken(name)(expected)
        rest = [each for each in found if each.array.strides != array.strides]
        mine = next((each.name for each in found if each.array.strides == array.strides), _words(axes, right.shape))
        found = [Layout(mine, array, own=True), *(replace(each, own=False) for each in rest)]
    return found


def _turned(gradients: Gradients) -> bool:
    return gradients.options.states == "columns"


def axes_of(name: str, count: int = 4) -> tuple[str, ...]:
    """Return what the axes of a gradient with four axes are called."""
    if name in OTHER_SHAPES or name.startswith("past_"):
        return ("batch", "heads", "queries" if name == "query" else "keys", "features")
    if name in ("mask", "bias"):
        return ("batch", "heads", "queries", "keys")
    if name == "sinks":
        return ("batch", "heads", "heads", "column")
    return ("batch", "heads", "rows", "columns")


def _words(axes: Sequence[str], shape: Sequence[int]) -> str:
    return f"({', '.join(name for name, length in zip(axes, shape, strict=True) if length > 1)})"


def _apart(name: str, expected: NDArray[Any], gradients: Gradients) -> tuple[Layout, NDArray[Any]] | None:
    """Return an expected gradient that has a head for each query head, and what these add; None: it is no such one."""
    sizes = gradients.operands.sizes
    if name not in ("key", "value") or sizes.group == 1 or gradients.is_large:
        return None
    right = OfArray(gradients, name).output
    shape = (right.shape[0], sizes.heads, *right.shape[2:])
    read = readings_as(expected, shape, own_orders(gradients.options.layout, packed=sizes.packed), axes_of(name))
    each = apart(gradients.way) if read else None
    return None if each is None else (read[0], each.found()[name])


def _compared(
    name: str,
    other: str,
    read: Sequence[Layout],
    expected: NDArray[Any],
    gradients: Gradients,
    wanted: Wanted,
    right: NDArray[Any] | None = None,
) -> Observed:
    """Compare one gradient, in the layout in which it agrees, with that of an array, or with other right numbers."""
    of = (
        OfArray(gradients, other)
        if right is None
        else _Other(right, gradients.operands.sizes.group, OfArray(gradients, other))
    )
    layout, comparison = chosen(of, read, precisions_of(gradients.operands, expected), wanted)
    tolerance = _tolerance(of, comparison, wanted)
    return Observed(name, layout, of.output, tolerance, comparison, gradients.taken(other))


@dataclass(frozen=True)
class _Other:
    """The gradients of a key head's query heads, one by one: none rounds more than their sum."""

    output: NDArray[Any]
    group: int
    of: OfArray

    def tolerance(self, precision: Any) -> NDArray[Any]:
        return np.repeat(self.of.tolerance(precision), self.group, axis=1)

    def rounding_of(self, expected: NDArray[Any]) -> None:
        return None


def _tolerance(of: Any, comparison: Comparison, wanted: Wanted) -> NDArray[Any]:
    """Return how far each row may be, at the level at which it was compared."""
    level = comparison.level
    if level == AS_GIVEN or level.precision is None:
        allowed = (wanted.atol or 0.0) + (wanted.rtol or 0.0) * np.abs(of.output).max(axis=-1)
        return np.maximum(allowed, np.finfo(float).tiny)
    allowed = of.tolerance(level.precision)
    return allowed if level.decimals is None else allowed + 0.5 * 10.0**-level.decimals


def _rounding(each: Observed, gradients: Gradients) -> Level | None:
    """Return the less precise computation that explains the difference of one."""
    return rounding(each.comparison, precisions_of(gradients.operands, each.expected)) if each.agrees else None


# --- why --------------------------------------------------------------------------------------------------------------


def _comparable(seen: Seen, gradients: Gradients) -> Seen:
    """Return what can be compared with what mistakes make: all in the precision of the coarsest that agrees."""
    levels = [each.comparison.level for each in seen if each.agrees]
    coarsest = max((each.precision for each in levels if each.precision is not None), key=lambda e: e.eps, default=None)
    found = {}
    for each in seen:
        if each.like or each.is_apart:
            continue
        own = each.comparison.level
        if coarsest is not None and own.precision is not None and own.precision.eps < coarsest.eps:
            wider = np.maximum(each.tolerance, gradients.tolerance(each.name, coarsest))
            each = replace(each, tolerance=wider)
        found[each.name] = each
    return Seen(found)


def _by_shape(seen: Seen) -> Explanation | None:
    """Return what the shapes alone say, where all numbers agree with what has that shape."""
    odd = [each for each in seen if each.like or each.is_apart]
    if not odd or not all(each.comparison.agrees for each in seen):
        return None
    rows = sum(each.comparison.wrong.size for each in seen)
    residual = max(each.comparison.error for each in seen)
    if any(each.like for each in odd):
        what = " and ".join(f"d_{each.name} is that of the {each.like}" for each in odd if each.like)
        order = {each.name: each.like for each in odd if each.like}
        return _explanation(GRADIENTS_SWAPPED, "shape", what, GRADIENTS_SWAPPED.fix, order, residual, (rows, rows))
    whose = " and ".join(f"d_{each.name}" for each in odd)
    what = f"{whose} has one head for each query head: those that share a key head were not summed"
    detail = {"arrays": [each.name for each in odd], "form": "apart"}
    return _explanation(GROUP_SUM, "apart", what, GROUP_SUM.fix, detail, residual, (rows, rows))


def explained(candidate: Candidate) -> list[Explanation]:
    """Return a candidate as one explanation for each name that it has."""
    change = candidate.change
    return [
        replace(
            _explanation(
                each, change.form, change.description, change.fix, change.detail, candidate.residual, candidate.rows
            ),
            rank=change.rank,
        )
        for each in (change.mistake, *change.others)
    ]


def _explanation(
    mistake: Mistake,
    form: str,
    what: str,
    fix: str,
    detail: Mapping[str, object],
    residual: float,
    rows: tuple[int, int],
) -> Explanation:
    whole = fix.rstrip(".")
    whole = whole if mistake.id in MISTAKES else whole[:1].lower() + whole[1:]
    return Explanation(
        (mistake.id,), ((mistake.id, form),), (what,), (whole,), {mistake.id: dict(detail)}, None, residual, rows
    )
