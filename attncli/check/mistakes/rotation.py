"""Wrong rotations: rotary embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attncli.attend.operands import Operands
from attncli.attend.rotary.rotation import pairs
from attncli.attend.stages.rotate import key_places, query_places, rotation_of
from attncli.attend.views import after_past, ready
from attncli.check.mistakes import pieces
from attncli.check.mistakes.mistake import Mistake
from attncli.check.mistakes.registry import ROPE_OFFSET, ROPE_PAIRING, ROPE_THETA
from attncli.check.mistakes.turning import turn
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe
from attncli.errors import InputError
from attncli.sentences import Sentence, sentence, word

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pairing = Literal["half", "interleaved"]
PAIRINGS: tuple[Pairing, Pairing] = ("half", "interleaved")
# Bases that models use; others are looked for on a grid, and then refined.
THETAS = (10000.0, 500000.0, 1000000.0, 100000.0)
GRID = tuple(np.logspace(1, 8, 36).tolist())
Rotate = Callable[[Operands], tuple["NDArray[Any]", "NDArray[Any]"]]
Move = Callable[["NDArray[np.int64]"], "NDArray[np.int64]"]


def rope(o: Operands) -> Iterator[Variant | Unknown]:
    """Query and key are rotated in another way than they should be."""
    if o.options.rope is None:
        yield from _unasked(o)
        return
    own = o.options.rope
    other = PAIRINGS[1 - PAIRINGS.index(own)]
    fix = sentence("fix_rope", flags=f"--rope {own}" + f" --rope-theta {o.options.rope_theta:g}" * (o.cos is None))
    yield _option(other, "other pairs", sentence("rope_other_pairs", pairing=other, own=own), fix)
    # A single token that is turned by position 0 is not turned.
    is_alone = o.sizes.past > 0 and o.sizes.queries == 1
    yield _option(None, "left out", sentence("rope_left_out_alone" if is_alone else "rope_left_out"), fix)
    for table, pairing in ((other, own), (own, other)):
        description = sentence("rope_table", table=table, pairing=pairing)
        make = partial(_mixed, table=table, pairing=pairing)
        yield _pairing(f"{table} table, {pairing} turn", make, description, fix)
    # Tables that are swapped turn backwards, and a quarter farther, which cancels where all keys are turned so.
    said = sentence("rope_backwards" if o.sizes.past else "rope_backwards_swapped")
    yield _pairing("backwards", partial(_turned, backwards=True), said, fix)
    said = sentence("rope_query_only_new" if o.sizes.past else "rope_query_only")
    yield _pairing("query only", partial(_turned, key=None), said, fix)
    said = sentence("rope_key_only_alone" if is_alone else "rope_key_only")
    yield _pairing("key only", partial(_turned, query=None), said, fix)
    for share in (2, 4):
        count = o.sizes.features // share
        part = {"rope_dim": (count,)}
        if o.options.rope_dim is None and o.sizes.features % (2 * share) == 0 and _can(o, **part):
            description = sentence("rope_part", count=count)
            yield _pairing(f"1/{share} of the features", partial(_turned, options=part), description, fix)
    if o.row_indices is None:
        yield from _offsets(o)
    if o.cos is not None:
        return
    for theta in THETAS:
        if theta != o.options.rope_theta:
            yield _theta(o, theta)
    yield Unknown(pieces.ROTATION, GRID, partial(_theta, o), alone=True)


def _can(o: Operands, **options: Any) -> bool:
    """Tell whether query and key can be rotated with these options instead of those in force."""
    changed = replace(o, options=replace(o.options, **options))
    try:
        for states in (o.query, o.key):
            rotation_of(changed, states.shape[-1])
    except InputError:
        return False
    return True


def _unasked(o: Operands) -> Iterator[Variant | Unknown]:
    """Nothing is to be rotated: the observed output was, or it lacks a rotation that query and key come with."""
    # Tables that wait for --rope say nothing of a base.
    if o.cos is not None or not _can(o, rope="half"):
        return
    for pairing in PAIRINGS:
        description = sentence("rope_unasked", pairing=pairing)
        yield _option(pairing, pairing, description, sentence("fix_rope_unasked"))
    for theta in THETAS:
        for pairing in PAIRINGS:
            description = sentence("rope_undone", pairing=pairing, base=f"{theta:g}")
            undo = partial(_undone, pairing=pairing, theta=theta, other=None)
            name = f"{pairing}, base {theta:g}"
            yield _pairing(f"undone: {name}", undo, description, sentence("fix_rope_undone"))
            other = PAIRINGS[1 - PAIRINGS.index(pairing)]
            description = sentence("rope_other_pairs_of_base", pairing=other, own=pairing, base=f"{theta:g}")
            undo = partial(_undone, pairing=pairing, theta=theta, other=other)
            yield _pairing(f"{other} instead of {name}", undo, description, sentence("fix_pairs", pairing=pairing))
    yield Unknown(pieces.ROTATION, GRID, partial(_theta, o), alone=True)


def _option(pairing: Pairing | None, form: str, description: Sentence, fix: Sentence) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(options=replace(recipe.operands.options, rope=pairing))

    # No option switches off a rotation that the file asks for.
    options: dict[str, object] | None = None if pairing is None else {"rope": pairing}
    return Variant((ROPE_PAIRING,), pieces.ROTATION, form, apply, description, fix, {"rope": pairing}, options)


def _theta(o: Operands, theta: float) -> Variant:
    pairing = o.options.rope or "half"
    common = any(abs(theta / each - 1) < 1e-4 for each in THETAS)
    key = "rope_theta_common" if common else "rope_theta"
    if o.sizes.past:
        key = "rope_theta_of_new_common" if common else "rope_theta_of_new"

    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(options=replace(recipe.operands.options, rope=pairing, rope_theta=float(theta)))

    return Variant(
        (ROPE_THETA,),
        pieces.ROTATION,
        f"base {theta:.6g}" if common else "another base",
        apply,
        sentence(key, base=f"{theta:.6g}"),
        sentence("fix_theta", base=f"{o.options.rope_theta:g}") if o.options.rope else sentence("fix_no_rope"),
        {"rope_theta": theta},
        {"rope": pairing, "rope_theta": theta},
    )


def _pairing(form: str, make: Rotate, description: Sentence, fix: Sentence) -> Variant:
    return _rotated(ROPE_PAIRING, form, make, description, fix, {"rope": description})


def _rotated(
    mistake: Mistake, form: str, make: Rotate, description: Sentence, fix: Sentence, detail: Mapping[str, object]
) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_rotated(*make(recipe.operands))

    return Variant((mistake,), pieces.ROTATION, form, apply, description, fix, detail)


def _offsets(o: Operands) -> Iterator[Variant]:
    """The query, or the key, is rotated by other positions than its own."""
    first = int(o.standing[0, 0, 0])
    shifts = {-first: "from position 0", 1: "one position too far", -1: "one position short"}
    shifts |= {o.sizes.keys - o.sizes.queries - first: "as the last positions"}
    for shift, how in shifts.items():
        if shift and _within(o, shift):
            fix = sentence("fix_first_query", first=first)
            make, description = partial(_turned, query=_by(shift)), word("query_rotated", how)
            yield _offset(f"query {how}", make, description, fix, {"shift": shift})
    yield _offset("key twice", partial(_turned, times=2), sentence("key_rotated_twice"), sentence("fix_key_once"))
    if o.sizes.past and o.key_places is None:
        fix = sentence("fix_past_rotated")
        yield _offset("past twice", partial(_turned, past=True), sentence("past_rotated_twice"), fix)
        fix = sentence("fix_count_on")
        description = sentence("new_keys_from_0")
        yield _offset("new keys from 0", partial(_turned, key=_by(-o.sizes.past)), description, fix)
        description = sentence("all_new_from_0")
        make = partial(_turned, query=_by(-first), key=_by(-o.sizes.past))
        yield _offset("all new from 0", make, description, fix)


def _by(shift: int) -> Move:
    """Return what moves positions."""
    return partial(np.add, shift)


def _offset(
    form: str, make: Rotate, description: Sentence, fix: Sentence, detail: Mapping[str, object] | None = None
) -> Variant:
    return _rotated(ROPE_OFFSET, form, make, description, fix, {"rope": description, **(detail or {})})


def _within(o: Operands, shift: int) -> bool:
    """Tell whether tables, where there are any, have rows for all queries moved so far."""
    moved = query_places(o) + shift
    return o.cos is None or (moved.min() >= 0 and moved.max() < o.cos.shape[1])


def _turned(
    o: Operands,
    *,
    query: Move | None = np.positive,
    key: Move | None = np.positive,
    times: int = 1,
    past: bool = False,
    backwards: bool = False,
    options: Mapping[str, Any] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rotate query and key as the options say, except for what is given here.

    Args:
        o: the problem.
        query: moves the positions of queries; None: they are not rotated.
        key: likewise.
        times: how often a key is rotated.
        past: whether past keys are rotated too.
        backwards: whether they are turned the other way round.
        options: other options.
    """
    o = replace(o, options=replace(o.options, **(options or {})))
    start = 0 if past else o.sizes.past
    queries, keys = ready(o.query, o.dtype), ready(o.key[:, :, start:], o.dtype)
    if query is not None:
        queries = turn(rotation_of(o, queries.shape[-1]), queries, query(query_places(o)), backwards=backwards)
    if key is not None:
        places = key(o.keys_standing if past else key_places(o))
        for _ in range(times):
            keys = turn(rotation_of(o, keys.shape[-1]), keys, places, backwards=backwards)
    return queries, after_past(None if past or not start else o.key[:, :, :start], keys)


def _mixed(o: Operands, *, table: str, pairing: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rotate with a table that repeats its angles for one pairing, and pairs made by the other."""

    def mixed(states: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
        rotation = rotation_of(o, states.shape[-1])
        part = slice(rotation.first, rotation.first + rotation.features)
        turned = [each[:, None] for each in rotation.tables(places, states.dtype)]
        cos, sin = (np.concatenate([e, e], -1) if table == "half" else np.repeat(e, 2, axis=-1) for e in turned)
        some, across = states[..., part], np.empty_like(states[..., part])
        first, second = pairs(rotation.features, pairing)
        across[..., first], across[..., second] = -some[..., second], some[..., first]
        made = np.broadcast_to(states, (max(len(states), len(cos)), *states.shape[1:])).copy()
        made[..., part] = some * cos + across * sin
        return made

    past = o.key[:, :, : o.sizes.past] if o.sizes.past else None
    key = mixed(ready(o.key[:, :, o.sizes.past :], o.dtype), key_places(o))
    return mixed(ready(o.query, o.dtype), query_places(o)), after_past(past, key)


def _undone(o: Operands, *, pairing: str, theta: float, other: str | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Undo a rotation that query and key come with, and do another one instead."""
    made = []
    for states, places in ((o.query, o.standing), (o.key, o.keys_standing)):
        found = ready(states, o.dtype)
        for each, backwards in ((pairing, True), (other, False)):
            if each is not None:
                options = replace(o.options, rope=each, rope_theta=theta)  # type: ignore[arg-type]
                found = turn(
                    rotation_of(replace(o, options=options), found.shape[-1]), found, places, backwards=backwards
                )
        made.append(found)
    return made[0], made[1]
