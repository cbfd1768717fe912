"""Past keys and values of another batch item, and two slots of a cache that were exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.check.mistakes import pieces
from attncli.check.mistakes.changes import CHANGES
from attncli.check.mistakes.general import ITEMS_MIXED, KEYS_STALE
from attncli.check.mistakes.key_slots import BOTH, read
from attncli.check.mistakes.ranges import variant_of
from attncli.check.mistakes.spans import Run
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import sentence, word, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Rows in which pairs of slots are compared, the most keys of which all pairs are, and pairs that are returned.
ROWS, KEYS, PAIRS = 6, 384, 4


def of_items(o: Operands) -> Iterator[Variant]:
    """The past keys, values or both were those of another item, as of beams that are not reordered."""
    if not o.sizes.past or o.sizes.batch < 2:
        return
    items = np.arange(o.sizes.batch)
    orders = {"next": np.roll(items, -1), "before": np.roll(items, 1), "of item 0": 0 * items}
    for at in range(o.sizes.batch - 1) if o.sizes.batch > 2 else ():
        order = items.copy()
        order[[at, at + 1]] = at + 1, at
        orders[f"{at} and {at + 1}"] = order
    said = {
        "next": sentence("order_next_around"),
        "before": sentence("order_before_around"),
        "of item 0": sentence("order_all", number=0),
    }
    for name, order in orders.items():
        exchanged = sentence("past_exchanged", one=name.split()[0], other=name.split()[-1])
        for states in BOTH:
            yield Variant(
                (ITEMS_MIXED,),
                pieces.KEYS,
                f"past {' and '.join(states)} {name}",
                partial(_of_items, states=states, order=order),
                sentence("past_of_items", states=words("states", states), how=said.get(name, exchanged)),
                word("fix_read", "batch item"),
                {"past": list(states), "order": order.tolist()},
            )


def _of_items(recipe: Recipe, *, states: tuple[str, ...], order: NDArray[np.int64]) -> Recipe | None:
    o = recipe.operands
    changed: dict[str, Any] = {}
    for name in states:
        array = getattr(o, name)
        if len(array) != len(order):
            return None
        changed[name] = np.concatenate([array[order, :, : o.sizes.past], array[:, :, o.sizes.past :]], axis=2)
    return recipe.with_operands(**changed)


def evicted(o: Operands) -> Iterator[Variant]:
    """The first past key is left out; with one query a window that is a key too short comes to the same."""
    if o.sizes.past > 1:
        lost = next(change for change in CHANGES if change.name == "lost")
        yield replace(variant_of(Run(0, 0, follows=False), lost, o.sizes.keys), raw=True)


def exchanged(o: Operands) -> Iterator[Generator]:
    """Two keys stand in each other's slots; the same exchange of their values makes the same sums."""
    if 1 < o.sizes.keys <= KEYS:
        yield Generator(pieces.KEYS, _exchanged)


def _exchanged(observed: Observed) -> Iterator[Variant]:
    """Find the pair: exchanged, they add (e_b − e_a)·(v_a − v_b) to Σ e·v, and leave Σ e as it is."""
    sizes, right = observed.right.operands.sizes, observed.right
    squares, seen = np.zeros((sizes.keys, sizes.keys)), 0
    for group in observed.sample.groups:
        for at in range(len(group.rows)):
            row = int(group.rows[at])
            if seen == ROWS or not observed.wrong[group.batch, group.head, row]:
                continue
            weights = right.weights(group.batch, group.head, np.array([row]))[0]
            _, value = right.logits_and_values(group.batch, group.head, np.array([row]))
            apart = group.observed[at] - observed.output[group.batch, group.head, row]
            if not (np.isfinite(weights).all() and np.isfinite(apart).all() and np.isfinite(value).all()):
                return
            # |steps·(v_a − v_b) − apart|², from the products of the values alone.
            steps, across, along = weights - weights[:, None], value @ value.T, value @ apart
            lengths = np.diag(across)[:, None] + np.diag(across) - 2 * across
            left = steps**2 * lengths - 2 * steps * (along[:, None] - along) + apart @ apart
            squares += left / float(group.size[at, 0]) ** 2
            seen += 1
    if not seen:
        return
    squares[np.tril_indices(sizes.keys)] = np.inf
    for place in np.argsort(squares, axis=None)[:PAIRS].tolist():
        yield _pair(place // sizes.keys, place % sizes.keys, sizes.keys)


def _pair(one: int, other: int, count: int) -> Variant:
    order = np.arange(count)
    order[[one, other]] = other, one
    return Variant(
        (KEYS_STALE,),
        pieces.KEYS,
        f"{one} and {other} exchanged",
        partial(read, names=("key",), order=order),
        sentence("slots_exchanged", one=one, other=other),
        sentence("fix_slots"),
        {"exchanged": [one, other]},
    )
