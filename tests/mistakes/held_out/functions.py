"""Scales, what stands for softmax, and what stands around it."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.around import GATE, context
from tests.mistakes.exam.families.words import all_of
from tests.mistakes.exam.plain import Core, core, finish, gate_of, given, softmax
from tests.mistakes.held_out.hidden import hidden
from tests.mistakes.stages import Array, Problem, Rng, repeated

SCALE = r"(scale|factor|temperature|multipl|times)"
WEIGHTS = r"(weights?|softmax|sum|normali|function|exp|logit)"


@hidden("scale/of-half-the-features", "dense causal", "scale", all_of(SCALE))
def half_features(x: Core, rng: Rng) -> Array:
    return x.but(scale=(x.q.shape[3] / 2) ** -0.5).out()


@hidden("scale/temperature-divided", "temperature", "query-scale", all_of(SCALE, r"(quer|position|row|invers|divid)"))
def divided(x: Core, rng: Rng) -> Array:
    base = x.q.shape[3] ** -0.5
    return x.but(scale=base * base / x.scale).out()


@hidden("scale/temperature-squared", "temperature", "query-scale", all_of(SCALE, r"(quer|position|row|twice|square)"))
def squared(x: Core, rng: Rng) -> Array:
    return x.but(scale=x.scale**2 * x.q.shape[3] ** 0.5).out()


@hidden("scale/by-key-length", "dense", "scale query-scale", all_of(r"(scale|key|norm|cosine)"))
def by_key(x: Core, rng: Rng) -> Array:
    k = x.k / np.linalg.norm(x.k, axis=-1, keepdims=True)
    return x.but(k=k, scale=1.0).out()


@hidden("scale/other-in-the-last-row", "causal dense", "scale", all_of(SCALE, r"(row|quer|last)"))
def last_row(x: Core, rng: Rng) -> Array:
    made = x.out()
    made[:, :, -1] = x.but(scale=1.0).out()[:, :, -1]
    return made


@hidden("scale/1.3-times", "dense causal rope", "scale", all_of(SCALE, r"1\.3|0\.(325|2298|1625)"))
def other(x: Core, rng: Rng) -> Array:
    return x.but(scale=1.3 * x.scale).out()


@hidden("scale/cap-of-7", "softcap softcap-causal", "softcap", all_of(r"cap"))
def cap_7(x: Core, rng: Rng) -> Array:
    return x.but(cap=7.0).out()


@hidden("scale/cap-by-arctangent", "softcap", "softcap", all_of(r"cap"))
def arctangent(x: Core, rng: Rng) -> Array:
    s = 5 * np.arctan(x.raw() * x.scale / 5)
    return x.but(cap=None, q=0 * x.q, add=s).out()


@hidden(
    "softmax/softplus",
    "dense causal",
    "softmax-function",
    all_of(r"(softplus|log)"),
    all_of(WEIGHTS, r"(not|another|other|instead|function)"),
)
def softplus(x: Core, rng: Rng) -> Array:
    w = np.where(x.keep, np.log1p(np.exp(x.scores())), 0)
    return x.out(w / w.sum(-1, keepdims=True))


@hidden(
    "softmax/of-absolute-logits",
    "dense",
    "softmax-function",
    all_of(r"(absolute|\|)"),
    all_of(WEIGHTS, r"(sign|another|other|instead|function)"),
)
def absolute(x: Core, rng: Rng) -> Array:
    return x.but(q=0 * x.q, add=np.abs(x.scores())).out()


@hidden(
    "softmax/taylor",
    "dense causal",
    "softmax-function",
    all_of(r"(taylor|series|polynomial)"),
    all_of(WEIGHTS, r"(another|other|instead|function)"),
)
def taylor(x: Core, rng: Rng) -> Array:
    s = x.scores()
    w = np.where(x.keep, 1 + s + s * s / 2, 0)
    return x.out(w / w.sum(-1, keepdims=True))


@hidden(
    "softmax/linear-attention",
    "dense causal",
    "softmax-function",
    all_of(r"(linear|elu|feature map|kernel)"),
    all_of(WEIGHTS, r"(another|other|instead|function)"),
)
def linear(x: Core, rng: Rng) -> Array:
    def feature(y: Array) -> Array:
        return np.where(y > 0, y + 1, np.exp(np.minimum(y, 0)))

    w = feature(x.q) @ feature(repeated(x.k, x.shape[1])).swapaxes(-1, -2) * x.keep
    return x.out(w / w.sum(-1, keepdims=True))


@hidden(
    "softmax/in-groups-of-4-keys", "dense", "softmax-axis splits", all_of(WEIGHTS, r"(group|4|tile|part|split|block)")
)
def in_groups(x: Core, rng: Rng) -> Array:
    b, h, n, s = x.shape
    each = softmax(x.logits().reshape(b, h, n, s // 4, 4)).reshape(x.shape)
    return x.out(each / (s // 4))


@hidden(
    "softmax/divided-by-root-of-keys",
    "dense causal",
    "output-factor softmax-not-normalised",
    all_of(r"(factor|multiple|times|sum)"),
)
def by_root(x: Core, rng: Rng) -> Array:
    return x.out(x.weights() * x.shape[3] ** 0.5)


@hidden(
    "softmax/divided-by-open-keys",
    "causal",
    "softmax-not-normalised output-factor",
    all_of(r"(factor|multiple|times|sum)"),
)
def by_count(x: Core, rng: Rng) -> Array:
    return x.out(x.weights() / x.keep.sum(-1, keepdims=True))


@hidden(
    "softmax/below-the-mean-cut", "dense", "softmax-largest", all_of(r"(small|below|largest|threshold|zero|cut|top)")
)
def cut(x: Core, rng: Rng) -> Array:
    s = x.scores()
    return x.out(softmax(np.where(s >= s.mean(-1, keepdims=True), s, -np.inf)))


@hidden("softmax/sinks-negated", "sinks", "sink", all_of("sink"))
def negated(x: Core, rng: Rng) -> Array:
    return x.but(sinks=-x.sinks).out()


@hidden(
    "softmax/largest-weight-lost",
    "dense causal",
    "softmax-largest keys-lost",
    all_of(r"(largest|strongest|highest|top)"),
)
def largest_lost(x: Core, rng: Rng) -> Array:
    logits = x.logits()
    return x.out(softmax(np.where(logits == logits.max(-1, keepdims=True), -np.inf, logits)))


@hidden("softmax/square", "dense causal", "softmax-function scale", all_of(r"(square|scale|twice|factor)"))
def square(x: Core, rng: Rng) -> Array:
    w = x.weights() ** 2
    return x.out(w)


@hidden(
    "around/value-normed-too",
    "normed",
    "qk-norm",
    all_of("value", "norm"),
    all_of(r"value", r"(span|other|changed|scale)"),
)
def value_normed(x: Core, rng: Rng) -> Array:
    return x.out(v=x.v / np.sqrt((x.v * x.v).mean(-1, keepdims=True) + 1e-6))


@hidden("around/norm-twice-weights", "normed", "qk-norm", all_of("norm", r"(weight|twice|square)"))
def weights_twice(x: Core, rng: Rng) -> Array:
    def norm(y: Array, p: Problem, name: str) -> Array:
        w = p.arrays[name].astype(y.dtype)
        return np.asarray(y / np.sqrt((y * y).mean(-1, keepdims=True) + 1e-6) * w * w)

    return core(x.g, norm=norm).out()


@hidden(
    "around/gate-of-the-row-before", "gated head-gated", "gate", all_of("gate", r"(row|shift|quer|before|moved|one)")
)
def gate_before(x: Core, rng: Rng) -> Array:
    made = context(x)
    return made * np.roll(gate_of(x.p, made), 1, 2)


@hidden("around/gate-by-tanh", "gated", "gate", all_of(GATE, r"(tanh|function|other|another)"))
def gate_tanh(x: Core, rng: Rng) -> Array:
    made = context(x)
    return made * (2 * gate_of(x.p, made) - 1)


@hidden("around/gate-turned-round", "gated", "gate", all_of(GATE, r"(1 −|1 -|invert|negat|sign|other way|opposite)"))
def gate_inverted(x: Core, rng: Rng) -> Array:
    made = context(x)
    return made * (1 - gate_of(x.p, made))


@hidden(
    "around/heads-rolled-before-projection",
    "layer",
    "heads-mapped head-reshape",
    all_of("head", r"(order|roll|moved|permut|another|shift)"),
)
def rolled(x: Core, rng: Rng) -> Array:
    return finish(x.p, np.roll(context(x), 1, 1))


@hidden(
    "around/keys-of-the-token-before", "layer projected", "keys-moved", all_of("key", r"(shift|before|moved|late|one)")
)
def key_before(x: Core, rng: Rng) -> Array:
    return x.but(k=np.roll(x.k, 1, 2)).out()


@hidden("around/all-biases-lost", "layer projected", "projection-bias", all_of("bias"))
def no_biases(x: Core, rng: Rng) -> Array:
    return core(given(x.p.changed(**{name: 0 * y for name, y in x.p.arrays.items() if name.startswith("b_")}))).out()


@hidden("around/hidden-normed-twice", "layer", "residual qk-norm", all_of(r"(hidden|input|norm|project|\bx\b)"))
def normed_hidden(x: Core, rng: Rng) -> Array:
    y = x.p.arrays["hidden"].astype(np.float32)
    y = y / np.sqrt((y * y).mean(-1, keepdims=True)) * (1 + 0.3 * rng.standard_normal(y.shape[-1]))
    return core(given(x.p.changed(hidden=y))).out()


@hidden(
    "around/mla-parts-weighed-apart", "rope-last", "scale features-lost", all_of(r"(scale|feature|part|rope|rotary)")
)
def apart(x: Core, rng: Rng) -> Array:
    q = x.q.copy()
    q[..., -8:] *= np.float32((x.q.shape[3] / 8) ** 0.5)
    return x.but(q=q).out()
