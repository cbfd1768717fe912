"""The right computation, stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

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
    """What is added to capped scores: a mask of numbers, bias and ALiBi."""
    total: Array = numbers(p)
    if "bias" in p.arrays:
        total = total + p.arrays["bias"]
    if "alibi" in p.options:
        total = total - way.slopes(p.heads).reshape(-1, 1, 1) * way.distance(positions(p) - np.arange(p.keys))
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
    """The mask of true and false that was given, with four axes."""
    mask = p.arrays.get("mask", anything(p))
    return mask.reshape((1,) * (4 - mask.ndim) + mask.shape) if mask.dtype == bool else anything(p)


def numbers(p: Problem) -> Array:
    """The mask of numbers that was given, with four axes."""
    mask = p.arrays.get("mask", anything(p))
    return mask if mask.dtype != bool else np.zeros((1, 1, 1, 1))


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
    distance: Callable[[Array], Array] = np.abs
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
