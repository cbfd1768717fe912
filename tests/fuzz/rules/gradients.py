"""Gradients: those of the same problem said otherwise, and the derivative of what they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from attncli import attention
from attncli.attend.arrays import ARRAYS
from attncli.attend.backpropagation import GIVEN, Backpropagation
from attncli.attend.options import Options, records
from tests.fuzz import forms
from tests.fuzz.campaign import Case
from tests.fuzz.guard import BrokenError
from tests.fuzz.problems import STATES, Array, Layout, Problem, draw
from tests.fuzz.rules.order import still
from tests.fuzz.rules.twins import large
from tests.fuzz.whole import FARTHEST, whole
from tests.support.declared import WITHOUT_GRADIENT, Given
from tests.support.differences import compared

# Gradients of the same problem differ by no more than this share of the numbers that they are sums of.
ALLOWED = 1e-11
# The arrays that have each axis, and which of theirs it is.
KEYS = {"key": 2, "value": 2, "mask": 3, "bias": 3}
QUERIES = {"query": 2, "mask": 2, "bias": 2, "query_scale": 2, GIVEN: 2}
ITEMS = dict.fromkeys(("query", "key", "value", "mask", "bias", "query_scale", GIVEN), 0)
OF_KEY_HEADS, OF_HEADS = ("key", "value"), ("query", "mask", "bias", "query_scale", "sinks", GIVEN)
# A difference that is off by more than this share of what it is a sum of does not tell.
TELLING = 1e-6


def problem(given: Given) -> Backpropagation:
    """Return the gradients of a problem as Python takes it."""
    arrays = {name: np.asarray(each) for name, each in given.items() if not is_option(name, each)}
    options = {name: each for name, each in given.items() if name not in arrays}
    return Backpropagation.of(arrays, Options.parse(options))


def is_option(name: str, value: Any) -> bool:
    """Tell an option from an array: `weights` is both a result and what matrices lie by."""
    return name in records() and not isinstance(value, np.ndarray)


def found(given: Given) -> dict[str, Array]:
    """Return the gradient of each array by its name."""
    with np.errstate(all="ignore"):
        return {name.removeprefix("d_"): each for name, each in problem(given).of_arrays().items()}


def near(made: Mapping[str, Array], right: Mapping[str, Array], given: Given, what: str) -> None:
    """Assert that two sets of gradients, computed in float64, are the same up to rounding."""
    if made.keys() != right.keys():
        raise BrokenError(f"{what}: other arrays have gradients", f"{sorted(made.keys() ^ right.keys())}")
    factor = given.get("scale", 1.0)
    largest = [1.0, *(np.abs(given[n].astype("f8")).max() for n in ("query", "key", "value", GIVEN))]
    size = float(np.prod([max(1.0, each) for each in (*largest, abs(factor) if isinstance(factor, float) else 1)]))
    for name, each in made.items():
        if each.shape != right[name].shape or each.dtype != right[name].dtype:
            seen = f"{each.dtype} {each.shape}, not {right[name].dtype} {right[name].shape}"
            raise BrokenError(f"{what}: the gradient of {name} has another shape or type", seen)
        off = np.abs(each.astype("f8") - right[name].astype("f8")).max()
        own = float(np.abs(right[name].astype("f8")).max())
        if not off <= ALLOWED * size + 4 * float(np.finfo(each.dtype).eps) * own:
            raise BrokenError(f"{what}: the gradient of {name} differs", f"by {off:.2g}, of at most {own:.2g}")


def with_loss(p: Problem, case: Case) -> Given:
    """Return a problem as Python takes it, in float64, with a gradient of its output."""
    loss = case.numbers.standard_normal(p.sizes.of("B", "H", "L", "Ev"))
    return in_float64(p.without("dtype", *WITHOUT_GRADIENT).plain) | {GIVEN: loss}


def in_float64(given: Given) -> Given:
    """Return a problem whose arrays of real numbers are all of one type: parts that are rounded do not add up."""
    return {n: each.astype("f8") if is_real(n, each) else each for n, each in given.items()}


def is_real(name: str, value: Any) -> bool:
    """Tell whether this is an array that has a gradient."""
    return not is_option(name, value) and ARRAYS[name].has_gradient and not (name == "mask" and value.dtype == bool)


def taken(arrays: Mapping[str, Array], order: Array, axes: Mapping[str, int]) -> dict[str, Array]:
    """Return arrays with one axis of some of them in another order."""
    return {n: np.take(each, order, axes[n]) if n in axes else each for n, each in arrays.items()}


def in_order(case: Case, axes: Mapping[str, int], axis: int) -> None:
    """Assert that a problem with an axis in another order has the same gradients in that order."""
    p = still(case)
    given = with_loss(p, case)
    order = case.numbers.permutation((*p.sizes.of("B", "H", "L"), p.sizes.keys)[axis])
    near(taken(found(taken(given, order, axes)), np.argsort(order), axes), found(given), given, "in another order")


def gradients_of_keys_in_another_order(case: Case) -> None:
    """Are the same, each with its key."""
    in_order(case, KEYS, 3)


def gradients_of_queries_in_another_order(case: Case) -> None:
    """Are the same, each with its query."""
    in_order(case, QUERIES, 2)


def gradients_of_items_in_another_order(case: Case) -> None:
    """Are the same, each with its batch item."""
    in_order(case, ITEMS, 0)


def gradients_of_heads_in_another_order(case: Case) -> None:
    """Are the same, where each query head goes with its key head."""
    p = still(case)
    given, group, order = with_loss(p, case), p.sizes.H // p.sizes.K, case.numbers.permutation(p.sizes.K)
    of_queries = (order[:, None] * group + np.arange(group)).ravel()
    keys, queries = dict.fromkeys(OF_KEY_HEADS, 1), dict.fromkeys(OF_HEADS, 1) | {"sinks": 0}
    made = found(taken(taken(given, order, keys), of_queries, queries))
    made = taken(taken(made, np.argsort(order), keys), np.argsort(of_queries), queries)
    near(made, found(given), given, "heads in another order")


def gradients_of_parts_of_the_queries(case: Case) -> None:
    """Add up, where the queries are differentiated one after another."""
    p = still(case)
    given = with_loss(p, case)
    parts = [found(taken(given, np.array([i]), QUERIES)) for i in range(p.sizes.L)]
    whole_ = {
        n: np.concatenate([each[n] for each in parts], QUERIES[n])
        if n in QUERIES
        else np.sum([each[n] for each in parts], axis=0).astype(parts[0][n].dtype)
        for n in parts[0]
    }
    near(whole_, found(given), given, "parts of the queries")


def gradients_in_another_form(case: Case) -> None:
    """Packed, in columns, with fewer axes or in another order of them: the same, lying as the arrays do."""
    p = draw(case.numbers, ("normal", "whole"))
    p = replace(p, layout=replace(p.layout, page=0, hidden=()))
    p = p.without("dtype", *WITHOUT_GRADIENT)
    case.about = forms.words(p)
    plain = with_loss(replace(p, layout=Layout()), case)
    other = in_float64(forms.given(p)) | {GIVEN: forms.seen(p, "output", plain[GIVEN])}
    right = {n: forms.lie(p, n, each) if n in STATES else each for n, each in found(plain).items()}
    near(found(other), right, plain, "in another form")


def gradients_are_the_derivative(case: Case) -> None:
    """Of a problem of everything, along a random direction of all its arrays together."""
    w = whole(case.numbers, ("normal",))
    given = w.given
    case.about = ", ".join(f"{name}={getattr(each, 'shape', each)}" for name, each in given.items())
    output = attention(**given)
    loss = case.numbers.standard_normal(output.shape)
    made = found(given | {GIVEN: loss})
    said, right, off, size = compared(given, made, loss, list(made), case.seed)
    if off <= TELLING * size and not abs(said - right) <= 4 * off + 1e-11 * size:
        raise BrokenError("gradients are not the derivative", f"{said}, not {right}, within {off:.2g}")


def gradients_without_a_matrix_of_scores(case: Case) -> None:
    """Are those of the stages in reverse, in every tile."""
    p = large(case, ("normal",))
    # Penalties of what is far away are so large that of the scores beside them few digits are left.
    far = "offset" in p.options and p.options["offset"] != "end" and abs(p.options["offset"]) > FARTHEST
    given = with_loss(p.without("alibi") if far else p, case)
    with np.errstate(all="ignore"):
        every = problem(given).results()
    names = found(given)
    near(names, {name: every[f"d_{name}"] for name in names}, given, "without a matrix of scores")


RULES: tuple[Callable[[Case], None], ...] = (
    gradients_of_keys_in_another_order,
    gradients_of_queries_in_another_order,
    gradients_of_items_in_another_order,
    gradients_of_heads_in_another_order,
    gradients_of_parts_of_the_queries,
    gradients_in_another_form,
    gradients_are_the_derivative,
    gradients_without_a_matrix_of_scores,
)
