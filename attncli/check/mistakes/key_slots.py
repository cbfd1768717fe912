"""Keys and values that were read from other slots: shifted, rolled, in reverse, parts or pages exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.mask import openings
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import KEYS_STALE
from attncli.check.mistakes.variant import Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Turn = Callable[[NDArray[np.int64]], NDArray[np.int64]]

PAGES = (4, 8, 16, 32, 64, 128)
BOTH: tuple[tuple[str, ...], ...] = (("key", "value"), ("key",), ("value",))
# Up to so many slots, scripts get them one by one.
SHORT = 64


@dataclass(frozen=True)
class Order:
    """The slots that keys may have been read from.

    Attributes:
        name: in scripts.
        said: in words.
        slots: (S,) the slot of each key; −1: none, it is 0.
    """

    name: str
    said: Sentence
    slots: NDArray[np.int64]


def _order(name: str, slots: NDArray[np.int64]) -> Order:
    return Order(name, sentence(f"slots_{name.replace(' ', '_')}"), slots)


def _sized(name: str, size: int, slots: NDArray[np.int64]) -> Order:
    return Order(f"{name} {size}", sentence(f"slots_{name.replace(' ', '_')}", size=size), slots)


def orders(count: int, past: int) -> Iterator[Order]:
    """Return the slots that keys may have been read from, and what happened.

    Args:
        count: how many keys there are.
        past: how many of them are past ones.
    """
    slots = np.arange(count)
    yield _order("before", np.maximum(slots - 1, 0))
    yield _order("after", np.minimum(slots + 1, count - 1))
    yield _order("before around", np.roll(slots, 1))
    yield _order("after around", np.roll(slots, -1))
    yield _order("before or zero", slots - 1)
    yield _order("after or zero", np.where(slots < count - 1, slots + 1, -1))
    yield _order("reversed", slots[::-1])
    if 0 < past < count:
        yield _order("new first", np.concatenate([slots[past:], slots[:past]]))
        yield _order("past reversed", np.concatenate([slots[:past][::-1], slots[past:]]))
        yield _order("last new for new", np.where(slots < past, slots, count - 1))
        yield _order("first new for new", np.where(slots < past, slots, past))
        yield _order("last past for new", np.where(slots < past, slots, past - 1))
        yield _order("last new alone", np.select([slots < past, slots == past], [slots, count - 1], -1))
        over = np.select([slots < past - 1, slots < count - 1], [slots, slots + 1], -1)
        yield Order("new over past", sentence("slots_new_over_past", key=past - 1, slot=count - 1), over)
        yield _order("new early", np.where(slots < past - 1, slots, np.minimum(slots + 1, count - 1)))
    for shift in dict.fromkeys([count // 2, count // 3, count // 4, count - past]):
        if 1 < shift < count - 1:
            yield _sized("further", shift, np.roll(slots, -shift))
            yield _sized("back", shift, np.roll(slots, shift))
    for page in PAGES:
        if page < count:
            yield _sized("pages reversed", page, _pages(slots, page, lambda pages: pages[::-1]))
            yield _sized("within pages reversed", page, _within(slots, page))
            yield _sized("page before", page, np.where(slots < page, slots, slots - page))
            yield _sized("page after", page, np.where(slots + page < count, slots + page, slots))
            yield _sized("first page", page, slots % page)
            yield _sized("pages exchanged", page, _pages(slots, page, _paired))


def _pages(slots: NDArray[np.int64], page: int, turn: Turn) -> NDArray[np.int64]:
    """Return the slots with whole pages in another order; what is left behind the last whole page stays."""
    whole = len(slots) // page * page
    pages = slots[:whole].reshape(-1, page)
    return np.concatenate([turn(pages).ravel(), slots[whole:]])


def _paired(pages: NDArray[np.int64]) -> NDArray[np.int64]:
    at = np.arange(len(pages))
    return pages[np.minimum(at ^ 1, len(pages) - 1)]


def _within(slots: NDArray[np.int64], page: int) -> NDArray[np.int64]:
    whole = len(slots) // page * page
    return np.concatenate([slots[:whole].reshape(-1, page)[:, ::-1].ravel(), slots[whole:]])


def slots(o: Operands) -> Iterator[Variant]:
    """Keys, values or both were read from other slots than their own."""
    if o.sizes.keys < 2:
        return
    closed = bool(openings(o))
    for order in orders(o.sizes.keys, o.sizes.past):
        for names in BOTH:
            if len(names) == 2 and not closed and _loses(order):
                continue
            yield Variant(
                (KEYS_STALE,),
                pieces.KEYS,
                f"{' and '.join(names)}, {order.name}",
                partial(read, names=names, order=order.slots),
                sentence("slots_read", states=words("states", names), how=order.said),
                sentence("fix_slots"),
                {"read": list(names), "order": order.slots.tolist() if len(order.slots) <= SHORT else order.name},
                quick=partial(_met, names=names, order=order.slots),
            )


def _loses(order: Order) -> bool:
    """Tell whether some keys are read as often as each other and the rest never: where all are open, it is lost."""
    if (order.slots < 0).any():
        return False  # what is there instead are zeros, which weigh
    counts = np.bincount(order.slots, minlength=len(order.slots))
    return bool((counts == 0).any()) and len(np.unique(counts[counts > 0])) == 1


def read(recipe: Recipe, *, names: tuple[str, ...], order: NDArray[np.int64]) -> Recipe | None:
    """Read keys, values or both from other slots, 0 where there is none; None: there are not as many slots."""
    o = recipe.operands
    if o.sizes.keys != len(order):
        return None
    there = (order >= 0)[:, None]
    return recipe.with_operands(**{name: np.where(there, getattr(o, name)[:, :, order], 0) for name in names})


def _met(recipe: Recipe, *, names: tuple[str, ...], order: NDArray[np.int64]) -> Recipe | None:
    """Put the scores and the values of a few rows into the other order, not all keys and values."""
    products, weigh = recipe.products, recipe.weigh
    # A slot of zeros has a score that depends on the score function.
    if recipe.operands.sizes.keys != len(order) or recipe.operands.held or (order < 0).any():
        return read(recipe, names=names, order=order)
    changed = recipe
    if "key" in names:
        changed = replace(changed, products=lambda o: products(o)[..., order])
    if "value" in names:
        changed = replace(changed, weigh=lambda weights, values: weigh(weights, values[order]))
    return changed
