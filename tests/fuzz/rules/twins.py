"""The same computation asked for in two ways: it gives the same bits, or the same up to rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from attncli import attention, score, softmax, steps, weighted_sum
from attncli.attend.arrays import ARRAYS
from attncli.attend.fast import stream, tiles
from attncli.attend.options import Options
from attncli.attend.prepare import prepare
from tests.fuzz import forms
from tests.fuzz.campaign import Case
from tests.fuzz.compare import MORE_TIMES, TIMES, Truth, near, same_bits
from tests.fuzz.guard import BrokenError
from tests.fuzz.problems import ROTARY, Array, Layout, Problem, Rng, Sizes, draw, drawn
from tests.fuzz.reference import types
from tests.fuzz.rules.order import over_scores, tame
from tests.support.declared import Given

RESULTS = ("scores", "logits", "weights", "output")


def in_another_layout(case: Case) -> None:
    """Equal arrays give equal bits, however they lie in memory."""
    p = draw(case.numbers)
    case.about = forms.words(p)
    given = forms.given(p)
    other: Given = {
        name: _moved(each, case.numbers) if isinstance(each, np.ndarray) else each for name, each in given.items()
    }
    with np.errstate(all="ignore"):
        one, two = steps(**given), steps(**other)
    for name in RESULTS:
        same_bits(getattr(two, name), getattr(one, name), f"{name} of arrays that lie otherwise")
    same_bits(attention(**other), attention(**given), "attention of arrays that lie otherwise")


def _moved(array: Array, rng: Rng) -> Array:
    """Return an equal array that lies otherwise in memory."""
    return LAYOUTS[rng.integers(len(LAYOUTS))](array)


def _padded(array: Array) -> Array:
    wide = np.zeros((*array.shape[:-1], array.shape[-1] + 3), array.dtype)
    wide[..., : array.shape[-1]] = array
    return wide[..., : array.shape[-1]]


def _strided(array: Array) -> Array:
    wide = np.repeat(array, 2, axis=0)
    return wide[::2]


def _backwards(array: Array) -> Array:
    return np.ascontiguousarray(array[::-1])[::-1]


def _unaligned(array: Array) -> Array:
    held = np.empty(array.nbytes + 1, np.uint8)[1:]
    found = held.view(array.dtype).reshape(array.shape)
    found[...] = array
    return found


def _read_only(array: Array) -> Array:
    found = array.copy()
    found.flags.writeable = False
    return found


def _crossed(array: Array) -> Array:
    return np.ascontiguousarray(array.swapaxes(0, -1)).swapaxes(0, -1)


def _swapped(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder()) if array.dtype.kind in "iuf" else array


LAYOUTS: tuple[Callable[[Array], Array], ...] = (
    np.asfortranarray, _padded, _strided, _backwards, _unaligned, _read_only, _crossed, _swapped,
)  # fmt: skip


def in_another_form(case: Case) -> None:
    """Packed, in columns, with fewer axes or as hidden: the same bits."""
    p = draw(case.numbers, ("normal", "whole"))
    case.about = forms.words(p)
    plain = replace(p, layout=Layout())
    with np.errstate(all="ignore"):
        made, one = steps(**forms.given(p)), steps(**plain.plain)
    for name in RESULTS:
        same_bits(getattr(made, name), forms.seen(p, name, getattr(one, name)), f"{name} in another form")


def large(case: Case, flavours: tuple[str, ...] = ("normal", "normal", "large", "special")) -> Problem:
    """Return a problem of several tiles, or just at the edge of one, in one type."""
    edges = [
        1,
        2,
        *(each + more for each in (tiles.FEW_ROWS, tiles.DIAGONAL_KEYS, tiles.KEYS) for more in (-1, 0, 1)),
        500,
    ]
    one = case.rng.choice
    heads = one((1, 2))
    sizes = Sizes(
        B=one((1, 2)), H=heads * one((1, 2)), K=heads,
        L=one(edges), S=one([*edges, 2 * tiles.PART + 1]), P=one((0, 0, 3)),
        E=(features := one((2, 4, 8))), Ek=features, Ev=one((1, 3, 8)), A=features,
    )  # fmt: skip
    if sizes.B * sizes.H * sizes.L * sizes.keys > 400_000:
        sizes = replace(sizes, B=1, H=heads, L=min(sizes.L, 40))
    p = drawn(case.numbers, sizes, Layout(), one(flavours))
    p = p.without("states", "layout", "heads", "kv_heads", "dtype").typed(one(("f4", "f4", "f8")))
    case.about = forms.words(p)
    return p


def the_stream(case: Case) -> None:
    """Gives what the steps give, in every tile."""
    p = large(case)
    with np.errstate(all="ignore"):
        right = steps(**_typed(p, "float64")).output
        plain = [steps(**_typed(p, "float32")).output, *(_nudged(p, case.numbers) for _ in range(TIMES - 1))]
        made = attention(**_typed(p, "float32"))
        try:
            near(made, right, plain, "attention in tiles")
        except BrokenError:  # as in `Truth.hold`: few measurements may all happen to be right
            more = [_nudged(p, case.numbers) for _ in range(MORE_TIMES - TIMES)]
            near(made, right, [*plain, *more], "attention in tiles")


def _typed(p: Problem, dtype: str) -> Given:
    """Return a problem whose numbers are those of float32, to be computed in a type."""
    return p.typed("f4").plain | {"dtype": dtype}


def _nudged(p: Problem, rng: Rng) -> Array:
    """Return the output in float32 with all numbers, and the logits, moved by a rounding error."""
    moved = [n for n, array in p.arrays.items() if array.dtype.kind == "f" and not ARRAYS[n].is_whole]
    given = _typed(p.changed(**{n: _moved_by(p.arrays[n], rng) for n in moved}), "float32")
    weights = softmax(_moved_by(steps(**given).logits, rng), sinks=given.get("sinks"))
    return weighted_sum(weights, given["value"], past_value=given.get("past_value"))


def _moved_by(array: Array, rng: Rng) -> Array:
    return (array * (1 + np.finfo("f4").eps * rng.uniform(-1, 1, array.shape))).astype(array.dtype)


def with_more_threads(case: Case) -> None:
    """The same bits."""
    p = large(case)
    o = prepare(dict(p.arrays), Options.parse(p.options))
    one = stream.run(o, threads=1).output
    for threads in (2, 3):
        same_bits(stream.run(o, threads=threads).output, one, f"{threads} threads")


def step_by_step(case: Case) -> None:
    """score, softmax and weighted_sum, one after another, give the bits of the steps."""
    p = draw(case.numbers).without("cache")  # of which the sum alone knows nothing
    case.about = forms.words(p)
    given = forms.given(p)
    with np.errstate(all="ignore"):
        made = steps(**given)
        if types(p)[0] == types(p.changed(value=p.arrays["key"]))[0] and p.layout.hidden in ((), ("key", "value")):
            scored = score(**{n: each for n, each in given.items() if n != "value"})
            same_bits(scored, made.logits, "score")
        same_bits(softmax(made.logits, sinks=given.get("sinks")), made.weights, "softmax")
        value = given["value" if "value" in given else "hidden"]
        if p.layout.page:
            return  # a pool has no table there
        layout = {name: given[name] for name in ("states", "layout", "heads", "kv_heads") if name in given}
        summed = weighted_sum(made.weights, value, past_value=given.get("past_value"), **layout)
        if summed.dtype == made.weights.dtype:
            same_bits(summed.astype(made.output.dtype), made.output, "weighted_sum")


def a_cache(case: Case) -> None:
    """Is more keys: the same bits, where nothing is rotated."""
    p = tame(case, *ROTARY, "key_lengths")
    if "past_key" not in p.arrays:
        return
    batch = {name: max(len(p.arrays[f"past_{name}"]), len(p.arrays[name])) for name in ("key", "value")}
    whole = {
        name: np.concatenate(
            [np.broadcast_to(x, (batch[name], *x.shape[1:])) for x in (p.arrays[f"past_{name}"], p.arrays[name])],
            axis=2,
        )
        for name in batch
    }
    options = {"offset": p.sizes.P} | p.options
    other = replace(p.without("past_key", "past_value").changed(**whole), options=options)
    for name in RESULTS:
        same_bits(getattr(steps(**p.plain), name), getattr(steps(**other.plain), name), f"{name} with a cache")
    same_bits(attention(**p.plain), attention(**other.plain), "attention with a cache")


def shared_heads(case: Case) -> None:
    """Are heads that stand there several times."""
    p = tame(case)
    group = p.sizes.H // p.sizes.K
    names = [name for name in ("key", "value", "past_key", "past_value") if name in p.arrays]
    other = p.changed(**{name: np.repeat(p.arrays[name], group, axis=1) for name in names})
    made, truth = steps(**other.plain), Truth(p)
    truth.hold({name: getattr(made, name) for name in RESULTS}, "repeated heads")
    truth.hold({"output": attention(**other.plain)}, "attention with repeated heads")


def a_boolean_mask(case: Case) -> None:
    """Is a mask of 0 and −∞."""
    p = tame(case, "mask")
    shape = (*p.sizes.of("B", "H", "L"), p.sizes.keys)
    is_open = over_scores(case.numbers.random((p.sizes.L, p.sizes.keys)) < 0.6, shape, closes=True)
    one, two = p.changed(mask=is_open), p.changed(mask=np.where(is_open, 0.0, -np.inf))
    for name in RESULTS:
        same_bits(getattr(steps(**one.plain), name), getattr(steps(**two.plain), name), f"{name} with a boolean mask")
    truth = Truth(one)
    truth.hold({"output": attention(**one.plain)}, "attention with a boolean mask")
    truth.hold({"output": attention(**two.plain)}, "attention with a mask of numbers")


RULES = (
    in_another_layout,
    in_another_form,
    the_stream,
    with_more_threads,
    step_by_step,
    a_cache,
    shared_heads,
    a_boolean_mask,
)
