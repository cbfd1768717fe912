"""Values that were others: with the right weights, output = weights · value is solved for the values.

That says something where there are many more rows than keys, or where the values that come out are simply related to
the right ones: a constant added to all, those of other slots, the keys, or others at a few keys alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import VALUES_CHANGED
from attncli.check.mistakes.orders import named
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.observations import ranges
from attncli.check.recipe import Recipe
from attncli.check.solving import LONGEST, solved
from attncli.sentences import Sentence, sentence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# So many times what rounding explains, values may differ from what they are taken for.
NOISE = 16.0
# With so many rows for each key nothing fits by chance; with fewer, at most this share of keys may have other values.
PLENTY, FEW = 1.5, 0.25
# With so many rows that differ by one vector, it is no chance; and it is so many times what rounding explains.
ALIKE, CLEAR = 4, 4.0


@dataclass(frozen=True)
class Solved:
    """The values of one key head that make what was observed.

    Attributes:
        value: (S, Ev) those.
        right: (S, Ev) what they should be.
        noise: how far rounding may move a number of them.
        plenty: whether there were many more rows than keys.
    """

    value: Array
    right: Array
    noise: float
    plenty: bool

    @property
    def changed(self) -> NDArray[np.int64]:
        """The keys whose values are others."""
        return np.flatnonzero((np.abs(self.value - self.right) > self.noise).any(axis=1))


def changed(o: Operands) -> Iterator[Generator]:
    """The values were others than they should be, and the weights right."""
    if o.sizes.keys > 1:
        yield Generator(pieces.OPERANDS, _found)


def _found(observed: Observed) -> Iterator[Variant]:
    sizes = observed.right.operands.sizes
    solvers = [_shifted]
    if sizes.keys <= LONGEST and sizes.queries * sizes.group >= sizes.keys:
        solvers.append(_solved)
    for solver in solvers:
        found = list(_with_values(observed, solver))
        yield from found
        if found:
            return


def _with_values(observed: Observed, solver: Callable[[Observed, int, int], Solved | None]) -> Iterator[Variant]:
    """Find the values of all key heads in one way; return nothing if it fails for one of them."""
    sizes = observed.right.operands.sizes
    made: dict[tuple[int, int], Solved] = {}
    # A key head that serves no row that differs has the right values.
    wrong = observed.wrong.reshape(sizes.batch, sizes.key_heads, -1).any(axis=2)
    for batch, head in np.argwhere(wrong).tolist():
        found = solver(observed, batch, head)
        if found is None or not len(found.changed):
            return
        made[batch, head] = found
    if made:
        yield from _described(observed, made)


def _shifted(observed: Observed, batch: int, head: int) -> Solved | None:
    """Add to the values of one key head what all rows differ by; None where they differ by more than one vector.

    It takes no solving, which weights that are small everywhere would spoil: weights that sum to 1 let it through.
    """
    o = observed.right.operands
    heads = slice(head * o.sizes.group, (head + 1) * o.sizes.group)
    wrong = observed.wrong[batch, heads]
    seen = observed.expected[batch, heads][wrong].astype(np.float64)
    if len(seen) < ALIKE or not np.isfinite(seen).all():
        return None
    apart = seen - observed.output[batch, heads][wrong]
    added = apart.mean(axis=0)
    noise = NOISE * observed.share * float(np.abs(seen).max())
    if not np.abs(apart - added).max() <= noise or np.abs(added).max() < CLEAR * noise:
        return None
    _, own = observed.right.logits_and_values(batch, head * o.sizes.group, np.arange(1))
    return Solved(own + added, own, noise, plenty=True)


def _solved(observed: Observed, batch: int, head: int) -> Solved | None:
    """Solve for the values of one key head; None where they cannot be told."""
    o, right = observed.right.operands, observed.right
    heads = range(head * o.sizes.group, (head + 1) * o.sizes.group)
    rows = np.arange(o.sizes.queries)
    weights = np.concatenate([right.weights(batch, each, rows) for each in heads])
    seen = np.concatenate([observed.expected[batch, each] for each in heads]).astype(np.float64)
    there = np.isfinite(seen).all(axis=1)
    if len(weights) > 4 * LONGEST or not np.isfinite(weights).all() or there.sum() < o.sizes.keys:
        return None
    matrix, sides = weights[there][:LONGEST], seen[there][:LONGEST]
    found = solved(matrix, sides.T)
    if found is None:
        return None
    value, least = found[0].T, found[1]
    _, own = right.logits_and_values(batch, head * o.sizes.group, rows[:1])
    allowed = NOISE * observed.share * max(float(np.abs(seen[there]).max()), float(np.abs(own).max()))
    if float(np.abs(matrix @ value - sides).max()) > allowed or allowed / least > np.abs(own).max() / 8:
        return None
    return Solved(value, own, allowed / least, len(matrix) >= PLENTY * o.sizes.keys)


def _described(observed: Observed, made: dict[tuple[int, int], Solved]) -> Iterator[Variant]:
    """Return what the values were, in the simplest words that hold for all key heads."""
    variant = partial(_variant, observed, made)
    heads = list(made.values())
    o = observed.right.operands
    if all(map(_constant, heads)):
        yield variant(sentence("values_constant"), sentence("fix_values_constant"), {"values": "constant added"})
        return
    if _keys(observed, made):
        yield variant(sentence("values_keys"), sentence("fix_values_keys"), {"values": "keys"})
        return
    order = _order(heads)
    if order is not None:
        how = named(order, np.arange(len(order)), len(order))
        detail = {"values": "of other keys", "order": order.tolist()}
        yield variant(sentence("values_of_others", how=how), sentence("fix_values_of_others"), detail)
        return
    keys = np.unique(np.concatenate([each.changed for each in heads]))
    if all(each.plenty for each in heads) or len(keys) <= FEW * o.sizes.keys:
        detail = {"values": "others", "keys": keys.tolist()}
        yield variant(_others(keys, o.sizes.keys), sentence("fix_values"), detail)


def _others(keys: NDArray[np.int64], count: int) -> Sentence:
    """Say that the values of some keys, of which there are so many, are others."""
    if len(keys) == count:
        return sentence("values_of_all")
    return sentence("values_of_key" if len(keys) == 1 else "values_of_keys", which=ranges(keys))


def _constant(head: Solved) -> bool:
    apart = head.value - head.right
    return bool((np.abs(apart - apart.mean(axis=0)) <= head.noise).all())


def _keys(observed: Observed, made: dict[tuple[int, int], Solved]) -> bool:
    o = observed.right.operands
    if o.key.shape[-1] != o.value.shape[-1]:
        return False
    keys = np.broadcast_to(o.key, (o.sizes.batch, *o.key.shape[1:]))
    return all(bool((np.abs(each.value - keys[place]) <= each.noise).all()) for place, each in made.items())


def _order(heads: list[Solved]) -> NDArray[np.int64] | None:
    """Return of which keys the values are, if they are those of keys in all heads alike."""
    values, right = (np.concatenate([getattr(each, name) for each in heads], axis=1) for name in ("value", "right"))
    apart = np.abs(values[:, None] - right[None]).max(axis=2) if values.size * len(right) < 1 << 24 else None
    if apart is None:
        return None
    order = apart.argmin(axis=1)
    noise = max(each.noise for each in heads)
    return order if (apart.min(axis=1) <= noise).all() else None


def _variant(
    observed: Observed,
    made: dict[tuple[int, int], Solved],
    said: Sentence,
    fix: Sentence,
    detail: Mapping[str, object],
) -> Variant:
    o = observed.right.operands
    value = np.array(np.broadcast_to(o.value, (o.sizes.batch, *o.value.shape[1:])), dtype=np.float64)
    for place, each in made.items():
        value[place] = each.value
    form = " ".join(map(str, detail.values()))
    return Variant((VALUES_CHANGED,), pieces.OPERANDS, form, partial(_with, value=value), said, fix, detail)


def _with(recipe: Recipe, *, value: NDArray[Any]) -> Recipe | None:
    return recipe.with_operands(value=value) if recipe.operands.sizes.keys == value.shape[2] else None
