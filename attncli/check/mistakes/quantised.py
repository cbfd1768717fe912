"""Keys and values that went through codes, with a scale or a zero point that is lost, another one's, or too small.

What a cache of fewer bits costs where nothing is wrong with it is in `attncli.check.mistakes.cache`. Here are the kinds
of codes that it has not, and what goes wrong in giving numbers back. Each is tried on a few rows first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.cache.option import GROUP, STATES
from attncli.attend.operands import Operands
from attncli.check.codes import (
    BEYOND,
    COUNTED,
    FLOATING,
    STEPS,
    SYMMETRIC,
    UNSIGNED,
    WRAPPED,
    Coded,
    Kind,
    extremes,
)
from attncli.check.mistakes import pieces
from attncli.check.mistakes.cache import GROUPS
from attncli.check.mistakes.registry import CACHE_ROUNDED
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import OUTPUT, Recipe
from attncli.check.sample import Sample
from attncli.sentences import sentence, word, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]

# Which axes of (batch, heads, S, features) share a scale.
SHARED = {
    "batch": (0, 1, 2, 3),
    "tensor": (1, 2, 3),
    "head": (2, 3),
    "channel": (2,),
    "token": (3,),
    "token of all heads": (1, 3),
}
# Along which axis scales may be another's, and what stands there.
ALONG = ("item", "head", "token", "feature")
# Those that are tried where another thing is wrong than the scales themselves.
USUAL = ("batch", "head", "channel", "token")
# Numbers that a scale may be fixed by beforehand: the largest that has a code.
LIMITS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 16.0)
# How many rows are tried first, and how much of the difference may be left in them.
ROWS, LEFT, MOST = 3, 0.5, 0.25


@dataclass(frozen=True)
class Way:
    """One way through codes.

    Attributes:
        kind: of codes, by name.
        scales: what has a scale of its own, by name.
        fault: what went wrong; "" if nothing.
        coded: how a state, by name, is held; None where it cannot be.
    """

    kind: str
    scales: str
    fault: str
    held: Mapping[str, Coded]


def codes(o: Operands) -> Iterator[Generator]:
    """Keys, values or both went through codes, and something was wrong with the scales."""
    yield Generator(pieces.CACHE, _found, in_layers=True)


def _found(observed: Observed) -> Iterator[Variant]:
    right = observed.right
    if right.until != OUTPUT or not observed.sample.groups:
        return
    few = Sample((observed.sample.groups[0].some(slice(ROWS)),))
    most = min(LEFT * few.distance(right), MOST)
    for way in ways(right.operands):
        for states in (STATES, *((state,) for state in STATES)):
            if all(state in way.held for state in states):
                made = _variant(way, states)
                recipe = made.apply(right)
                if recipe is not None and few.distance(recipe, most) <= most:
                    yield made


def ways(o: Operands) -> Iterator[Way]:
    """Return all ways through codes that these keys and values may have gone, the likeliest first."""
    states = {name: np.asarray(getattr(o, name), np.float64) for name in STATES}
    if any(not np.isfinite(each).all() or not each.size for each in states.values()):
        return
    yield from _fixed(states)
    for scales, axes, group in _scales(o, states):
        for kinds, make in ((SYMMETRIC + FLOATING, _symmetric), (COUNTED, _asymmetric)):
            for kind in kinds:
                yield from _together(kind, scales, {name: make(kind, x, axes, group) for name, x in states.items()})
        for kind, fault in _overflowing():
            held = {name: _plainly(kind, _peak(x, axes, group)) for name, x in states.items()}
            yield Way(kind.name, scales, fault, held)
    if o.sizes.past:
        yield from _in_the_past(states, o.sizes.past)
    yield from _unpacked(states)


def _scales(o: Operands, states: Mapping[str, Array]) -> Iterator[tuple[str, tuple[int, ...], int | None]]:
    sizes = o.sizes
    there = {"tensor": sizes.batch > 1, "head": sizes.key_heads > 1, "token of all heads": sizes.key_heads > 1}
    yield from ((name, axes, None) for name, axes in SHARED.items() if there.get(name, True))
    for size in GROUPS:
        if all(each.shape[-1] > size and each.shape[-1] % size == 0 for each in states.values()):
            yield f"{GROUP}{size}", (), size


def _peak(x: Array, axes: tuple[int, ...], group: int | None) -> Array:
    low, high = extremes(x, axes, group)
    return np.asarray(np.maximum(-low, high))


def _plainly(kind: Kind, peak: Array) -> Coded:
    scale = peak / kind.largest
    return Coded.with_scales((scale, 0.0, scale, 0.0), code=kind.to)


def _together(kind: Kind, scales: str, made: Mapping[str, Mapping[str, Coded]]) -> Iterator[Way]:
    """Return what may have happened to one state or more, fault by fault."""
    faults = dict.fromkeys(fault for each in made.values() for fault in each)
    for fault in faults:
        yield Way(kind.name, scales, fault, {name: each[fault] for name, each in made.items() if fault in each})


def _symmetric(kind: Kind, x: Array, axes: tuple[int, ...], group: int | None) -> dict[str, Coded]:
    """Return the states with a scale that is lost, applied twice, or another's."""
    scale = _peak(x, axes, group) / kind.largest
    # Nothing wrong with it is a matter of `cache`, but for the scales that it has not.
    others = {"": scale} if axes in (SHARED["batch"], SHARED["token of all heads"]) else {}
    others |= {"forgotten": np.ones_like(scale), "twice": scale * scale, "divided": 1 / np.where(scale == 0, 1, scale)}
    others |= _of_others(scale)
    return {name: Coded.with_scales((scale, 0.0, back, 0.0), code=kind.to) for name, back in others.items()}


def _asymmetric(kind: Kind, x: Array, axes: tuple[int, ...], group: int | None) -> dict[str, Coded]:
    """Return the states with a zero point that is rounded or not, lost, another's, or of the other sign."""
    low, high = extremes(x, axes, group)
    scale = (high - low) / kind.largest
    scale = np.where(scale == 0, 1, scale)
    whole_low = np.rint(low / scale) * scale
    found: dict[str, tuple[Array, Array, Array | float]]
    found = {"": (low, scale, low), "zero forgotten": (low, scale, 0.0), "zero sign": (low, scale, -low)}
    found |= {"zero rounded": (whole_low, scale, whole_low), "zero unscaled": (low, scale, low / scale)}
    found |= {"forgotten": (low, np.ones_like(scale), low / scale)}
    if low.size > 1:
        found |= {f"zero {name}": (low, scale, other) for name, other in _of_others(low).items()}
        found |= {name: (low, other, low) for name, other in _of_others(scale).items()}
    return {
        name: Coded.with_scales((scale, start, back, shift), code=kind.to)
        for name, (start, back, shift) in found.items()
    }


def _of_others(scale: Array) -> dict[str, Array]:
    """Return scales that are those of others, by whose they are."""
    found: dict[str, Array] = {}
    for axis, name in enumerate(ALONG):
        if scale.shape[axis] > 1:
            first = np.take(scale, [0], axis)
            found |= {
                f"first {name}": first,
                f"next {name}": np.roll(scale, -1, axis),
                f"previous {name}": np.roll(scale, 1, axis),
                f"largest {name}": scale.max(axis=axis, keepdims=True),
                f"mean {name}": scale.mean(axis=axis, keepdims=True),
                f"last {name}": np.take(scale, [-1], axis),
            }
    return found


def _overflowing() -> Iterator[tuple[Kind, str]]:
    yield from ((kind, "wraps") for kind in WRAPPED)
    yield from ((kind, "beyond") for kind in BEYOND)
    yield from ((kind, "unsigned") for kind in UNSIGNED)


def _fixed(states: Mapping[str, Array]) -> Iterator[Way]:
    """Scales that were fixed beforehand: what is beyond the largest code is cut."""
    peak = max(float(np.abs(each).max()) for each in states.values())
    for step in STEPS:
        held = Coded.with_scales((step, 0.0, step, 0.0), code=np.rint)
        yield Way("whole", f"{step:g}", "step", dict.fromkeys(states, held))
    for kind in (*FLOATING, *SYMMETRIC):
        for limit in LIMITS:
            if limit < peak or kind in SYMMETRIC:
                scale = limit / kind.largest
                held = Coded.with_scales((scale, 0.0, scale, 0.0), code=kind.to)
                yield Way(kind.name, f"{limit:g}", "limit", dict.fromkeys(states, held))
    for limit in LIMITS:
        if limit < peak:
            held = Coded.with_scales((1.0, 0.0, 1.0, 0.0), code=partial(np.clip, a_min=-limit, a_max=limit))
            yield Way("cut", f"{limit:g}", "cut", dict.fromkeys(states, held))


def _in_the_past(states: Mapping[str, Array], past: int) -> Iterator[Way]:
    """What is in the cache is given back without its scale, and what is new needs none."""
    for kind in SYMMETRIC:
        for scales in USUAL:
            held = {}
            for name, x in states.items():
                scale = _peak(x[:, :, :past], SHARED[scales], None) / kind.largest
                held[name] = Coded.with_scales((scale, 0.0, 1.0, 0.0), code=kind.to, end=past)
            yield Way(kind.name, scales, "past", held)


def _unpacked(states: Mapping[str, Array]) -> Iterator[Way]:
    """Two codes of four bits in a byte, read in another order than they were written."""
    kind = SYMMETRIC[1]
    for scales in USUAL:
        for order in ("swapped", "halves", "interleaved"):
            held = {}
            for name, x in states.items():
                if x.shape[-1] % 2 == 0:
                    one = _plainly(kind, _peak(x, SHARED[scales], None))
                    held[name] = replace(one, order=_order(order, x.shape[-1]))
            yield Way(kind.name, scales, f"nibbles {order}", held)


def _order(name: str, features: int) -> NDArray[np.int64]:
    at = np.arange(features).reshape(-1, 2)
    return {"swapped": at[:, ::-1], "halves": at.T, "interleaved": at.reshape(2, -1).T}[name].ravel()


def _variant(way: Way, states: tuple[str, ...]) -> Variant:
    fixed = way.fault in ("step", "limit", "cut")
    which = words("states", states)
    if fixed:
        said = sentence(f"codes_{way.fault}", states=which, kind=way.kind, number=way.scales)
    else:
        scales = (
            sentence("scales_group", size=way.scales.removeprefix(GROUP))
            if way.scales.startswith(GROUP)
            else word("scales", way.scales)
        )
        fault = word("codes_fault", way.fault or "none")
        said = sentence("codes_through", states=which, kind=way.kind, scales=scales, fault=fault)
    return Variant(
        (CACHE_ROUNDED,),
        pieces.CACHE,
        f"{','.join(states)} {way.kind}:{way.scales} {way.fault}",
        partial(_held, held={name: way.held[name] for name in states}),
        said,
        sentence("fix_codes"),
        {"states": list(states), "codes": way.kind, "scales": way.scales, "fault": way.fault or "none"},
    )


def _held(recipe: Recipe, *, held: Mapping[str, Coded]) -> Recipe | None:
    return recipe.with_operands(held={**recipe.operands.held, **held})
