"""Wrong positions for the rotation: caches, padding, documents, batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.mistakes.exam.families.words import LOST, TWICE, all_of
from tests.mistakes.exam.kinds import Wrong, kind
from tests.mistakes.exam.plain import Core, core, joined
from tests.mistakes.exam.turning import right_how, turn
from tests.mistakes.stages import Array, Rng

POSITION = r"(position|offset|place|one (step|token)|off by|too far|shift|rope-offset)"


def placed(x: Core, q_at: Array | None = None, k_at: Array | None = None) -> Array:
    """The output with other positions."""
    g = x.g
    return core(replace(g, q_at=g.q_at if q_at is None else q_at, k_at=g.k_at if k_at is None else k_at)).out()


@kind("rotary/query-one-too-far", "decode-rope extend-rope", "rope-offset", (all_of("quer", POSITION, r"(1|one)"),))
def one_too_far(x: Core, rng: Rng) -> Array:
    return placed(x, q_at=x.g.q_at + 1)


@kind("rotary/query-one-short", "decode-rope extend-rope", "rope-offset", (all_of("quer", POSITION, r"(1|one)"),))
def one_short(x: Core, rng: Rng) -> Array:
    return placed(x, q_at=x.g.q_at - 1)


@kind("rotary/query-at-0", "decode-rope extend-rope", "rope-offset", (all_of("quer", r"\b0\b|begin|start|cache"),))
def at_0(x: Core, rng: Rng) -> Array:
    return placed(x, q_at=x.g.q_at - x.g.past)


@kind("rotary/new-at-0", "decode-rope extend-rope", "rope-offset", (all_of(r"\b0\b|begin|start|cache"),))
def both_at_0(x: Core, rng: Rng) -> Array:
    return placed(x, q_at=x.g.q_at - x.g.past, k_at=x.g.k_at - x.g.past)


@kind(
    "rotary/new-key-not-turned",
    "decode-rope extend-rope",
    "rope-offset rope-pairing",
    (all_of(r"(new|key)", r"(not (turned|rotated)|left out|unrotated|position 0|without)"),),
)
def new_key_still(x: Core, rng: Rng) -> Array:
    return core(x.g, turn_k=lambda k, at, how: k).out()


@kind(
    "rotary/query-not-turned",
    "extend-rope rope",
    "rope-pairing",
    (all_of("query", r"(not (turned|rotated)|left out|unrotated|without)"),),
)
def query_still(x: Core, rng: Rng) -> Array:
    return core(x.g, turn_q=lambda q, at, how: q).out()


@kind("rotary/past-turned-again", "decode-rope extend-rope", "rope-offset", (all_of(r"(past|old|cache|key)", TWICE),))
def past_again(x: Core, rng: Rng) -> Array:
    g = x.g
    return core(replace(g, past_k=turn(g.past_k, np.arange(g.past)[None], right_how(x.p)))).out()


@kind(
    "rotary/past-turned-by-the-query",
    "decode-rope extend-rope",
    "rope-offset",
    (all_of(r"(past|old|cache|key)", r"(twice|again|more|shift|position|offset)"),),
)
def past_by_query(x: Core, rng: Rng) -> Array:
    g = x.g
    return core(replace(g, past_k=turn(g.past_k, np.full((1, g.past), g.past), right_how(x.p)))).out()


@kind(
    "rotary/one-old-key-turned-twice",
    "extend-rope",
    "rope-offset key-changed",
    (all_of(r"key,? <key>\b", r"(twice|again|turn|rotat|position|differ|moved|changed|wrong)"),),
)
def old_key_again(x: Core, rng: Rng) -> Wrong:
    g, how = x.g, right_how(x.p)
    last = g.past - 1
    past_k = g.past_k.copy()
    past_k[:, :, last:] = turn(past_k[:, :, last:], np.array([[last]]), how)
    return Wrong(core(replace(g, past_k=past_k)).out(), {"key": last})


@kind("rotary/key-positions-from-1", "rope rope-interleaved", "rope-offset", (all_of("key|quer", POSITION),))
def keys_from_1(x: Core, rng: Rng) -> Array:
    return placed(x, k_at=x.g.k_at + 1)


@kind(
    "rotary/padding-not-counted-in-keys",
    "left-decode",
    "rope-offset",
    (all_of(r"(pad|position|offset)", r"(key|quer)"),),
)
def padding_counted(x: Core, rng: Rng) -> Array:
    keys = x.g.keys
    return placed(x, q_at=np.broadcast_to(np.arange(keys - 1, keys), x.g.q_at.shape))


@kind(
    "rotary/restarts-ignored",
    "rope-restarts rope-by-item",
    "rope-offset positions",
    (all_of("position", r"(ignored|restart|not (used|taken|read)|count|0, 1|row|left out|instead)"),),
)
def ignored(x: Core, rng: Rng) -> Array:
    n = np.arange(x.q.shape[2])[None]
    return placed(x, q_at=n, k_at=n)


@kind(
    "rotary/restarts-for-queries-only", "rope-restarts", "rope-offset positions", (all_of("position", r"(key|quer)"),)
)
def queries_only(x: Core, rng: Rng) -> Array:
    return placed(x, k_at=np.arange(x.q.shape[2])[None])


@kind(
    "rotary/restarts-unasked",
    "rope",
    "rope-offset positions",
    (all_of("position", r"(restart|begin|anew|from 0|chunk|block|modulo)"),),
)
def restarts_unasked(x: Core, rng: Rng) -> Array:
    n = np.arange(x.q.shape[2]) % (x.q.shape[2] // 2)
    return placed(x, q_at=n[None], k_at=n[None])


@kind(
    "rotary/positions-of-item-0",
    "rope-by-item",
    "rope-offset batch-mapped positions",
    (all_of("position", r"(item 0|first item|item|batch)"),),
)
def of_item_0(x: Core, rng: Rng) -> Array:
    return placed(x, q_at=x.g.q_at[:1], k_at=x.g.k_at[:1])


@kind(
    "rotary/positions-of-the-next-item",
    "rope-by-item",
    "rope-offset batch-mapped positions",
    (all_of("position", r"(item|batch)"),),
)
def of_next_item(x: Core, rng: Rng) -> Array:
    return placed(x, q_at=np.roll(x.g.q_at, 1, 0), k_at=np.roll(x.g.k_at, 1, 0))


@kind("rotary/batch-counted-on", "rope-batch", "rope-offset positions", (all_of("position", r"(item|batch|quer|key)"),))
def counted_on(x: Core, rng: Rng) -> Array:
    """Queries of item b begin at b·L, as in a flattened batch; keys do not."""
    n = x.q.shape[2]
    return placed(x, q_at=np.arange(len(x.q))[:, None] * n + np.arange(n))


@kind(
    "rotary/positions-of-heads",
    "rope",
    "rope-pairing rope-offset",
    (all_of("head", r"(position|axis|ax[ei]s)"), all_of(r"rotat\w*", LOST)),
)
def of_heads(x: Core, rng: Rng) -> Array:
    how = right_how(x.p)

    def by_head(y: Array, at: Array, _: Any) -> Array:
        return turn(y.swapaxes(1, 2), np.arange(y.shape[1])[None], how).swapaxes(1, 2)

    return core(x.g, turn_q=by_head, turn_k=by_head).out()


@kind("rotary/speculative-row-positions", "extend-rope", "rope-offset", (all_of("quer", POSITION),))
def same_position(x: Core, rng: Rng) -> Array:
    """All new queries at the position of the first of them."""
    return placed(x, q_at=np.broadcast_to(x.g.q_at[:, :1], x.g.q_at.shape))


@kind(
    "rotary/turned-after-scaling-the-cache",
    "extend-rope",
    "rope-offset rope-scaling",
    (all_of(r"(new|past|old|cache|key)", r"(scal|frequen|theta|base|position)"),),
)
def mixed_base(x: Core, rng: Rng) -> Array:
    """The new tokens with a base of 500 000, the cache with 10 000."""
    how = right_how(x.p)
    n = len(how.frequencies)
    other = replace(how, frequencies=500000.0 ** (-np.arange(n) / n))
    g = x.g
    return joined(g, turn(g.q, g.q_at, other), turn(g.k, g.k_at, other)).out()
