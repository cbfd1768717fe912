"""Pages of a cache that were read by another table than their own, and lengths that end elsewhere in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.pages import Pages
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import PAGES
from attncli.check.mistakes.key_slots import BOTH
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.check.recipe import Recipe
from attncli.sentences import Sentence, sentence, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = NDArray[np.int64]

# So many single entries of a table are tried, and so many of those that come nearest are returned.
MOST, NEAREST = 4096, 3
# Of so many items all pairs are exchanged.
ITEMS = 6


def _whole(o: Operands) -> Pages | None:
    """Return the pages with every place in use, or None where key and value are not just gathered from pages."""
    pages = o.pages
    if pages is None or pages.pools.keys() != {"key", "value"} or o.sizes.batch != len(pages.table):
        return None
    if not all(np.array_equal(pages.gathered(name), getattr(o, name)) for name in pages.pools):
        return None
    places = pages.table.shape[1]
    count, last = len(pages.table), len(pages.pools["key"]) - 1
    # What stands behind the used places may be anything.
    table = np.clip(np.nan_to_num(pages.table.astype(np.float64)), 0, last).astype(np.int64)
    return replace(pages, table=table, used=np.full(count, places), lengths=np.full(count, places * pages.size))


def _tables(table: Table, pool: int) -> Iterator[tuple[str, Table]]:
    """Return the tables that pages may have been read by."""
    count = np.arange(table.size).reshape(table.shape)
    yield "of item 0", np.repeat(table[:1], len(table), 0)
    yield "of next", np.roll(table, -1, 0)
    yield "of before", np.roll(table, 1, 0)
    for one, other in combinations(range(min(len(table), ITEMS)), 2):
        items = np.arange(len(table))
        items[[one, other]] = other, one
        yield f"exchanged {one} {other}", table[items]
    yield "in order", count % pool
    yield "from first", np.broadcast_to(count[:1] % pool, table.shape)
    yield "reversed", table[:, ::-1]
    yield "further", np.concatenate([table[:, 1:], table[:, -1:]], 1)
    yield "earlier", np.concatenate([table[:, :1], table[:, :-1]], 1)
    yield "number up", np.minimum(table + 1, pool - 1)
    yield "number down", np.maximum(table - 1, 0)


def tables(o: Operands) -> Iterator[Variant]:
    """Keys, values or both were read by another table."""
    pages = _whole(o)
    if pages is None:
        return
    seen = [pages.table]
    for name, table in _tables(pages.table, len(pages.pools["key"])):
        if any(np.array_equal(table, other) for other in seen):
            continue
        seen.append(table)
        said = _said(name)
        for states in BOTH:
            yield _by_table(pages, table, states, name, said)


def _said(name: str) -> Sentence:
    if name.startswith("exchanged"):
        _, one, other = name.split()
        return sentence("past_exchanged", one=one, other=other)
    return sentence(f"pages_{name.replace(' ', '_')}")


def _by_table(pages: Pages, table: Table, states: tuple[str, ...], name: str, said: Sentence) -> Variant:
    return Variant(
        (PAGES,),
        pieces.KEYS,
        f"{' and '.join(states)} by table {name}",
        partial(_gathered, pages=replace(pages, table=table), states=states),
        sentence("pages_read", states=words("states", states), how=said),
        sentence("fix_pages"),
        {"read": list(states), "table": name},
        raw=True,
    )


def _gathered(recipe: Recipe, *, pages: Pages, states: tuple[str, ...]) -> Recipe | None:
    o = recipe.operands
    made = {name: pages.gathered(name).astype(getattr(o, name).dtype) for name in states}
    if any(array.shape != getattr(o, name).shape for name, array in made.items()):
        return None
    return recipe.with_operands(**made)


def ends(o: Operands) -> Iterator[Variant]:
    """Keys behind the length of an item were seen, with what lies in their slots, or keys before it were not."""
    pages = _whole(o)
    if pages is None or o.key_lengths is None or len(o.key_lengths) != o.sizes.batch:
        return
    lengths, size, seen = o.key_lengths, pages.size, [o.key_lengths]
    for name, others in (
        ("whole", -(-lengths // size) * size),
        ("lost", (lengths - 1) // size * size),
        ("more", lengths + 1),
        ("less", lengths - 1),
        ("before", np.roll(lengths, 1)),
        ("next", np.roll(lengths, -1)),
        ("first", np.full_like(lengths, lengths[0])),
        ("longest", np.full_like(lengths, lengths.max())),
    ):
        other = np.clip(others, 0, o.sizes.keys)
        if not any(np.array_equal(other, each) for each in seen):
            seen.append(other)
            yield Variant(
                (PAGES,),
                pieces.LENGTH,
                f"pages end {name}",
                partial(_ending, pages=pages, lengths=other),
                sentence("pages_ends", how=sentence(f"ends_{name}")),
                sentence("fix_ends"),
                {"lengths": other.tolist()},
                raw=True,
            )


def _ending(recipe: Recipe, *, pages: Pages, lengths: NDArray[np.int64]) -> Recipe | None:
    """Open the slots up to other lengths to all queries, or close those behind them."""
    made = _gathered(recipe, pages=pages, states=("key", "value"))
    if made is None:
        return None
    logits = made.logits

    def ending(recipe: Recipe, scores: NDArray[Any], o: Operands, opened: Any) -> NDArray[Any]:
        every = logits(recipe, scores, o, {})
        behind = np.arange(every.shape[-1]) >= np.reshape(ends_of(o), (-1, 1, 1, 1))
        return np.where(behind & opened["length"], every, logits(recipe, scores, o, opened))

    return replace(made.with_rules(key_lengths=lengths), logits=ending)


def ends_of(o: Operands) -> NDArray[np.int64]:
    """Return how many keys each item has, (batch or 1,)."""
    return np.array([o.sizes.keys]) if o.key_lengths is None else o.key_lengths


def entries(o: Operands) -> Iterator[Generator]:
    """One entry of the table was another page."""
    if o.pages is not None and o.pages.pools.keys() == {"key", "value"}:
        yield Generator(pieces.KEYS, _entries)


def _entries(observed: Observed) -> Iterator[Variant]:
    """Try every page at every place of the item in which most is wrong, in some rows of one head."""
    o = observed.right.operands
    pages = _whole(o)
    group = observed.sample.groups[0]
    if pages is None or np.flatnonzero(observed.wrong.any(axis=(1, 2))).tolist() != [group.batch]:
        return
    one = o.select(batch=group.batch, head=group.head, rows=group.rows)
    serving, size, item = group.head // o.sizes.group, pages.size, group.batch
    length = o.sizes.keys if o.key_lengths is None else int(o.key_lengths[item])
    places, pool = -(-length // size), len(pages.pools["key"])
    pools = {name: array[:, :, serving].astype(np.float64) for name, array in pages.pools.items()}
    own = pages.table[item]
    order = [(place, page) for place in range(places) for page in range(pool) if page != own[place]]
    found: list[tuple[float, int, int, tuple[str, ...]]] = []
    for place, page in order[:MOST]:
        at = slice(place * size, min((place + 1) * size, length))
        for states in BOTH:
            changed: dict[str, Any] = {name: np.array(getattr(one, name), dtype=np.float64) for name in states}
            for name, array in changed.items():
                array[0, 0, at] = pools[name][page, : at.stop - at.start]
            made = Recipe(replace(one, **changed)).compute(0, 0, np.arange(len(group.rows)))
            found.append((float(group.difference(made).max()), place, page, states))
    found.sort(key=lambda each: each[0])
    for _, place, page, states in found[:NEAREST]:
        table = pages.table.copy()
        table[item, place] = page
        first, last = place * size, min((place + 1) * size, length) - 1
        said = sentence("pages_entry", page=page, own=int(own[place]), place=place, item=item, first=first, last=last)
        yield _by_table(pages, table, states, f"{item} {place} {page}", said)
