"""Attention as its definition has it, of everything that the problems of the exam hold: what is right, and the parts of
which wrong programs are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.mistakes.exam.turning import How, right_how, turn
from tests.mistakes.stages import Array, Problem, factor, repeated, slopes


@dataclass(frozen=True)
class Given:
    """The states of a problem before norm and rotation, in the type of the computation.

    Attributes:
        p: the problem.
        q, k, v: (B, heads, N, features) of the new tokens; pages are strung together.
        past_k, past_v: those of the cache, which are turned already; of length 0 where there is none.
        q_at, k_at: (B or 1, N) where they stand for rotary and ALiBi; with sections (3, B or 1, N).
        first: (B) the place in the order of the first query.
    """

    p: Problem
    q: Array
    k: Array
    v: Array
    past_k: Array
    past_v: Array
    q_at: Array
    k_at: Array
    first: Array

    @property
    def past(self) -> int:
        return int(self.past_k.shape[2])

    @property
    def keys(self) -> int:
        return self.past + int(self.k.shape[2])

    def joined(self, k: Array, v: Array | None = None) -> tuple[Array, Array]:
        """Past and new."""
        v = self.v if v is None else v
        return np.concatenate([self.past_k, k], 2), np.concatenate([self.past_v, v], 2)


@dataclass(frozen=True)
class Core:
    """All that softmax needs.

    Attributes:
        g: the states that it was made of.
        q, k, v: turned, past and new together.
        keep: (B, H, L, S) which keys are open.
        add: what is added to the scores, (B or 1, H or 1, L or 1, S), or 0.
        scale: a number, or (B or 1, H or 1, L or 1, 1).
        cap: the limit of softcap; None: there is none.
        sinks: (1, H, 1, 1), −∞ for none.
    """

    g: Given
    q: Array
    k: Array
    v: Array
    keep: Array
    add: Any
    scale: Any
    cap: float | None
    sinks: Array

    @property
    def p(self) -> Problem:
        return self.g.p

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Batch, heads, queries, keys."""
        b, h, n, s = self.keep.shape
        return b, h, n, s

    @property
    def each(self) -> int:
        """How many query heads a key head serves."""
        return int(self.q.shape[1] // self.k.shape[1])

    def raw(self) -> Array:
        """q·k."""
        return self.q @ repeated(self.k, self.q.shape[1]).swapaxes(-1, -2)

    def scores(self) -> Array:
        """Scaled, capped, and with what is added."""
        s = self.raw() * self.scale
        s = s if self.cap is None else self.cap * np.tanh(s / self.cap)
        return np.asarray(s + self.add)

    def logits(self) -> Array:
        """−∞ where closed."""
        return np.where(self.keep, self.scores(), -np.inf)

    def weights(self) -> Array:
        """(B, H, L, S)."""
        return softmax(self.logits(), self.sinks)

    def out(self, weights: Array | None = None, v: Array | None = None) -> Array:
        """The output of weights (the right ones), cast to the type of the problem before the product as kernels do."""
        weights = self.weights() if weights is None else weights
        v = self.v if v is None else v
        if self.q.dtype != np.float64:
            weights = weights.astype(self.p.arrays.get("value", v).dtype).astype(self.q.dtype)
        return finish(self.p, weights @ repeated(v, weights.shape[1]))

    def but(self, **changed: Any) -> Core:
        """The same with other parts."""
        return replace(self, **changed)


def softmax(logits: Array, sinks: Any = -np.inf, axis: int = -1) -> Array:
    """With the maximum subtracted; a row without any key is 0."""
    top = np.maximum(logits.max(axis=axis, keepdims=True), sinks)
    top = np.where(np.isfinite(top), top, 0)
    e = np.exp(logits - top)
    total = e.sum(axis=axis, keepdims=True) + np.exp(sinks - top)
    return np.asarray(e / np.where(total == 0, 1, total), dtype=logits.dtype)


def given(p: Problem, work: Any = np.float32) -> Given:
    """The states of a problem: projected, biases added, pages strung together."""
    a = {name: x.astype(work) if x.dtype.kind not in "biu" else x for name, x in p.arrays.items()}
    if "hidden" in a:
        heads, kv = int(p.options["heads"]), int(p.options["kv-heads"])  # type: ignore[call-overload]
        q, k, v = (split(affine(a["hidden"], a, x), n) for x, n in (("q", heads), ("k", kv), ("v", kv)))
    else:
        q, k, v = (unbiased(a[name], a, name[0]) for name in ("query", "key", "value"))
    if "block_table" in a:
        k, v = (strung(x, a["block_table"]) for x in (k, v))
    empty = [x[:, :, :0] for x in (k, v)]
    past_k, past_v = a.get("past_key", empty[0]), a.get("past_value", empty[1])
    past, n, s = past_k.shape[2], q.shape[2], k.shape[2]
    first = first_place(p, len(q), n, past + s, past)
    q_at = standing(p, a["positions"]) if "positions" in a else first[:, None] + np.arange(n)
    k_at = standing(p, a["key_positions"]) if "key_positions" in a else None
    if k_at is None:
        k_at = q_at if "positions" in a and n == s else past + np.arange(s)[None]
    return Given(p, q, k, v, past_k, past_v, q_at, k_at, first)


def standing(p: Problem, at: Array) -> Array:
    """Positions as (B or 1, N), or with sections (3, B or 1, N)."""
    return at.reshape(3, -1, at.shape[-1]) if "rope-sections" in p.options else np.atleast_2d(at)


def affine(x: Array, a: dict[str, Array], letter: str) -> Array:
    """x·W + b."""
    return np.asarray(x @ a[f"w_{letter}"] + a.get(f"b_{letter}", 0))


def split(x: Array, heads: int) -> Array:
    """(B, L, H·E) as (B, H, L, E)."""
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def unbiased(x: Array, a: dict[str, Array], letter: str) -> Array:
    """A state and the bias of its projection, (H·E), where one is given."""
    bias = a.get(f"b_{letter}")
    return x if bias is None else x + bias.reshape(x.shape[1], 1, -1)


def strung(pool: Array, table: Array) -> Array:
    """(B, K, S, E) from a pool of pages (pages, size, K, E)."""
    pages = pool[table]  # (B, blocks, size, K, E)
    return pages.reshape(len(table), -1, *pool.shape[2:]).swapaxes(1, 2)


def first_place(p: Problem, batch: int, queries: int, keys: int, past: int) -> Array:
    """Where the first query stands in the order, by item."""
    offset = p.options.get("offset")
    if offset is None and "key_lengths" in p.arrays:
        return np.asarray(p.arrays["key_lengths"] - queries)
    first = past if offset is None else keys - queries if offset == "end" else int(offset)  # type: ignore[call-overload]
    return np.full(batch, first)


def normed(x: Array, p: Problem, weight: str, eps: float = 1e-6) -> Array:
    """x/√(mean x² + ε) times the weights, where the problem asks for it."""
    if "qk-norm" not in p.options:
        return x
    made = x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    return np.asarray(made * p.arrays[weight].astype(x.dtype)) if weight in p.arrays else made


Turn = Callable[[Array, Array, How], Array]


def core(g: Given, how: How | None = None, *, turn_q: Turn = turn, turn_k: Turn = turn, norm: Any = normed) -> Core:
    """Everything up to softmax, of states, with another way to turn or to normalise them."""
    p = g.p
    q, k = norm(g.q, p, "q_norm"), norm(g.k, p, "k_norm")
    if "rope" in p.options:
        how = right_how(p) if how is None else how
        q, k = turn_q(q, g.q_at, how), turn_k(k, g.k_at, how)
    return joined(g, q, k)


def joined(g: Given, q: Array, k: Array) -> Core:
    """Everything up to softmax, of states that are turned."""
    p = g.p
    keys, values = g.joined(k)
    keep = np.broadcast_to(kept(g), (len(q), q.shape[1], q.shape[2], keys.shape[2]))
    scale: Any = factor(p) if p.options["scale"] != "sqrt" else float(q.shape[-1] ** -0.5)
    if "query_scale" in p.arrays:
        scale = (scale * p.arrays["query_scale"].astype(q.dtype))[..., None]
    sinks = p.arrays.get("sinks", np.full(q.shape[1], -np.inf)).astype(q.dtype).reshape(1, -1, 1, 1)
    cap = p.number("softcap") if "softcap" in p.options else None
    return Core(g, q, keys, values, keep, added(g).astype(q.dtype), scale, cap, sinks)


def added(g: Given) -> Array:
    """A bias, a mask of numbers, ALiBi; in float64."""
    p, total = g.p, np.zeros((1, 1, 1, 1))
    for name in ("bias", "mask"):
        if name in p.arrays and p.arrays[name].dtype != bool:
            total = total + p.arrays[name].astype(np.float64)
    if "alibi" in p.options:
        total = total - slopes(g.q.shape[1]).reshape(-1, 1, 1) * np.abs(distances(g))[:, None]
    return total


def distances(g: Given) -> Array:
    """p − j, (B or 1, L, S)."""
    k_at = np.concatenate([np.broadcast_to(np.arange(g.past), (len(g.k_at), g.past)), g.k_at], 1)
    return np.asarray(g.q_at[:, :, None] - k_at[:, None, :])


def kept(g: Given) -> Array:
    """Which key is open to which query, (B or 1, H or 1, L, S): all rules together."""
    p, j = g.p, np.arange(g.keys)
    options: dict[str, Any] = p.options
    i = (g.first[:, None] + np.arange(g.q.shape[2]))[:, None, :, None]  # (B, 1, L, 1)
    keep = np.ones((1, 1, i.shape[2], g.keys), dtype=bool)
    if options.get("causal"):
        keep = keep & ((j <= i) | (j < options.get("prefix", 0)))
    if "window" in options:
        left, right = options["window"]
        keep = keep & ((left < 0) | (j >= i - left)) & ((right < 0) | (j <= i + right))
    if "chunk" in options:
        keep = keep & (i // options["chunk"] == j // options["chunk"])
    if "segments" in p.arrays:
        ids = np.atleast_2d(p.arrays["segments"])
        own = np.take_along_axis(np.broadcast_to(ids, (len(i), ids.shape[1])), i[:, 0, :, 0], 1)
        keep = keep & (own[:, None, :, None] == ids[:, None, None, :])
    if "key_lengths" in p.arrays:
        keep = keep & (j < p.arrays["key_lengths"].reshape(-1, 1, 1, 1))
    if "mask" in p.arrays and p.arrays["mask"].dtype == bool:
        keep = keep & p.arrays["mask"]
    return keep


def merged(context: Array) -> Array:
    """(B, H, L, Ev) as (B, L, H·Ev)."""
    return context.swapaxes(1, 2).reshape(len(context), context.shape[2], -1)


def gate_of(p: Problem, context: Array) -> Array:
    """σ(gate) for each number of the context, or of each head."""
    gate = p.arrays["gate"].astype(context.dtype)
    each = gate.reshape(*gate.shape[:2], context.shape[1], -1).swapaxes(1, 2)
    return np.asarray(1 / (1 + np.exp(-each)))


def finish(p: Problem, context: Array) -> Array:
    """What comes after the weighted sum."""
    if "gate" in p.arrays:
        context = context * gate_of(p, context)
    if "hidden" in p.arrays:
        if "w_o" not in p.arrays:
            return merged(context)
        a = {name: x.astype(context.dtype) for name, x in p.arrays.items() if name in ("w_o", "b_o")}
        return affine(merged(context), a, "o")
    return context


def right(p: Problem) -> Array:
    """The right output, in float64."""
    with np.errstate(all="ignore"):
        return core(given(p, np.float64)).out()
