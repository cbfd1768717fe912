"""What goes wrong around the attention is named: norms, gates, projections, residuals, parts of the features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.check.programs import (
    AT,
    BATCH,
    FEATURES,
    HEADS,
    KEY_HEADS,
    LENGTH,
    Array,
    attended,
    cut,
    found,
    frequencies,
    in_words,
    merged,
    states,
    turn,
)

WIDTH = HEADS * FEATURES
NARROW = KEY_HEADS * FEATURES
SHAPES = {
    "hidden": (BATCH, LENGTH, WIDTH),
    "w_q": (WIDTH, WIDTH),
    "w_k": (WIDTH, NARROW),
    "w_v": (WIDTH, NARROW),
    "w_o": (WIDTH, WIDTH),
    "b_q": (WIDTH,),
    "b_k": (NARROW,),
    "b_v": (NARROW,),
    "b_o": (WIDTH,),
}
EACH = frequencies(FEATURES)
Program = Callable[[dict[str, Array]], Array]


def layer() -> dict[str, Array]:
    """Return hidden states, matrices and biases."""
    made = states(**SHAPES)
    return {name: made[name] / np.float32(8 if name.startswith("w") else 1) for name in SHAPES}


def computed(a: dict[str, Array], **how: Any) -> Array:
    """Return the output of a layer, (batch, L, width)."""
    x = a["hidden"]
    query, key, value = (x @ a[f"w_{n}"] + a.get(f"b_{n}", 0.0) for n in "qkv")
    sums = attended(cut(query, HEADS), cut(key, KEY_HEADS), cut(value, KEY_HEADS), **how)
    return np.asarray(merged(sums) @ a["w_o"] + a.get("b_o", 0.0))


def without(*names: str) -> Program:
    """Leave arrays out."""
    return lambda a: computed({name: each for name, each in a.items() if name not in names})


LAYER: dict[str, tuple[Program, str, str]] = {
    "bias of the query": (without("b_q"), "projection-bias", "the bias of the query (b_q) was left out"),
    "bias of the value": (without("b_v"), "projection-bias", "the bias of the value (b_v) was left out"),
    "bias of the output": (without("b_o"), "projection-bias", "the bias of the output (b_o) was left out"),
    "bias of the output twice": (
        lambda a: computed(a) + a["b_o"],
        "projection-bias",
        "the bias of the output (b_o) was added twice",
    ),
    "another vector": (
        lambda a: computed(a) + np.linspace(-1, 2, WIDTH),
        "projection-bias",
        "the same vector, of numbers up to 2, is added to every row of the output, as a bias is",
    ),
    "w_q transposed": (lambda a: computed(a | {"w_q": a["w_q"].T}), "projection-transposed", "w_q was transposed"),
    "w_o transposed": (lambda a: computed(a | {"w_o": a["w_o"].T}), "projection-transposed", "w_o was transposed"),
    "no output projection": (
        lambda a: computed(a | {"w_o": np.eye(WIDTH), "b_o": np.zeros(WIDTH)}),
        "projection",
        "the output projection (w_o, b_o) was left out: this is the context",
    ),
    "value by w_k": (
        lambda a: computed(a | {"w_v": a["w_k"], "b_v": a["b_k"]}),
        "operands-swapped",
        "query, key and value were taken from query, key, key",
    ),
    "residual": (
        lambda a: computed(a) + a["hidden"],
        "residual",
        "the input of the layer (the residual) was added to the output",
    ),
    "scale": (lambda a: computed(a, scale=1.0), "scale", "the scores were multiplied by 1: no scale was applied"),
    "causal rule": (
        lambda a: computed(a, causal=False),
        "mask-dropped",
        "the causal rule was dropped",
    ),
}


@pytest.mark.takes(3)
@pytest.mark.parametrize("name", LAYER)
def test_a_mistake_in_a_layer_is_named_by_its_output(name: str) -> None:
    """Whatever it is before, in or behind the attention."""
    program, mistake, said = LAYER[name]
    arrays = layer()
    made = program({name: each.astype(float) for name, each in arrays.items()})
    first = found(arrays, made, heads=HEADS, kv_heads=KEY_HEADS).explanations[0]
    assert first.mistakes == (mistake,)
    assert said in in_words(first)[0]
    assert first.residual < 1e-4


def root(x: Array, eps: float = 1e-6) -> Array:
    """Normalise by the root mean square."""
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + eps))


def turned(x: Array) -> Array:
    """Turn by positions 0, 1, …"""
    return turn(x, AT, EACH)


Normed = Callable[[Array, Array], Array]
NORMS: dict[str, tuple[Normed, Normed, str]] = {
    "none": (lambda x, w: turned(x), lambda x, w: turned(x), "query and key were not normalised"),
    "the key's": (lambda x, w: turned(root(x) * w), lambda x, w: turned(x), "the norm of the key was left out"),
    "after the rotation": (
        lambda x, w: root(turned(x)) * w,
        lambda x, w: root(turned(x)) * w,
        "query and key were normalised after the rotation instead of before it",
    ),
    "no weights": (
        lambda x, w: turned(root(x)),
        lambda x, w: turned(root(x)),
        "query and key were normalised without the weights of the norm",
    ),
    "plus one": (
        lambda x, w: turned(root(x) * (1 + w)),
        lambda x, w: turned(root(x) * (1 + w)),
        "1 was added to the weights of the norm",
    ),
    "epsilon": (
        lambda x, w: turned(root(x, 0.25) * w),
        lambda x, w: turned(root(x, 0.25) * w),
        "the ε of the norms of query and key was 0.25 instead of 1e-06",
    ),
}


@pytest.mark.takes(3)
@pytest.mark.parametrize("name", NORMS)
def test_wrong_norms_are_named(name: str) -> None:
    """Left out, elsewhere, without weights, of another ε."""
    query_norm, key_norm, said = NORMS[name]
    arrays = states(q_norm=(FEATURES,), k_norm=(FEATURES,))
    a = {name: each.astype(float) for name, each in arrays.items()}
    made = attended(query_norm(a["query"], a["q_norm"]), key_norm(a["key"], a["k_norm"]), a["value"])
    first = found(arrays, made, rope="half", qk_norm="rms").explanations[0]
    assert (first.mistakes, in_words(first)) == (("qk-norm",), (said,))


def sigmoid(x: Array) -> Array:
    """Return 1/(1 + e^−x)."""
    return np.asarray(1 / (1 + np.exp(-x)))


GATES: dict[str, tuple[Callable[[Array], Array], str]] = {
    "missing": (np.ones_like, "the gate was left out"),
    "raw": (lambda gate: gate, "the gate was multiplied as it is, without a sigmoid"),
    "one a head": (lambda gate: sigmoid(gate[..., :1]), "each head had one gate, that of its first feature"),
    "twice": (lambda gate: sigmoid(gate) ** 2, "the gate was multiplied twice"),
}


@pytest.mark.takes(2)
@pytest.mark.parametrize("name", GATES)
def test_wrong_gates_are_named(name: str) -> None:
    """Missing, without its function, of another shape, twice."""
    function, said = GATES[name]
    arrays = states(gate=(BATCH, LENGTH, WIDTH))
    a = {name: each.astype(float) for name, each in arrays.items()}
    made = attended(a["query"], a["key"], a["value"]) * function(cut(a["gate"], HEADS))
    first = found(arrays, made).explanations[0]
    assert (first.mistakes, in_words(first)) == (("gate",), (said,))


def both(change: Callable[[Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """Change query and key."""
    return lambda q, k, v: attended(change(q), change(k), v)


PARTS: dict[str, tuple[Callable[[Array, Array, Array], Array], str, str]] = {
    "left out": (
        both(lambda x: x[..., :-8]),
        "features-moved",
        "the last 8 features, those that turn (rotary), were left out of the scores",
    ),
    "in front": (
        lambda q, k, v: attended(np.roll(q, 8, -1), k, v),
        "features-moved",
        "in the query the last 8 features, those that turn (rotary), stood before the other part: "
        "its features are moved by 8",
    ),
    "value of the key": (
        lambda q, k, v: attended(q, k, k[..., : v.shape[-1]]),
        "operands-swapped",
        "the value was taken from the key, from its first 10 features",
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_the_features_that_turns_and_is_elsewhere_is_named(name: str) -> None:
    """As MLA has one."""
    program, mistake, said = PARTS[name]
    arrays = states(key=(BATCH, HEADS, LENGTH, FEATURES), value=(BATCH, HEADS, LENGTH, 10))
    query, key, value = (arrays[name].astype(float) for name in ("query", "key", "value"))
    query, key = (turn(x, AT, frequencies(8), first=8) for x in (query, key))
    first = found(arrays, program(query, key, value), rope="half", rope_dim=(8, "last")).explanations[0]
    assert first.mistakes == (mistake,)
    assert said in in_words(first)[0]


@pytest.mark.parametrize("what", ["query", "value"])
def test_a_residual_is_named(what: str) -> None:
    """Of the query, or of the value at each query's own position."""
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    added = query if what == "query" else value.repeat(HEADS // KEY_HEADS, axis=1)
    first = found(arrays, attended(query, key, value) + added).explanations[0]
    assert first.mistakes == ("residual",)
    assert what in in_words(first)[0]
