"""Wrong biases: of all heads together, with the relative shift made otherwise, cut off, or of other buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import additions
from attncli.check.mistakes import buckets, pieces
from attncli.check.mistakes.buckets import Other
from attncli.check.mistakes.registry import BIAS
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe, softmax
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

TILES = (4, 8, 16, 32, 64, 128, 256)
# At most so many borders are tried from which on a bias is left out.
MOST = 48


def biases(o: Operands) -> Iterator[Variant]:
    """The bias that is added is another one."""
    if o.bias is None:
        return
    right = np.asarray(o.bias, dtype=np.float64)
    for other in _others(right):
        if not np.array_equal(other.array, right):
            yield _variant(other.form, other.said, partial(_with, value=other.array))
    yield from _cut_off(right)
    yield _variant("after softmax", sentence("bias_after_softmax"), _after_softmax)


def _variant(form: str, said: Sentence, apply: Any) -> Variant:
    return Variant((BIAS,), pieces.BIAS, form, apply, said, sentence("fix_own_bias"), {"bias": form})


def _with(recipe: Recipe, *, value: Array) -> Recipe | None:
    here = recipe.operands.bias
    if here is None or any(n not in (1, m) and m != 1 for n, m in zip(value.shape, here.shape, strict=True)):
        return None
    return recipe.with_operands(bias=value)


def _others(right: Array) -> Iterator[Other]:
    """Return other biases."""
    _, heads, queries, keys = right.shape
    if heads > 1:
        yield Other("mean of heads", sentence("bias_mean_of_heads"), right.mean(1, keepdims=True))
        yield Other("sum of heads", sentence("bias_sum_of_heads"), right.sum(1, keepdims=True))
    if queries > 1 and keys > 1:
        yield from _skewed(right)
        yield from buckets.others(right)


def _skewed(right: Array) -> Iterator[Other]:
    """Return the bias with Transformer-XL's relative shift made once more, or not made."""
    batch, heads, queries, keys = right.shape
    padded = np.concatenate([np.zeros((batch, heads, queries, 1)), right], axis=3)
    shifted = padded.reshape(batch, heads, keys + 1, queries)[:, :, 1:].reshape(right.shape)
    yield Other("shifted again", sentence("bias_shifted_again"), shifted)
    flat = right.reshape(batch, heads, -1)
    back = np.zeros((batch, heads, queries * (keys + 1)))
    back[..., queries:] = flat
    undone = back.reshape(batch, heads, queries, keys + 1)[..., 1:]
    yield Other("not shifted", sentence("bias_not_shifted"), undone)


def _cut_off(right: Array) -> Iterator[Variant]:
    """Leave the bias of some keys out: from a multiple of a tile on, or before one."""
    keys = right.shape[3]
    last = [(keys - 1) // tile * tile for tile in TILES if tile < keys]
    every = [at for tile in TILES for at in range(tile, keys, tile) if keys // tile <= MOST]
    at, biased = np.arange(keys), right.any(axis=(0, 1, 2))
    for first in list(dict.fromkeys([*last, *every]))[:MOST]:
        for where, kept in (("from", at < first), ("before", at >= first)):
            if (biased & ~kept).any():
                said = sentence(f"bias_lost_{where}", key=first)
                yield replace(
                    _variant(f"none {where} {first}", said, partial(_kept, kept=kept)),
                    quick=partial(_kept_in_rows, kept=kept),
                )


def _kept(recipe: Recipe, *, kept: NDArray[np.bool_]) -> Recipe | None:
    here = recipe.operands.bias
    if here is None or here.shape[-1] not in (1, len(kept)):
        return None
    return recipe.with_operands(bias=np.where(kept, np.asarray(here, dtype=np.float64), 0))


def _kept_in_rows(recipe: Recipe, *, kept: NDArray[np.bool_]) -> Recipe | None:
    added = recipe.added
    return replace(recipe, added=lambda o: added(o if o.bias is None else replace(o, bias=np.where(kept, o.bias, 0))))


def _after_softmax(recipe: Recipe) -> Recipe:
    def without(o: Operands) -> dict[str, NDArray[Any]]:
        return {name: array for name, array in additions(o).items() if name != "bias"}

    def weights(logits: NDArray[Any], o: Operands) -> NDArray[Any]:
        return softmax(logits, o) + (0 if o.bias is None else o.bias)

    return replace(recipe, added=without, softmax=weights)
