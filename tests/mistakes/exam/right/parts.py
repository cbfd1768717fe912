"""The work in parts: tiles, splits, ranks, chunks, items, documents, pages, one token at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.mistakes.exam.plain import Core, core, finish, softmax
from tests.mistakes.exam.right.sums import has_sinks
from tests.mistakes.exam.routes import route
from tests.mistakes.stages import Array, repeated


def in_rows(x: Core, rows: Array) -> Core:
    """Some queries."""
    add = x.add[:, :, rows] if x.add.shape[2] > 1 else x.add
    scale = x.scale[:, :, rows] if np.ndim(x.scale) and x.scale.shape[2] > 1 else x.scale
    return x.but(q=x.q[:, :, rows], keep=x.keep[:, :, rows], add=add, scale=scale)


def context(x: Core) -> Array:
    """The weighted sums."""
    w = x.weights()
    return np.asarray(w @ repeated(x.v, w.shape[1]))


for tile in (5, 16, 64):

    @route(f"streamed in tiles of {tile}")
    def _(x: Core, tile: int = tile) -> Array:
        """A running maximum that begins with the sink."""
        logits, v = x.logits(), repeated(x.v, x.shape[1])
        b, h, n, s = x.shape
        top = np.broadcast_to(x.sinks, (b, h, n, 1)).copy()
        total = np.where(np.isfinite(top), np.float32(1), np.float32(0))
        made = np.zeros((b, h, n, v.shape[3]), logits.dtype)
        for at in range(0, s, tile):
            part = logits[..., at : at + tile]
            new = np.maximum(top, part.max(-1, keepdims=True))
            safe = np.where(np.isfinite(new), new, 0)
            shrink, e = np.exp(top - safe), np.exp(part - safe)
            made, total, top = (
                made * shrink + e @ v[:, :, at : at + tile],
                total * shrink + e.sum(-1, keepdims=True),
                new,
            )
        return finish(x.p, made / np.where(total == 0, 1, total))


@route("streamed, rescaled only where the maximum grows by 8")
def lazily(x: Core) -> Array | None:
    if has_sinks(x):
        return None
    logits, v = x.logits(), repeated(x.v, x.shape[1])
    b, h, n, s = x.shape
    top, total = np.full((b, h, n, 1), -np.inf, logits.dtype), np.zeros((b, h, n, 1), logits.dtype)
    made = np.zeros((b, h, n, v.shape[3]), logits.dtype)
    for at in range(0, s, 16):
        part = logits[..., at : at + 16]
        most = part.max(-1, keepdims=True)
        new = np.where(most > top + 8, most, top)
        safe = np.where(np.isfinite(new), new, 0)
        shrink, e = np.where(np.isfinite(top), np.exp(top - safe), 0), np.exp(part - safe)
        made, total, top = made * shrink + e @ v[:, :, at : at + 16], total * shrink + e.sum(-1, keepdims=True), new
    return finish(x.p, made / np.where(total == 0, 1, total))


for count in (2, 5):

    @route(f"merged from {count} splits")
    def _(x: Core, count: int = count) -> Array:
        """Each with its own softmax, by lse; the sink belongs to the merge."""
        v, spans = repeated(x.v, x.shape[1]), np.array_split(np.arange(x.shape[3]), count)
        parts = [x.logits()[..., span] for span in spans]
        sums = [np.logaddexp.reduce(part, axis=-1, keepdims=True) for part in parts]
        lse = np.logaddexp(np.logaddexp.reduce(np.stack(sums)), x.sinks)
        lse = np.where(np.isfinite(lse), lse, 0)
        made = sum(
            np.exp(s - lse) * (softmax(part) @ v[:, :, span]) for s, part, span in zip(sums, parts, spans, strict=True)
        )
        return finish(x.p, np.asarray(made))


@route("merged in a ring, two at a time, from the last")
def ring(x: Core) -> Array | None:
    if has_sinks(x):
        return None
    v, made, lse = repeated(x.v, x.shape[1]), None, None
    for span in np.array_split(np.arange(x.shape[3]), 4)[::-1]:
        part = x.logits()[..., span]
        each, own = softmax(part) @ v[:, :, span], np.logaddexp.reduce(part, axis=-1, keepdims=True)
        if made is None or lse is None:
            made, lse = each, own
            continue
        both = np.logaddexp(lse, own)
        safe = np.where(np.isfinite(both), both, 0)
        made, lse = made * np.exp(lse - safe) + each * np.exp(own - safe), both
    assert made is not None
    return finish(x.p, made)


@route("queries in chunks")
def chunked(x: Core) -> Array:
    rows = np.array_split(np.arange(x.shape[2]), 3)
    return finish(x.p, np.concatenate([context(in_rows(x, some)) for some in rows if len(some)], 2))


@route("one query at a time")
def row_by_row(x: Core) -> Array | None:
    if x.shape[2] > 40:
        return None
    return finish(x.p, np.concatenate([context(in_rows(x, np.array([i]))) for i in range(x.shape[2])], 2))


@route("one head at a time")
def head_by_head(x: Core) -> Array:
    made = [context(of_head(x, h)) for h in range(x.shape[1])]
    return finish(x.p, np.concatenate(made, 1))


def of_head(x: Core, h: int) -> Core:
    """One query head, and the key head that serves it."""
    span, own = slice(h, h + 1), slice(h // x.each, h // x.each + 1)
    add = x.add[:, span] if x.add.shape[1] > 1 else x.add
    scale = x.scale[:, span] if np.ndim(x.scale) and x.scale.shape[1] > 1 else x.scale
    return x.but(
        q=x.q[:, span], k=x.k[:, own], v=x.v[:, own], keep=x.keep[:, span], add=add, scale=scale, sinks=x.sinks[:, span]
    )


@route("one item at a time")
def item_by_item(x: Core) -> Array:
    made = []
    for b in range(x.shape[0]):
        span = slice(b, b + 1)
        add = x.add[span] if len(x.add) > 1 else x.add
        made.append(context(x.but(q=x.q[span], k=x.k[span], v=x.v[span], keep=x.keep[span], add=add)))
    return finish(x.p, np.concatenate(made))


@route("grouped without repeating", suits=lambda p: "hidden" not in p.arrays and p.heads > p.arrays["key"].shape[1])
def grouped(x: Core) -> Array | None:
    b, h, n, s = x.shape
    if "block_table" in x.p.arrays or x.k.shape[1] == h:
        return None
    q = x.q.reshape(b, x.k.shape[1], x.each, n, -1)
    raw = np.einsum("bkgle,bkse->bkgls", q, x.k).reshape(b, h, n, s)
    sc = raw * x.scale
    sc = sc if x.cap is None else x.cap * np.tanh(sc / x.cap)
    w = softmax(np.where(x.keep, sc + x.add, -np.inf), x.sinks).reshape(b, x.k.shape[1], x.each, n, s)
    return finish(x.p, np.einsum("bkgls,bksv->bkglv", w, x.v).reshape(b, h, n, -1))


@route("padding cut off", suits=lambda p: "key_lengths" in p.arrays)
def unpadded(x: Core) -> Array:
    made = []
    for b, end in enumerate(x.p.arrays["key_lengths"]):
        span = slice(b, b + 1)
        part = x.but(q=x.q[span], k=x.k[span, :, :end], v=x.v[span, :, :end], keep=x.keep[span, ..., :end])
        made.append(context(part))
    return finish(x.p, np.concatenate(made))


@route("more padding behind", suits=lambda p: "alibi" not in p.options)
def padded(x: Core) -> Array:
    """Keys of zeros up to a multiple of 64, closed."""
    b, h, n, s = x.shape
    more = -s % 64
    k, v = (np.concatenate([y, np.zeros((*y.shape[:2], more, y.shape[3]), y.dtype)], 2) for y in (x.k, x.v))
    keep = np.concatenate([x.keep, np.zeros((b, h, n, more), bool)], -1)
    add = x.add
    if add.shape[-1] > 1:
        add = np.concatenate([add, np.zeros((*add.shape[:3], more), add.dtype)], -1)
    return x.but(k=k, v=v, keep=keep, add=add).out()


@route("page by page", suits=lambda p: "block_table" in p.arrays)
def paged(x: Core) -> Array:
    """A loop over the table with a running maximum; pages behind the length are not looked at."""
    p = x.p
    table, lengths, size = p.arrays["block_table"], p.arrays["key_lengths"], p.arrays["key"].shape[1]
    keys, values = (p.arrays[name].astype(x.q.dtype) for name in ("key", "value"))
    made = np.zeros((*x.q.shape[:3], x.v.shape[3]), x.q.dtype)
    for b, end in enumerate(lengths):
        logits, rows = [], []
        for at in range(-(-end // size)):
            page = table[b, at]
            used = min(size, end - at * size)
            k, v = (repeated(y[page, :used].swapaxes(0, 1)[None], x.shape[1])[0] for y in (keys, values))
            part = x.q[b] @ k.swapaxes(-1, -2) * x.scale
            logits.append(np.where(x.keep[b, :, :, at * size : at * size + used], part, -np.inf))
            rows.append(v)
        made[b] = softmax(np.concatenate(logits, -1)) @ np.concatenate(rows, 1)
    return made


@route("document by document", suits=lambda p: "segments" in p.arrays)
def by_document(x: Core) -> Array:
    ids = x.p.arrays["segments"]
    made = np.zeros((*x.q.shape[:3], x.v.shape[3]), x.q.dtype)
    for each in np.unique(ids):
        rows = np.flatnonzero(ids == each)
        part = in_rows(x, rows)
        made[:, :, rows] = context(part.but(k=x.k[:, :, rows], v=x.v[:, :, rows], keep=part.keep[..., rows]))
    return finish(x.p, made)


@route("only the tiles that a window touches", suits=lambda p: "window" in p.options)
def banded(x: Core) -> Array:
    made = []
    for start in range(0, x.shape[2], 4):
        rows = np.arange(start, min(start + 4, x.shape[2]))
        span = np.arange(max(0, start - 5), rows[-1] + 1)
        part = in_rows(x, rows)
        made.append(context(part.but(k=x.k[:, :, span], v=x.v[:, :, span], keep=part.keep[..., span])))
    return finish(x.p, np.concatenate(made, 2))


@route("heads on two ranks")
def two_ranks(x: Core) -> Array:
    heads = [of_head(x, h) for h in range(x.shape[1])]
    half = len(heads) // 2
    ranks = [np.concatenate([context(each) for each in some], 1) for some in (heads[:half], heads[half:])]
    return finish(x.p, np.concatenate(ranks, 1))


@route("output projection head by head", suits=lambda p: "w_o" in p.arrays)
def by_heads(x: Core) -> Array:
    """Σ over heads of context · its rows of W_o, as tensor parallel layers reduce it."""
    w, b = (x.p.arrays[name].astype(x.q.dtype) for name in ("w_o", "b_o"))
    made = context(x)
    size = made.shape[3]
    return np.asarray(sum(made[:, h] @ w[h * size : (h + 1) * size] for h in range(made.shape[1])) + b)


@route("one fused projection", suits=lambda p: "w_q" in p.arrays)
def fused(x: Core) -> Array:
    a = {name: y.astype(x.q.dtype) for name, y in x.p.arrays.items()}
    w, b = (np.concatenate([a[f"{kind}_{letter}"] for letter in "qkv"], -1) for kind in "wb")
    joined = a["hidden"] @ w + b
    cuts = np.cumsum([a["w_q"].shape[1], a["w_k"].shape[1]])
    q, k, v = np.split(joined, cuts, -1)
    parts = [
        y.reshape(*y.shape[:2], heads, -1).swapaxes(1, 2)
        for y, heads in ((q, x.shape[1]), (k, x.k.shape[1]), (v, x.k.shape[1]))
    ]
    return core(replace(x.g, q=parts[0], k=parts[1], v=parts[2])).out()


@route("value and output projection absorbed", suits=lambda p: "w_o" in p.arrays)
def absorbed(x: Core) -> Array:
    """Values are projected to the output before the weighted sum."""
    w, b = (x.p.arrays[name].astype(x.q.dtype) for name in ("w_o", "b_o"))
    size, v = x.v.shape[3], repeated(x.v, x.shape[1])
    ready = np.stack([v[:, h] @ w[h * size : (h + 1) * size] for h in range(x.shape[1])], 1)
    return np.asarray((x.weights() @ ready).sum(1) + b)


@route("as a whole sequence, its last rows", suits=lambda p: "past_key" in p.arrays and "rope" not in p.options)
def whole_sequence(x: Core) -> Array:
    """All keys as queries too; the rows of the new tokens are kept."""
    b, h, n, s = x.shape
    rng = np.random.default_rng(2)
    q = np.concatenate([rng.standard_normal((b, h, s - n, x.q.shape[3])).astype(x.q.dtype), x.q], 2)
    i = np.arange(s)
    keep = np.broadcast_to(i <= i[:, None], (b, h, s, s))
    return finish(x.p, context(x.but(q=q, keep=keep))[:, :, -n:])


@route("states read as (batch, length, heads, features)", suits=lambda p: "hidden" not in p.arrays)
def other_layout(x: Core) -> Array:
    each = (x.q, repeated(x.k, x.shape[1]), repeated(x.v, x.shape[1]))
    q, k, v = (np.ascontiguousarray(y.swapaxes(1, 2)) for y in each)
    raw = np.einsum("blhe,bshe->bhls", q, k)
    s = raw * x.scale
    s = s if x.cap is None else x.cap * np.tanh(s / x.cap)
    w = softmax(np.where(x.keep, s + x.add, -np.inf), x.sinks)
    return finish(x.p, np.einsum("bhls,bshv->blhv", w, v).swapaxes(1, 2))
