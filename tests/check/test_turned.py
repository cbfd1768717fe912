"""Wrong rotations are named, and said in words; each wrong program is plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.check.programs import (
    AT,
    BATCH,
    FEATURES,
    LENGTH,
    Array,
    attended,
    found,
    frequencies,
    in_words,
    states,
    turn,
)

EACH = frequencies(FEATURES)
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
MIX = 0.1 * np.log(4.0) + 1
BY_ITEM = np.stack([AT + AT // 3, 2 * AT])
Program = Callable[[Array, Array, Array], Array]


def alike(**how: Any) -> Program:
    """Turn query and key in one way."""
    at, each = how.pop("at", AT), how.pop("each", EACH)
    return lambda q, k, v: attended(turn(q, at, each, **how), turn(k, at, each, **how), v)


def swapped(states: Array) -> Array:
    """Turn with sin for cos."""
    a, b, angle = states[..., : FEATURES // 2], states[..., FEATURES // 2 :], AT[:, None] * EACH
    return np.concatenate([a * np.sin(angle) - b * np.cos(angle), a * np.cos(angle) + b * np.sin(angle)], -1)


def by_heads(query: Array, key: Array, value: Array) -> Array:
    """Turn by the index of the head."""
    queries, keys = (turn(x.swapaxes(1, 2), np.arange(x.shape[1]), EACH).swapaxes(1, 2) for x in (query, key))
    return attended(queries, keys, value)


# By name: what is asked for, the wrong program, the mistake, and words that say it.
PROGRAMS: dict[str, tuple[dict[str, Any], Program, str, str]] = {
    "scaling forgotten": (
        {"rope_scaling": "linear,factor=4"},
        alike(),
        "rope-scaling",
        "the scaling of the frequencies (linear) was left out",
    ),
    "scaling by another factor": (
        {"rope_scaling": "linear,factor=4"},
        alike(each=EACH / 8),
        "rope-scaling",
        "the factor of the scaling (linear) was 8 instead of 4",
    ),
    "attention factor forgotten": (
        {"rope_scaling": YARN},
        alike(),
        "rope-scaling",
        "the scaling of the frequencies (yarn) was left out",
    ),
    "positions divided": (
        {"rope_scaling": YARN},
        alike(each=EACH / 4, factor=MIX),
        "rope-scaling",
        "all frequencies were divided by 4: positions were divided, as linear scaling does",
    ),
    "scaling unasked": (
        {},
        alike(each=EACH / 2),
        "rope-scaling",
        "the frequencies were divided by 2 although no scaling is asked for (linear)",
    ),
    "frequencies reversed": ({}, alike(each=EACH[::-1]), "rope-frequencies", "the frequencies stood in reverse order"),
    "all features": (
        {"rope_dim": (8,)},
        alike(),
        "rope-dim",
        "all 16 features were turned, by frequencies of 16 features",
    ),
    "the last for the first": (
        {"rope_dim": (8,)},
        alike(each=frequencies(8), first=8),
        "rope-dim",
        "the last 8 features were turned, not the first 8 features",
    ),
    "frequencies of the head": (
        {"rope_dim": (8,)},
        alike(each=EACH[:4]),
        "rope-dim",
        "the frequencies were those of a head of 16 features, not of the 8 that turn",
    ),
    "half the pairs": (
        {},
        alike(each=np.where(np.arange(8) < 4, EACH, 0)),
        "rope-dim",
        "only the first 4 pairs of 8 were turned",
    ),
    "query backwards": (
        {},
        lambda q, k, v: attended(turn(q, AT, -EACH), turn(k, AT, EACH), v),
        "rope-pairing",
        "the query was turned the other way round, and the key was not",
    ),
    "key in other pairs": (
        {},
        lambda q, k, v: attended(turn(q, AT, EACH), turn(k, AT, EACH, pairing="interleaved"), v),
        "rope-pairing",
        "the key was paired interleaved instead of half, and the query was not",
    ),
    "by the index of the head": (
        {},
        by_heads,
        "rope-pairing",
        "query and key were rotated by the index of their head instead of their position: over the axis of heads",
    ),
    "sin for cos": (
        {},
        lambda q, k, v: attended(swapped(q), swapped(k), v),
        "rope-pairing",
        "the rotation went the other way round, as if sin and cos were taken for one another",
    ),
    "value turned": (
        {},
        lambda q, k, v: attended(turn(q, AT, EACH), turn(k, AT, EACH), turn(v, AT, EACH)),
        "rope-value",
        "the value was turned as the key is",
    ),
    "output turned": (
        {},
        lambda q, k, v: turn(attended(turn(q, AT, EACH), turn(k, AT, EACH), v), AT, -EACH),
        "rope-value",
        "the output was turned back by the query's position",
    ),
    "positions anew": (
        {},
        alike(at=AT % 10),
        "positions",
        "the positions began anew from 0 at every multiple of 10 (position modulo 10)",
    ),
    "positions that stay": (
        {},
        alike(at=np.minimum(AT, 15)),
        "positions",
        "the positions stayed what they were from position 15",
    ),
    "counted on": (
        {},
        lambda q, k, v: attended(turn(q, AT + LENGTH * np.arange(BATCH)[:, None], EACH), turn(k, AT, EACH), v),
        "positions",
        "the positions were counted on from one batch item to the next, for queries only",
    ),
    "other steps by item": (
        {},
        lambda q, k, v: attended(turn(q, AT + np.array([[3], [-5]]), EACH), turn(k, AT, EACH), v),
        "rope-offset",
        "the query was rotated by other positions than its own: batch item 0 3 positions farther, "
        "batch item 1 5 positions less far",
    ),
}
GIVEN: dict[str, tuple[Array, str]] = {
    "positions ignored": (np.stack([AT, AT]), "the positions given were not used: tokens were counted 0, 1, 2, …"),
    "positions of item 0": (BY_ITEM[[0, 0]], "the positions of batch item 0 were used for all items"),
    "positions of the other item": (BY_ITEM[::-1], "the positions of the next batch item were used"),
}


@pytest.mark.takes(4)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_wrong_rotation_is_named_and_described(name: str) -> None:
    """By its id and in words, to within rounding."""
    options, program, mistake, said = PROGRAMS[name]
    arrays = states()
    made = program(*(each.astype(float) for each in arrays.values()))
    first = found(arrays, made, rope="half", **options).explanations[0]
    assert (first.mistakes, in_words(first)) == ((mistake,), (said,))
    assert first.residual < 1e-5


@pytest.mark.takes(3)
@pytest.mark.parametrize("name", GIVEN)
def test_positions_that_are_given_and_others_used_are_named(name: str) -> None:
    """They are those of another item, or count the tokens."""
    at, said = GIVEN[name]
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    made = attended(turn(query, at, EACH), turn(key, at, EACH), value)
    first = found(arrays | {"positions": BY_ITEM}, made, rope="half").explanations[0]
    assert (first.mistakes, in_words(first)) == (("positions",), (said,))


def test_positions_in_bfloat16_are_named() -> None:
    """From 2048 on it has every sixteenth whole number."""
    at = 3000 + 7 * AT
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    near = 16 * np.round(at / 16)
    made = attended(turn(query, near, EACH), turn(key, near, EACH), value)
    first = found(arrays | {"positions": at}, made, rope="half").explanations[0]
    assert (first.mistakes, in_words(first)) == (("rope-table",), ("the positions were rounded to bfloat16",))


def test_tables_that_are_read_a_row_off_are_named() -> None:
    """Of tables that are no frequencies times positions, it shows."""
    angles = np.sqrt(np.arange(LENGTH + 1))[:, None] * EACH
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())
    tables = {"cos": np.cos(angles), "sin": np.sin(angles)}
    given = arrays | {name: each.astype(np.float32) for name, each in tables.items()}
    root = np.sqrt(AT + 1)
    made = attended(turn(query, root, EACH), turn(key, root, EACH), value)
    first = found(given, made, rope="half").explanations[0]
    assert first.mistakes == ("rope-table",)
    assert in_words(first) == ("the tables of cosines and sines were read one row too far",)


def test_a_key_of_the_cache_that_was_turned_twice_is_named() -> None:
    """The cache holds keys that are turned already: which one was turned again."""
    past = 20
    arrays = states(past_key=(BATCH, 2, past, FEATURES), past_value=(BATCH, 2, past, FEATURES))
    arrays |= {name: arrays[name][:, :, :4] for name in ("query", "key", "value")}
    query, key, value, past_key, past_value = (each.astype(float) for each in arrays.values())
    new = past + np.arange(4)
    again = np.concatenate([past_key[:, :, :-1], turn(past_key[:, :, -1:], np.array([past - 1]), EACH)], 2)
    keys = np.concatenate([again, turn(key, new, EACH)], 2)
    made = attended(turn(query, new, EACH), keys, np.concatenate([past_value, value], 2))
    first = found(arrays, made, rope="half").explanations[0]
    assert (first.mistakes, in_words(first)) == (("rope-offset",), ("key 19 of the cache was turned twice",))


def test_one_position_of_three_for_all_sections_is_named() -> None:
    """Time, height and width."""
    at = np.stack([AT, AT // 4, AT % 4])
    axes = np.repeat(np.arange(3), [2, 3, 3])
    arrays = states()
    query, key, value = (each.astype(float) for each in arrays.values())

    def turned(x: Array, places: Array) -> Array:
        angle = places.T * EACH  # (L, pairs): each pair has its own position
        a, b = x[..., : FEATURES // 2], x[..., FEATURES // 2 :]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], -1)

    options = {"rope": "half", "rope_sections": (2, 3, 3)}
    given = arrays | {"positions": at}
    right = attended(turned(query, at[axes]), turned(key, at[axes]), value)
    assert found(given, right, **options).agrees
    by_height = np.broadcast_to(at[1], (8, LENGTH))
    wrong = attended(turned(query, by_height), turned(key, by_height), value)
    first = found(given, wrong, **options).explanations[0]
    assert first.mistakes == ("rope-sections",)
    assert in_words(first) == ("all sections turned by the second position",)
