"""Features of query, key and value in other places: the part that turns lost, alone or moved, values cut from keys."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.rotate import rotation_of
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import FEATURES
from attncli.check.mistakes.layout import about_rotation
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import OPERANDS_SWAPPED
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

# After so many features a loop may end.
CUTS = (8, 16, 32, 64, 128, 256)


def turning_part(o: Operands) -> Iterator[Variant]:
    """The part of the features that turns, as MLA has one, is lost, alone, or in another place."""
    if o.options.rope is None or o.query.shape[-1] != o.key.shape[-1]:
        return
    features = o.query.shape[-1]
    rotation = rotation_of(o, features)
    count, first = rotation.features, rotation.first
    if count == features:
        return
    turns = (np.arange(features) >= first) & (np.arange(features) < first + count)
    part = sentence("turning_last" if first else "turning_first", count=count)
    keep, fix = partial(_some, which=~turns), sentence("fix_both_scores")
    yield _variant("part lost", sentence("part_lost", part=part), keep, fix)
    keep, fix = partial(_some, which=turns), sentence("fix_both_features")
    yield _variant("part alone", sentence("part_alone", part=part), keep, fix)
    fix = sentence("fix_one_order")
    for name in ("query", "key"):
        for by in (count, -count):
            key = "part_before" if (by > 0) == bool(first) else "part_behind"
            said = sentence(key, state=word("name", name), part=part, by=by)
            yield _variant(f"{name} rolled by {by}", said, partial(_rolled, name=name, by=by), fix)
    if o.sizes.key_heads > 1:
        fix = sentence("fix_own_part")
        for form, order in _orders(o.sizes.key_heads).items():
            said = sentence("part_of_heads", part=part, which=word("whose", form))
            yield _variant(f"part of {form}", said, partial(_of_heads, which=turns, order=order), fix)


def _orders(heads: int) -> dict[str, NDArray[np.int64]]:
    every = np.arange(heads)
    return {
        "the next head": np.roll(every, -1),
        "the head before": np.roll(every, 1),
        "head 0": np.zeros(heads, np.int64),
        "heads in reverse order": every[::-1],
    }


def cut(o: Operands) -> Iterator[Variant]:
    """The last features are left out of the scores."""
    features = o.query.shape[-1]
    for count in dict.fromkeys((*CUTS, features - 1, features // 2)):
        if 0 < count < features == o.key.shape[-1]:
            said, fix = sentence("features_cut", count=count, features=features), sentence("fix_features_cut")
            yield _variant(f"first {count}", said, partial(_some, which=np.arange(features) < count), fix)


def values(o: Operands) -> Iterator[Variant]:
    """The value is cut from the key, which has more features."""
    wide, narrow = o.key.shape[-1], o.sizes.value_features
    if narrow >= wide or o.key.shape[1] != o.value.shape[1]:
        return
    for form, part in (("first", slice(0, narrow)), ("last", slice(wide - narrow, wide))):
        said, fix = sentence(f"value_of_key_{form}", count=narrow), sentence("fix_own_value")
        cut_off = partial(_cut, part=part)
        variant = _variant(f"value of the {form} of the key", said, cut_off, fix, OPERANDS_SWAPPED)
        yield from about_rotation(o, variant)


def _variant(form: str, said: Sentence, apply: Any, fix: Sentence, mistake: Mistake = FEATURES) -> Variant:
    return Variant((mistake,), pieces.OPERANDS, form, apply, said, fix, {"features": form})


def _some(recipe: Recipe, *, which: NDArray[np.bool_]) -> Recipe | None:
    o = recipe.operands
    # The matrices of a score function have a row for each feature.
    if o.query.shape[-1] != len(which) or o.parameters:
        return None
    return recipe.with_operands(query=o.query[..., which], key=o.key[..., which])


def _rolled(recipe: Recipe, *, name: str, by: int) -> Recipe:
    return recipe.with_operands(**{name: np.roll(getattr(recipe.operands, name), by, axis=-1)})


def _of_heads(recipe: Recipe, *, which: NDArray[np.bool_], order: NDArray[np.int64]) -> Recipe | None:
    key = recipe.operands.key
    return recipe.with_operands(key=np.where(which, key[:, order], key)) if key.shape[1] == len(order) else None


def _cut(recipe: Recipe, *, part: slice) -> Recipe:
    return recipe.with_operands(value=recipe.operands.key[..., part])
