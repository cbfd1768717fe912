"""Wrong gradients of softcap, of the rotation, of what is added to the scores, and of the products."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from attncli.attend.shapes import Sizes
from attncli.attend.stages.rotate import key_places, query_places, rotation_of
from attncli.attend.stages.stage import Backward, Made
from attncli.attend.views import product, summed_to
from attncli.check.backward.change import Change, in_stage, whole
from attncli.check.backward.mistakes.arrays import of_arrays
from attncli.check.backward.registry import BROADCAST_SUM, ROTATION_BACK, SOFTCAP_BACK, TRANSPOSED
from attncli.check.backward.way import Array, Changed, Found, Way
from attncli.sentences import sentence, word

# --- softcap ----------------------------------------------------------------------------------------------------------


def softcap(way: Way) -> Iterator[Change]:
    """The derivative of softcap is wrong."""
    limit = way.operands.options.softcap
    if limit is None:
        return

    def of(form: str, slope: Callable[[Array], Array]) -> Change:
        def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
            return {"scores": product(found["capped"], slope(made["scores"]))}

        what, fix = word("softcap_back", form), sentence("fix_softcap_back", cap=f"{limit:g}")
        return Change(SOFTCAP_BACK, form, in_stage("cap", change), what, fix, {"form": form})

    def through(scores: Array) -> Array:
        return np.tanh(scores / limit)

    yield of("left out", np.ones_like)
    yield of("not squared", lambda s: 1 - through(s))
    yield of("squared", lambda s: through(s) ** 2)
    yield of("capped again", lambda s: 1 - through(limit * through(s)) ** 2)
    yield of("not divided", lambda s: 1 - (limit * through(s)) ** 2)
    yield of("divided by X", lambda s: (1 - through(s) ** 2) / limit)
    yield of("times X", lambda s: (1 - through(s) ** 2) * limit)
    yield of("not by X", lambda s: 1 - np.tanh(s) ** 2)


# --- rotation ---------------------------------------------------------------------------------------------------------


def rotation(way: Way) -> Iterator[Change]:
    """The rotation is not undone, or not rightly."""
    o = way.operands
    if o.options.rope is None or o.norms_late:
        return
    other = {"half": "interleaved", "interleaved": "half"}[o.options.rope]
    hows: dict[str, Callable[..., Array]] = {
        "not turned": _as_it_was,
        "wrong way": partial(_turned, onward=True),
        "other pairs": partial(_turned, pairing=other),
        "from 0": partial(_turned, from_zero=True),
    }
    for names in (("query", "key"), ("query",), ("key",)):
        for form, how in hows.items():
            if form == "from 0" and not (o.standing.min() or o.sizes.past):
                continue
            change = partial(_rotated, names=names, how=how)
            pairing = {"pairing": other} if form == "other pairs" else {}
            what = sentence(f"turned_{form.replace(' ', '_')}", whose=of_arrays(names), **pairing)
            apply, detail = in_stage("rotate", change), {"arrays": list(names), "form": form}
            fix = sentence("fix_rotation_back")
            yield Change(ROTATION_BACK, f"{form}: {' '.join(names)}", apply, what, fix, detail)


def _rotated(
    o: Any, made: Made, found: Made, right: Backward, *, names: tuple[str, ...], how: Callable[..., Array]
) -> Found:
    return right(o, made, found) | {
        name: summed_to(how(o, name, found[f"met_{name}"]), o.states[name].shape) for name in names
    }


def _as_it_was(o: Any, name: str, given: Array) -> Array:
    return given


def _turned(
    o: Any, name: str, given: Array, *, onward: bool = False, pairing: str = "", from_zero: bool = False
) -> Array:
    """Return a gradient turned in another way."""
    past = o.sizes.past if name == "key" else 0
    options = replace(o.options, rope=pairing) if pairing else o.options
    turning = rotation_of(replace(o, options=options), given.shape[-1])
    places = query_places(o) if name == "query" else key_places(o)
    places = places - places.min(axis=-1, keepdims=True) if from_zero else places
    cos, sin = turning.tables(places, o.dtype)
    back = turning.turn(np.ascontiguousarray(given[:, :, past:]), cos, sin if onward else -sin)
    return np.concatenate([given[:, :, :past], back], axis=2) if past else back


# --- what is added ----------------------------------------------------------------------------------------------------


def added(way: Way) -> Iterator[Change]:
    """The gradient of what is added to the scores is wrong, and nothing else."""
    for name in ("bias", "mask"):
        array = getattr(way.operands, name)
        if array is not None and array.dtype != bool:
            yield from _added(way.operands.sizes, name, array.shape)


def _added(sizes: Sizes, name: str, shape: tuple[int, ...]) -> Iterator[Change]:
    full = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)

    def of(form: str, what: str, make: Callable[[Any, Made, Array], Array], axis: str = "") -> Change:
        def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
            gradients = right(o, made, found)
            return gradients | {name: make(o, found, gradients[name])}

        whose, over = word("name", name), {"axis": word("axis", axis)} if axis else {}
        description, fix = sentence(f"added_{what}", whose=whose, **over), sentence("fix_broadcast", whose=whose)
        return Change(BROADCAST_SUM, f"{name} {form}", in_stage("mask", change), description, fix, {"array": name})

    def summed(gradient: Array) -> Array:
        return summed_to(gradient, (*shape[:3], sizes.keys if shape[3] > 1 else 1))[..., : shape[3]]

    def last(found: Made, axis: int) -> Array:
        return summed(np.take(found["logits"], [-1], axis=axis))

    def mean(axis: int) -> Callable[[Any, Made, Array], Array]:
        return lambda o, found, right: right / full[axis]

    def of_last(axis: int) -> Callable[[Any, Made, Array], Array]:
        return lambda o, found, right: last(found, axis)

    yield of("zero", "zero", lambda o, found, right: np.zeros_like(right))
    yield of("scaled", "scaled", lambda o, found, right: right * o.factor)
    yield of("divided", "divided", lambda o, found, right: right / (o.factor or 1))
    yield of("of weights", "of_weights", lambda o, found, right: summed(found["weights"]))
    lacking = [axis for axis in range(4) if shape[axis] == 1 < full[axis]]
    if len(lacking) > 1:
        count = math.prod(full[axis] for axis in lacking)
        yield of("mean", "mean", lambda o, found, right: right / count)
    for axis in lacking:
        some = ("batch items", "heads", "queries", "keys")[axis]
        yield of(f"mean of {some}", "mean_of", mean(axis), some)
        yield of(f"last of {some}", "last_of", of_last(axis), some)


# --- products ---------------------------------------------------------------------------------------------------------


def transposed(way: Way) -> Iterator[Change]:
    """A matrix of weights or scores is not transposed in a product, or an operand is taken for another."""
    sizes = way.operands.sizes
    if sizes.queries != sizes.keys:
        return
    fix = sentence("fix_transposed")

    def of(form: str, stage: str, change: Changed) -> Change:
        what = word("transposed", form)
        return Change(TRANSPOSED, form, whole(in_stage(stage, change)), what, fix, {"form": form})

    def turned(values: Made, name: str) -> dict[str, Any]:
        return {**values, name: np.ascontiguousarray(values[name].swapaxes(-1, -2))}

    def in_score(name: str) -> Changed:
        return lambda o, made, found, right: (
            right(o, made, found) | {name: right(o, made, turned(found, "scores"))[name]}
        )

    yield of("key", "score", in_score("met_key"))
    yield of("query", "score", in_score("met_query"))

    def value(o: Any, made: Made, found: Made, right: Backward) -> Found:
        # The logits tell which weights are of closed keys.
        across = turned(turned(made, "weights"), "logits")
        return right(o, made, found) | {"value": right(o, across, found)["value"]}

    yield of("value", "sum", value)
    if sizes.group != 1:
        return

    def taken(name: str, other: str) -> Changed:
        def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
            own = f"met_{'key' if name == 'query' else 'query'}"
            return right(o, made, found) | {f"met_{name}": right(o, {**made, own: made[other]}, found)[f"met_{name}"]}

        return change

    yield of("query by query", "score", taken("query", "met_query"))
    yield of("key by key", "score", taken("key", "met_key"))
