"""Numbers that overflow, are rounded, or are random."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from tests.mistakes.exam.families.words import all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core, softmax
from tests.mistakes.stages import Array, Rng, repeated

ROUND = r"(round|precision|bfloat16|float16|float8|bits|int8|accumul)"


def bfloat(x: Array) -> Array:
    """Through bfloat16."""
    return x.astype(ml_dtypes.bfloat16).astype(np.float32)


@kind("numbers/scores-overflow", "loud", "numbers overflow", (all_of(r"(overflow|65504|∞|infin|nan|float16)"),))
def overflow(x: Core, rng: Rng) -> Array | None:
    """q·k in float16, before the scale; where nothing is that large, it is but rounded."""
    # Loud queries reach 400, and states that are not yet normalised so many times more.
    raw = (160 * x.raw()).astype(np.float16).astype(np.float32) / 160
    if np.isfinite(raw).all():
        return None
    s = raw * x.scale
    e = np.exp(s - s.max(-1, keepdims=True))
    return x.out(e / e.sum(-1, keepdims=True))


@kind("numbers/exponentials-without-maximum", "loud", "numbers overflow", (all_of(r"(overflow|∞|infin|nan|maximum)"),))
def without_maximum(x: Core, rng: Rng) -> Array:
    e = np.exp(x.logits().astype(np.float16)).astype(np.float32)
    return x.out(e / e.sum(-1, keepdims=True))


@kind("numbers/sum-in-bfloat16", "dense causal", "rounding", (all_of(ROUND),))
def sums(x: Core, rng: Rng) -> Array:
    """The sum of the exponentials is kept in bfloat16, key by key: from some point on nothing is added any more."""
    logits = x.logits()
    e = np.exp(logits - logits.max(-1, keepdims=True))
    total = np.zeros_like(e[..., :1])
    for j in range(e.shape[-1]):
        total = bfloat(total + e[..., j : j + 1])
    return x.out(e / total)


@kind("numbers/output-summed-in-bfloat16", "dense causal", "rounding", (all_of(ROUND),))
def accumulator(x: Core, rng: Rng) -> Array:
    w, v = x.weights(), repeated(x.v, x.shape[1])
    made = np.zeros((*w.shape[:3], v.shape[3]), np.float32)
    for j in range(w.shape[-1]):
        made = bfloat(made + w[..., j : j + 1] * v[:, :, j : j + 1])
    return made


@kind("numbers/scores-in-float8", "dense causal", "rounding cache-rounded", (all_of(ROUND),))
def scores_in_float8(x: Core, rng: Rng) -> Array:
    s = x.scores().astype(ml_dtypes.float8_e4m3fn).astype(np.float32)
    return x.but(q=0 * x.q, add=s).out()


@kind("numbers/weights-in-int8", "dense causal", "rounding", (all_of(ROUND),))
def weights_in_int8(x: Core, rng: Rng) -> Array:
    return x.out(np.rint(x.weights() * 127) / 127)


@kind(
    "numbers/values-to-whole-numbers",
    "dense grouped",
    "rounding values-rounded",
    (all_of(r"(whole|integer|int8|round|precision|bits)"),),
)
def whole_values(x: Core, rng: Rng) -> Array:
    return x.out(v=np.rint(x.v))


@kind("numbers/keys-in-float8", "dense grouped", "rounding cache-rounded", (all_of(ROUND),))
def keys_in_float8(x: Core, rng: Rng) -> Array:
    return x.but(k=x.k.astype(ml_dtypes.float8_e5m2).astype(np.float32)).out()


@kind("numbers/nan-in-one-tile", "dense causal", "not-written", (all_of("nan", r"(row|quer|tile|<row>|\d)"),))
def nan_tile(x: Core, rng: Rng) -> Array:
    made = x.out()
    tile = 4 if x.shape[2] < 16 else 16
    made[:, :, tile : 2 * tile] = np.nan
    return made


@kind("numbers/nan-in-one-head", "dense causal", "not-written", (all_of("nan", "head"),))
def nan_head(x: Core, rng: Rng) -> Array:
    made = x.out()
    made[:, 1] = np.nan
    return made


@kind("numbers/all-nan", "dense causal", "", (all_of("nan", r"(all|throughout|whole|every|expected)"),))
def all_nan(x: Core, rng: Rng) -> Array:
    return np.full_like(x.out(), np.nan)


@kind("numbers/all-zero", "dense causal rope", "", (all_of(r"(\b0\b|zero)", r"(all|throughout|whole|every|expected)"),))
def all_zero(x: Core, rng: Rng) -> Array:
    return np.zeros_like(x.out())


@kind("numbers/one-constant", "dense causal", "", (all_of(r"(constant|same|one number|one value|throughout)"),))
def constant(x: Core, rng: Rng) -> Array:
    return np.full_like(x.out(), 0.25)


@kind("numbers/dropout-on-output", "dense causal", "dropout", (all_of(r"(dropout|zero|\b0\b)"),))
def dropped_output(x: Core, rng: Rng) -> Array:
    made = x.out()
    return made * (rng.random(made.shape) >= 0.1) / 0.9


@kind(
    "numbers/dropout-on-scores",
    "dense causal",
    "dropout",
    (all_of(r"(dropout)"), all_of(r"(scores|logits)", r"(zero|\b0\b|random)")),
)
def dropped_scores(x: Core, rng: Rng) -> Array:
    s = x.scores()
    return x.but(q=0 * x.q, add=s * (rng.random(s.shape) >= 0.1) / 0.9).out()


@kind("numbers/dropout-on-weights", "dense causal", "dropout", (all_of("dropout"),))
def dropped_weights(x: Core, rng: Rng) -> Array:
    w = x.weights()
    return x.out(w * (rng.random(w.shape) >= 0.1) / 0.9)


@kind("numbers/dropout-of-keys", "dense causal", "dropout", (all_of(r"(dropout|mask|random|missing|lost)"),))
def dropped_keys(x: Core, rng: Rng) -> Array:
    """Some logits are −∞: the others get their weight."""
    logits = np.where(rng.random(x.shape) >= 0.1, x.logits(), -np.inf)
    return x.out(softmax(logits))


@kind("numbers/noise", "dense causal", "", (r".",))
def noise(x: Core, rng: Rng) -> Array:
    """Nothing can be said of it: whatever fact is right."""
    made = x.out()
    return made + 0.2 * made.std() * rng.standard_normal(made.shape)


@kind(
    "numbers/tiny-weights-flushed",
    "dense causal",
    "weights-flushed softmax-largest rounding",
    (all_of(r"(small|tiny|flush|below|threshold|zero|largest|less than)", r"weights?"),),
)
def flushed(x: Core, rng: Rng) -> Array:
    w = x.weights()
    return x.out(np.where(w < 0.5 / x.shape[3], 0, w))
