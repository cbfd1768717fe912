"""What stands where softmax should."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.words import all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, finish, softmax
from tests.mistakes.stages import Array, Rng, repeated

WHERE = "dense causal"
SUM = r"(sum|normali|multiple)"


@kind("softmax/twice", WHERE + " grouped", "softmax-twice", (all_of("softmax", r"(twice|two|again|second)"),))
def twice(x: Core, rng: Rng) -> Array:
    return x.out(softmax(np.where(x.keep, x.weights(), -np.inf)))


@kind("softmax/twice-mask-once", "causal masked", "softmax-twice", (all_of("softmax", r"(twice|two|again|second)"),))
def twice_unmasked(x: Core, rng: Rng) -> Array:
    return x.out(softmax(x.weights()))


@kind("softmax/sigmoid", WHERE, "softmax-function sigmoid", (all_of("sigmoid"),))
def sigmoid(x: Core, rng: Rng) -> Array:
    return x.out(1 / (1 + np.exp(-x.logits())))


@kind("softmax/sigmoid-normalised", WHERE, "softmax-function sigmoid", (all_of("sigmoid"),))
def sigmoid_normalised(x: Core, rng: Rng) -> Array:
    w = 1 / (1 + np.exp(-x.logits()))
    return x.out(w / w.sum(-1, keepdims=True))


@kind(
    "softmax/exponentials",
    WHERE,
    "softmax-not-normalised softmax-function",
    (all_of(r"(exp|weights|softmax)", r"(not normali|unnormali|not divided|without .*sum|sum)"),),
)
def exponentials(x: Core, rng: Rng) -> Array:
    logits = x.logits()
    return x.out(np.exp(logits - logits.max(-1, keepdims=True)))


@kind(
    "softmax/plain-exponentials",
    WHERE,
    "softmax-not-normalised softmax-function",
    (all_of(r"(exp|weights|softmax)", r"(not normali|unnormali|not divided|without .*sum|sum)"),),
)
def plain_exponentials(x: Core, rng: Rng) -> Array:
    return x.out(np.exp(x.logits()))


@kind("softmax/relu", WHERE, "softmax-function", (all_of(r"(relu|negative|0 below|max\()"),))
def relu(x: Core, rng: Rng) -> Array:
    w = np.where(x.keep, np.maximum(x.scores(), 0), 0)
    return x.out(w / np.maximum(w.sum(-1, keepdims=True), 1e-6))


@kind("softmax/squared-relu-by-length", "dense", "softmax-function", (all_of(r"(relu|square)"), r"sum"))
def relu_squared(x: Core, rng: Rng) -> Array:
    return x.out(np.maximum(x.scores(), 0) ** 2 / x.shape[3])


@kind(
    "softmax/largest-k",
    WHERE,
    "softmax-largest",
    (all_of(r"(largest|top|highest|strongest|most)", r"(\d|key|weight)"),),
)
def largest(x: Core, rng: Rng) -> Array:
    logits = x.logits()
    k = max(2, x.shape[3] // 8)
    least = np.sort(logits, -1)[..., -k, None]
    return x.out(softmax(np.where(logits >= least, logits, -np.inf)))


@kind(
    "softmax/largest-k-not-normalised",
    WHERE,
    "softmax-largest",
    (all_of(r"(largest|top|highest|strongest|most)", r"(\d|key|weight)"),),
)
def largest_of_weights(x: Core, rng: Rng) -> Array:
    w = x.weights()
    k = max(2, x.shape[3] // 8)
    return x.out(np.where(w >= np.sort(w, -1)[..., -k, None], w, 0))


@kind(
    "softmax/largest-alone",
    WHERE + " cross",
    "softmax-largest",
    (all_of(r"(largest|argmax|hard|highest|one key|strongest|top)"),),
)
def hard(x: Core, rng: Rng) -> Array:
    logits = x.logits()
    return x.out((logits == logits.max(-1, keepdims=True)).astype(x.q.dtype))


@kind("softmax/uniform", WHERE, "scale weights-uniform", (all_of(r"(uniform|mean|equal|alike|same weight)"),))
def uniform(x: Core, rng: Rng) -> Array:
    return x.out(x.keep / x.keep.sum(-1, keepdims=True))


@kind(
    "softmax/one-more-in-the-sum",
    WHERE,
    "sink softmax-one-more",
    (all_of(r"(1 \+|one more|plus one|logit of 0|\+ ?1|sink|zero key|off.by.one)"),),
)
def plus_one(x: Core, rng: Rng) -> Array:
    """softmax₁: 1 + Σ exp."""
    return x.out(softmax(x.logits(), 0.0))


@kind(
    "softmax/one-in-the-sum-after-the-maximum",
    WHERE,
    "sink softmax-one-more",
    (all_of(r"(1 \+|one more|plus one|\+ ?1|sink|maximum|sum)"),),
)
def plus_one_after(x: Core, rng: Rng) -> Array:
    logits = x.logits()
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return x.out(e / (1 + e.sum(-1, keepdims=True)))


@kind(
    "softmax/row-sum-of-weights-squared",
    "dense",
    "softmax-function",
    (all_of(SUM, r"(square|norm|root|√|length)"), all_of("weights?", r"sums?")),
)
def by_norm(x: Core, rng: Rng) -> Array:
    """Divided by the root of the sum of squares: F.normalize."""
    e = np.exp(x.logits())
    return x.out(e / np.sqrt((e * e).sum(-1, keepdims=True)))


@kind(
    "softmax/mean-for-sum",
    "dense causal",
    "softmax-not-normalised output-factor",
    (all_of(r"(mean|multiple|factor|times|sum)"),),
)
def mean_for_sum(x: Core, rng: Rng) -> Array:
    return x.out(x.weights() * x.shape[3])


@kind("softmax/over-queries", "dense cross", "softmax-axis", (all_of("softmax", "quer"),))
def over_queries(x: Core, rng: Rng) -> Array:
    return x.out(softmax(x.logits(), axis=-2))


@kind("softmax/over-both", "dense", "softmax-axis", (all_of("softmax|sum", r"(all|both|whole|flat|quer|head)"),))
def over_both(x: Core, rng: Rng) -> Array:
    flat = x.logits().reshape(*x.shape[:2], 1, -1)
    return x.out(softmax(flat).reshape(x.shape))


@kind(
    "softmax/max-of-the-batch-underflow",
    "loud dense",
    "softmax-axis numbers",
    (all_of(r"(maximum|underflow|\bnan|(is|are) 0\b|zero)"),),
)
def max_of_all(x: Core, rng: Rng) -> Array | None:
    """The maximum of all rows is subtracted: rows far below it are 0/0."""
    s = x.logits()
    with np.errstate(all="ignore"):
        e = np.exp(s - s.max())
        made = x.out(e / e.sum(-1, keepdims=True))
    return made if np.isnan(made).any() else None


@kind("softmax/negative-logits", WHERE, "scale", (all_of(r"(negativ|sign|minus|−|-)", r"(scale|logit|score)"),))
def negative(x: Core, rng: Rng) -> Array:
    return x.but(scale=-x.scale).out()


@kind(
    "softmax/distances-for-products", "dense", "score-function", (all_of(r"(score.function|cosine|distance|norm|key)"),)
)
def distances(x: Core, rng: Rng) -> Array:
    """−|q − k|²·c/2: what the product is but for the length of the key."""
    k = repeated(x.k, x.shape[1])
    length = (k * k).sum(-1)[:, :, None]
    return x.but(add=-length * x.scale / 2).out()


@kind("softmax/cosine", WHERE, "score-function", (all_of("(cosine|unit|norm)"),))
def cosine(x: Core, rng: Rng) -> Array:
    q, k = (y / np.linalg.norm(y, axis=-1, keepdims=True) for y in (x.q, x.k))
    return x.but(q=q, k=k).out()


@kind(
    "softmax/tau-entmax",
    "dense",
    "softmax-function",
    (all_of(r"(sparse|some weights|zero weights|sum|largest|simplex)"),),
)
def sparsemax(x: Core, rng: Rng) -> Array:
    """The projection onto the simplex."""
    s = np.sort(x.scores(), -1)[..., ::-1]
    total = np.cumsum(s, -1)
    count = (1 + np.arange(1, s.shape[-1] + 1) * s > total).sum(-1, keepdims=True)
    tau = (np.take_along_axis(total, count - 1, -1) - 1) / count
    return x.out(np.maximum(x.scores() - tau, 0))


SINK = r"(sink|one more (key|logit)|sum)"


@kind("softmax/sinks-rolled", "sinks sinks-window", "sink", (all_of("sink", r"(head|roll|shift|another|order|next)"),))
def sinks_rolled(x: Core, rng: Rng) -> Array:
    return x.but(sinks=np.roll(x.sinks, 1, 1)).out()


@kind("softmax/sinks-without-maximum", "sinks", "sink", (all_of("sink", r"(maximum|shift|exp|subtract)"),))
def sinks_without_maximum(x: Core, rng: Rng) -> Array:
    """exp(sink) beside exp(logit − maximum)."""
    logits = x.logits()
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return x.out(e / (e.sum(-1, keepdims=True) + np.exp(x.sinks)))


@kind(
    "softmax/sinks-once-per-split",
    "sinks",
    "sink splits",
    (all_of("sink", r"(split|twice|two|ln 2|0\.69|per|each|tile|2\b)"),),
)
def sink_per_split(x: Core, rng: Rng) -> Array:
    return x.but(sinks=x.sinks + np.log(2)).out()


@kind("softmax/sinks-as-keys", "sinks", "sink", (all_of("sink", r"(key 0|first key|kept|value|column)"),))
def sink_as_key(x: Core, rng: Rng) -> Array:
    """The column of the sink is kept as the first key's: weights are one place off."""
    logits = np.concatenate([np.broadcast_to(x.sinks, (*x.shape[:3], 1)), x.logits()], -1)
    return x.out(softmax(logits)[..., :-1])


@kind("softmax/sinks-forgotten", "sinks sinks-window", "sink", (all_of("sink"),))
def sinks_forgotten(x: Core, rng: Rng) -> Array:
    return x.but(sinks=np.full_like(x.sinks, -np.inf)).out()


@kind("softmax/sinks-scaled", "sinks", "sink", (all_of("sink", "(scale|factor|times)"),))
def sinks_scaled(x: Core, rng: Rng) -> Array:
    return x.but(sinks=x.sinks * x.scale).out()


@kind("softmax/sink-of-head-0", "sinks", "sink heads-mapped", (all_of("sink", "head"),))
def sink_of_0(x: Core, rng: Rng) -> Array:
    return x.but(sinks=np.repeat(x.sinks[:, :1], x.shape[1], 1)).out()


@kind("softmax/sinks-renormalised", "sinks", "sink", (all_of("sink"),))
def renormalised(x: Core, rng: Rng) -> Array:
    """The sink is dropped after softmax, and the rest divided by its sum: as if there were none."""
    w = x.weights()
    return x.out(w / w.sum(-1, keepdims=True))


@kind("softmax/sink-added-to-all-logits-of-key-0", "sinks", "sink bias", (all_of(r"(sink|key 0|first key)"),))
def sink_on_key_0(x: Core, rng: Rng) -> Array:
    s = x.scores()
    s[..., 0] += x.sinks[..., 0]
    return x.but(q=0 * x.q, add=s, sinks=np.full_like(x.sinks, -np.inf)).out()


@kind(
    "softmax/output-divided-by-sum-twice", WHERE, "softmax-not-normalised", (all_of(r"(\bsums?\b|normali|lse|twice)"),)
)
def divided_twice(x: Core, rng: Rng) -> Wrong:
    logits = x.logits()
    e = np.exp(logits - logits.max(-1, keepdims=True))
    total = e.sum(-1, keepdims=True)
    return Wrong(finish(x.p, e @ repeated(x.v, x.shape[1]) / total**2))
