"""Biases: given ones, T5's, ALiBi."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.words import LOST, all_of
from tests.mistakes.exam.kinds import kind
from tests.mistakes.exam.plain import Core
from tests.mistakes.exam.setups import buckets
from tests.mistakes.stages import Array, Rng, slopes

BIAS = r"(bias|added|term|logits? differ)"


def with_bias(x: Core, bias: Array) -> Array:
    """The output with something else added."""
    return x.but(add=np.broadcast_to(bias, (1, x.shape[1], *bias.shape[-2:])).astype(x.q.dtype)).out()


def relative(x: Core) -> Array:
    """j − p."""
    return np.arange(x.shape[3]) - np.arange(x.shape[2])[:, None]


def table_of(x: Core) -> Array:
    """T5's table (buckets, H), read off the bias; a bucket that no pair falls into is 0."""
    at, bias = buckets(relative(x)), x.p.arrays["bias"][0].astype(x.q.dtype)
    table = np.zeros((32, x.shape[1]), x.q.dtype)
    table[at.ravel()] = bias.reshape(len(bias), -1).T
    return table


def looked_up(x: Core, at: Array) -> Array:
    """A bias of buckets."""
    return with_bias(x, table_of(x)[at].transpose(2, 0, 1))


@kind("bias/t5-one-sided", "t5", "bias", (all_of(BIAS, r"(distance|ahead|one.sided|side|bucket|position)"),))
def one_sided(x: Core, rng: Rng) -> Array:
    """The bucket of |j − p| for both sides."""
    return looked_up(x, buckets(-np.abs(relative(x))))


@kind("bias/t5-transposed", "t5", "bias", (all_of(BIAS, r"(transpos|other view|sign|mirror|p − j|queries and keys)"),))
def transposed(x: Core, rng: Rng) -> Array:
    return with_bias(x, x.add[0].swapaxes(1, 2))


@kind("bias/t5-far-distances", "t5", "bias", (all_of(BIAS, r"(distance|far|from|beyond|bucket)"),))
def far(x: Core, rng: Rng) -> Array:
    """Logarithmic buckets to a distance of 64 instead of 128."""
    return looked_up(x, buckets(relative(x), most=64))


@kind("bias/t5-all-buckets-exact", "t5", "bias", (all_of(BIAS, r"(distance|far|from|beyond|bucket)"),))
def exact(x: Core, rng: Rng) -> Array:
    """min(|d|, 15) without the logarithm."""
    d = relative(x)
    return looked_up(x, np.minimum(np.abs(d), 15) + (d > 0) * 16)


@kind("bias/t5-bidirectional-lost", "t5", "bias", (all_of(BIAS, r"(distance|ahead|side|bucket)"),))
def one_direction(x: Core, rng: Rng) -> Array:
    """The decoder's buckets, all keys ahead in the first."""
    return looked_up(x, buckets(relative(x), bidirectional=False))


@kind("bias/of-head-0", "bias t5", "bias heads-mapped", (all_of("bias", r"(head 0|first head|head)"),))
def head_0(x: Core, rng: Rng) -> Array:
    return with_bias(x, x.add[:, :1])


@kind("bias/of-the-next-head", "bias t5", "bias heads-mapped", (all_of("bias", "head"),))
def next_head(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.roll(x.add[0], 1, 0))


@kind("bias/heads-mean", "bias", "bias", (all_of("bias", r"(head|mean|averag)"),))
def mean(x: Core, rng: Rng) -> Array:
    return with_bias(x, x.add.mean(1, keepdims=True)[0])


@kind("bias/one-key-on", "bias t5", "bias", (all_of("bias", r"(shift|moved|roll|one|by 1)"),))
def key_on(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.roll(x.add[0], 1, -1))


@kind("bias/one-query-on", "bias", "bias", (all_of("bias", r"(shift|moved|roll|one|by 1)"),))
def query_on(x: Core, rng: Rng) -> Array:
    return with_bias(x, np.roll(x.add[0], 1, -2))


@kind("bias/scaled", "bias", "bias", (all_of("bias", r"(scale|factor|times|before)"),))
def scaled(x: Core, rng: Rng) -> Array:
    return with_bias(x, x.add[0] * x.scale)


@kind("bias/lost-in-half-of-the-heads", "bias t5", "bias", (all_of("bias", LOST, "head"),))
def lost_in_half(x: Core, rng: Rng) -> Array:
    heads = np.arange(x.shape[1]).reshape(-1, 1, 1)
    return with_bias(x, np.where(heads < x.shape[1] // 2, x.add[0], 0))


@kind("bias/lost-in-the-last-tile", "bias", "bias tile-tail", (all_of("bias", rf"(tile|from|key|<first>|{LOST})"),))
def lost_in_tile(x: Core, rng: Rng) -> Array:
    tile = 4 if x.shape[3] < 16 else 32
    first = (x.shape[3] - 1) // tile * tile
    return with_bias(x, np.where(np.arange(x.shape[3]) < first, x.add[0], 0))


@kind(
    "bias/after-softmax", "bias", "bias", (all_of("bias", r"(after|softmax|weights)"), r"sums? to", r"not in the span")
)
def after(x: Core, rng: Rng) -> Array:
    return x.out(x.but(add=0.0).weights() + x.add)


@kind("bias/shift-left-out", "bias", "bias", (all_of(r"bias", r"(relative|shift|roll|skew|moved|reshape)"),))
def no_relative_shift(x: Core, rng: Rng) -> Array:
    """Transformer-XL's relative shift applied to a bias that has it already."""
    bias = x.add[0]
    h, n, s = bias.shape
    padded = np.concatenate([np.zeros((h, n, 1), bias.dtype), bias], -1)
    return with_bias(x, padded.reshape(h, s + 1, n)[:, 1:].reshape(h, n, s))


def with_slopes(x: Core, m: Array, distance: Array | None = None) -> Array:
    """ALiBi of these slopes."""
    distance = np.abs(relative(x)) if distance is None else distance
    return with_bias(x, -m.reshape(-1, 1, 1) * distance)


ALIBI = r"(alibi|slope|distance)"


@kind("bias/alibi-of-the-rank", "alibi", "alibi-slopes", (all_of(ALIBI, r"(slope|head)"),))
def of_rank(x: Core, rng: Rng) -> Array:
    """Each of two ranks numbers its own heads from 0, and takes the slopes of so many."""
    half = slopes(x.shape[1] // 2)
    return with_slopes(x, np.concatenate([half, half]))


@kind("bias/alibi-first-slopes-for-both-ranks", "alibi", "alibi-slopes", (all_of(ALIBI, r"(slope|head)"),))
def first_slopes(x: Core, rng: Rng) -> Array:
    m = slopes(x.shape[1])[: x.shape[1] // 2]
    return with_slopes(x, np.concatenate([m, m]))


@kind("bias/alibi-reversed", "alibi", "alibi-slopes", (all_of(ALIBI, r"(slope|head|revers)"),))
def reversed_slopes(x: Core, rng: Rng) -> Array:
    return with_slopes(x, slopes(x.shape[1])[::-1])


@kind("bias/alibi-one-slope", "alibi", "alibi-slopes", (all_of(ALIBI, r"(slope|head|same)"),))
def one_slope(x: Core, rng: Rng) -> Array:
    return with_slopes(x, np.full(x.shape[1], slopes(x.shape[1])[0]))


@kind("bias/alibi-scaled", "alibi", "alibi-slopes", (all_of(ALIBI, r"(scale|slope|factor|times|before)"),))
def alibi_scaled(x: Core, rng: Rng) -> Array:
    return with_slopes(x, slopes(x.shape[1]) * x.scale)


@kind(
    "bias/alibi-distance-capped",
    "alibi",
    "alibi-slopes",
    (all_of(ALIBI, r"(cap|from|limit|beyond|at most|stop|clip|far|distance)"),),
)
def capped(x: Core, rng: Rng) -> Array:
    return with_slopes(x, slopes(x.shape[1]), np.minimum(np.abs(relative(x)), x.shape[3] // 3))


@kind(
    "bias/alibi-of-bfloat16-positions",
    "alibi",
    "alibi-slopes rounding",
    (all_of(r"(alibi|slope|distance|bfloat16|round|precision|position)"),),
)
def rounded(x: Core, rng: Rng) -> Array | None:
    """m·j in bfloat16, which has 256 whole numbers."""
    import ml_dtypes

    j = (slopes(x.shape[1]).reshape(-1, 1, 1) * np.arange(x.shape[3])).astype(ml_dtypes.bfloat16)
    return with_bias(x, np.broadcast_to(j.astype(float), (x.shape[1], *x.shape[2:])))


@kind(
    "bias/alibi-from-the-tile",
    "alibi",
    "alibi-slopes",
    (all_of(ALIBI, r"(tile|local|from|multiple|block|restart|column|key)"),),
)
def local_columns(x: Core, rng: Rng) -> Array:
    """Columns counted anew in each tile of keys."""
    tile = 4 if x.shape[3] < 16 else 64
    local = np.arange(x.shape[2])[:, None] - np.arange(x.shape[3]) % tile
    return with_slopes(x, slopes(x.shape[1]), local)


@kind("bias/alibi-in-one-item-of-heads", "alibi", "alibi-slopes", (all_of(ALIBI, "head"),))
def alibi_lost_in_head(x: Core, rng: Rng) -> Array:
    m = slopes(x.shape[1]).copy()
    m[1] = 0
    return with_slopes(x, m)
