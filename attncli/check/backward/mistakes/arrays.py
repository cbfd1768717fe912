"""Right gradients under the wrong name, in the wrong places, or not summed over the heads that share them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from attncli.check.backward.change import Change
from attncli.check.backward.registry import GRADIENT_LAYOUT, GRADIENTS_SWAPPED, GROUP_ORDER, GROUP_SUM
from attncli.check.backward.way import Array, Found, Way
from attncli.check.mistakes.layout import gather, interleave, merge, split
from attncli.sentences import Listed, sentence

STATES = ("query", "key", "value")


def of_arrays(names: Iterable[str]) -> Listed:
    """Return the names of the gradients of some arrays."""
    return Listed(tuple(f"d_{name}" for name in names), "and")


# --- names and places -------------------------------------------------------------------------------------------------


def swapped(way: Way) -> Iterator[Change]:
    """The gradients of two of query, key and value, or of all, are exchanged."""
    orders = (("key", "query", "value"), ("query", "value", "key"), ("value", "key", "query"))
    for order in (*orders, ("key", "value", "query"), ("value", "query", "key")):
        names = ", ".join(f"d_{name}" for name in order)
        what = sentence("gradients_swapped", names=names)
        yield Change(
            GRADIENTS_SWAPPED,
            names,
            partial(_finished, finish=partial(_renamed, order=order)),
            what,
            sentence("fix_gradients_swapped"),
            {"order": list(order)},
        )


def _finished(way: Way, *, finish: Callable[[Found], Found]) -> Way:
    return way.with_finish(finish, is_whole=True)


def _renamed(found: Found, *, order: tuple[str, ...]) -> Found:
    """Return the gradients of states under other names; those of past ones go with them as far as they can."""
    return found | {name: found[other] for name, other in zip(STATES, order, strict=True)}


def layout(way: Way) -> Iterator[Change]:
    """A gradient has the right numbers in the places of another layout."""
    turns: dict[str, Callable[[Array], Array]] = {
        "merged": merge,
        "split": split,
        "interleaved": interleave,
        "gathered": gather,
        "turned": _turned,
    }
    fix = sentence("fix_gradient_layout")
    for form, turn in turns.items():
        for names in (STATES, ("query", "key"), ("key", "value"), *((name,) for name in STATES)):
            finish = partial(_placed, turn=turn, names=names)
            whose = sentence("each_gradient") if names == STATES else of_arrays(names)
            detail = {"arrays": list(names), "form": form}
            apply, what = partial(_finished, finish=finish), sentence(f"gradient_{form}", whose=whose)
            yield Change(GRADIENT_LAYOUT, f"{form}: {' '.join(names)}", apply, what, fix, detail)


def _turned(x: Array) -> Array:
    return np.ascontiguousarray(x.swapaxes(-1, -2)).reshape(x.shape)


def _placed(found: Found, *, turn: Callable[[Array], Array], names: tuple[str, ...]) -> Found:
    return found | {name: turn(found[name]) for name in names}


# --- groups -----------------------------------------------------------------------------------------------------------


def group(way: Way) -> Iterator[Change]:
    """The gradients of key heads that several query heads share are not their sums."""
    o = way.operands
    if o.sizes.group == 1 or o.early is not None:
        return
    fix = sentence("fix_group")
    hows: dict[str, Callable[[Array], Array]] = {
        "last": lambda x: x[:, :, -1],
        "first": lambda x: x[:, :, 0],
        "mean": lambda x: x.mean(axis=2),
        "tiled": _tiled,
        "tiled last": lambda x: _as_tiled(x)[:, -1],
    }
    for names in (("key", "value"), ("key",), ("value",)):
        for form, how in hows.items():
            what = sentence(f"group_{form.replace(' ', '_')}", whose=of_arrays(names))
            mistake = GROUP_ORDER if form.startswith("tiled") else GROUP_SUM
            apply = partial(_grouped, how=how, names=names, is_whole=mistake is GROUP_ORDER)
            detail = {"arrays": list(names), "form": form}
            yield Change(mistake, f"{form}: {' '.join(names)}", apply, what, fix, detail)


def apart(way: Way) -> Way | None:
    """Return the way on which each query head has a key head and a value of its own."""
    o = way.operands
    if o.early is not None or o.sizes.past:
        return None
    heads = np.arange(o.sizes.heads)
    states: dict[str, Any] = {
        name: o.states[name][:, heads * o.states[name].shape[1] // o.sizes.heads] for name in ("key", "value")
    }
    return replace(way, operands=replace(o, sizes=replace(o.sizes, key_heads=o.sizes.heads), **states))


def _grouped(way: Way, *, how: Callable[[Array], Array], names: tuple[str, ...], is_whole: bool) -> Way | None:
    each = apart(way)
    if each is None:
        return None
    heads = way.operands.sizes.heads
    groups = {name: heads // way.operands.states[name].shape[1] for name in ("key", "value")}
    return each.with_finish(partial(_reduced, groups=groups, how=how, names=names), is_whole=is_whole)


def _reduced(
    found: Found, *, groups: Mapping[str, int], how: Callable[[Array], Array], names: tuple[str, ...]
) -> Found:
    made = {}
    for name, group in groups.items():
        batch, heads, *rest = found[name].shape
        grouped = found[name].reshape(batch, heads // group, group, *rest)
        made[name] = how(grouped) if name in names else grouped.sum(axis=2)
    return found | made


def _as_tiled(grouped: Array) -> Array:
    """Return (batch, key heads, group, …) as (batch, group, key heads, …) of the same query heads, tiled."""
    batch, count, group, *rest = grouped.shape
    return grouped.reshape(batch, group, count, *rest)


def _tiled(grouped: Array) -> Array:
    return np.asarray(_as_tiled(grouped).sum(axis=1))
