"""Wrong additions to the scores: ALiBi and the bias."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attncli.attend import alibi as right_alibi
from attncli.attend.operands import Operands
from attncli.attend.stages.mask import additions
from attncli.check.mistakes import pieces
from attncli.check.mistakes.registry import ALIBI_SLOPES, BIAS
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # Positions of queries and of keys, heads, how many heads there are in all → what is added to the scores.
    Penalties: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int], NDArray[Any]]


def alibi(o: Operands) -> Iterator[Variant]:
    """ALiBi has other slopes or another sign, or is missing or not wanted."""
    if not o.options.alibi:
        yield with_slopes("added", None, sentence("fix_no_alibi"), {"alibi": True}, alibi=True)
        return
    fix = sentence("fix_slopes")
    yield with_slopes("left out", None, sentence("fix_alibi"), {"alibi": False}, alibi=False)
    others: tuple[tuple[str, Penalties], ...] = (
        ("geometric", partial(_geometric, start=1)),
        ("from 0", partial(_geometric, start=0)),
        ("from 0 to -8", _to_the_end),
        ("power below", partial(_geometric, start=1, power=0)),
        ("power above", partial(_geometric, start=1, power=1)),
        ("sign", partial(_scaled, by=-1.0)),
        ("signed", _signed),
    )
    for form, make in others:
        yield with_slopes(form, make, fix)
    if o.factor != 1:
        yield with_slopes("before the scale", partial(_scaled, by=o.factor), fix)


def with_slopes(
    form: str,
    make: Penalties | None,
    fix: Sentence,
    options: Mapping[str, object] | None = None,
    *,
    alibi: bool = True,
    said: Sentence | None = None,
) -> Variant:
    """Return the mistake that adds another ALiBi, said as its form is called where nothing else is said."""

    def apply(recipe: Recipe) -> Recipe:
        changed = recipe.with_operands(options=replace(recipe.operands.options, alibi=alibi))
        return changed if make is None else replace(changed, added=partial(_with_alibi, make=make))

    description = word("alibi", form) if said is None else said
    return Variant((ALIBI_SLOPES,), pieces.ALIBI, form, apply, description, fix, {"alibi": description}, options)


def _with_alibi(o: Operands, *, make: Penalties) -> dict[str, NDArray[Any]]:
    """Return what is added to the scores, with another ALiBi in it."""
    return additions(o) | {"alibi": make(o.standing[0], o.keys_standing[0], o.head_indices, o.head_count)}


def distances(positions: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return |p − j|, (batch or 1, 1, L, S)."""
    return np.abs(signed_distances(positions, keys))


def signed_distances(positions: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return p − j, (batch or 1, 1, L, S)."""
    return positions[:, None, :, None] - keys[:, None, None, :]


def _geometric(
    positions: NDArray[np.int64],
    keys: NDArray[np.int64],
    heads: NDArray[np.int64],
    count: int,
    *,
    start: int,
    power: int | None = None,
) -> NDArray[np.float64]:
    if power is not None:
        count = 1 << ((count - 1).bit_length() if power else count.bit_length() - 1)
    return -(2.0 ** (-8.0 * (heads + start) / count))[:, None, None] * distances(positions, keys)


def _to_the_end(
    positions: NDArray[np.int64], keys: NDArray[np.int64], heads: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    return -(2.0 ** (-8.0 * heads / max(1, count - 1)))[:, None, None] * distances(positions, keys)


def _scaled(
    positions: NDArray[np.int64], keys: NDArray[np.int64], heads: NDArray[np.int64], count: int, *, by: float
) -> NDArray[np.float64]:
    return by * right_alibi.penalties(positions, keys, heads, count)


def _signed(
    positions: NDArray[np.int64], keys: NDArray[np.int64], heads: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    return -right_alibi.slopes(count)[heads][:, None, None] * signed_distances(positions, keys)


def bias(o: Operands) -> Iterator[Variant]:
    """The bias is left out, scaled, turned or subtracted."""
    if o.bias is None:
        return
    array = np.asarray(o.bias, dtype=o.dtype)
    others = {"was left out": None, "was subtracted": -array, "was added twice": 2 * array}
    if o.factor != 1:
        others["was added before the scale"] = array * o.factor
    if o.sizes.queries == o.sizes.keys and array.shape[2] == array.shape[3] > 1:
        others["was transposed"] = np.swapaxes(array, 2, 3)
    for how, value in others.items():
        yield Variant(
            (BIAS,),
            pieces.BIAS,
            how,
            partial(_with_bias, value=value),
            word("bias", how),
            sentence("fix_bias"),
            {"bias": how},
        )


def _with_bias(recipe: Recipe, *, value: NDArray[Any] | None) -> Recipe:
    return recipe.with_operands(bias=value)
