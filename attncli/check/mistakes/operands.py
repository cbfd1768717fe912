"""Wrong operands: key heads, fused projections, query, key and value mixed up, and another score function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.options import Options
from attncli.attend.scores import FUNCTIONS
from attncli.attend.stages.cache import to_meet
from attncli.check.mistakes import pieces
from attncli.check.mistakes.layout import STATES, about_rotation
from attncli.check.mistakes.registry import HEADS_TILED, OPERANDS_SWAPPED, QKV_SPLIT, SCORE_FUNCTION
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe, products
from attncli.sentences import sentence, word, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]


def heads_tiled(o: Operands) -> Iterator[Variant]:
    """Key heads are repeated in the wrong order for the query heads that they serve."""
    if o.sizes.group == 1 or o.sizes.key_heads == 1:
        return
    for names in (("key", "value"), ("key",), ("value",)):
        which = " and ".join(names)
        yield Variant(
            (HEADS_TILED,),
            pieces.HEADS,
            f"{which} tiled",
            partial(_tiled, names=names),
            sentence("heads_tiled", names=words("name", names)),
            sentence("fix_heads_tiled"),
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
    for by_head, packed in ((True, "per head"), (False, "blocks")):
        description, fix = word("packed", packed), sentence("fix_packed")
        apply = partial(_cut, by_head=by_head)
        form, detail = f"packed {packed}", {"order": packed}
        variant = Variant((QKV_SPLIT,), pieces.LAYOUT, form, apply, description, fix, detail)
        yield from about_rotation(o, variant)


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


def swapped(o: Operands) -> Iterator[Variant]:
    """Query, key and value are passed in the wrong order, or one of them twice."""
    orders = [order for order in permutations(STATES) if order != STATES]
    orders += [
        ("query", "key", "key"),
        ("query", "value", "value"),
        ("query", "query", "value"),
        ("key", "key", "value"),
    ]
    for order in orders:
        names = ", ".join(order)
        description = sentence("states_swapped", names=words("name", order, "comma"))
        fix, apply = sentence("fix_states_swapped"), partial(_passed, order=order)
        detail = {"order": list(order)}
        variant = Variant((OPERANDS_SWAPPED,), pieces.OPERANDS, names, apply, description, fix, detail)
        yield from about_rotation(o, variant)


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
    for name, function in FUNCTIONS.items():
        if name != own and not function.parameters:
            yield Variant(
                (SCORE_FUNCTION,),
                pieces.FUNCTION,
                name,
                partial(_scored, options=replace(o.options, score=name)),
                sentence("score_other", name=name, own=own),
                sentence("fix_score", own=own),
                {"score": name},
                {"score": name},
            )
    if own == "dot":
        for name, distance in DISTANCES.items():
            said, fix = sentence("score_other", name=word("distance", name), own=own), sentence("fix_score", own=own)
            apply = partial(_by_distance, distance=distance)
            yield Variant(
                (SCORE_FUNCTION,), pieces.FUNCTION, f"distance {name}", apply, said, fix, {"score": name}, alone=True
            )
    weights = o.parameters.get("w_a")
    if own == "general" and weights is not None and weights.shape[0] == weights.shape[1]:
        yield Variant(
            (SCORE_FUNCTION,),
            pieces.FUNCTION,
            "transposed",
            lambda recipe: recipe.with_operands(parameters={"w_a": weights.T}),
            sentence("score_transposed"),
            sentence("fix_score_transposed"),
            {"score": "general, transposed"},
        )


def _squares(products: Array, query: Array, key: Array) -> Array:
    """Return |q − k|², (…, L, S)."""
    return np.maximum(query + key - 2 * products, 0)


# Scores that grow as query and key come nearer, of q·k, |q|² (…, L, 1) and |k|² (…, 1, S).
DISTANCES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "half of the square": lambda *each: -_squares(*each) / 2,
    "square": lambda *each: -_squares(*each),
    "distance": lambda *each: -np.sqrt(_squares(*each)),
    "over the keys": lambda products, query, key: products / np.maximum(np.sqrt(key), 1e-30),
    "over the queries": lambda products, query, key: products / np.maximum(np.sqrt(query), 1e-30),
}


def _by_distance(recipe: Recipe, *, distance: Callable[[Array, Array, Array], Array]) -> Recipe | None:
    if not recipe.has_right("products"):
        return None

    def made(o: Operands) -> Array:
        query, key = to_meet(o)
        each = o.sizes.heads // key.shape[1] if key.shape[1] else 1
        length = np.repeat((key * key).sum(axis=-1), each, axis=1)[:, :, None]
        return distance(products(o), (query * query).sum(axis=-1, keepdims=True), length)

    return replace(recipe, products=made)


def _scored(recipe: Recipe, *, options: Options) -> Recipe:
    return recipe.with_operands(parameters={}, options=replace(recipe.operands.options, score=options.score))
