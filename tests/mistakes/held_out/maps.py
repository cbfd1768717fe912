"""Heads, masks and biases."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.bias import relative, table_of, with_bias, with_slopes
from tests.mistakes.exam.families.documents import by_documents
from tests.mistakes.exam.families.heads import of_heads, own
from tests.mistakes.exam.families.masks import opened, places
from tests.mistakes.exam.families.words import EXTRA, LOST, MOVED, all_of
from tests.mistakes.exam.kinds import Wrong
from tests.mistakes.exam.plain import Core
from tests.mistakes.exam.setups import buckets
from tests.mistakes.held_out.hidden import hidden
from tests.mistakes.stages import Array, Rng, slopes


@hidden("heads/pairs-exchanged", "dense grouped", "heads-mapped", all_of("head", MOVED))
def pairs(x: Core, rng: Rng) -> Array:
    return x.out()[:, np.arange(x.shape[1]) ^ 1]


@hidden(
    "heads/group-shares-the-first-query",
    "grouped",
    "heads-mapped",
    all_of("head", r"(first|\b0\b|quer|same|equal|group)"),
)
def first_query(x: Core, rng: Rng) -> Array:
    return x.but(q=x.q[:, own(x) * x.each]).out()


@hidden("heads/last-is-the-first", "dense causal", "heads-mapped", all_of("head", r"\b<head>\b", r"(\b0\b|first)"))
def last_is_first(x: Core, rng: Rng) -> Wrong:
    made = x.out()
    made[:, -1] = made[:, 0]
    return Wrong(made, {"head": x.shape[1] - 1})


@hidden("heads/one-key-head-for-two", "dense grouped", "heads-mapped", all_of("head", rf"(key|served|{MOVED})"))
def one_for_two(x: Core, rng: Rng) -> Array:
    each = own(x) // 2 * 2
    return of_heads(x, each, each)


@hidden("heads/values-reversed", "dense grouped", "heads-mapped", all_of("value", "head"))
def values_reversed(x: Core, rng: Rng) -> Array:
    return of_heads(x, own(x), own(x)[::-1])


@hidden(
    "heads/odd-negated", "dense causal", "output-factor", all_of("head", r"(-1|−1|sign|negat|factor|multiple|times)")
)
def odd_negated(x: Core, rng: Rng) -> Array:
    return x.out() * np.where(np.arange(x.shape[1]).reshape(1, -1, 1, 1) % 2, -1, 1)


@hidden("heads/outputs-averaged-in-group", "grouped", "heads-averaged", all_of("head", r"(mean|averag|same|equal|sum)"))
def group_mean(x: Core, rng: Rng) -> Array:
    made = x.out()
    grouped = made.reshape(len(made), x.k.shape[1], x.each, *made.shape[2:]).mean(2)
    return np.repeat(grouped, x.each, 1)


@hidden(
    "heads/weights-of-the-next",
    "dense causal",
    "heads-mapped",
    all_of(r"(head)", r"(weights|value|score|next|another|roll|quer)"),
)
def next_weights(x: Core, rng: Rng) -> Array:
    return x.out(np.roll(x.weights(), 1, 1))


@hidden(
    "masks/first-row-for-all",
    "masked causal",
    "mask-axis mask-rows",
    all_of(r"(mask|key)", r"(row|first|quer|same|key 0)"),
)
def first_row(x: Core, rng: Rng) -> Array:
    return opened(x, x.keep[:, :, :1])


@hidden(
    "masks/two-tokens-at-a-time",
    "causal",
    "mask-blocks causal-diagonal tile-diagonal",
    all_of(r"(key|block|diagonal|tile|multiple)", rf"({EXTRA}|2|ahead|future)"),
)
def two_at_a_time(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, j // 2 <= i // 2)


@hidden("masks/window-symmetric", "window", "window-bounds", all_of("window"))
def symmetric(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, np.abs(i - j) <= 5)


@hidden("masks/window-doubled", "window sinks-window", "window-bounds", all_of("window"))
def doubled(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & (j >= i - 10))


@hidden("masks/blocks-of-8", "dense causal", "mask-blocks chunk", all_of(r"(block|chunk|tile|multiple)"))
def blocks(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    size = 4 if x.shape[3] < 16 else 8
    return opened(x, x.keep & (i // size == j // size))


@hidden("masks/prefix-one-long", "prefix", "prefix mask-prefix", all_of(r"(prefix|key 5)", rf"(6|one|{EXTRA})"))
def prefix_long(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) | (j < 6))


@hidden(
    "masks/last-document-sees-all",
    "documents documents-dense",
    "documents-mixed",
    all_of(r"(document|segment|boundar|border|open|seen)"),
)
def last_sees_all(x: Core, rng: Rng) -> Array:
    ids = x.p.arrays["segments"]
    causal = by_documents(x, 0 * ids)
    return opened(x, x.keep | (causal & (ids == ids.max())[:, None]))


@hidden(
    "masks/anticausal",
    "causal",
    "mask-inverted causal-corner",
    all_of(r"(causal|mask)", r"(other way|invert|anti|revers|future|ahead|transpos)"),
)
def anticausal(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, j >= i)


@hidden("masks/every-fourth-key-open-to-all", "causal window", "keys-extra", all_of("key", EXTRA))
def global_keys(x: Core, rng: Rng) -> Array:
    _, j = places(x)
    return opened(x, x.keep | (j % 4 == 0))


@hidden(
    "masks/item-0-unmasked",
    "masked padded",
    "mask-dropped padding-attended",
    all_of(r"(item|batch)", r"\b<item>\b", rf"(mask|padd|{LOST})"),
)
def one_unmasked(x: Core, rng: Rng) -> Wrong | None:
    closed = np.flatnonzero(~x.keep.all(axis=(1, 2, 3)))
    if not len(closed):
        return None
    item, keep = int(closed[0]), x.keep.copy()
    keep[item] = True
    return Wrong(opened(x, keep), {"item": item})


@hidden("masks/closed-by-minus-4", "causal masked", "mask-value", all_of(r"(-4\b|−4\b|fill|finite|value|logit)"))
def minus_4(x: Core, rng: Rng) -> Array:
    s = np.where(x.keep, x.scores(), -4)
    return x.but(q=0 * x.q, add=s, keep=np.ones_like(x.keep)).out()


@hidden("bias/t5-half-the-buckets", "t5", "bias", all_of("bias", r"(distance|bucket|far|from|beyond)"))
def half_buckets(x: Core, rng: Rng) -> Array:
    return with_bias(x, table_of(x)[buckets(relative(x), count=16)].transpose(2, 0, 1))


@hidden("bias/clipped", "bias", "bias", all_of("bias", r"(clip|clamp|limit|at most|cut|1)"))
def clipped(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.clip(x.add[0], -1, 1))


@hidden("bias/absolute", "bias", "bias", all_of("bias", r"(absolute|sign|negative|magnitude)"))
def absolute(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.abs(x.add[0]))


@hidden("bias/lower-triangle-only", "bias", "bias", all_of("bias", rf"(triangle|causal|ahead|behind|{LOST})"))
def lower(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.tril(x.add[0]))


@hidden("bias/first-row-for-all", "bias", "bias", all_of("bias", r"(row|quer|first)"))
def row_0(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.broadcast_to(x.add[0][:, :1], x.add[0].shape))


@hidden("bias/alibi-squared-distance", "alibi", "alibi-slopes", all_of(r"(alibi|slope|distance)"))
def squared(x: Core, rng: Rng) -> Array:
    return with_slopes(x, slopes(x.shape[1]) / 16, relative(x) ** 2)


@hidden(
    "bias/alibi-logarithm", "alibi", "alibi-slopes", all_of(r"(alibi|slope|distance)", r"(log|other|function|distance)")
)
def logarithm(x: Core, rng: Rng) -> Array:
    return with_slopes(x, slopes(x.shape[1]) * 4, np.log1p(np.abs(relative(x))))


@hidden("bias/alibi-halved", "alibi", "alibi-slopes", all_of(r"(alibi|slope)"))
def halved(x: Core, rng: Rng) -> Array:
    return with_slopes(x, slopes(x.shape[1]) / 2)


@hidden("bias/distance-term-unasked", "dense causal", "alibi-slopes bias", all_of(r"(distance|alibi|position|slope)"))
def unasked(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.broadcast_to(-0.31 * np.abs(relative(x)), (x.shape[1], *x.shape[2:])))


@hidden("bias/key-term-unasked", "dense causal", "bias", all_of(r"(key)", r"(bias|logit|term|depends)"))
def key_term(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.broadcast_to(rng.standard_normal(x.shape[3]), (x.shape[1], *x.shape[2:])))
