"""Masks, padding, windows, documents."""

from __future__ import annotations

import numpy as np

from tests.mistakes.exam.families.words import EXTRA, LOST, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core
from tests.mistakes.stages import Array, Rng

PADDED = r"(padd|length|mask|key)"


def opened(x: Core, keep: Array) -> Array:
    """The output with other keys open."""
    return x.but(keep=np.broadcast_to(keep, x.keep.shape)).out()


def places(x: Core) -> tuple[Array, Array]:
    """Queries (L, 1) and keys (S) in the order."""
    return np.arange(x.shape[2])[:, None] + x.g.first[0], np.arange(x.shape[3])


@kind(
    "masks/padding-on-the-wrong-side",
    "padded",
    "padding-side mask-inverted mask-axis",
    (all_of(PADDED, r"(side|left|front|last|right|revers|first|end)"),),
)
def wrong_side(x: Core, rng: Rng) -> Array:
    lengths = x.p.arrays["key_lengths"].reshape(-1, 1, 1, 1)
    return opened(x, np.arange(x.shape[3]) >= x.shape[3] - lengths)


@kind(
    "masks/left-padding-taken-for-right",
    "left-padded left-decode",
    "padding-side mask-axis",
    (all_of(PADDED, r"(side|left|right|revers|first|front|end)"),),
)
def left_for_right(x: Core, rng: Rng) -> Array:
    return opened(x, (x.keep | ~x.p.arrays["mask"]) & x.p.arrays["mask"][..., ::-1])


@kind(
    "masks/left-padding-attended",
    "left-padded left-decode",
    "padding-attended mask-dropped",
    (all_of(PADDED, rf"({EXTRA}|{LOST})"),),
)
def left_attended(x: Core, rng: Rng) -> Array:
    return opened(x, causal_alone(x))


def causal_alone(x: Core) -> Array:
    """The causal rule and nothing else, or all."""
    i, j = places(x)
    return np.broadcast_to(j <= i if x.p.options.get("causal") else j >= 0, x.keep.shape)


@kind(
    "masks/of-another-item",
    "masked left-padded padded number-mask",
    "mask-axis batch-mapped",
    (all_of(r"(mask|padd|length)", r"(item|batch)"),),
)
def of_another(x: Core, rng: Rng) -> Array:
    if x.p.arrays.get("mask") is not None and x.p.arrays["mask"].dtype != bool:
        return x.but(add=np.roll(x.add, 1, 0)).out()
    return opened(x, np.roll(x.keep, 1, 0))


@kind(
    "masks/of-item-0",
    "masked padded number-mask",
    "mask-axis batch-mapped",
    (all_of(r"(mask|padd|length)", r"(item|batch)"),),
)
def of_first(x: Core, rng: Rng) -> Array:
    if x.p.arrays.get("mask") is not None and x.p.arrays["mask"].dtype != bool:
        return x.but(add=x.add[:1]).out()
    return opened(x, x.keep[:1])


@kind("masks/rolled", "masked", "mask-shifted mask-axis", (all_of("mask", r"(roll|shift|moved|key|one|1)"),))
def rolled(x: Core, rng: Rng) -> Array:
    return opened(x, np.roll(x.keep, 1, -1))


@kind(
    "masks/rolled-by-a-query",
    "masked",
    "mask-shifted mask-axis",
    (all_of("mask", r"(roll|shift|moved|row|query|one|1)"),),
)
def rolled_rows(x: Core, rng: Rng) -> Array:
    return opened(x, np.roll(x.keep, 1, -2))


@kind(
    "masks/filled-with-minus-10",
    "causal masked left-padded",
    "mask-value",
    (all_of(r"(-10\b|−10\b|fill|finite|value|logit)"),),
)
def minus_10(x: Core, rng: Rng) -> Array:
    s = np.where(x.keep, x.scores(), -10)
    return x.but(q=0 * x.q, add=s, keep=np.ones_like(x.keep)).out()


@kind("masks/minus-10-added", "causal masked", "mask-value", (all_of(r"(-10\b|−10\b|fill|finite|value|added|lower)"),))
def minus_10_added(x: Core, rng: Rng) -> Array:
    return x.but(add=np.where(x.keep, 0, -10).astype(x.q.dtype), keep=np.ones_like(x.keep)).out()


@kind(
    "masks/times-mask",
    "causal masked",
    "mask-value",
    (all_of(r"(\b0\b|times|multipl)", r"(mask|logit|fill|value|closed)"),),
)
def times(x: Core, rng: Rng) -> Array:
    return x.but(q=0 * x.q, add=x.scores() * x.keep, keep=np.ones_like(x.keep)).out()


@kind(
    "masks/one-key-too-many",
    "chunked extend causal",
    "causal-diagonal",
    (all_of(r"(one|1|diagonal)", r"(key|ahead|more)"),),
)
def one_many(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, j <= i + 1)


@kind("masks/prefix-one-short", "prefix", "prefix mask-prefix", (all_of(r"prefix|keys? <key>", rf"(short|4|{LOST})"),))
def prefix_short(x: Core, rng: Rng) -> Wrong:
    i, j = places(x)
    return Wrong(opened(x, (j <= i) | (j < 4)), {"key": 4})


@kind("masks/prefix-lost", "prefix", "prefix mask-dropped causal-diagonal", (all_of(r"prefix", LOST), all_of("causal")))
def prefix_lost(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, j <= i)


@kind("masks/prefix-to-all-queries-of-it-only", "prefix", "prefix mask-prefix", (all_of("prefix"),))
def prefix_keys(x: Core, rng: Rng) -> Array:
    """Keys of the prefix are open to queries of the prefix; later queries have lost them."""
    i, j = places(x)
    return opened(x, np.where(i < 5, j < 5, (j <= i) & (j >= 5)))


@kind("masks/chunk-for-window", "window", "window-bounds mask-blocks chunk", (all_of(r"(chunk|block|multiple)"),))
def chunk_for_window(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & (j // 6 == i // 6))


@kind("masks/window-for-chunk", "chunk", "window-bounds chunk", (all_of(r"window"),))
def window_for_chunk(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & (j > i - 4))


@kind("masks/chunk-lost", "chunk", "chunk mask-dropped", (all_of("chunk", LOST), all_of(r"causal", "alone|only")))
def chunk_lost(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, j <= i)


@kind("masks/chunk-of-8", "chunk", "chunk", (all_of("chunk", r"(8|other|another|size|double|wider)"),))
def chunk_of_8(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & (j // 8 == i // 8))


@kind("masks/window-one-more", "window sinks-window", "window-bounds", (all_of("window"),))
def wider(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & (j >= i - 6))


@kind("masks/window-one-less", "window sinks-window", "window-bounds", (all_of("window"),))
def narrower(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & (j >= i - 4))


@kind(
    "masks/window-of-tiles",
    "window",
    "window-bounds mask-blocks",
    (all_of(r"(window|tile|block|multiple|border)", r"(tile|block|multiple|round|whole|border|extra|4|16)"),),
)
def window_of_tiles(x: Core, rng: Rng) -> Array:
    """Whole tiles of keys that the window touches."""
    tile = 4 if x.shape[3] < 16 else 16
    i, j = places(x)
    return opened(x, (j <= i) & (j // tile >= (i - 5) // tile))


@kind("masks/window-in-every-layer", "causal rope", "window-bounds mask-dropped", (all_of("window"),))
def window_unasked(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & (j > i - max(4, x.shape[3] // 8)))


@kind("masks/mask-of-head-order", "masked", "mask-axis", (all_of("mask", r"(head|batch|item|order|axis)"),))
def head_order(x: Core, rng: Rng) -> Array:
    b, h, _, _ = x.shape
    index = np.arange(b * h).reshape(b, h) % b
    return opened(x, x.keep[index, 0])


@kind(
    "masks/mask-inverted-in-one-item",
    "masked",
    "mask-inverted",
    (all_of("(mask)", r"(item 1\b|item)", r"(other way|invert|opposite|mask-inverted)"),),
)
def inverted_in_one(x: Core, rng: Rng) -> Array:
    keep = x.keep.copy()
    keep[1] = ~keep[1]
    return opened(x, keep)


@kind("masks/cross-attention-causal", "cross", "causal-unwanted", (all_of("causal"),))
def cross_causal(x: Core, rng: Rng) -> Array:
    return opened(x, np.arange(x.shape[3]) <= np.arange(x.shape[2])[:, None])


@kind(
    "masks/first-key-always-open",
    "window chunk documents",
    "keys-extra mask-sink",
    (all_of(r"(key 0\b|first key)", EXTRA),),
)
def first_open(x: Core, rng: Rng) -> Array:
    _, j = places(x)
    return opened(x, x.keep | (j == 0))


@kind(
    "masks/own-key-closed-outside-diagonal",
    "window",
    "causal-diagonal keys-lost",
    (all_of(r"(own|diagonal|itself)", LOST), all_of("diagonal|strict")),
)
def own_closed(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, x.keep & (j != i))


@kind(
    "masks/dilated",
    "window",
    "window-bounds keys-lost",
    (all_of(r"(every|other|second|even|stride|dilat|2)", r"(key|distance|window)"),),
)
def dilated(x: Core, rng: Rng) -> Array:
    i, j = places(x)
    return opened(x, (j <= i) & ((i - j) % 2 == 0) & (j >= i - 10))


@kind(
    "masks/minima-added-in-half-precision",
    "left-padded",
    "empty-row mask-value",
    (
        all_of(
            r"(empty|nothing (is )?open|no open|all keys (are )?closed|padd)",
            r"(row|quer|mean|softmax|fill|finite|key)",
        ),
    ),
)
def minima_added(x: Core, rng: Rng) -> Array:
    """Two finite minima of float16: where both close a key they add up to −∞, and a row of padding sees the rest."""
    lowest = np.float16(-65504)
    causal = np.where(causal_alone(x), np.float16(0), lowest)
    padding = np.where(x.p.arrays["mask"], np.float16(0), lowest)
    s = (x.scores().astype(np.float16) + (causal + padding)).astype(x.q.dtype)
    e = np.exp(s - s.max(-1, keepdims=True))
    return x.out(e / e.sum(-1, keepdims=True))
