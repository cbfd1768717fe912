"""Wrong factors and caps of the scores."""

from __future__ import annotations

import math

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core
from tests.mistakes.stages import Array, Rng

SCALE = r"(scale|factor|temperature|multipl|times|query_scale)"


def scaled(x: Core, by: object) -> Array:
    """The output with another factor."""
    return x.but(scale=by).out()


@kind("scale/temperature-lost", "temperature", "query-scale scale", (all_of(SCALE, rf"(query|position|row|{LOST})"),))
def lost(x: Core, rng: Rng) -> Array:
    return scaled(x, x.q.shape[3] ** -0.5)


@kind(
    "scale/temperature-of-the-last-position",
    "temperature",
    "query-scale",
    (all_of(SCALE, r"(query|position|row|last|same|all)"),),
)
def of_last(x: Core, rng: Rng) -> Array:
    return scaled(x, np.asarray(x.scale)[:, :, -1:])


@kind(
    "scale/temperature-one-position-late",
    "temperature",
    "query-scale",
    (all_of(SCALE, r"(query|position|row|late|shift|neighbour)"),),
)
def late(x: Core, rng: Rng) -> Array:
    return scaled(x, np.concatenate([x.scale[:, :, :1], x.scale[:, :, :-1]], 2))


@kind("scale/temperature-on-keys", "temperature", "query-scale", (all_of(SCALE, "key"),))
def on_keys(x: Core, rng: Rng) -> Array:
    return scaled(x, x.scale.swapaxes(2, 3))


@kind("scale/mean-of-heads", "head-scale", "query-scale scale", (all_of(SCALE, "(head|mean|average)"),))
def mean_of_heads(x: Core, rng: Rng) -> Array:
    return scaled(x, x.scale.mean(axis=1, keepdims=True))


@kind("scale/of-head-0", "head-scale", "query-scale scale heads-mapped", (all_of(SCALE, "head"),))
def of_head_0(x: Core, rng: Rng) -> Array:
    return scaled(x, x.scale[:, :1])


@kind("scale/of-the-next-head", "head-scale", "query-scale scale heads-mapped", (all_of(SCALE, "head"),))
def of_next(x: Core, rng: Rng) -> Array:
    return scaled(x, np.roll(x.scale, 1, 1))


@kind("scale/integer-root", "dense causal cross", "scale", (r"\bscale\b",))
def integer_root(x: Core, rng: Rng) -> Array | None:
    """1 / int(√d), of a d that is no square."""
    size = x.q.shape[3]
    return None if math.isqrt(size) ** 2 == size else scaled(x, 1 / math.isqrt(size))


@kind(
    "scale/integer-division",
    "dense causal",
    "scale weights-uniform",
    (all_of(r"(scale|factor|uniform|mean of|equal)", r"(\b0\b|uniform|mean|equal)"),),
)
def integer_division(x: Core, rng: Rng) -> Array:
    """1 // √d is 0: all open keys alike."""
    return scaled(x, 0.0)


@kind("scale/root-of-the-root", "dense causal grouped", "scale", (all_of(SCALE),))
def root(x: Core, rng: Rng) -> Array:
    """d^(−1/4) on the query, and forgotten on the key."""
    return scaled(x, x.scale**0.5)


@kind("scale/of-value-features", "rope-last", "scale", (all_of(SCALE),))
def by_value(x: Core, rng: Rng) -> Array:
    return scaled(x, x.v.shape[3] ** -0.5)


@kind("scale/by-log-of-length", "dense causal", "scale query-scale", (all_of(SCALE),))
def by_length(x: Core, rng: Rng) -> Array:
    return scaled(x, x.scale * np.log(x.shape[3]) / np.log(512))


@kind("scale/by-log-of-position-unasked", "causal", "query-scale", (all_of(SCALE, r"(query|position|row)"),))
def by_position(x: Core, rng: Rng) -> Array:
    return scaled(x, (x.scale * np.log(np.arange(x.shape[2]) + 2) / np.log(8)).reshape(1, 1, -1, 1))


@kind("scale/in-half-of-the-heads", "dense grouped", "scale", (all_of(SCALE, "head"),))
def half_of_heads(x: Core, rng: Rng) -> Array:
    heads = np.arange(x.shape[1]).reshape(1, -1, 1, 1)
    return scaled(x, np.where(heads < x.shape[1] // 2, x.scale, 1.0))


@kind("scale/after-softmax", "dense causal", "output-factor scale", (all_of(SCALE, r"(softmax|output|value|after)"),))
def after(x: Core, rng: Rng) -> Array:
    return x.but(scale=1.0).out() * x.scale


@kind("scale/sharper-by-log2e", "dense causal", "scale", (all_of(r"(scale|base 2|exp2|log2|1\.44)"),))
def log2e_twice(x: Core, rng: Rng) -> Array:
    """log₂e is folded into the scale, and exp is taken instead of exp2."""
    return scaled(x, x.scale / math.log(2))


@kind("scale/exp2-without-log2e", "dense causal", "scale", (all_of(r"(scale|base 2|exp2|log2|0\.693|ln 2)"),))
def exp2(x: Core, rng: Rng) -> Array:
    return scaled(x, x.scale * math.log(2))


CAP = r"(softcap|cap\b|capp|tanh|limit|clamp|clip)"


@kind(
    "scale/cap-as-clamp", "softcap softcap-causal", "softcap", (all_of(CAP, r"(clamp|clip|cut|hard|other function)"),)
)
def clamp(x: Core, rng: Rng) -> Array:
    s = np.clip(x.raw() * x.scale, -5, 5)
    return x.but(cap=None, q=0 * x.q, add=s).out()


def capped(x: Core, s: Array) -> Array:
    """The output of these scores."""
    return x.but(cap=None, q=0 * x.q, add=s).out()


@kind("scale/cap-not-multiplied", "softcap softcap-causal", "softcap", (all_of(CAP),))
def not_multiplied(x: Core, rng: Rng) -> Array:
    return capped(x, np.tanh(x.raw() * x.scale / 5))


@kind("scale/cap-not-divided", "softcap softcap-causal", "softcap", (all_of(CAP),))
def not_divided(x: Core, rng: Rng) -> Array:
    return capped(x, 5 * np.tanh(x.raw() * x.scale))


@kind("scale/cap-before-scale", "softcap softcap-causal", "softcap", (all_of(CAP, r"(scale|before|order)"),))
def before(x: Core, rng: Rng) -> Array:
    return capped(x, 5 * np.tanh(x.raw() / 5) * x.scale)


@kind("scale/cap-twice", "softcap", "softcap", (all_of(CAP, r"(twice|again|two)"),))
def twice(x: Core, rng: Rng) -> Array:
    return capped(x, 5 * np.tanh(np.tanh(x.raw() * x.scale / 5)))


@kind("scale/cap-by-sigmoid", "softcap", "softcap", (all_of(CAP),))
def by_sigmoid(x: Core, rng: Rng) -> Array:
    """5·(2σ(s/5) − 1), which is 5·tanh(s/10)."""
    return capped(x, 5 * np.tanh(x.raw() * x.scale / 10))


@kind("scale/cap-of-another-model", "softcap softcap-causal", "softcap", (all_of(CAP, r"(50|other|another|limit)"),))
def another_cap(x: Core, rng: Rng) -> Wrong:
    return Wrong(x.but(cap=50.0).out())


@kind("scale/cap-unasked", "dense", "softcap", (all_of(CAP),))
def unasked(x: Core, rng: Rng) -> Array:
    return x.but(cap=2.0).out()
