"""Wrong layouts: axes taken for each other, heads split or merged wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.arrays import ARRAYS
from attncli.attend.operands import Operands
from attncli.attend.stages.rotate import to_meet
from attncli.check.mistakes import pieces
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import HEAD_RESHAPE, LAYOUT, STRIDES
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

Turn = Callable[["NDArray[Any]"], "NDArray[Any]"]
STATES = Operands.NAMES


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
    yield from _without_transpose(o)
    yield from _strides(o)
    yield from _interleaved(o)


def _without_transpose(o: Operands) -> Iterator[Variant]:
    fix = sentence("fix_reshape")
    layout = partial(_layout, o, fix=fix)
    every = dict.fromkeys(STATES, split)
    both, only = (HEAD_RESHAPE, STRIDES), (HEAD_RESHAPE,)
    yield from layout(both, "split", sentence("heads_split"), every)
    yield from layout(only, "split and merged", sentence("heads_split_and_merged"), every, back=(merge,))
    yield from layout(only, "merged", sentence("heads_merged"), {}, back=(merge,))
    yield from layout(only, "output split", sentence("output_split"), {}, back=(split,))


def _strides(o: Operands) -> Iterator[Variant]:
    fix = sentence("fix_strides")
    for names in (("value",), ("key",), ("query",), ("key", "value")):
        for turn in (split, merge):
            which = " and ".join(names)
            key = "strides_of_two" if len(names) > 1 else "strides_of_one"
            description = sentence(key, names=words("name", names))
            form = f"strides of {which}, {turn.__name__}"
            turns = dict.fromkeys(names, turn)
            yield from _layout(o, (STRIDES, HEAD_RESHAPE), form, description, turns, fix=fix)
    description = sentence("strides_of_all")
    turns = dict.fromkeys(STATES, merge)
    yield from _layout(o, (HEAD_RESHAPE, STRIDES), "strides of all, merge", description, turns, fix=fix)


def _interleaved(o: Operands) -> Iterator[Variant]:
    fix = sentence("fix_interleaved")
    layout = partial(_layout, o, (HEAD_RESHAPE,), fix=fix)
    every = dict.fromkeys(STATES, interleave)
    yield from layout("interleaved", sentence("heads_interleaved"), every)
    yield from layout("interleaved, both", sentence("heads_interleaved_both"), every, back=(gather,))
    yield from layout("interleaved merge", sentence("heads_merged_interleaved"), {}, back=(gather,))


def _layout(
    o: Operands,
    mistakes: tuple[Mistake, ...],
    form: str,
    description: Sentence,
    turns: Mapping[str, Turn],
    *,
    fix: Sentence,
    back: tuple[Turn, ...] = (),
) -> Iterator[Variant]:
    def apply(recipe: Recipe) -> Recipe:
        changed = {name: turn(getattr(recipe.operands, name)) for name, turn in turns.items()}
        return replace(recipe.with_operands(**changed), back=(*recipe.back, *back))

    variant = Variant(mistakes, pieces.LAYOUT, form, apply, description, fix, {"layout": description})
    yield from about_rotation(o, variant, bool(turns))


def about_rotation(o: Operands, variant: Variant, matters: bool = True) -> Iterator[Variant]:
    """Return a mistake made after the rotation and, where there is one that it matters to, before it."""
    apply = variant.apply
    if matters and o.options.rope is not None:
        yield replace(variant, apply=lambda recipe: apply(baked(recipe)))
        yield replace(
            variant,
            form=f"{variant.form}, before the rotation",
            description=sentence("before_rotation", what=variant.description),
            raw=True,
        )
    else:
        yield variant


def baked(recipe: Recipe) -> Recipe:
    """Return the recipe with query and key as they meet, so that rearranging them leaves positions and norms alone."""
    o = recipe.operands
    if o.options.rope is None and not o.norms_late:
        return recipe
    made = recipe.with_rotated(*to_meet(o))
    options = replace(made.operands.options, qk_norm=None)
    return replace(made, operands=replace(made.operands, options=options)) if o.norms_late else made


def axes(o: Operands) -> Iterator[Variant]:
    """Two of the axes batch, heads and length are taken for each other."""
    if o.sizes.queries != o.sizes.keys:
        return
    for axis, name in ((1, "heads"), (0, "batch")):
        form, detail = f"length and {name}", {"axes": name}
        description, fix = sentence(f"axes_{name}"), sentence(f"fix_axes_{name}")
        apply = partial(_swap, axis=axis)
        yield from about_rotation(o, Variant((LAYOUT,), pieces.LAYOUT, form, apply, description, fix, detail))


def _swap(recipe: Recipe, *, axis: int) -> Recipe | None:
    o = recipe.operands
    states = {name: np.broadcast_to(getattr(o, name), (o.sizes.batch, *getattr(o, name).shape[1:])) for name in STATES}
    turned = {name: np.ascontiguousarray(array.swapaxes(axis, 2)) for name, array in states.items()}
    query, key = turned["query"], turned["key"]
    if query.shape[1] % key.shape[1] or o.bias is not None or o.key_lengths is not None or o.sinks is not None:
        return None
    if any(each is not None for each in (o.places, o.key_places, o.row_indices, o.gate)):  # which go by the right axes
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
    lengths = {"B": sizes.batch, "H": sizes.heads, "K": sizes.key_heads, "L": sizes.queries, "S": sizes.keys}
    for name, array in o.inputs.items():
        axes = zip(ARRAYS[name].axes, array.shape, strict=True)
        if any(has not in (1, lengths.get(symbol, has)) for symbol, has in axes):
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
