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
from attncli.check.backward.registry import BROADCAST_SUM, ROTATION_BACK, SOFTCAP_BACK, TRANSPOSED
from attncli.check.backward.way import Array, Changed, Found, Way

# --- softcap ----------------------------------------------------------------------------------------------------------


def softcap(way: Way) -> Iterator[Change]:
    """The derivative of softcap is wrong."""
    limit = way.operands.options.softcap
    if limit is None:
        return

    def of(form: str, what: str, slope: Callable[[Array], Array]) -> Change:
        def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
            return {"scores": product(found["capped"], slope(made["scores"]))}

        fix = f"multiply by 1 − tanh²(score/{limit:g})"
        return Change(SOFTCAP_BACK, form, in_stage("cap", change), what, fix, {"form": form})

    def through(scores: Array) -> Array:
        return np.tanh(scores / limit)

    yield of("left out", "the derivative of softcap was left out", np.ones_like)
    yield of("not squared", "1 − tanh was taken for 1 − tanh²", lambda s: 1 - through(s))
    yield of("squared", "tanh² was taken for 1 − tanh²", lambda s: through(s) ** 2)
    yield of(
        "capped again", "the derivative was taken at the capped score", lambda s: 1 - through(limit * through(s)) ** 2
    )
    what = "1 − capped² was taken for 1 − (capped/X)²"
    yield of("not divided", what, lambda s: 1 - (limit * through(s)) ** 2)
    yield of("divided by X", "the derivative was divided by X", lambda s: (1 - through(s) ** 2) / limit)
    yield of("times X", "the derivative was multiplied by X", lambda s: (1 - through(s) ** 2) * limit)
    yield of("not by X", "the derivative was that of tanh(score)", lambda s: 1 - np.tanh(s) ** 2)


# --- rotation ---------------------------------------------------------------------------------------------------------


def rotation(way: Way) -> Iterator[Change]:
    """The rotation is not undone, or not rightly."""
    o = way.operands
    if o.options.rope is None or o.norms_late:
        return
    other = {"half": "interleaved", "interleaved": "half"}[o.options.rope]
    hows: dict[str, tuple[str, Callable[..., Array]]] = {
        "not turned": ("was not turned back", _as_it_was),
        "wrong way": ("was turned on instead of back", partial(_turned, onward=True)),
        "other pairs": (f"was turned back with {other} pairs", partial(_turned, pairing=other)),
        "from 0": ("was turned back by positions from 0 on", partial(_turned, from_zero=True)),
    }
    for names in (("query", "key"), ("query",), ("key",)):
        whose = " and ".join(f"d_{name}" for name in names)
        for form, (what, how) in hows.items():
            if form == "from 0" and not (o.standing.min() or o.sizes.past):
                continue
            change = partial(_rotated, names=names, how=how)
            fix = "turn the gradients by the same angles with the other sign: cos, −sin"
            detail = {"arrays": list(names), "form": form}
            apply = in_stage("rotate", change)
            yield Change(ROTATION_BACK, f"{form}: {' '.join(names)}", apply, f"{whose} {what}", fix, detail)


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

    def of(form: str, what: str, make: Callable[[Any, Made, Array], Array]) -> Change:
        def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
            gradients = right(o, made, found)
            return gradients | {name: make(o, found, gradients[name])}

        fix = f"sum d_logits over the axes on which the {name} has length 1"
        whose = f"the gradient of the {name} {what}"
        return Change(BROADCAST_SUM, f"{name} {form}", in_stage("mask", change), whose, fix, {"array": name})

    def summed(gradient: Array) -> Array:
        return summed_to(gradient, (*shape[:3], sizes.keys if shape[3] > 1 else 1))[..., : shape[3]]

    def last(found: Made, axis: int) -> Array:
        return summed(np.take(found["logits"], [-1], axis=axis))

    def mean(axis: int) -> Callable[[Any, Made, Array], Array]:
        return lambda o, found, right: right / full[axis]

    def of_last(axis: int) -> Callable[[Any, Made, Array], Array]:
        return lambda o, found, right: last(found, axis)

    yield of("zero", "was 0", lambda o, found, right: np.zeros_like(right))
    yield of("scaled", "was multiplied by the scale", lambda o, found, right: right * o.factor)
    yield of("divided", "was divided by the scale", lambda o, found, right: right / (o.factor or 1))
    yield of("of weights", "was that of the weights", lambda o, found, right: summed(found["weights"]))
    lacking = [axis for axis in range(4) if shape[axis] == 1 < full[axis]]
    if len(lacking) > 1:
        count = math.prod(full[axis] for axis in lacking)
        what = "was the mean, not the sum, over the axes that it lacks"
        yield of("mean", what, lambda o, found, right: right / count)
    for axis in lacking:
        some = ("batch items", "heads", "queries", "keys")[axis]
        yield of(f"mean of {some}", f"was the mean, not the sum, over the {some}", mean(axis))
        yield of(f"last of {some}", f"was that of the last of the {some} alone", of_last(axis))


# --- products ---------------------------------------------------------------------------------------------------------


def transposed(way: Way) -> Iterator[Change]:
    """A matrix of weights or scores is not transposed in a product, or an operand is taken for another."""
    sizes = way.operands.sizes
    if sizes.queries != sizes.keys:
        return
    fix = "d_query = d_scores · key, d_key = d_scoresᵀ · query, d_value = weightsᵀ · d_output"

    def of(form: str, stage: str, what: str, change: Changed) -> Change:
        return Change(TRANSPOSED, form, whole(in_stage(stage, change)), what, fix, {"form": form})

    def turned(values: Made, name: str) -> dict[str, Any]:
        return {**values, name: np.ascontiguousarray(values[name].swapaxes(-1, -2))}

    def in_score(name: str) -> Changed:
        return lambda o, made, found, right: (
            right(o, made, found) | {name: right(o, made, turned(found, "scores"))[name]}
        )

    yield of("key", "score", "d_key was d_scores · query, without the transpose", in_score("met_key"))
    yield of("query", "score", "d_query was d_scoresᵀ · key", in_score("met_query"))

    def value(o: Any, made: Made, found: Made, right: Backward) -> Found:
        # The logits tell which weights are of closed keys.
        across = turned(turned(made, "weights"), "logits")
        return right(o, made, found) | {"value": right(o, across, found)["value"]}

    yield of("value", "sum", "d_value was weights · d_output, without the transpose", value)
    if sizes.group != 1:
        return

    def taken(name: str, other: str) -> Changed:
        def change(o: Any, made: Made, found: Made, right: Backward) -> Found:
            own = f"met_{'key' if name == 'query' else 'query'}"
            return right(o, made, found) | {f"met_{name}": right(o, {**made, own: made[other]}, found)[f"met_{name}"]}

        return change

    yield of("query by query", "score", "d_query was d_scores · query instead of · key", taken("query", "met_query"))
    yield of("key by key", "score", "d_key was d_scoresᵀ · key instead of · query", taken("key", "met_key"))
