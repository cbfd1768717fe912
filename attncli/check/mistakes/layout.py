"""Wrong layouts: axes, heads and operands mixed up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.stages.rotate import rotated
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Turn = Callable[["NDArray[Any]"], "NDArray[Any]"]
STATES = ("query", "key", "value")


def split(x: NDArray[Any]) -> NDArray[Any]:
    """Read (batch, length, heads · features) as (batch, heads, length, features) without the transpose."""
    return np.ascontiguousarray(x.swapaxes(1, 2)).reshape(x.shape)


def merge(x: NDArray[Any]) -> NDArray[Any]:
    """Read (batch, heads, length, features) as (batch, length, heads · features) without the transpose."""
    batch, heads, length, features = x.shape
    return np.ascontiguousarray(x).reshape(batch, length, heads, features).swapaxes(1, 2)


def interleave(x: NDArray[Any]) -> NDArray[Any]:
    """Split the last axis as (features, heads), so that the features of a head are not side by side."""
    batch, heads, length, features = x.shape
    return x.swapaxes(1, 2).reshape(batch, length, features, heads).transpose(0, 3, 1, 2)


def gather(x: NDArray[Any]) -> NDArray[Any]:
    """Merge heads as (features, heads)."""
    batch, heads, length, features = x.shape
    return x.transpose(0, 2, 3, 1).reshape(batch, length, heads, features).swapaxes(1, 2)


def reshapes(o: Operands) -> Iterator[Variant]:
    """Heads are split or merged by a reshape alone, or in the wrong order."""
    if o.sizes.heads == 1:
        return
    fix = "reshape to (batch, length, heads, features) first, then swap length and heads; and back before merging"
    both, only = ("head-reshape", "strides"), ("head-reshape",)
    every = dict.fromkeys(STATES, split)
    yield from _layout(o, both, "heads were split by a reshape without the transpose", fix, every)
    yield from _layout(o, only, "heads were split and merged without the transpose", fix, every, merge)
    said = "heads were merged without the transpose: the right numbers, permuted"
    yield from _layout(o, only, said, fix, {}, merge)
    yield from _layout(o, only, "the output was split into heads without the transpose", fix, {}, split)
    for names in (("value",), ("key",), ("query",), ("key", "value")):
        for turn in (split, merge):
            said = (
                f"{' and '.join(names)} {'were' if len(names) > 1 else 'was'} read with the strides of another layout"
            )
            yield from _layout(o, both[::-1], said, fix, dict.fromkeys(names, turn))
    said = "(batch, heads, length) was read as (batch, length, heads)"
    yield from _layout(o, both, said, fix, dict.fromkeys(STATES, merge))
    fix = "the features of a head stand side by side: (heads, features), not (features, heads)"
    every = dict.fromkeys(STATES, interleave)
    yield from _layout(o, only, "heads were taken interleaved instead of contiguous", fix, every)
    yield from _layout(o, only, "heads were taken, and merged, interleaved", fix, every, gather)
    yield from _layout(o, only, "heads were merged interleaved", fix, {}, gather)


def _layout(
    o: Operands, names: tuple[str, ...], said: str, fix: str, turns: Mapping[str, Turn], *back: Turn
) -> Iterator[Variant]:
    def apply(recipe: Recipe) -> Recipe:
        changed = {name: turn(getattr(recipe.operands, name)) for name, turn in turns.items()}
        return replace(recipe.with_operands(**changed), back=(*recipe.back, *back))

    yield from _about_rotation(o, Variant(names, "layout", "layout", apply, said, fix, {"layout": said}), bool(turns))


def _about_rotation(o: Operands, variant: Variant, matters: bool = True) -> Iterator[Variant]:
    """Return a mistake made behind the rotation and, where there is one that it matters to, before it."""
    apply = variant.apply
    if matters and o.options.rope is not None:
        yield replace(variant, apply=lambda recipe: apply(baked(recipe)))
        yield replace(variant, said=f"{variant.said}, before the rotation", raw=True)
    else:
        yield variant


def baked(recipe: Recipe) -> Recipe:
    """Return the recipe with query and key already rotated, so that rearranging them leaves their positions alone."""
    if recipe.operands.options.rope is None:
        return recipe
    query, key = rotated(recipe.operands)
    changed = recipe.with_operands(query=query, key=key)
    rules = None if changed.rules is None else replace(changed.rules, options=replace(changed.rules.options, rope=None))
    return replace(
        changed, operands=replace(changed.operands, options=replace(changed.operands.options, rope=None)), rules=rules
    )


def axes(o: Operands) -> Iterator[Variant]:
    """Two of the axes batch, heads and length are taken for each other."""
    if o.sizes.queries != o.sizes.keys:
        return
    for axis, fix, said in (
        (
            1,
            "bring (batch, length, heads, features) to (batch, heads, length, features) first",
            "length and heads were taken for each other: attention across heads at each position",
        ),
        (
            0,
            "bring (length, batch, features) to (batch, length, features) first (batch_first)",
            "length and batch were taken for each other: attention across the batch",
        ),
    ):
        detail = {"axes": ["batch", "heads"][axis]}
        apply = partial(_swap, axis=axis)
        yield from _about_rotation(o, Variant(("layout",), "layout", "layout", apply, said, fix, detail))


def _swap(recipe: Recipe, *, axis: int) -> Recipe | None:
    o = recipe.operands
    states = {name: np.broadcast_to(getattr(o, name), (o.sizes.batch, *getattr(o, name).shape[1:])) for name in STATES}
    turned = {name: np.ascontiguousarray(array.swapaxes(axis, 2)) for name, array in states.items()}
    query, key = turned["query"], turned["key"]
    if query.shape[1] % key.shape[1] or o.bias is not None or o.key_lengths is not None or o.sinks is not None:
        return None
    sizes = replace(
        o.sizes,
        batch=len(query),
        heads=query.shape[1],
        key_heads=key.shape[1],
        queries=query.shape[2],
        keys=key.shape[2],
    )
    wanted = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    for mask in (o.mask, recipe.masking.mask):
        if mask is not None and any(has not in (1, wants) for has, wants in zip(mask.shape, wanted, strict=True)):
            return None
    changes: dict[str, Any] = {
        **turned,
        "sizes": sizes,
        "positions": o.positions[:1, :1] + np.arange(sizes.queries),
        "head_indices": np.arange(sizes.heads),
        "head_count": sizes.heads,
    }
    if recipe.rules is not None and not np.array_equal(recipe.rules.positions, o.positions):
        changes["positions"] = recipe.rules.positions[:1, :1] + np.arange(sizes.queries)
    return replace(recipe.with_operands(**changes), back=(lambda x: x.swapaxes(axis, 2), *recipe.back))


def heads_tiled(o: Operands) -> Iterator[Variant]:
    """Key heads are repeated in the wrong order for the query heads that they serve."""
    if o.sizes.group == 1 or o.sizes.key_heads == 1:
        return
    for names in (("key", "value"), ("key",), ("value",)):
        yield Variant(
            ("heads-tiled",),
            "heads",
            "layout",
            partial(_tiled, names=names),
            f"query head h was served by {' and '.join(names)} head h mod Hk: those heads were tiled",
            "serve query head h by key head h div (H / Hk): repeat_interleave, not repeat",
            {"tiled": list(names)},
        )


def _tiled(recipe: Recipe, *, names: tuple[str, ...]) -> Recipe | None:
    sizes = recipe.operands.sizes
    if sizes.heads == sizes.key_heads:
        return None
    heads = np.arange(sizes.heads)
    orders = {name: heads % sizes.key_heads if name in names else heads // sizes.group for name in ("key", "value")}
    arrays = {name: getattr(recipe.operands, name)[:, order] for name, order in orders.items()}
    return recipe.with_operands(sizes=replace(sizes, key_heads=sizes.heads), **arrays)


def fused(o: Operands) -> Iterator[Variant]:
    """A fused projection of query, key and value is cut in the wrong order."""
    sizes = o.sizes
    if sizes.queries != sizes.keys or sizes.features != sizes.value_features or sizes.heads == 1:
        return
    for by_head, said in (
        (True, "a fused projection, per key head [q|k|v], was cut as three blocks"),
        (False, "a fused projection of three blocks was cut per key head [q|k|v]"),
    ):
        fix = "cut the fused projection in the order in which its weights were packed"
        detail = {"order": "per head" if by_head else "blocks"}
        variant = Variant(("qkv-split",), "layout", "layout", partial(_cut, by_head=by_head), said, fix, detail)
        yield from _about_rotation(o, variant)


def _cut(recipe: Recipe, *, by_head: bool) -> Recipe | None:
    sizes = recipe.operands.sizes
    batch, length, count, features = sizes.batch, sizes.queries, sizes.key_heads, sizes.features
    wanted = {"query": sizes.heads, "key": count, "value": count}
    if any(getattr(recipe.operands, name).shape != (batch, heads, length, features) for name, heads in wanted.items()):
        return None
    each = sizes.group + 2  # heads that belong to one key head: its queries', its own, its value's
    states = [getattr(recipe.operands, name).swapaxes(1, 2) for name in STATES]  # (batch, length, heads, features)
    if by_head:
        apart = [array.reshape(batch, length, count, -1, features) for array in states]
        flat = np.concatenate(apart, axis=3).reshape(batch, length, count * each, features)
        parts = [flat[:, :, : sizes.heads], flat[:, :, sizes.heads : -count], flat[:, :, -count:]]
    else:
        flat = np.concatenate(states, axis=2).reshape(batch, length, count, each, features)
        parts = [flat[:, :, :, :-2].reshape(batch, length, sizes.heads, features), flat[:, :, :, -2], flat[:, :, :, -1]]
    return recipe.with_operands(
        **{name: np.ascontiguousarray(part.swapaxes(1, 2)) for name, part in zip(STATES, parts, strict=True)}
    )


def operands(o: Operands) -> Iterator[Variant]:
    """Query, key and value are passed in the wrong order, or one of them twice."""
    orders = [order for order in permutations(STATES) if order != STATES]
    orders += [
        ("query", "key", "key"),
        ("query", "value", "value"),
        ("query", "query", "value"),
        ("key", "key", "value"),
    ]
    for order in orders:
        said = "query, key and value were taken from " + ", ".join(order)
        fix, apply = "pass them in the order query, key, value", partial(_passed, order=order)
        detail = {"order": list(order)}
        yield from _about_rotation(o, Variant(("operands-swapped",), "operands", "layout", apply, said, fix, detail))


def _passed(recipe: Recipe, *, order: tuple[str, ...]) -> Recipe | None:
    taken = {name: getattr(recipe.operands, other) for name, other in zip(STATES, order, strict=True)}
    for name, array in taken.items():
        if array.shape != getattr(recipe.operands, name).shape:
            return None
    return recipe.with_operands(**taken)


def score_function(o: Operands) -> Iterator[Variant]:
    """Another score function was used."""
    if o.sizes.features != o.key.shape[-1]:
        return
    own = o.options.score
    names: tuple[str, ...] = ("dot", "cosine")
    for name in names:
        if name != own:
            taken = replace(o.options, score=name)
            yield Variant(
                ("score-function",),
                "function",
                "numbers",
                partial(_scored, options=taken),
                f"the score was {name}, not {own}",
                f"use --score {own}",
                {"score": name},
                {"score": name},
            )
    weights = o.parameters.get("w_score")
    if own == "general" and weights is not None and weights.shape[0] == weights.shape[1]:
        yield Variant(
            ("score-function",),
            "function",
            "numbers",
            lambda recipe: recipe.with_operands(parameters={"w_score": weights.T}),
            "w_score was transposed",
            "the score is q·W·k",
            {"score": "general, transposed"},
        )


def _scored(recipe: Recipe, *, options: Options) -> Recipe:
    return recipe.with_operands(parameters={}, options=replace(recipe.operands.options, score=options.score))
