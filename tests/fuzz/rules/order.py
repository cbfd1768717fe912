"""Keys, queries, heads and batch items in another order, twice, apart, shifted, and closed ones that hold NaN."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from attncli import attention, steps
from tests.fuzz import forms
from tests.fuzz.campaign import Case
from tests.fuzz.compare import Truth, near
from tests.fuzz.problems import BY_RULE, ROTARY, Array, Layout, Problem, draw

# What depends on where a key stands.
POSITIONAL = ("causal", "window", "offset", "alibi", "key_lengths", *ROTARY, *BY_RULE)
TAME = ("normal", "normal", "whole", "large", "equal")


def tame(case: Case, *without: str) -> Problem:
    """Return a problem of finite numbers in one type, in the form of the reference."""
    p = replace(draw(case.numbers, TAME), layout=Layout()).without(*without, "states", "layout", "heads", "kv_heads")
    p = p.typed(case.rng.choice(("f4", "f8")))
    case.about = forms.words(p)
    return p


def still(case: Case, *without: str) -> Problem:
    """Return one in which nothing depends on where a key stands, and every array over the scores has all its axes."""
    p = tame(case, *POSITIONAL, *without)
    arrays = dict(p.arrays)
    for name in ("key", "value"):
        if f"past_{name}" in arrays:
            past, new = arrays.pop(f"past_{name}"), arrays[name]
            batch = max(len(past), len(new))
            arrays[name] = np.concatenate([np.broadcast_to(x, (batch, *x.shape[1:])) for x in (past, new)], axis=2)
    sizes = replace(p.sizes, S=p.sizes.keys, P=0)
    for name in ("mask", "bias"):
        if name in arrays:
            arrays[name] = over_scores(arrays[name], (*sizes.of("B", "H", "L"), sizes.keys), closes=name == "mask")
    if "query_scale" in arrays:
        own = arrays["query_scale"]
        own = own.reshape((1,) * (3 - own.ndim) + own.shape)
        arrays["query_scale"] = np.broadcast_to(own, sizes.of("B", "H", "L"))
    for name in ("query", "key", "value"):
        arrays[name] = np.broadcast_to(arrays[name], (sizes.B, *arrays[name].shape[1:]))
    p = replace(p, sizes=sizes, arrays=arrays)
    case.about = forms.words(p)
    return p


def over_scores(array: Array, shape: tuple[int, ...], *, closes: bool) -> Array:
    """Return a mask or bias with all axes; a mask that ends early closes the other keys."""
    array = array.reshape((1,) * (4 - array.ndim) + array.shape)
    if closes and array.shape[3] < shape[3]:
        rest = (*array.shape[:3], shape[3] - array.shape[3])
        closed = np.zeros(rest, bool) if array.dtype == bool else np.full(rest, -np.inf, array.dtype)
        array = np.concatenate([array, closed], axis=3)
    return np.broadcast_to(array, shape).copy()


def turned(p: Problem, names: tuple[str, ...], axis: int, order: Array) -> Problem:
    """Return a problem with one axis of some arrays in another order."""
    return p.changed(**{name: np.take(p.arrays[name], order, axis) for name in names if name in p.arrays})


def same_in_order(case: Case, names: dict[str, int], axis: int, results: dict[str, int]) -> None:
    """Assert that a problem with an axis in another order gives the same results in that order.

    Args:
        case: the case.
        names: the arrays that have the axis, and which of their axes it is.
        axis: of the logits.
        results: the results that have the axis; the others must be the same.
    """
    p = still(case)
    order = case.numbers.permutation((*p.sizes.of("B", "H", "L"), p.sizes.keys)[axis])
    other = p
    for name, at in names.items():
        other = turned(other, (name,), at, order)
    back = np.argsort(order)
    made = steps(**other.plain)
    found = {"logits": made.logits, "weights": made.weights, "output": made.output}
    found = {name: np.take(each, back, results[name]) if name in results else each for name, each in found.items()}
    truth = Truth(p)
    truth.hold(found, "steps in another order")
    output = attention(**other.plain)
    truth.hold(
        {"output": np.take(output, back, results["output"]) if "output" in results else output},
        "attention in another order",
    )


def keys_in_another_order(case: Case) -> None:
    """Give the same output."""
    same_in_order(case, {"key": 2, "value": 2, "mask": 3, "bias": 3}, 3, {"logits": 3, "weights": 3})


def queries_in_another_order(case: Case) -> None:
    """Give the same rows."""
    same_in_order(
        case, {"query": 2, "mask": 2, "bias": 2, "query_scale": 2}, 2, {"logits": 2, "weights": 2, "output": 2}
    )


def batch_in_another_order(case: Case) -> None:
    """Gives the same items."""
    names = dict.fromkeys(("query", "key", "value", "mask", "bias", "query_scale"), 0)
    same_in_order(case, names, 0, {"logits": 0, "weights": 0, "output": 0})


def heads_in_another_order(case: Case) -> None:
    """Give the same heads, where each has its own key head."""
    p = still(case)
    group = p.sizes.H // p.sizes.K
    order = case.numbers.permutation(p.sizes.K)
    of_queries = (order[:, None] * group + np.arange(group)).ravel()
    other = turned(turned(p, ("key", "value"), 1, order), ("query", "mask", "bias", "query_scale"), 1, of_queries)
    other = turned(other, ("sinks",), 0, of_queries)
    back = np.argsort(of_queries)
    made = steps(**other.plain)
    found = {name: np.take(getattr(made, name), back, 1) for name in ("logits", "weights", "output")}
    truth = Truth(p)
    truth.hold(found, "steps with heads in another order")
    truth.hold({"output": np.take(attention(**other.plain), back, 1)}, "attention with heads in another order")


def a_shift_of_all_scores(case: Case) -> None:
    """Changes no weight."""
    p = still(case, "sinks")
    shape = (*p.sizes.of("B", "H", "L"), p.sizes.keys)
    shift = case.numbers.integers(-20, 21, (*shape[:3], 1)).astype(float)
    bias = np.asarray(p.arrays.get("bias", np.zeros(shape)), float) + shift
    other = p.changed(bias=bias)
    made = steps(**other.plain)
    right, plain = Truth(p).right, [*Truth(p).plain, *Truth(other).plain]
    for name, array in (("weights", made.weights), ("output", made.output), ("output", attention(**other.plain))):
        near(array, right[name], [each[name] for each in plain], f"shifted scores: {name}")


def every_key_twice(case: Case) -> None:
    """Halves each weight, and changes no output."""
    p = still(case, "sinks")
    twice = {n: np.concatenate([p.arrays[n]] * 2, axis) for n, axis in _of_keys(p)}
    other = replace(p.changed(**twice), sizes=replace(p.sizes, S=2 * p.sizes.S))
    made, keys = steps(**other.plain), p.sizes.keys
    right, plain = Truth(p).right, [*Truth(p).plain, *map(_halved, Truth(other).plain)]
    for part in (made.weights[..., :keys], made.weights[..., keys:]):
        near(2 * part, right["weights"], [each["weights"] for each in plain], "keys twice: weights")
    for output in (made.output, attention(**other.plain)):
        near(output, right["output"], [each["output"] for each in plain], "keys twice: output")


def _of_keys(p: Problem) -> list[tuple[str, int]]:
    return [(name, axis) for name, axis in (("key", 2), ("value", 2), ("mask", 3), ("bias", 3)) if name in p.arrays]


def _halved(made: dict[str, Array]) -> dict[str, Array]:
    weights = made["weights"]
    return made | {"weights": 2 * weights[..., : weights.shape[-1] // 2]}


def what_is_closed_does_not_leak(case: Case) -> None:
    """Whatever stands behind a closed key or in its value, not even NaN; nor in a bias there."""
    p = tame(case, "mask")
    s, rng = p.sizes, case.numbers
    is_open = rng.random((s.B, s.H, s.L, s.keys)) < 0.6
    poisoned = rng.random(s.keys) < 0.4
    p = p.changed(mask=is_open if rng.random() < 0.5 else np.where(is_open, 0.5, -np.inf))
    spoilt = p.changed(**{name: _spoilt(p, name, poisoned, rng) for name in _POISONED if name in p.arrays})
    truth = Truth(p)
    # Rows to which every poisoned key is closed, by whatever rule.
    asked = (truth.right["logits"][..., poisoned] == -np.inf).all(axis=-1)
    with np.errstate(all="ignore"):
        made = steps(**spoilt.plain)
    for name, array in (
        ("logits", made.logits),
        ("weights", made.weights),
        ("output", made.output),
        ("output", attention(**spoilt.plain)),
    ):
        plain = [each[name][asked] for each in truth.plain]
        near(array[asked], truth.right[name][asked], plain, f"poisoned where closed: {name}")


_POISONED = ("key", "value", "past_key", "past_value", "bias")


def _spoilt(p: Problem, name: str, poisoned: Array, rng: np.random.Generator) -> Array:
    """Return an array with NaN and infinities at the poisoned keys."""
    past = name.startswith("past")
    if name == "bias":
        if p.arrays[name].shape[-1] != p.sizes.keys:
            return p.arrays[name]
        array = np.array(p.arrays[name], float)
        spoilt = rng.choice([np.nan, np.inf, 1e30], array.shape)
        # Where it is the bias that closes a key, anything else would open it.
        return np.where(poisoned & (array != -np.inf), spoilt, array)
    array, some = p.arrays[name].copy(), poisoned[: p.sizes.P] if past else poisoned[p.sizes.P :]
    array[:, :, some] = rng.choice([np.nan, np.inf, -np.inf, 1e30], array[:, :, some].shape)
    return array


def parts_of_the_keys_merge(case: Case) -> None:
    """By the logarithms of their sums, to the output of the whole."""
    p = tame(case, "mask", "sinks")
    s = p.sizes
    first = case.numbers.random(s.keys) < 0.5
    right, total, merged = Truth(p), [], []
    for part in (first, ~first):
        one = p.changed(mask=np.broadcast_to(part, (1, 1, 1, s.keys)))
        with np.errstate(all="ignore"):
            total.append(np.logaddexp.reduce(steps(**one.plain).logits.astype(np.longdouble), axis=-1, keepdims=True))
        merged.append(attention(**one.plain).astype(np.longdouble))
    whole = np.logaddexp(*total)
    with np.errstate(all="ignore"):
        shares = [np.where(np.isneginf(each), 0, np.exp(each - whole)) for each in total]
    output = sum(share * each for share, each in zip(shares, merged, strict=True))
    right.hold({"output": np.asarray(output).astype(right.plain[0]["output"].dtype)}, "parts that are merged")


RULES = (
    keys_in_another_order,
    queries_in_another_order,
    batch_in_another_order,
    heads_in_another_order,
    a_shift_of_all_scores,
    every_key_twice,
    what_is_closed_does_not_leak,
    parts_of_the_keys_merge,
)
