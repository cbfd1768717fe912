"""Wrong positions: restarts that are ignored or made unasked, positions of other items, tables that end or wrap."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.stages.rotate import key_places, query_places, rotation_of
from attncli.attend.views import after_past, ready
from attncli.check.mistakes import pieces
from attncli.check.mistakes.general import POSITIONS, ROPE_TABLE
from attncli.check.mistakes.registry import ROPE_OFFSET
from attncli.check.mistakes.turning import RIGHT, Side, rotated, turn, turned
from attncli.check.mistakes.variant import Generator, Observed, Variant
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.int64]

# How many lengths are tried after which positions begin anew, or stay, and how many single past keys.
MOST = 64
PAST_KEYS = 16


def given(o: Operands) -> Iterator[Variant]:
    """Positions that arrays give are not used, or those of another batch item are."""
    if o.options.rope is None or o.row_indices is not None:
        return
    query, key, fix = query_places(o), key_places(o), sentence("fix_own_position")
    order = o.positions[None], o.sizes.past + np.arange(key.shape[2])[None, None]
    if o.places is not None or o.key_places is not None:
        yield from _moved(
            o,
            "ignored",
            sentence("positions_ignored"),
            fix,
            (query, key),
            (np.broadcast_to(order[0], query.shape), order[1]),
        )
    if o.sizes.batch < 2:
        return
    rows = np.arange(o.sizes.batch)[:, None] * o.sizes.queries
    others = query + rows, key + rows
    yield from _moved(o, "counted on", sentence("positions_counted_on"), fix, (query, key), others)
    if query.shape[1] > 1 or key.shape[1] > 1:
        for form in ("item 0", "next", "before"):
            others = _of_items(query, form), _of_items(key, form)
            yield from _moved(o, form, word("positions_of", form), fix, (query, key), others)


def _of_items(places: Places, form: str) -> Places:
    if form == "item 0":
        return np.broadcast_to(places[:, :1], places.shape)
    return np.roll(places, -1 if form == "next" else 1, axis=1)


def _moved(
    o: Operands, form: str, said: Sentence, fix: Sentence, right: tuple[Places, Places], other: tuple[Places, Places]
) -> Iterator[Variant]:
    """Return the mistake of both, of queries alone and of keys alone, where they differ from what is right."""
    if o.cos is not None and max(int(each.max()) for each in other) >= o.cos.shape[1]:
        return
    differ = [not np.array_equal(one, two) for one, two in zip(right, other, strict=True)]
    for query, key, which in ((True, True, ""), (True, False, "queries"), (False, True, "keys")):
        if (query and not differ[0]) or (key and not differ[1]):
            continue
        make = partial(turned, query=_at(other[0]) if query else RIGHT, key=_at(other[1]) if key else RIGHT)
        yield rotated(POSITIONS, f"{form} {which}".strip(), make, _of_side(said, which), fix, whole=True)


def _of_side(said: Sentence, which: str) -> Sentence:
    """Say that something was done to queries alone, or to keys alone."""
    return sentence(f"positions_for_{which}", what=said) if which else said


def _at(places: Places) -> Side:
    """Return the side that stands at these positions."""
    return Side(move=lambda _: places)


def steps(o: Operands) -> Iterator[Variant]:
    """New queries stand at one position; keys of a cache are turned once more."""
    if o.options.rope is None or o.row_indices is not None:
        return
    query, past = query_places(o), o.sizes.past
    fix = sentence("fix_own_query_position")
    for at, name in ((0, "first"), (-1, "last")) if o.sizes.queries > 1 else ():
        make = partial(turned, query=_at(np.broadcast_to(query[:, :, [at]], query.shape)))
        yield rotated(POSITIONS, f"all as the {name}", make, word("queries_as", name), fix, whole=True)
    if not past or o.cos is not None:
        return
    fix = sentence("fix_cache_turned")
    whole = np.broadcast_to(query[:, :, :1], (*query.shape[:2], past))
    make = partial(_past, places=whole)
    yield rotated(ROPE_OFFSET, "past by the query", make, sentence("past_by_the_query"), fix, whole=True)
    standing = o.keys_standing[:, :, :past]
    for key in sorted({*range(max(0, past - PAST_KEYS), past), 0}):
        alone = np.where(np.arange(past) == key, standing, 0)
        make, said = partial(_past, places=alone), sentence("key_of_cache_twice", key=key)
        yield rotated(ROPE_OFFSET, f"key {key} twice", make, said, fix, {"key": key}, whole=True)


def _past(o: Operands, *, places: Places) -> tuple[Any, Any]:
    """Turn past keys by these positions, beside all that is right."""
    query, key = turned(o)
    past = ready(key[:, :, : o.sizes.past], o.dtype)
    return query, after_past(turn(rotation_of(o, past.shape[-1]), past, places), key[:, :, o.sizes.past :])


def tables(o: Operands) -> Iterator[Variant]:
    """Tables of cosines and sines are read a row off."""
    if o.options.rope is None or o.cos is None or o.row_indices is not None:
        return
    fix = sentence("fix_row_of_position")
    for step, how in ((1, "far"), (-1, "early")):
        moved = Side(move=partial(_row, step=step, most=o.cos.shape[1] - 1))
        make = partial(turned, query=moved, key=moved)
        yield rotated(ROPE_TABLE, f"rows {step:+d}", make, sentence(f"tables_read_{how}"), fix)


def _row(places: Places, *, step: int, most: int) -> Places:
    return np.clip(places + step, 0, most)


def borders(o: Operands) -> Iterator[Generator]:
    """From some position on, positions begin anew, or stay what they are."""
    if o.options.rope is not None and o.row_indices is None and o.cos is None:
        yield Generator(pieces.ROTATION, _borders)


def documents(o: Operands) -> Iterator[Variant]:
    """Positions begin anew in each document although they should not."""
    ids = o.inputs.get("segments")
    if o.options.rope is None or ids is None or o.row_indices is not None or o.sizes.queries != o.sizes.keys:
        return
    ids = np.reshape(ids, (-1, o.sizes.keys))
    starts = np.diff(ids, axis=1, prepend=ids[:, :1] - 1) != 0
    count = np.arange(o.sizes.keys)
    anew = (count - np.maximum.accumulate(np.where(starts, count, 0), axis=1))[None]
    right, fix = (query_places(o), key_places(o)), sentence("fix_positions_documents")
    yield from _moved(o, "anew in documents", sentence("positions_anew_in_documents"), fix, right, (anew, anew))


def _borders(observed: Observed) -> Iterator[Variant]:
    for border in _candidates(observed):
        for form, said, make in (
            ("begin anew", sentence("positions_begin_anew", border=border), partial(_again, border=border)),
            ("stay", sentence("positions_stay", border=border), partial(_kept, border=border)),
            ("less the border", sentence("positions_behind", border=border), partial(_behind, border=border)),
        ):
            moved = Side(move=make)
            for key, which in ((moved, ""), (RIGHT, "queries")):
                turns, fix = partial(turned, query=moved, key=key), sentence("fix_positions_go_on")
                name = f"{form} {border} {which}".strip()
                yield rotated(POSITIONS, name, turns, _of_side(said, which), fix, {"position": border})


def _again(places: Places, *, border: int) -> Places:
    return places % border


def _kept(places: Places, *, border: int) -> Places:
    return np.minimum(places, border)


def _behind(places: Places, *, border: int) -> Places:
    return np.where(places >= border, places - border, places)


def _candidates(observed: Observed) -> list[int]:
    """Return the positions that may be a border: between the last row that is right and the first that differs."""
    o = observed.right.operands
    standing = o.standing.max(axis=0)  # (batch or 1, L)
    most = int(standing.max())
    found: dict[int, None] = {}
    for batch in range(observed.wrong.shape[0]):
        rows = np.flatnonzero(observed.wrong[batch].any(axis=0))
        if not len(rows):
            continue
        places = standing[batch if len(standing) > 1 else 0]
        first = int(rows[0])
        if first:
            low, high = int(places[first - 1]), int(places[first])
            found |= dict.fromkeys(range(max(low, 1), min(high, low + MOST) + 1))
    if not found:
        length = o.sizes.queries
        halves = [length // n for n in (2, 3, 4, 8) if length // n > 1]
        found = dict.fromkeys([*halves, *(1 << n for n in range(2, 13))])
    return [each for each in found if 0 < each <= most][:MOST]
