"""What stands around the attention: norms, gates, biases of projections, residuals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core, core, gate_of, given, merged
from tests.mistakes.stages import Array, Rng, repeated

GATE = r"(gate|σ|sigmoid)"


def context(x: Core) -> Array:
    """The weighted sums, before what follows."""
    w = x.weights()
    return np.asarray(w @ repeated(x.v, w.shape[1]))


@kind("around/gate-missing", "gated head-gated", "gate", (all_of("gate", LOST),))
def no_gate(x: Core, rng: Rng) -> Array:
    return context(x)


@kind("around/gate-one-a-head", "gated", "gate", (all_of("gate", r"(head|one number|mean|first)"),))
def one_a_head(x: Core, rng: Rng) -> Array:
    return context(x) * gate_of(x.p, context(x))[..., :1]


@kind("around/gate-without-sigmoid", "gated head-gated", "gate", (all_of("gate", r"(sigmoid|σ|raw|without|as it is)"),))
def raw_gate(x: Core, rng: Rng) -> Array:
    made = context(x)
    gate = x.p.arrays["gate"].astype(made.dtype)
    return np.asarray(made * gate.reshape(*gate.shape[:2], made.shape[1], -1).swapaxes(1, 2))


@kind("around/gate-silu", "gated", "gate", (all_of("gate", r"(silu|swish|sigmoid|σ|function)"),))
def silu(x: Core, rng: Rng) -> Array:
    made = context(x)
    gate = x.p.arrays["gate"].astype(made.dtype)
    return x.out() * gate.reshape(*gate.shape[:2], made.shape[1], -1).swapaxes(1, 2)


@kind("around/gate-twice", "gated head-gated", "gate", (all_of("gate", r"(twice|again|two|square)"),))
def gate_twice(x: Core, rng: Rng) -> Array:
    return x.out() * gate_of(x.p, context(x))


@kind(
    "around/gate-of-heads-interleaved", "gated", "gate", (all_of("gate", r"(reshape|transpos|order|interleav|head)"),)
)
def gate_reshaped(x: Core, rng: Rng) -> Array:
    made = context(x)
    b, h, n, e = made.shape
    gate = x.p.arrays["gate"].astype(made.dtype).reshape(b, n, e, h).transpose(0, 3, 1, 2)
    return np.asarray(made / (1 + np.exp(-gate)))


def without(x: Core, *names: str) -> Array:
    """The output without some arrays of the layer."""
    arrays = {name: 0 * each if name in names else each for name, each in x.p.arrays.items()}
    return core(given(replace(x.p, arrays=arrays))).out()


# Without a rotation, a bias of the keys shifts all logits of a query alike: it makes no difference.
for letter, role, where in (
    ("q", "query", "projected layer"),
    ("k", "key", "layer-rope"),
    ("v", "value", "projected layer"),
):

    @kind(f"around/{role}-bias-lost", where, "projection-bias", (all_of("bias", rf"({role}|b_{letter})"),))
    def _(x: Core, rng: Rng, letter: str = letter) -> Array:
        return without(x, f"b_{letter}")


@kind(
    "around/output-bias-lost",
    "layer",
    "projection-bias",
    (all_of("(b_o|bias|constant|same vector|every row)", r"(output|b_o|constant|same)"),),
)
def no_output_bias(x: Core, rng: Rng) -> Array:
    return without(x, "b_o")


@kind(
    "around/output-bias-twice",
    "layer",
    "projection-bias",
    (all_of("(b_o|bias|constant|same vector|every row)", r"(twice|output|b_o|constant|same)"),),
)
def output_bias_twice(x: Core, rng: Rng) -> Array:
    return x.out() + x.p.arrays["b_o"].astype(x.q.dtype)


@kind("around/value-bias-as-output-bias", "layer", "projection-bias", (all_of("bias"),))
def value_bias_after(x: Core, rng: Rng) -> Array:
    return (
        without(x, "b_v")
        + x.p.arrays["b_v"].astype(x.q.dtype).repeat(x.shape[1] // x.k.shape[1])[: x.p.arrays["b_o"].size]
    )


@kind("around/residual-added", "layer", "residual", (all_of(r"(residual|hidden|input|x was added|\bx\b)"),))
def residual(x: Core, rng: Rng) -> Array:
    return x.out() + x.p.arrays["hidden"].astype(x.q.dtype)


@kind("around/query-added", "dense causal", "residual", (all_of(r"(residual|query)", r"(added|sum|plus|\+)"),))
def query_added(x: Core, rng: Rng) -> Array:
    return x.out() + x.q


@kind(
    "around/value-added",
    "dense causal",
    "residual weights-extra",
    (all_of(r"(value|residual|own|identity|diagonal)", r"(added|sum|plus|\+|weight)"),),
)
def value_added(x: Core, rng: Rng) -> Array:
    return x.out() + repeated(x.v, x.shape[1])


@kind(
    "around/output-projected",
    "dense",
    "after-projection layout",
    (all_of(r"(project|not in the span|outside|combination|matrix|behind)"),),
)
def projected(x: Core, rng: Rng) -> Array:
    """The output after the output projection, whose matrix the file does not have."""
    made = merged(x.out())
    w = rng.standard_normal((made.shape[-1], made.shape[-1])).astype(made.dtype) / np.sqrt(made.shape[-1])
    b, n, _ = made.shape
    return (made @ w).reshape(b, n, x.shape[1], -1).swapaxes(1, 2)


@kind("around/projection-transposed", "layer", "projection-transposed", (all_of(r"(transpos|out-in|in-out|w_o)"),))
def w_o_transposed(x: Core, rng: Rng) -> Array:
    a = x.p.arrays
    return np.asarray(merged(context(x)) @ a["w_o"].astype(x.q.dtype).T + a["b_o"].astype(x.q.dtype))


for name in ("w_q", "w_k", "w_v"):

    @kind(
        f"around/{name}-transposed", "layer projected", "projection-transposed", (all_of(r"(transpos|out-in|in-out)"),)
    )
    def _(x: Core, rng: Rng, name: str = name) -> Array | None:
        w = x.p.arrays[name]
        if w.shape[0] != w.shape[1]:
            return None
        return core(given(x.p.changed(**{name: w.T}))).out()


@kind("around/key-as-value", "dense causal grouped", "operands-swapped", (all_of("key", "value"),))
def key_as_value(x: Core, rng: Rng) -> Array:
    return x.out(v=x.k)


@kind("around/value-as-key", "dense grouped", "operands-swapped", (all_of("key", "value"),))
def value_as_key(x: Core, rng: Rng) -> Array:
    return x.but(k=x.v).out()


@kind("around/query-as-key", "dense", "operands-swapped", (all_of("key", "quer"),))
def query_as_key(x: Core, rng: Rng) -> Array | None:
    return x.but(k=x.q).out() if x.each == 1 else None


@kind("around/turned-key-as-value", "rope", "operands-swapped", (all_of("key", "value"),))
def turned_as_value(x: Core, rng: Rng) -> Array:
    return x.out(v=x.k)
