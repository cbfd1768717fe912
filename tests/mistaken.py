"""Attention as people write it, right and with every known mistake in it: problems for `attn check`.

An attention here is a `Way`: a pipeline of small stages. A mistake replaces one or a few of them, so two
mistakes at once are two replacements. Nothing of the program under test is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Rng: TypeAlias = np.random.Generator
OPERANDS = ("query", "key", "value", "past_key", "past_value")


@dataclass(frozen=True)
class Problem:
    """The arrays of a problem, its options as JSON has them, and the kind it is of."""

    arrays: dict[str, Array]
    options: dict[str, object]
    kind: str = ""

    @property
    def heads(self) -> int:
        return int(self.arrays["query"].shape[1])

    @property
    def queries(self) -> int:
        return int(self.arrays["query"].shape[2])

    @property
    def size(self) -> int:
        return int(self.arrays["query"].shape[3])

    @property
    def past(self) -> int:
        return int(self.arrays["past_key"].shape[2]) if "past_key" in self.arrays else 0

    @property
    def keys(self) -> int:
        return self.past + int(self.arrays["key"].shape[2])

    def number(self, name: str) -> float:
        return float(cast(float, self.options[name]))

    def changed(self, **arrays: Array) -> Problem:
        return replace(self, arrays=self.arrays | arrays)


@dataclass(frozen=True)
class Case:
    """An expected output; `ids` are all names that may occur, `acceptable` the whole answers that are right."""

    name: str
    ids: frozenset[str]
    problem: Problem
    expected: Array
    acceptable: frozenset[frozenset[str]] = frozenset()


# --- the stages of the right computation ---------------------------------------------------------------------------


def cast_to(p: Problem, change: Callable[[Array], Array]) -> Problem:
    """Pass query, key, value and the cache through `change`."""
    return p.changed(**{name: change(p.arrays[name]) for name in OPERANDS if name in p.arrays})


def in_float64(p: Problem) -> Problem:
    """Compute in float64."""
    return cast_to(p, lambda x: x.astype(np.float64))


def unchanged(x: Any) -> Any:
    """Leave it as it is."""
    return x


def first_position(p: Problem) -> Array:
    """Position of the first query, (B or 1, 1, 1, 1)."""
    offset = p.options.get("offset")
    if offset is None and "key_lengths" in p.arrays:
        return p.arrays["key_lengths"].reshape(-1, 1, 1, 1) - p.queries
    value = p.past if offset is None else p.keys - p.queries if offset == "end" else int(p.number("offset"))
    return np.full((1, 1, 1, 1), value)


def positions(p: Problem, first: Array | None = None) -> Array:
    """Positions of the queries, (B or 1, 1, L, 1)."""
    return (first_position(p) if first is None else first) + np.arange(p.queries)[:, None]


def angles(x: Array, place: Array, theta: float, table: str) -> Array:
    """Angle of each component of x at its position, as the half-split or the interleaved table has it."""
    each = place[..., None] * theta ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    return np.concatenate([each, each], axis=-1) if table == "half" else np.repeat(each, 2, axis=-1)


def quarter(x: Array, turn: str) -> Array:
    """Each pair (a, b) as (−b, a): `rotate_half` or `rotate_every_two`."""
    if turn == "half":
        left, right = np.split(x, 2, axis=-1)
        return np.concatenate([-right, left], axis=-1)
    return np.stack([-x[..., 1::2], x[..., 0::2]], axis=-1).reshape(x.shape)


def rope(x: Array, place: Array, theta: float, table: str, turn: str) -> Array:
    """Rotary embedding of x (B, H, L, E) at positions (…, L)."""
    angle = angles(x, place, theta, table).astype(x.dtype)
    return x * np.cos(angle) + quarter(x, turn) * np.sin(angle)


def rotate(
    p: Problem,
    *,
    other: tuple[bool, bool] = (False, False),
    theta: float | None = None,
    query: Callable[[Array], Array] = unchanged,
    key: Callable[[Array], Array] = unchanged,
    times: tuple[int, int, int] = (1, 1, 0),
) -> tuple[Array, Array]:
    """Query and key rotated, past keys (rotated long ago) before the key; keywords are for what goes wrong.

    `other` takes the other table and the other turn; `query` and `key` move positions; `times` is how often query, key
    and past key are rotated.
    """
    parts = [p.arrays["query"], p.arrays["key"], *([p.arrays["past_key"]] if p.past else [])]
    if "rope" in p.options:
        own = str(p.options["rope"])
        names = [({"half": "interleaved"}.get(own, "half") if swap else own) for swap in other]
        base = theta or cast(float, p.options.get("rope-theta", 10000.0))
        places = [query(positions(p)[..., 0]), key(np.arange(p.past, p.keys)), np.arange(p.past)]
        for i, part in enumerate(parts):
            for _ in range(times[i]):
                part = rope(part, places[i], base, names[0], names[1])
            parts[i] = part
    return parts[0], np.concatenate([*parts[2:], parts[1]], axis=2)


def repeated(x: Array, heads: int) -> Array:
    """Each key head for a block of consecutive query heads: repeat_interleave."""
    return np.repeat(x, heads // x.shape[1], axis=1)


def factor(p: Problem) -> float:
    """The factor on the scores."""
    scale = p.options.get("scale", "none")
    return 1.0 if scale == "none" else p.size**-0.5 if scale == "sqrt" else p.number("scale")


def capped(scores: Array, p: Problem) -> Array:
    """X·tanh(s/X)."""
    return p.number("softcap") * np.tanh(scores / p.number("softcap")) if "softcap" in p.options else scores


def slopes(heads: int) -> Array:
    """ALiBi's slopes: those of the power of two below, then every other one of the next power."""
    low = 1 << (heads.bit_length() - 1)
    more = geometric(2 * low)[0::2][: heads - low]
    return np.concatenate([geometric(low), more])


def geometric(heads: int, start: int = 1) -> Array:
    """2^(−8h/H) for h from `start`."""
    return 2.0 ** (-8.0 * np.arange(start, start + heads) / heads)


def added(p: Problem, way: Way) -> Array:
    """What is added to capped scores: bias and ALiBi."""
    total: Array = np.zeros((1, 1, 1, 1))
    if "bias" in p.arrays:
        total = total + p.arrays["bias"]
    if "alibi" in p.options:
        total = total - way.slopes(p.heads).reshape(-1, 1, 1) * (positions(p) - np.arange(p.keys))
    return total


def causal(p: Problem, shift: int = 0, first: Callable[[Problem], Array] = first_position) -> Array:
    """Keys up to the query's own position."""
    return np.arange(p.keys) <= positions(p, first(p)) + shift if p.options.get("causal") else anything(p)


def anything(p: Problem) -> Array:
    """All keys."""
    return np.ones((1, 1, 1, 1), dtype=bool)


Bounds: TypeAlias = tuple[int, int]


def window(
    p: Problem,
    bounds: Callable[[Bounds], Bounds] = unchanged,
    first: Callable[[Problem], Array] = first_position,
) -> Array:
    """Keys p − left … p + right, −1 for no bound."""
    if "window" not in p.options:
        return anything(p)
    left, right = bounds(cast(Bounds, p.options["window"]))
    distance = np.arange(p.keys) - positions(p, first(p))
    return ((left < 0) | (distance >= -left)) & ((right < 0) | (distance <= right))


def padding(p: Problem) -> Array:
    """Keys that are there."""
    if "key_lengths" not in p.arrays:
        return anything(p)
    return np.arange(p.keys) < p.arrays["key_lengths"].reshape(-1, 1, 1, 1)


def masked(p: Problem) -> Array:
    """The mask that was given, with four axes."""
    mask = p.arrays.get("mask", anything(p))
    return mask.reshape((1,) * (4 - mask.ndim) + mask.shape)


def kept(p: Problem, way: Way) -> Array:
    """Which query sees which key, (B, H, L, S)."""
    keep = way.causal(p) & way.window(p) & way.padding(p) & way.mask(p)
    return np.broadcast_to(keep, (len(p.arrays["query"]), p.heads, p.queries, p.keys))


def closed(logits: Array, keep: Array) -> Array:
    """−∞ where not kept: masked_fill(~keep, -inf)."""
    return np.where(keep, logits, -np.inf)


def logits_of(raw: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Scale, cap, add, mask: in this order."""
    return way.close(way.cap(raw * way.scale(p), p) + way.added(p, way).astype(raw.dtype), keep)


def sink_logits(p: Problem) -> Array:
    """One logit a head, −∞ where there are no sinks."""
    return p.arrays.get("sinks", np.full(p.heads, -np.inf)).reshape(1, -1, 1, 1)


def softmax(logits: Array, keep: Array, p: Problem, way: Way, axis: int = -1) -> Array:
    """Softmax with the maximum subtracted; a row without any key is 0."""
    sink = way.sinks(p).astype(logits.dtype)
    top = np.maximum(logits.max(axis=axis, keepdims=True), sink)
    top = np.where(np.isfinite(top), top, 0)
    each = np.exp(logits - top)
    total = each.sum(axis=axis, keepdims=True) + np.exp(sink - top)
    return each / np.where(total == 0, 1, total)


@dataclass(frozen=True)
class Way:
    """One way to compute attention, stage by stage; the defaults are right."""

    cast: Callable[[Problem], Problem] = in_float64
    operands: Callable[[Problem], Problem] = unchanged
    rotate: Callable[[Problem], tuple[Array, Array]] = rotate
    share_key: Callable[[Array, int], Array] = repeated
    share_value: Callable[[Array, int], Array] = repeated
    scale: Callable[[Problem], float] = factor
    cap: Callable[[Array, Problem], Array] = capped
    slopes: Callable[[int], Array] = slopes
    added: Callable[[Problem, Way], Array] = added
    causal: Callable[[Problem], Array] = causal
    window: Callable[[Problem], Array] = window
    padding: Callable[[Problem], Array] = padding
    mask: Callable[[Problem], Array] = masked
    keep: Callable[[Problem, Way], Array] = kept
    close: Callable[[Array, Array], Array] = closed
    logits: Callable[[Array, Array, Problem, Way], Array] = logits_of
    sinks: Callable[[Problem], Array] = sink_logits
    weights: Callable[[Array, Array, Problem, Way], Array] = softmax
    spoil: Callable[[Array], Array] = unchanged
    merge: Callable[[Array], Array] = unchanged


def run(p: Problem, **stages: Any) -> Array:
    """Attention with some stages replaced."""
    way: Way = replace(Way(), **stages)
    with np.errstate(all="ignore"):
        p = way.operands(way.cast(p))
        query, key = way.rotate(p)
        value = np.concatenate([p.arrays["past_value"], p.arrays["value"]], 2) if p.past else p.arrays["value"]
        raw = np.einsum("bhle,bhse->bhls", query, way.share_key(key, p.heads))
        keep = way.keep(p, way)
        weights = way.spoil(way.weights(way.logits(raw, keep, p, way), keep, p, way))
        return way.merge(np.einsum("bhls,bhsv->bhlv", weights, way.share_value(value, p.heads)))


def right(p: Problem) -> Array:
    """The right output, in float64."""
    return run(p)


# --- stages with a mistake in them ---------------------------------------------------------------------------------


def on(change: Callable[[Array], Array], *names: str) -> Callable[[Problem], Problem]:
    """Change some of the operands."""
    return lambda p: p.changed(**{name: change(p.arrays[name]) for name in names})


def moved(**sources: str) -> Callable[[Problem], Problem]:
    """Take operands for one another: moved(key="value") has the value for key."""
    return lambda p: p.changed(**{name: p.arrays[source] for name, source in sources.items()})


def transposed(x: Array) -> Array:
    """(B, H, L, D) from (B, L, H, D) and the reverse."""
    return x.transpose(0, 2, 1, 3)


def packed(x: Array) -> Array:
    """(B, L, H·D), heads contiguous: what a linear layer gives."""
    return transposed(x).reshape(x.shape[0], x.shape[2], -1)


def unpacked(x: Array, heads: int) -> Array:
    """Back to (B, H, L, D)."""
    return transposed(x.reshape(*x.shape[:2], heads, -1))


def split_without_transpose(x: Array) -> Array:
    """packed.view(B, H, L, D)."""
    return packed(x).reshape(x.shape)


def merge_without_transpose(x: Array) -> Array:
    """heads.reshape(B, L, H·D), which the user then splits rightly."""
    return unpacked(x.reshape(x.shape[0], x.shape[2], -1), x.shape[1])


def split_interleaved(x: Array) -> Array:
    """packed.view(B, L, D, H).permute(0, 3, 1, 2)."""
    batch, heads, length, size = x.shape
    return packed(x).reshape(batch, length, size, heads).transpose(0, 3, 1, 2)


def merge_interleaved(x: Array) -> Array:
    """heads.permute(0, 2, 3, 1).reshape(B, L, D·H)."""
    return unpacked(x.transpose(0, 2, 3, 1).reshape(x.shape[0], x.shape[2], -1), x.shape[1])


def fused(p: Problem, reverse: bool = False) -> Problem:
    """A fused projection with per group [q…|k|v] read as three blocks, or the reverse."""
    heads, groups = p.heads, p.arrays["key"].shape[1]
    each = heads // groups
    order = [[*range(g * each, (g + 1) * each), heads + g, heads + groups + g] for g in range(groups)]
    flat = np.argsort(np.ravel(order)) if reverse else np.ravel(order)
    joined = np.concatenate([p.arrays[name] for name in OPERANDS[:3]], axis=1)[:, flat]
    query, key, value = np.split(joined, [heads, heads + groups], axis=1)
    return p.changed(query=query, key=key, value=value)


def tiled(x: Array, heads: int) -> Array:
    """k.repeat(1, n, 1, 1)."""
    return np.tile(x, (1, heads // x.shape[1], 1, 1))


def rope_on_heads(p: Problem) -> tuple[Array, Array]:
    """The position taken from the head axis."""
    heads, name = np.arange(p.heads)[:, None], str(p.options["rope"])
    turned = [rope(p.arrays[x], heads, 10000.0, name, name) for x in OPERANDS[:2]]
    return turned[0], turned[1]


def from_zero(place: Array) -> Array:
    """Positions that forget the cache."""
    return place - place[..., :1]


def top_left(p: Problem) -> Array:
    """The first query at 0."""
    return np.zeros((1, 1, 1, 1), dtype=int)


def bottom_right(p: Problem) -> Array:
    """The last query at the last key."""
    return top_left(p) + p.keys - p.queries


def triangle(p: Problem, first: Callable[[Problem], Array] = top_left) -> Array:
    """A causal mask nobody asked for."""
    return np.arange(p.keys) <= positions(p, first(p))


def triu(p: Problem, diagonal: int = 0) -> Array:
    """torch.triu(ones, diagonal) used as what to keep."""
    return np.arange(p.keys) >= positions(p) + diagonal


def filled(fill: float) -> Callable[[Array, Array], Array]:
    """masked_fill(~keep, fill)."""
    return lambda logits, keep: np.where(keep, logits, fill)


def lowered(by: float) -> Callable[[Array, Array], Array]:
    """Scores + (1 − keep) · by."""
    return lambda logits, keep: logits + np.where(keep, 0.0, by)


def left_open(logits: Array, keep: Array) -> Array:
    """No mask at this place."""
    return logits


def careless(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """A softmax that knows no empty row: 0/0."""
    return np.where(np.isneginf(logits).all(-1, keepdims=True), np.nan, softmax(logits, keep, p, way))


def masked_after(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Softmax over all keys, then the mask."""
    return softmax(logits, keep, p, way) * keep


def no_softmax(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Scores for weights."""
    return np.where(keep, logits, 0)


def mask_added(p: Problem, way: Way) -> Array:
    """The given 0/1 mask added, whatever else is masked."""
    return added(p, way) + masked(p)


def cap_last(raw: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Softcap over mask and bias."""
    return way.cap(way.close(raw * way.scale(p) + way.added(p, way), keep), p)


def cap_after_mask(raw: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Softcap over the mask alone."""
    return way.cap(way.close(raw * way.scale(p), keep), p) + way.added(p, way)


def cap_after_bias(raw: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Softcap over the bias alone."""
    return way.close(way.cap(raw * way.scale(p) + way.added(p, way), p), keep)


def cap_before_scale(raw: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Softcap of the plain products."""
    return way.close(way.cap(raw, p) * way.scale(p) + way.added(p, way), keep)


def other_order(stage: Callable[[Problem], Array]) -> Callable[[Problem], Array]:
    """mask.repeat(H, 1, 1) for scores in (batch · head) order: item (b·H + h) mod B."""

    def reordered(p: Problem) -> Array:
        keep, batch = stage(p), len(p.arrays["query"])
        index = np.arange(batch * p.heads).reshape(batch, p.heads) % batch
        return keep[index, 0] if len(keep) == batch else keep

    return reordered


def across(stage: Callable[[Problem], Array]) -> Callable[[Problem], Array]:
    """The mask with queries and keys exchanged."""
    return lambda p: stage(p).swapaxes(-1, -2)


def dropped_out(weights: Array, rate: float, grown: bool) -> Array:
    """Dropout as in training."""
    survive = np.random.default_rng(5).random(weights.shape) >= rate
    return weights * survive / (1 - rate if grown else 1)


def mixed_documents(p: Problem, cuts: int = 0) -> Array:
    """The mask of packed documents with all boundaries lost but `cuts`."""
    return documents(p.queries, cuts) & (triangle(p) if p.kind == "documents-one-mask" else True)


def documents(length: int, cuts: int = 2) -> Array:
    """Block-diagonal mask of three documents, (1, 1, L, L)."""
    number = np.minimum(np.arange(length) * 3 // length, cuts)
    return (number[:, None] == number)[None, None]


# --- the registry --------------------------------------------------------------------------------------------------


class Mistake(NamedTuple):
    """One variant: its id in the table, its wrong output, the problems it can be made in, the stages it replaces."""

    id: str
    wrong: Callable[[Problem], Array]
    fits: Callable[[Problem], bool]
    stages: Mapping[str, Any]


Fits: TypeAlias = Callable[[Problem], bool]
TRAITS: dict[str, Fits] = {
    # no array but query, key and value, and nothing that belongs to a head
    "bare": lambda p: len(p.arrays) == 3 and "alibi" not in p.options,
    "square": lambda p: p.queries == p.keys and not p.past,
    "uncached": lambda p: not p.past,
    "cached": lambda p: p.past > 0 or "offset" in p.options,
    "one-width": lambda p: p.size == p.arrays["value"].shape[3],
    "even-heads": lambda p: p.heads == p.arrays["key"].shape[1],
    "grouped": lambda p: 1 < p.arrays["key"].shape[1] < p.heads,
    # some key is closed to some query
    "hides": lambda p: not bool(kept(p, Way()).all()),
    # key lengths, or a mask that is the same for all queries
    "padding": lambda p: "key_lengths" in p.arrays or ("mask" in p.arrays and masked(p).shape[2] == 1 < p.keys),
    # masks that differ from one batch item to the next
    "by-item": lambda p: len(padding(p)) > 1 or len(masked(p)) > 1,
    "documents": lambda p: p.kind.startswith("documents"),
    "no-sinks": lambda p: "sinks" not in p.arrays,
    "not-causal": lambda p: "causal" not in p.options,
}
"""What a mistake may need of a problem, besides arrays and options by their names."""


def needing(words: str) -> Fits:
    """Problems with all of these traits, arrays and options."""
    return lambda p: all(TRAITS[x](p) if x in TRAITS else x in p.arrays or x in p.options for x in words.split())


def by(bound: int, step: int) -> int:
    """A bound moved, where there is one."""
    return bound + step if bound >= 0 else bound


MISTAKES: dict[str, Mistake] = {}


def known(name: str, needs: str = "", /, **stages: Any) -> None:
    """Enter `id/variant` into the registry."""
    MISTAKES[name] = Mistake(name.partition("/")[0], partial(run, **stages), needing(needs), stages)


QKV = OPERANDS[:3]
UNMASKED = {"mask": anything, "padding": anything}
AFTER = {"close": left_open, "weights": masked_after}

known("mask-inverted/not-mask", "mask", mask=lambda p: ~masked(p))
known("mask-inverted/float-as-bool", "mask", mask=lambda p: np.where(masked(p), 0.0, -1e9).astype(bool))
known("mask-inverted/not-mask-finite-fill", "mask", mask=lambda p: ~masked(p), close=filled(-1e9))
known("mask-inverted/not-mask-nan", "mask", mask=lambda p: ~masked(p), weights=careless)
known("mask-inverted/padding", "key_lengths", padding=lambda p: ~padding(p))
known("mask-inverted/triu-kept", "causal", causal=triu)
known("mask-inverted/triu-1-kept", "causal", causal=partial(triu, diagonal=1))
known("mask-inverted/all-finite-fill", "hides", keep=lambda p, way: ~kept(p, way), close=filled(-1e9))
for corner in (top_left, bottom_right):
    known(f"causal-corner/{corner.__name__}", "causal", causal=partial(causal, first=corner))
    both_bounds = {"causal": partial(causal, first=corner), "window": partial(window, first=corner)}
    known(f"causal-corner/{corner.__name__}-window-too", "causal window", **both_bounds)
    known(f"causal-unwanted/{corner.__name__}", "not-causal", causal=partial(triangle, first=corner))
known("layout/heads-for-positions", "bare square", operands=on(transposed, *QKV), merge=transposed)
known("head-reshape/split", "uncached", operands=on(split_without_transpose, *QKV))
known("head-reshape/merge", merge=merge_without_transpose)
known("head-reshape/both", "uncached", operands=on(split_without_transpose, *QKV), merge=merge_without_transpose)
known("head-reshape/split-interleaved", "uncached", operands=on(split_interleaved, *QKV))
known("head-reshape/merge-interleaved", merge=merge_interleaved)
known("head-reshape/both-interleaved", "uncached", operands=on(split_interleaved, *QKV), merge=merge_interleaved)
known("strides/all", "uncached", operands=on(split_without_transpose, *QKV))
known("strides/value", "uncached", operands=on(split_without_transpose, "value"))
known("strides/all-reverse", "uncached", operands=on(merge_without_transpose, *QKV))
known("strides/value-reverse", "uncached", operands=on(merge_without_transpose, "value"))
known("scale/none", scale=lambda p: 1.0)
known("scale/model-width", scale=lambda p: float((p.heads * p.size) ** -0.5))
known("scale/heads", scale=lambda p: float(p.heads**-0.5))
known("scale/one-over-d", scale=lambda p: 1 / p.size)
known("scale/twice", scale=lambda p: factor(p) ** 2)
known("scale/root-d", scale=lambda p: float(p.size**0.5))
known("scale/padded", scale=lambda p: float((-(-p.size // 64) * 64) ** -0.5))
known("scale/root-for-given", scale=lambda p: float(p.size**-0.5))
known("scale/odd-0.173", scale=lambda p: 0.173)
known("scale/odd-0.61", scale=lambda p: 0.61)
known("scale/keys", scale=lambda p: float(p.keys**-0.5))
known("rope-pairing/other", "rope", rotate=partial(rotate, other=(True, True)))
known("rope-pairing/other-table", "rope", rotate=partial(rotate, other=(True, False)))
known("rope-pairing/other-turn", "rope", rotate=partial(rotate, other=(False, True)))
known("rope-pairing/left-out", "rope", rotate=partial(rotate, times=(0, 0, 0)))
known("rope-pairing/query-only", "rope", rotate=partial(rotate, times=(1, 0, 0)))
known("rope-pairing/key-only", "rope", rotate=partial(rotate, times=(0, 1, 0)))
known("rope-pairing/head-axis", "rope uncached even-heads", rotate=rope_on_heads)
known("rope-theta/500000", "rope", rotate=partial(rotate, theta=500000.0))
known("rope-offset/query-at-0", "rope cached", rotate=partial(rotate, query=from_zero))
known("rope-offset/new-at-0", "rope past_key", rotate=partial(rotate, query=from_zero, key=from_zero))
known("rope-offset/query-one-too-far", "rope cached", rotate=partial(rotate, query=lambda x: x + 1))
known("rope-offset/query-one-short", "rope cached", rotate=partial(rotate, query=lambda x: x - 1))
known("rope-offset/key-twice", "rope", rotate=partial(rotate, times=(1, 2, 0)))
known("rope-offset/past-twice", "rope past_key", rotate=partial(rotate, times=(1, 1, 1)))
known("padding-attended/not-built", "padding", **UNMASKED)
known("mask-added/all", "hides", close=lambda logits, keep: logits + keep)
known("mask-added/mask-only", "mask", mask=anything, added=mask_added)
known("mask-dropped/causal", "causal", causal=anything)
known("mask-dropped/padding", "key_lengths", padding=anything)
known("mask-dropped/window", "window", window=anything)
known("mask-dropped/mask", "mask", mask=anything)
known("mask-dropped/all", "hides", close=left_open)
for label, change in {
    "left+1": lambda b: (by(b[0], 1), b[1]),
    "left-1": lambda b: (by(b[0], -1), b[1]),
    "right+1": lambda b: (b[0], by(b[1], 1)),
    "both+1": lambda b: (by(b[0], 1), by(b[1], 1)),
    "right-lost": lambda b: (b[0], -1),
    "left-lost": lambda b: (-1, b[1]),
    "symmetric": lambda b: (b[0], b[0]),
    "one-sided": lambda b: (b[0], 0),
    "halved": lambda b: (b[0] // 2, b[0] // 2),
    "left-6": lambda b: (6, b[1]),
    "ignored": lambda b: (-1, -1),
}.items():
    known(f"window-bounds/{label}", "window", window=partial(window, bounds=change))
known("window-bounds/local-rows", "window", window=partial(window, first=top_left))
known("empty-row/nan", "hides", weights=careless)
known("empty-row/mean", "hides", close=filled(-1e9))
known("empty-row/lowest-float32", "hides", close=filled(float(np.finfo(np.float32).min)))
known("empty-row/all-keys", "hides", close=lowered(-1e4))
known("heads-tiled/both", "grouped", share_key=tiled, share_value=tiled)
known("heads-tiled/key", "grouped", share_key=tiled)
known("heads-tiled/value", "grouped", share_value=tiled)
known("qkv-split/heads-as-blocks", "bare square one-width", operands=fused)
known("qkv-split/blocks-as-heads", "bare square one-width", operands=partial(fused, reverse=True))
for rate, grown in product((0.1, 0.5), (True, False)):
    name = f"dropout/{rate}{'' if grown else '-not-scaled'}"
    known(name, spoil=partial(dropped_out, rate=rate, grown=grown))
for label, axis in {"queries": -2, "heads": 1, "batch": 0}.items():
    known(f"softmax-axis/{label}", "no-sinks", weights=partial(softmax, axis=axis))
known("softmax-axis/none", "no-sinks", weights=no_softmax)
known("mask-value/0", "hides", close=filled(0.0))
known("mask-value/-1e-9", "hides", close=filled(-1e-9))
known("mask-value/times", "hides", close=lambda logits, keep: logits * keep)
known("mask-value/-3", "hides", close=filled(-3.0))
known("softcap/missing", "softcap", cap=lambda scores, p: scores)
known("softcap/after-mask", "softcap", logits=cap_after_mask)
known("softcap/after-bias", "softcap bias", logits=cap_after_bias)
known("softcap/after-all", "softcap", logits=cap_last)
known("softcap/before-scale", "softcap", logits=cap_before_scale)
known("softcap/7", "softcap", cap=lambda scores, p: 7 * np.tanh(scores / 7))
known("softcap/not-multiplied", "softcap", cap=lambda scores, p: np.tanh(scores / p.number("softcap")))
known("sink/left-out", "sinks", sinks=lambda p: sink_logits(p) - np.inf)
known("sink/scaled", "sinks", sinks=lambda p: sink_logits(p) * factor(p))
known("sink/doubled", "sinks", sinks=lambda p: sink_logits(p) * 2)
known("documents-mixed/all", "documents", mask=mixed_documents)
known("documents-mixed/one-boundary", "documents", mask=partial(mixed_documents, cuts=1))
QUERY_PADDING = {"padding": across(padding), "mask": across(masked)}
known("mask-axis/queries", "padding square", **QUERY_PADDING)
known("mask-axis/queries-finite-fill", "padding square", close=filled(-1e9), **QUERY_PADDING)
known("mask-axis/transposed", "mask square", mask=across(masked))
known("mask-axis/head-batch-order", "by-item", padding=other_order(padding), mask=other_order(masked))
known("causal-diagonal/strict", "causal", causal=partial(causal, shift=-1))
known("causal-diagonal/strict-finite-fill", "causal", causal=partial(causal, shift=-1), close=filled(-1e9))
known("causal-diagonal/one-ahead", "causal", causal=partial(causal, shift=1))
known("alibi-slopes/geometric", "alibi", slopes=geometric)
known("alibi-slopes/from-0", "alibi", slopes=partial(geometric, start=0))
known("alibi-slopes/power-below", "alibi", slopes=lambda n: 2.0 ** (-8 * np.arange(1, n + 1) / 2 ** int(np.log2(n))))
known("alibi-slopes/power-above", "alibi", slopes=lambda n: geometric(1 << (n - 1).bit_length())[:n])
known("alibi-slopes/sign", "alibi", slopes=lambda n: -slopes(n))
known("alibi-slopes/left-out", "alibi", slopes=np.zeros)
known("mask-after-softmax/all", "hides", **AFTER)
known("operands-swapped/key-value", "uncached one-width", operands=moved(key="value", value="key"))
known("operands-swapped/query-key", "square even-heads", operands=moved(query="key", key="query"))
known("operands-swapped/query-value", "bare square one-width even-heads", operands=moved(query="value", value="query"))
known(
    "operands-swapped/cyclic",
    "bare square one-width even-heads",
    operands=moved(query="key", key="value", value="query"),
)


# --- problems ------------------------------------------------------------------------------------------------------


class Shape(NamedTuple):
    """Batch, heads, key heads, queries, keys, size, value size."""

    b: int
    h: int
    hk: int
    n: int
    s: int
    e: int
    ev: int


SHAPES: dict[str, Shape] = {
    "square": Shape(2, 4, 4, 12, 12, 8, 8),
    "cross": Shape(2, 4, 4, 5, 9, 8, 8),
    "grouped": Shape(2, 6, 2, 10, 10, 8, 8),
    "one-head": Shape(2, 1, 1, 11, 11, 8, 8),
    "batch-1": Shape(1, 4, 4, 7, 7, 8, 6),
    "large": Shape(1, 4, 4, 40, 40, 16, 16),
    "tall": Shape(2, 4, 4, 9, 6, 8, 8),
    "chunk": Shape(2, 6, 3, 3, 12, 8, 8),
    "decode": Shape(2, 4, 2, 1, 9, 8, 8),
    "step": Shape(2, 4, 2, 1, 1, 8, 8),
}
FORMS: dict[str, Callable[[Shape], bool]] = {
    "any": lambda shape: shape.s > 1,
    "square": lambda shape: shape.n == shape.s > 1,
    "square or step": lambda shape: shape.n == shape.s,
    "oblong": lambda shape: shape.n != shape.s,
    "wide": lambda shape: shape.n < shape.s,
    "half": lambda shape: shape.n <= shape.s // 2,
    "rows": lambda shape: shape.n > 1,
}
Extra: TypeAlias = Callable[[Shape, Rng], dict[str, Array]]


def lengths(shape: Shape, rng: Rng) -> dict[str, Array]:
    """Key lengths, the first item full where there is another."""
    each = rng.integers(shape.s // 2, shape.s, size=shape.b)
    each[: shape.b - 1] = shape.s
    return {"key_lengths": each}


def left_padding(shape: Shape, rng: Rng) -> dict[str, Array]:
    """A mask (B, 1, 1, S) of the same lengths, padded in front."""
    mask = np.arange(shape.s) >= shape.s - lengths(shape, rng)["key_lengths"].reshape(-1, 1, 1, 1)
    return {"mask": mask}


def random_mask(shape: Shape, rng: Rng, empty: bool = False) -> dict[str, Array]:
    """A mask (B, 1, L, S) with the first key open, or with some empty rows."""
    mask = rng.random((shape.b, 1, shape.n, shape.s)) < 0.6
    mask[..., 0] = True
    mask[:, :, 1::3] &= not empty
    return {"mask": mask}


def cache(shape: Shape, rng: Rng) -> dict[str, Array]:
    """Six past keys and values."""
    parts = {"past_key": shape.e, "past_value": shape.ev}
    return {name: rng.standard_normal((shape.b, shape.hk, 6, size)) for name, size in parts.items()}


def some_bias(shape: Shape, rng: Rng) -> dict[str, Array]:
    """A bias for each head."""
    return {"bias": 2 * rng.standard_normal((1, shape.h, shape.n, shape.s))}


@dataclass(frozen=True)
class Kind:
    """A kind of problem: options, more arrays, the form of its shapes, a factor on the query."""

    options: dict[str, object] = field(default_factory=dict)
    extra: Extra = lambda shape, rng: {}
    form: str = "any"
    loud: float = 1.0


HERE: dict[str, object] = {"causal": True}
END = HERE | {"offset": "end"}
HALF: dict[str, object] = {"rope": "half"}
CAPPED: dict[str, object] = {"softcap": 5.0}
KINDS: dict[str, Kind] = {
    "dense": Kind(),
    "plain": Kind({"scale": "none"}),
    "given-scale": Kind({"scale": 0.25}),
    "causal": Kind(HERE),
    "causal-end": Kind(END, form="oblong"),
    "window": Kind({"window": [3, 0]}),
    "band": Kind({"window": [2, 2]}),
    "window-causal": Kind(HERE | {"window": [3, -1]}),
    "window-end": Kind(END | {"window": [3, -1]}, form="wide"),
    "softcap": Kind(CAPPED, loud=6.0),
    "softcap-causal": Kind(HERE | CAPPED, loud=6.0),
    "softcap-bias": Kind(CAPPED, some_bias, loud=6.0),
    "window-rope": Kind(HERE | HALF | {"window": [3, -1]}, form="square"),
    "rope": Kind(HALF),
    "rope-interleaved": Kind({"rope": "interleaved"}),
    "rope-causal": Kind(HERE | HALF),
    "rope-end": Kind(END | HALF, form="wide"),
    "rope-cache": Kind(HERE | HALF, cache, "square or step"),
    "rope-interleaved-cache": Kind(HERE | {"rope": "interleaved"}, cache, "square or step"),
    "cache": Kind(HERE, cache, "square or step"),
    "padded": Kind({}, lengths),
    "padded-causal": Kind(HERE | {"offset": 0}, lengths, "square"),
    "padded-decode": Kind(HERE, lengths, "half"),
    "left-padded": Kind({}, left_padding),
    "left-padded-causal": Kind(HERE, left_padding, "square"),
    "masked": Kind({}, random_mask),
    "masked-causal": Kind(HERE, random_mask),
    "tril-mask": Kind({}, lambda shape, rng: {"mask": np.tri(shape.n, shape.s, dtype=bool)}),
    "empty-rows": Kind({}, partial(random_mask, empty=True), "rows"),
    "documents": Kind(HERE, lambda shape, rng: {"mask": documents(shape.n)}, "square"),
    "documents-dense": Kind({}, lambda shape, rng: {"mask": documents(shape.n)}, "square"),
    "documents-one-mask": Kind(
        {}, lambda shape, rng: {"mask": documents(shape.n) & np.tri(shape.n, dtype=bool)}, "square"
    ),
    "alibi": Kind({"alibi": True}),
    "alibi-causal": Kind(HERE | {"alibi": True}),
    "sinks": Kind({}, lambda shape, rng: {"sinks": 1 + rng.standard_normal(shape.h)}),
    "sinks-causal": Kind(HERE, lambda shape, rng: {"sinks": 1 + rng.standard_normal(shape.h)}),
    "bias": Kind({}, some_bias),
}
LOUD = {"scores-50": Kind(loud=16.0), "scores-50-causal": Kind(HERE, loud=16.0)}


def build(name: str, shape: Shape, seed: list[int], dtype: type[np.floating[Any]] = np.float32) -> Problem:
    """A random problem of a kind."""
    kind, rng = (KINDS | LOUD)[name], np.random.default_rng(seed)
    arrays: dict[str, Array] = {
        "query": kind.loud * rng.standard_normal((shape.b, shape.h, shape.n, shape.e)),
        "key": rng.standard_normal((shape.b, shape.hk, shape.s, shape.e)),
        "value": rng.standard_normal((shape.b, shape.hk, shape.s, shape.ev)),
    }
    arrays |= kind.extra(shape, rng)
    arrays = {label: x.astype(dtype) if x.dtype.kind == "f" else x for label, x in arrays.items()}
    return Problem(arrays, {"scale": "sqrt"} | kind.options, name)


def problems(
    seed: int, kinds: Mapping[str, Kind], dtype: type[np.floating[Any]] = np.float32
) -> Iterator[tuple[str, Problem]]:
    """A problem of every kind in every shape that suits it, in an order the seed decides, with the shape's name."""
    every = list(product(enumerate(kinds), enumerate(SHAPES)))
    for each in np.random.default_rng(seed).permutation(len(every)):
        (i, kind), (j, shape) = every[each]
        if FORMS[kinds[kind].form](SHAPES[shape]):
            yield shape, build(kind, SHAPES[shape], [seed, i, j], dtype)


# --- cases ---------------------------------------------------------------------------------------------------------

TALLY: Counter[tuple[str, str]] = Counter()
"""(variant, "made", "no effect" or "enough already") → how often, in the last run of `cases`, `pairs` or `controls`."""


def alike(one: Array, two: Array, tolerance: float) -> bool:
    """The same numbers but for the tolerance."""
    return one.shape == two.shape and np.allclose(one, two, rtol=0, atol=tolerance, equal_nan=True)


def wanted(name: str, kind: str, shape: str, limits: tuple[int, int, int]) -> bool:
    """Count a case in, unless there are enough of it: in all, of the kind, of the shape."""
    keys = [(name, "made"), (name, f"of {kind}"), (name, f"in {shape}")]
    enough = any(TALLY[key] >= limit for key, limit in zip(keys, limits, strict=True))
    TALLY.update([(name, "enough already")] if enough else keys)
    return not enough


def wrong_outputs(p: Problem) -> dict[str, Array]:
    """What each mistake that can be made in a problem gives."""
    return {name: mistake.wrong(p) for name, mistake in MISTAKES.items() if mistake.fits(p)}


def names_of(output: Array, outputs: Mapping[str, Array]) -> frozenset[str]:
    """The ids of all mistakes that give this output; a buffer read wrongly may always be called a wrong reshape."""
    ids = {MISTAKES[name].id for name, other in outputs.items() if alike(output, other, 1e-5)}
    return frozenset(ids | ({"head-reshape"} if "strides" in ids else set()))


def cases(seed: int, dtype: type[np.floating[Any]] = np.float32) -> Iterator[Case]:
    """Problems with one mistake, each variant in up to six of them; ids are all that give the same numbers."""
    TALLY.clear()
    for shape, p in problems(seed, KINDS, dtype):
        good, outputs = right(p), wrong_outputs(p)
        for name, output in outputs.items():
            if alike(output, good, 1e-4):
                TALLY[name, "no effect"] += 1
            elif wanted(name, p.kind, shape, (6, 3, 2)):
                ids = names_of(output, outputs)
                label = f"{name} in {p.kind} {shape}"
                yield Case(label, ids, p, output.astype(np.float32), frozenset(frozenset({x}) for x in ids))


PAIRS: list[tuple[str, str, str]] = [
    ("scale/none", "mask-dropped/causal", "causal"),
    ("scale/none", "mask-dropped/padding", "padded"),
    ("scale/none", "mask-dropped/mask", "masked"),
    ("scale/one-over-d", "causal-corner/top_left", "causal-end"),
    ("scale/none", "causal-corner/bottom_right", "causal"),
    ("softcap/missing", "scale/one-over-d", "softcap"),
    ("softcap/missing", "mask-dropped/causal", "softcap-causal"),
    ("rope-pairing/other", "mask-dropped/causal", "rope-causal"),
    ("rope-pairing/left-out", "scale/none", "rope-causal"),
    ("rope-pairing/other", "causal-corner/top_left", "rope-end"),
    ("rope-offset/query-at-0", "scale/none", "rope-cache"),
    ("rope-offset/query-at-0", "causal-corner/top_left", "rope-cache"),
    ("heads-tiled/both", "scale/none", "dense"),
    ("heads-tiled/both", "mask-dropped/causal", "causal"),
    ("causal-diagonal/one-ahead", "scale/none", "causal"),
    ("causal-diagonal/strict", "scale/one-over-d", "causal"),
    ("layout/heads-for-positions", "scale/none", "dense"),
    ("head-reshape/split", "scale/none", "dense"),
    ("head-reshape/merge", "scale/none", "causal"),
    ("operands-swapped/key-value", "scale/none", "dense"),
    ("operands-swapped/query-key", "scale/none", "causal"),
    ("window-bounds/left-1", "scale/none", "window-causal"),
    ("window-bounds/left+1", "causal-corner/top_left", "window-end"),
    ("mask-inverted/not-mask", "scale/none", "masked"),
    ("mask-added/all", "scale/none", "left-padded"),
    ("mask-value/0", "scale/one-over-d", "masked"),
    ("sink/left-out", "scale/none", "sinks"),
    ("alibi-slopes/from-0", "mask-dropped/causal", "alibi-causal"),
    ("mask-after-softmax/all", "scale/none", "masked"),
    ("mask-dropped/causal", "mask-inverted/not-mask", "masked-causal"),
    ("causal-unwanted/top_left", "scale/none", "dense"),
    ("softmax-axis/queries", "scale/none", "dense"),
    ("dropout/0.1", "scale/none", "dense"),
    ("window-bounds/left+1", "rope-pairing/other", "window-rope"),
]


def pair(first: str, second: str, shape: str, p: Problem) -> Case | None:
    """Two mistakes in one problem, or None where one of them makes no difference to the other."""
    one, two = MISTAKES[first], MISTAKES[second]
    assert not one.stages.keys() & two.stages.keys(), (first, second)
    if not (one.fits(p) and two.fits(p)):
        return None
    outputs, output = wrong_outputs(p), run(p, **one.stages, **two.stages)
    if any(alike(output, other, 1e-4) for other in (right(p), outputs[first], outputs[second])):
        return None
    same = {name: alike(outputs[name], right(p), 1e-4) for name in (first, second)}
    names = [{MISTAKES[x].id} if same[x] else names_of(outputs[x], outputs) for x in (first, second)]
    pairs_of_ids = product(*names)
    answers = {frozenset(ids) for ids in pairs_of_ids} | {frozenset({x}) for x in names_of(output, outputs)}
    label = f"{first} and {second} in {p.kind} {shape}"
    ids: frozenset[str] = frozenset().union(*answers)
    return Case(label, ids, p, output.astype(np.float32), frozenset(answers))


def pairs(seed: int) -> Iterator[Case]:
    """Two mistakes in one computation, each pair in up to two shapes; a coinciding single mistake is acceptable too."""
    TALLY.clear()
    for shape, p in problems(seed, KINDS):
        for first, second, kind in PAIRS:
            made = pair(first, second, shape, p) if kind == p.kind else None
            if made is not None and wanted(f"{first} and {second}", p.kind, shape, (2, 2, 1)):
                yield made


# --- controls ------------------------------------------------------------------------------------------------------


def float16(x: Array) -> Array:
    """Rounded to float16."""
    return x.astype(np.float16).astype(np.float64)


def bfloat16(x: Array) -> Array:
    """Rounded to bfloat16, ties to even."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    bits = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(np.float64)


def renormalised(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """Mask after softmax, and each row divided by its sum."""
    weights = masked_after(logits, keep, p, way)
    total = weights.sum(-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


def extra_key(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """The sink as one more key, whose value is zero and so needs no weight afterwards."""
    column = np.broadcast_to(sink_logits(p), (*logits.shape[:3], 1))
    all_keys = np.exp(np.concatenate([logits, column], axis=-1))
    return (all_keys / all_keys.sum(-1, keepdims=True))[..., :-1]


def in_parts(logits: Array, keep: Array, p: Problem, way: Way) -> Array:
    """The keys in two parts, each with its own softmax, merged with their log-sum-exp."""
    parts = np.array_split(logits, 2, axis=-1)
    sums = [np.logaddexp.reduce(part, axis=-1, keepdims=True) for part in parts]
    total = np.logaddexp(np.logaddexp(*sums), sink_logits(p))
    softmaxes = [np.nan_to_num(np.exp(part - each)) for part, each in zip(parts, sums, strict=True)]
    shares = [np.nan_to_num(np.exp(each - total)) for each in sums]
    return np.concatenate([part * share for part, share in zip(softmaxes, shares, strict=True)], axis=-1)


def root_on_both(p: Problem) -> Problem:
    """√c on query and key."""
    root = factor(p) ** 0.5
    names = [name for name in ("query", "key", "past_key") if name in p.arrays]
    return on(lambda x: x * root, *names)(p)


def grown_with_key(p: Problem, way: Way) -> Array:
    """ALiBi as m·j, which differs by one number a row."""
    return slopes(p.heads).reshape(1, -1, 1, 1) * np.arange(p.keys)


SHIFT = partial(rotate, query=lambda x: x + 7, key=lambda x: x + 7)
CONTROLS: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("", {}),
    "mask after softmax, renormalised": ("hides no-sinks", {"close": left_open, "weights": renormalised}),
    "constant added": ("no-sinks", {"added": lambda p, way: added(p, way) + 3.7}),
    "shifted positions": ("rope uncached", {"rotate": SHIFT}),
    "ALiBi as m·j": ("alibi", {"added": grown_with_key}),
    "√c on both": ("", {"operands": root_on_both, "scale": lambda p: 1.0}),
    "sink as a key": ("sinks", {"weights": extra_key}),
    "merged parts": ("", {"weights": in_parts}),
    "float32": ("", {"cast": partial(cast_to, change=lambda x: x.astype(np.float32))}),
    "inputs in float16": ("", {"cast": partial(cast_to, change=float16)}),
    "inputs in bfloat16": ("", {"cast": partial(cast_to, change=bfloat16)}),
    "weights in float16": ("", {"spoil": float16}),
    "weights in bfloat16": ("", {"spoil": bfloat16}),
    "output in float16": ("", {"merge": float16}),
    "output in bfloat16": ("", {"merge": bfloat16}),
    "output to 4 decimals": ("", {"merge": lambda x: np.round(x, 4)}),
}


def controls(seed: int) -> Iterator[Case]:
    """Right outputs made by another route, or rounded on the way."""
    TALLY.clear()
    for shape, p in problems(seed, KINDS | LOUD):
        for name, (needs, stages) in CONTROLS.items():
            if needing(needs)(p) and wanted(name, p.kind, shape, (40, 1, 6)):
                label = f"{name} in {p.kind} {shape}"
                yield Case(label, frozenset(), p, run(p, **stages).astype(np.float32), frozenset({frozenset()}))
