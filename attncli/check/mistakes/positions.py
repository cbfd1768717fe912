"""Wrong positions: rotary embedding and ALiBi."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attncli.attend import alibi as right_alibi
from attncli.attend.operands import Operands
from attncli.attend.stages.rotate import angles, rotate
from attncli.attend.views import ready
from attncli.check.mistakes.variant import Unknown, Variant
from attncli.check.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pairing = Literal["half", "interleaved"]
PAIRINGS: tuple[Pairing, Pairing] = ("half", "interleaved")
# Bases that models use; others are looked for between powers of 10, and then refined.
THETAS = (10000.0, 500000.0, 1000000.0, 100000.0)
GRID = np.logspace(1, 8, 36)


def rope(o: Operands) -> Iterator[Variant | Unknown]:
    """Query and key are rotated otherwise than they should be."""
    if o.sizes.features % 2:
        return
    if o.options.rope is None:
        yield from _unasked(o)
        return
    own = o.options.rope
    other = PAIRINGS[1 - PAIRINGS.index(own)]
    fix = f"rotate with --rope {own} --rope-theta {o.options.rope_theta:g}"
    yield _option(o, other, "rope-pairing", f"features were paired {other} instead of {own}", fix)
    yield _option(o, None, "rope-pairing", "the rotation was left out, or done over the axis of heads", fix)
    for table, pairing in ((other, own), (own, other)):
        said = f"a table of cosines for {table} pairs was used with the {pairing} rotation"
        yield _arrays(o, "rope-pairing", said, fix, partial(_mixed, table=table, pairing=pairing))
    yield _arrays(o, "rope-pairing", "the rotation went the other way round", fix, partial(_turned, sign=-1))
    yield _arrays(o, "rope-pairing", "the key was not rotated", fix, partial(_turned, key=False))
    yield _arrays(o, "rope-pairing", "the query was not rotated", fix, partial(_turned, query=False))
    for share in (2, 4):
        if o.sizes.features % (2 * share) == 0:
            said = f"only the first {o.sizes.features // share} features were rotated"
            yield _arrays(o, "rope-pairing", said, fix, partial(_partial, share=share))
    yield from _offsets(o)
    for theta in THETAS:
        if theta != o.options.rope_theta:
            yield _theta(o, theta)
    yield Unknown("rope", "rope", lambda recipe, probe: GRID, partial(_theta, o), alone=True)


def _unasked(o: Operands) -> Iterator[Variant | Unknown]:
    """Nothing is to be rotated: the observed output was, or it lacks a rotation that query and key come with."""
    for pairing in PAIRINGS:
        said = f"query and key were rotated ({pairing} pairs)"
        yield _option(o, pairing, "rope-pairing", said, "query and key come rotated already, or need no rotation")
    for theta in THETAS:
        for pairing in PAIRINGS:
            said = f"the rotation that is in query and key was left out (if it was {pairing}, base {theta:g})"
            fix = "rotate query and key before the product"
            undo = partial(_undone, pairing=pairing, theta=theta, other=None)
            yield _arrays(o, "rope-pairing", said, fix, undo)
            other = PAIRINGS[1 - PAIRINGS.index(pairing)]
            said = f"features were paired {other} instead of {pairing} (base {theta:g})"
            undo = partial(_undone, pairing=pairing, theta=theta, other=other)
            yield _arrays(o, "rope-pairing", said, f"pair features as {pairing}", undo)
    yield Unknown("rope", "rope", lambda recipe, probe: GRID, partial(_theta, o), alone=True)


def _option(o: Operands, pairing: Pairing | None, name: str, said: str, fix: str) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(options=replace(recipe.operands.options, rope=pairing))

    # No option switches a rotation off that the file asks for.
    options: dict[str, object] | None = None if pairing is None else {"rope": pairing}
    return Variant((name,), "rope", "rope", apply, said, fix, {"rope": pairing}, options)


def _theta(o: Operands, theta: float) -> Variant:
    pairing = o.options.rope or "half"
    known = next((each for each in THETAS if abs(theta / each - 1) < 1e-4), None)

    def apply(recipe: Recipe) -> Recipe:
        return recipe.with_operands(options=replace(recipe.operands.options, rope=pairing, rope_theta=float(theta)))

    said = f"the base of the rotation was {theta:.6g}" + (" = a common base" if known else "")
    fix = f"use the base {o.options.rope_theta:g}" if o.options.rope else "do not rotate query and key again"
    options: dict[str, object] = {"rope": pairing, "rope_theta": theta}
    return Variant(("rope-theta",), "rope", "rope", apply, said, fix, {"rope_theta": theta}, options)


def _arrays(o: Operands, name: str, said: str, fix: str, make: Any) -> Variant:
    def apply(recipe: Recipe) -> Recipe | None:
        query, key = make(recipe.operands)
        return _given(recipe, query, key)

    return Variant((name,), "rope", "rope", apply, said, fix, {"rope": said})


def _given(recipe: Recipe, query: NDArray[Any], key: NDArray[Any]) -> Recipe:
    """Return the recipe with query and key that need no further rotation."""
    rules = None if recipe.rules is None else replace(recipe.rules, options=replace(recipe.rules.options, rope=None))
    o = replace(recipe.operands, query=query, key=key, options=replace(recipe.operands.options, rope=None))
    return replace(recipe, operands=o, rules=rules)


def _offsets(o: Operands) -> Iterator[Variant]:
    """The query, or the key, is rotated by other positions than its own."""
    first = int(o.positions[0, 0])
    shifts = {-first: "from position 0", 1: "one position too far", -1: "one position short"}
    shifts |= {o.sizes.keys - o.sizes.queries - first: "as the last positions"}
    for shift, how in shifts.items():
        if shift:
            said = f"the query was rotated {how}"
            fix = f"rotate the first query by its position, {first}"
            yield _rope_offset(o, said, fix, partial(_turned, shift=shift), {"shift": shift})
    yield _rope_offset(o, "the key was rotated twice", "rotate a key once", partial(_turned, times=2), {})
    if o.sizes.past:
        fix = "a cache holds keys that were rotated already"
        yield _rope_offset(o, "past keys were rotated once more", fix, partial(_turned, past=True), {})
        said = "new keys were rotated as if there were no past"
        yield _rope_offset(o, said, "count their positions on", partial(_turned, new_from=0), {})
        said = "queries and new keys were rotated as if there were no past"
        yield _rope_offset(o, said, "count their positions on", partial(_turned, new_from=0, shift=-first), {})


def _rope_offset(o: Operands, said: str, fix: str, make: Any, detail: dict[str, object]) -> Variant:
    return replace(_arrays(o, "rope-offset", said, fix, make), detail={"rope": said} | detail)


def _turned(
    o: Operands,
    *,
    sign: int = 1,
    query: bool = True,
    key: bool = True,
    shift: int = 0,
    times: int = 1,
    past: bool = False,
    new_from: int | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rotate query and key as the options say, but for what is given here."""
    theta, pairing = o.options.rope_theta, o.options.rope or "half"
    start = 0 if past else o.sizes.past
    places = np.arange(start, o.sizes.keys) if new_from is None else np.arange(o.sizes.keys - start) + new_from
    turned = ready(o.key[:, :, start:], o.dtype)
    for _ in range(times if key else 0):
        turned = rotate(turned, sign * places[None], theta, pairing)
    queries = ready(o.query, o.dtype)
    if query:
        queries = rotate(queries, sign * (o.positions + shift), theta, pairing)
    return queries, np.concatenate([o.key[:, :, :start], turned], axis=2)


def _mixed(o: Operands, *, table: str, pairing: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rotate with a table that repeats its angles for one pairing, and pairs made by the other."""

    def turn(states: NDArray[Any], positions: NDArray[np.int64]) -> NDArray[Any]:
        turned = angles(positions, states.shape[-1], o.options.rope_theta)[:, None]
        full = np.concatenate([turned, turned], -1) if table == "half" else np.repeat(turned, 2, axis=-1)
        half = states.shape[-1] // 2
        if pairing == "half":
            across = np.concatenate([-states[..., half:], states[..., :half]], axis=-1)
        else:
            across = np.stack([-states[..., 1::2], states[..., 0::2]], axis=-1).reshape(states.shape)
        return states * np.cos(full) + across * np.sin(full)

    new = np.arange(o.sizes.past, o.sizes.keys)[None]
    key = turn(ready(o.key[:, :, o.sizes.past :], o.dtype), new)
    return turn(ready(o.query, o.dtype), o.positions), np.concatenate([o.key[:, :, : o.sizes.past], key], 2)


def _partial(o: Operands, *, share: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rotate only the first part of the features, with the frequencies of so many."""
    count = o.sizes.features // share
    part = replace(o, query=o.query[..., :count], key=o.key[..., :count])
    query, key = _turned(part)
    return np.concatenate([query, o.query[..., count:]], -1), np.concatenate([key, o.key[..., count:]], -1)


def _undone(o: Operands, *, pairing: str, theta: float, other: str | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Take a rotation back that query and key come with, and do another one instead."""
    keys = np.arange(o.sizes.keys)[None]
    query = rotate(ready(o.query, o.dtype), -o.positions, theta, pairing)
    key = rotate(ready(o.key, o.dtype), -keys, theta, pairing)
    if other is not None:
        query, key = rotate(query, o.positions, theta, other), rotate(key, keys, theta, other)
    return query, key


def alibi(o: Operands) -> Iterator[Variant]:
    """ALiBi has other slopes or another sign, or is missing or not wanted."""
    if not o.options.alibi:
        said = "ALiBi was added"
        yield _slopes(said, "do not add ALiBi", None, {"alibi": True}, alibi=True)
        return
    fix = "slopes are 2^(-8i/n) for n a power of two; other counts take those of the next lower one, then every other"
    yield _slopes("ALiBi was left out", "add ALiBi", None, {"alibi": False}, alibi=False)
    for said, make in (
        ("the slopes are 2^(-8i/n) although the number of heads is no power of two", partial(_geometric, start=1)),
        ("the exponents of the slopes begin at 0", partial(_geometric, start=0)),
        ("the exponents of the slopes begin at 0 and end at -8", _to_the_end),
        ("all slopes are those of the next lower power of two heads", partial(_geometric, start=1, power=0)),
        ("all slopes are those of the next higher power of two heads", partial(_geometric, start=1, power=1)),
        ("ALiBi was added with the wrong sign", partial(_scaled, by=-1.0)),
        ("ALiBi was taken of the distance without its sign", _both_sides),
    ):
        yield _slopes(said, fix, make, None, alibi=True)
    if o.factor != 1:
        yield _slopes("ALiBi was added before the scale", fix, partial(_scaled, by=o.factor), None, alibi=True)


def _slopes(said: str, fix: str, make: Any, options: dict[str, object] | None, *, alibi: bool) -> Variant:
    def apply(recipe: Recipe) -> Recipe:
        changed = recipe.with_operands(options=replace(recipe.operands.options, alibi=alibi))
        return replace(changed, penalties=make)

    return Variant(("alibi-slopes",), "alibi", "numbers", apply, said, fix, {"alibi": said}, options)


def _distance(positions: NDArray[np.int64], keys: int) -> NDArray[np.int64]:
    return positions[:, None, :, None] - np.arange(keys)


def _geometric(
    positions: NDArray[np.int64],
    keys: int,
    heads: NDArray[np.int64],
    count: int,
    *,
    start: int,
    power: int | None = None,
) -> NDArray[np.float64]:
    if power is not None:
        count = 1 << ((count - 1).bit_length() if power else count.bit_length() - 1)
    return -(2.0 ** (-8.0 * (heads + start) / count))[:, None, None] * _distance(positions, keys)


def _to_the_end(positions: NDArray[np.int64], keys: int, heads: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    return -(2.0 ** (-8.0 * heads / max(1, count - 1)))[:, None, None] * _distance(positions, keys)


def _scaled(
    positions: NDArray[np.int64], keys: int, heads: NDArray[np.int64], count: int, *, by: float
) -> NDArray[np.float64]:
    return by * right_alibi.penalties(positions, keys, heads, count)


def _both_sides(positions: NDArray[np.int64], keys: int, heads: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    return -right_alibi.slopes(count)[heads][:, None, None] * np.abs(_distance(positions, keys))


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
        said = f"the bias {how}"
        yield Variant(
            ("bias",),
            "bias",
            "numbers",
            lambda recipe, value=value: recipe.with_operands(bias=value),  # type: ignore[misc]
            said,
            "add it once, behind scale and softcap",
            {"bias": how},
        )
