"""Stages with a mistake in them."""

from __future__ import annotations

from collections.abc import Callable

import ml_dtypes
import numpy as np

from tests.mistakes.stages import (
    OPERANDS,
    Array,
    Problem,
    Way,
    added,
    masked,
    numbers,
    positions,
    repeated,
    rope,
    softmax,
)


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


def coded(x: Array, heads: int, *, most: int, axis: int = 3) -> Array:
    """Whole numbers up to the largest code, times a scale for all along an axis; then shared as it should be."""
    scale = np.abs(x).max(axis=axis, keepdims=True) / most
    scale = np.where(scale == 0, 1, scale)
    return repeated(np.rint(x / scale) * scale, heads)


def as_fp8(x: Array, heads: int, *, largest: float) -> Array:
    """Numbers of eight bits, as ml_dtypes has them, times a scale for each token."""
    scale = np.abs(x).max(axis=3, keepdims=True) / largest
    scale = np.where(scale == 0, 1, scale)
    return repeated((x / scale).astype(ml_dtypes.float8_e4m3fn).astype(np.float64) * scale, heads)


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


def truth(p: Problem) -> Array:
    """A mask of numbers read as mask.astype(bool)."""
    return numbers(p).astype(bool)


def no_numbers(p: Problem, way: Way) -> Array:
    """What is added, but for the mask."""
    return added(p, way) - numbers(p)


def other_bias(change: Callable[[Array], Array]) -> Callable[[Problem, Way], Array]:
    """The bias changed, whatever else is added."""
    return lambda p, way: added(p.changed(bias=change(p.arrays["bias"])), way)


def bias_before_scale(raw: Array, keep: Array, p: Problem, way: Way) -> Array:
    """The bias scaled with the products."""
    return way.close((raw + p.arrays["bias"]) * way.scale(p), keep)


def unit(x: Array) -> Array:
    """Each vector with a length of 1: its products are cosines."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


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
